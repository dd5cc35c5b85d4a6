import type { CoordinationStore, TextCondition } from '../../contract/coordination.ts'
import { lifeText } from './arguments.ts'
import { heldOf, leftOf, listOf, numberOf } from './replies.ts'
import type { RunStep } from './server.ts'
import { addScript, raiseScript, readScript, removeScript, writeScript } from './text-scripts.ts'

type TextSteps = Pick<CoordinationStore, 'read' | 'write' | 'remove' | 'add' | 'raise'>

/** Texts, and the numbers that texts can be. */
export function textSteps(run: RunStep): TextSteps {
  return {
    read: async (key) => {
      const [value, left] = listOf(await run(readScript, key, []))
      return value === undefined ? undefined : { value: heldOf(value) ?? '', leftMs: leftOf(left) }
    },
    write: async (key, value, { ttlMs, onlyIf }) => {
      const args = [value, lifeText(ttlMs), ...conditionOf(onlyIf)]
      const [written, before, left] = listOf(await run(writeScript, key, args))
      const held = heldOf(before)
      return {
        written: numberOf(written) === 1,
        before: held === undefined ? undefined : { value: held, leftMs: leftOf(left) },
      }
    },
    remove: async (key, onlyIf) => {
      const [removed, before] = listOf(await run(removeScript, key, conditionOf(onlyIf)))
      return { removed: numberOf(removed) === 1, before: heldOf(before) }
    },
    add: async (key, by, ttlMs) => {
      const [value, left] = listOf(await run(addScript, key, [String(by), lifeText(ttlMs)]))
      return { value: numberOf(value), leftMs: leftOf(left) }
    },
    raise: async (key, to) => {
      const [value, raised] = listOf(await run(raiseScript, key, [String(to)]))
      return { value: numberOf(value), raised: numberOf(raised) === 1 }
    },
  }
}

function conditionOf(condition: TextCondition | undefined): readonly string[] {
  if (condition === undefined) return ['always']
  return typeof condition === 'string' ? [condition] : ['is', condition.is]
}
