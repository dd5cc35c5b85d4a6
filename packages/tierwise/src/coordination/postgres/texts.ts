import type { PostgresRow } from '../../clients/postgres/port.ts'
import type { CoordinationStore, HeldText, TextCondition } from '../../contract/coordination.ts'
import type { Ask } from './steps.ts'
import { bytesOf, textIn } from './stored-text.ts'
import { leftIn, stretch } from './stretches.ts'

type Steps = Pick<CoordinationStore, 'read' | 'write' | 'remove' | 'add' | 'raise'>

/** The steps of texts, and of the numbers that texts can be. */
export function textSteps(ask: Ask): Steps {
  return {
    read: async (key) => heldIn((await ask('read', key))[0]),
    write: async (key, value, { ttlMs, onlyIf }) => {
      const condition = conditionOf(onlyIf)
      const [row] = await ask('write', key, [bytesOf(value), stretch(ttlMs), condition.kind, condition.is])
      return { written: row?.['written'] === true, before: heldIn(row) }
    },
    remove: async (key, onlyIf) => {
      const [row] = await ask('remove', key, [onlyIf === undefined ? null : bytesOf(onlyIf.is)])
      const before = row?.['before'] ?? null
      return { removed: row?.['removed'] === true, before: before === null ? undefined : textIn(before) }
    },
    add: async (key, by, ttlMs) => {
      const [row] = await ask('add', key, [by, stretch(ttlMs)])
      return { value: Number(row?.['sum']), leftMs: leftIn(row?.['left_ms']) }
    },
    raise: async (key, to) => {
      const [row] = await ask('raise', key, [to, bytesOf(String(to))])
      return { value: Number(row?.['highest']), raised: row?.['raised'] === true }
    },
  }
}

function heldIn(row: PostgresRow | undefined): HeldText | undefined {
  const before = row?.['before'] ?? null
  return before === null ? undefined : { value: textIn(before), leftMs: leftIn(row?.['left_ms']) }
}

function conditionOf(condition: TextCondition | undefined): { readonly kind: string; readonly is: Uint8Array | null } {
  if (condition === undefined) return { kind: 'any', is: null }
  if (typeof condition === 'string') return { kind: condition, is: null }
  return { kind: 'is', is: bytesOf(condition.is) }
}
