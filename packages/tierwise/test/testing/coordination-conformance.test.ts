import { describe, expect, it } from 'vitest'

import type { CoordinationStore } from '../../src/contract/coordination.ts'
import { memoryCoordination } from '../../src/coordination/memory/memory-coordination.ts'
import { coordinationConformance } from '../../src/testing/coordination-conformance.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { CollectingRunner } from './collecting-runner.ts'

/** What a defective store does instead of the correct one that it is given. */
type Defect = (store: CoordinationStore) => Partial<CoordinationStore>

/** Lets every other call pass in between, as a step of two halves does. */
const halfway = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const defects: readonly (readonly [string, string, Defect])[] = [
  [
    'looks before it writes',
    'races: writes one of many where',
    (store) => ({
      write: async (key, value, options) => {
        if (options.onlyIf !== 'absent') return store.write(key, value, options)
        const before = await store.read(key)
        await halfway()
        return before === undefined ? store.write(key, value, {}) : { written: false, before }
      },
    }),
  ],
  [
    'adds in two steps',
    'races: adds up',
    (store) => ({
      add: async (key, by) => {
        const value = Number((await store.read(key))?.value ?? 0) + by
        await halfway()
        await store.write(key, `${value}`, {})
        return { value, leftMs: Infinity }
      },
    }),
  ],
  [
    'asks a limit in two steps',
    'races: allows exactly',
    (store) => ({
      take: async (key, rule, options) => {
        const answer = await store.take(key, rule, { ...options, isPeek: true })
        await halfway()
        if (answer.allowed) await store.take(key, rule, options)
        return answer
      },
    }),
  ],
  [
    'takes when it looks',
    'limits: takes nothing',
    (store) => ({ take: (...[key, rule, { cost }]) => store.take(key, rule, { cost }) }),
  ],
  [
    'is a millisecond late',
    'random requests',
    (store) => ({
      take: async (...given) => {
        const answer = await store.take(...given)
        return { ...answer, retryAfterMs: answer.retryAfterMs + 1 }
      },
    }),
  ],
  ['gives nothing back', 'limits: takes back', () => ({ giveBack: async () => undefined })],
  [
    'renews for anybody',
    'tenures: renews for nobody',
    (store) => ({ renew: async (key, owner, ttlMs) => (await store.renew(key, owner, ttlMs), true) }),
  ],
  [
    'has no line',
    'lines: grants in the order',
    (store) => ({ acquire: (key, owner, { ttlMs }) => store.acquire(key, owner, { ttlMs }) }),
  ],
  [
    'has the same fence for all',
    'tenures: counts fences',
    (store) => ({
      acquire: async (...given) => {
        const answer = await store.acquire(...given)
        return answer.kind === 'granted' ? { kind: 'granted', fence: 1 } : answer
      },
    }),
  ],
  [
    'forgets lives',
    'texts: ends',
    (store) => ({ write: (key, value, { onlyIf }) => store.write(key, value, { onlyIf }) }),
  ],
  [
    'has one life for all members',
    'sets: ends each',
    (store) => ({
      enter: (key, members) =>
        store.enter(
          key,
          members.map(({ member }) => ({ member })),
        ),
    }),
  ],
  [
    'loses the names that every object has',
    'fields: takes the names',
    (store) => ({
      fields: async (...given) => {
        const held = await store.fields(...given)
        // An assignment to `__proto__` makes no property.
        return (
          held &&
          Object.entries(held).reduce<Record<string, string>>((all, [name, value]) => {
            all[name] = value
            return all
          }, {})
        )
      },
    }),
  ],
  ['mixes kinds', 'kinds: refuses', (store) => ({ size: (key) => store.size(key).catch(() => 0) })],
  [
    'trims keys',
    'keys: never mixes',
    (store) => ({ write: (key, ...rest) => store.write(key.trim(), ...rest), read: (key) => store.read(key.trim()) }),
  ],
  [
    'tells after the end',
    'channels: tells nothing after',
    (store) => ({ subscribe: async (...given) => (await store.subscribe(...given), { close: async () => undefined }) }),
  ],
  ['works on after close', 'closing: rejects', () => ({ close: async () => undefined })],
]

describe('coordinationConformance', () => {
  it('has tests with names of their own', () => {
    const { names } = collect(() => ({}))
    expect(new Set(names).size).toBe(names.length)
  })

  for (const [defect, chapter, mutate] of defects) {
    it(`catches a store that ${defect}`, async () => {
      const correct = collect(() => ({}))
      expect(correct.names.some((name) => name.startsWith(chapter))).toBe(true)
      expect(await correct.failures(chapter)).toEqual([])
      expect(await collect(mutate).failures(chapter)).not.toEqual([])
    })
  }
})

function collect(defect: Defect): CollectingRunner {
  const runner = new CollectingRunner()
  coordinationConformance({
    name: 'broken',
    runner,
    withinMs: 1000,
    create: async () => {
      const runtime = fakeRuntime()
      const correct = memoryCoordination({ runtime })
      const store = extended(correct, defect(correct))
      return { handles: [store, store], advance: (ms) => runtime.advance(ms), stop: () => correct.close() }
    },
  })
  return runner
}

/** The store with some of its steps replaced; the others stay bound to it. */
function extended(target: CoordinationStore, members: Partial<CoordinationStore>): CoordinationStore {
  return new Proxy(target, {
    get: (from, name) => {
      const value: unknown = Object.hasOwn(members, name) ? Reflect.get(members, name) : Reflect.get(from, name)
      return typeof value === 'function' ? (...given: unknown[]): unknown => Reflect.apply(value, from, given) : value
    },
  })
}
