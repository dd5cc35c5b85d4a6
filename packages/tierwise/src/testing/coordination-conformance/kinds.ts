import assert from 'node:assert/strict'

import type { CoordinationStore, LimitRule } from '../../contract/coordination.ts'
import { assertRefused, longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const rule: LimitRule = { kind: 'fixed-window', limit: 3, periodMs: shortMs }
const longRule: LimitRule = { ...rule, periodMs: longMs }

interface Kind {
  /** Begins such a state, for so long. */
  readonly begin: (store: CoordinationStore, key: string, ttlMs: number) => Promise<unknown>
  /** Something that differs when the state was changed. */
  readonly look: (store: CoordinationStore, key: string) => Promise<unknown>
  /** Its steps by name. */
  readonly steps: Readonly<Record<string, (store: CoordinationStore, key: string) => Promise<unknown>>>
}

const kinds: Readonly<Record<string, Kind>> = {
  text: {
    begin: (store, key, ttlMs) => store.write(key, '5', { ttlMs }),
    look: async (store, key) => (await store.read(key))?.value,
    steps: {
      read: (store, key) => store.read(key),
      write: (store, key) => store.write(key, 'x', {}),
      add: (store, key) => store.add(key, 1),
      raise: (store, key) => store.raise(key, 100),
    },
  },
  set: {
    begin: (store, key, ttlMs) => store.enter(key, [{ member: 'x', ttlMs }]),
    look: (store, key) => store.members(key),
    steps: {
      enter: (store, key) => store.enter(key, [{ member: 'y' }]),
      contains: (store, key) => store.contains(key, ['x']),
      leave: (store, key) => store.leave(key, ['x']),
      size: (store, key) => store.size(key),
      members: (store, key) => store.members(key),
    },
  },
  fields: {
    begin: (store, key, ttlMs) => store.setFields(key, { x: '1' }, ttlMs),
    look: async (store, key) => ({ ...(await store.fields(key)) }),
    steps: {
      setFields: (store, key) => store.setFields(key, { x: 'two' }),
      fields: (store, key) => store.fields(key),
    },
  },
  ranked: {
    begin: (store, key, ttlMs) => store.rank(key, [{ member: 'x', score: 1 }], { ttlMs }),
    look: (store, key) => store.ranked(key),
    steps: {
      rank: (store, key) => store.rank(key, [{ member: 'y', score: 2 }]),
      ranked: (store, key) => store.ranked(key),
      unrank: (store, key) => store.unrank(key, ['x']),
    },
  },
  tenure: {
    begin: (store, key, ttlMs) => store.acquire(key, 'x', { ttlMs }),
    look: (store, key) => store.renew(key, 'x', longMs),
    steps: {
      acquire: (store, key) => store.acquire(key, 'y', { ttlMs: longMs }),
      renew: (store, key) => store.renew(key, 'x', longMs),
      release: (store, key) => store.release(key, 'x'),
    },
  },
  limit: {
    begin: (store, key, ttlMs) => store.take(key, ttlMs === shortMs ? rule : longRule, { cost: 2 }),
    look: async (store, key) => (await store.take(key, longRule, { cost: 1, isPeek: true })).remaining,
    steps: {
      take: (store, key) => store.take(key, longRule, { cost: 1 }),
      giveBack: (store, key) => store.giveBack(key, longRule, { units: 1, at: 1_000_000 }),
    },
  },
}

const reads: ReadonlySet<string> = new Set(['read', 'contains', 'size', 'members', 'fields', 'ranked'])

export function kindTests({ test }: CoordinationSuite): void {
  for (const [held, { begin, look }] of Object.entries(kinds)) {
    const others = Object.entries(kinds).filter(([kind]) => kind !== held)

    test(`refuses steps of another kind where a key holds this: ${held}`, async ({ store, other }) => {
      await begin(store, 'a', longMs)
      const before = await look(store, 'a')
      for (const [, { steps }] of others) {
        for (const [name, step] of Object.entries(steps)) await assertRefused(step(other, 'a'), name, reads.has(name))
      }
      assert.deepEqual(await look(other, 'a'), before, 'what was refused changes nothing')
    })

    test(`removes whatever a key holds, and begins anything after: ${held}`, async ({ store, other }) => {
      for (const [kind, after] of others) {
        if (held === 'tenure') break
        await begin(store, 'a', longMs)
        assert.deepEqual(await other.remove('a'), { removed: true, before: held === 'text' ? '5' : undefined })
        await after.begin(store, 'a', longMs)
        assert.ok(await after.look(other, 'a'), `begins ${kind}`)
        if (kind === 'tenure') break
        await store.remove('a')
      }
    })

    if (held !== 'text')
      test(`removes nothing when a text is asked for: ${held}`, async ({ store, other }) => {
        await begin(store, 'a', longMs)
        const before = await look(store, 'a')
        assert.deepEqual(await other.remove('a', { is: '' }), { removed: false, before: undefined })
        assert.deepEqual(await look(store, 'a'), before)
      })

    if (held !== 'tenure')
      test(`begins anything where this has ended: ${held}`, async (session) => {
        for (const [kind] of others) await begin(session.store, kind, shortMs)
        await session.pass(shortMs)
        for (const [kind, after] of others) {
          await after.begin(session.other, kind, longMs)
          assert.ok(await after.look(session.store, kind), `begins ${kind}`)
        }
      })
  }
}
