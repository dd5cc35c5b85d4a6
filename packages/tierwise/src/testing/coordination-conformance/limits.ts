import assert from 'node:assert/strict'

import type { LimitRule } from '../../contract/coordination.ts'
import { longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const hourMs = 3_600_000

/** Three units, and none comes back during a test. */
const slow: readonly LimitRule[] = [
  { kind: 'bucket', capacity: 3, limit: 2, periodMs: hourMs },
  { kind: 'fixed-window', limit: 3, periodMs: hourMs },
  { kind: 'sliding-window', limit: 3, periodMs: hourMs },
]

/** Two units, which are back after a short while. */
const quick: readonly LimitRule[] = [
  { kind: 'bucket', capacity: 2, limit: 2, periodMs: shortMs },
  { kind: 'fixed-window', limit: 2, periodMs: shortMs },
  { kind: 'sliding-window', limit: 2, periodMs: shortMs },
]

export function limitTests(suite: CoordinationSuite): void {
  for (const rule of slow) {
    countTests(suite, rule)
    peekTests(suite, rule)
    giveBackTests(suite, rule)
  }
  for (const rule of quick) timeTests(suite, rule)
  keyTests(suite)
}

function countTests({ test }: CoordinationSuite, rule: LimitRule): void {
  test(`allows as much as there is, and tells how much is left: ${rule.kind}`, async ({ store, other }) => {
    for (const [handle, remaining] of [
      [store, 2],
      [other, 1],
      [store, 0],
    ] as const) {
      const answer = await handle.take('a', rule, { cost: 1 })
      assert.deepEqual([answer.allowed, answer.remaining, answer.retryAfterMs], [true, remaining, 0])
      assert.ok(answer.resetAfterMs > 0 && answer.resetAfterMs <= 3 * hourMs)
    }
    const refused = await other.take('a', rule, { cost: 1 })
    assert.deepEqual([refused.allowed, refused.remaining], [false, 0])
    assert.ok(refused.retryAfterMs > 0 && refused.retryAfterMs <= hourMs, `${refused.retryAfterMs} ms`)
    assert.ok(refused.resetAfterMs >= refused.retryAfterMs)
  })

  test(`takes all units of a request or none: ${rule.kind}`, async ({ store, other }) => {
    assert.equal((await store.take('a', rule, { cost: 2 })).remaining, 1)
    const refused = await other.take('a', rule, { cost: 2 })
    assert.deepEqual([refused.allowed, refused.remaining], [false, 1])
    assert.equal((await store.take('a', rule, { cost: 1 })).allowed, true)
    assert.equal((await store.take('b', rule, { cost: 3 })).remaining, 0)
  })

  test(`never allows more than there ever is: ${rule.kind}`, async ({ store }) => {
    const { at, ...refused } = await store.take('a', rule, { cost: 4 })
    assert.deepEqual(refused, { allowed: false, remaining: 3, retryAfterMs: Infinity, resetAfterMs: 0 })
    assert.ok(Number.isSafeInteger(at), 'the time of the answer is in whole milliseconds')
    assert.equal((await store.take('a', rule, { cost: 3 })).allowed, true)
    assert.equal((await store.take('a', rule, { cost: 4 })).retryAfterMs, Infinity)
  })
}

function peekTests({ test }: CoordinationSuite, rule: LimitRule): void {
  test(`takes nothing when it only looks: ${rule.kind}`, async ({ store, other }) => {
    const peek = { cost: 1, isPeek: true }
    for (const handle of [store, other, store, other]) {
      const { at: _, ...answer } = await handle.take('a', rule, peek)
      assert.deepEqual(answer, { allowed: true, remaining: 3, retryAfterMs: 0, resetAfterMs: 0 })
    }
    await store.take('a', rule, { cost: 2 })
    for (const handle of [store, other, store]) {
      const answer = await handle.take('a', rule, peek)
      assert.deepEqual([answer.allowed, answer.remaining, answer.retryAfterMs], [true, 1, 0])
      assert.ok(answer.resetAfterMs > 0)
    }
    const refused = await store.take('a', rule, { cost: 2, isPeek: true })
    assert.deepEqual([refused.allowed, refused.remaining], [false, 1])
    assert.ok(refused.retryAfterMs > 0)
    assert.equal((await store.take('a', rule, { cost: 4, isPeek: true })).retryAfterMs, Infinity)
    assert.equal((await store.take('a', rule, { cost: 1 })).allowed, true)
  })

  test(`begins nothing when it only looks: ${rule.kind}`, async ({ store }) => {
    await store.take('a', rule, { cost: 1, isPeek: true })
    await store.take('a', rule, { cost: 4 })
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
  })
}

function giveBackTests({ test }: CoordinationSuite, rule: LimitRule): void {
  test(`takes back what was not used, and no more than was taken: ${rule.kind}`, async ({ store, other }) => {
    const { at } = await store.take('a', rule, { cost: 3 })
    await other.giveBack('a', rule, { units: 1, at })
    const peek = { cost: 1, isPeek: true }
    // Of a bucket that has been filled with a little since, a little less than a unit is given back.
    const fully = rule.kind !== 'bucket'
    if (fully) assert.equal((await store.take('a', rule, peek)).remaining, 1)
    await other.giveBack('a', rule, { units: 9, at })
    assert.equal((await store.take('a', rule, peek)).remaining, 3)
    assert.equal((await store.take('a', rule, { cost: 3 })).allowed, true)
    assert.equal((await store.take('a', rule, { cost: 1 })).allowed, false)
  })

  test(`takes back nothing that was not taken: ${rule.kind}`, async ({ store }) => {
    await store.giveBack('a', rule, { units: 1, at: 1_000_000 })
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
    const { at } = await store.take('b', rule, { cost: 2 })
    await store.giveBack('b', rule, { units: 2, at: at - 3 * hourMs })
    assert.equal((await store.take('b', rule, { cost: 1, isPeek: true })).remaining, 1)
  })
}

function timeTests({ test }: CoordinationSuite, rule: LimitRule): void {
  test(`allows again when it said so: ${rule.kind}`, async (session) => {
    const { store } = session
    await store.take('a', rule, { cost: 2 })
    const refused = await store.take('a', rule, { cost: 2, isPeek: true })
    // On real time the units may be back already.
    if (session.hasOwnClock) assert.deepEqual([refused.allowed, refused.retryAfterMs], [false, shortMs])
    await session.pass(refused.retryAfterMs)
    assert.equal((await store.take('a', rule, { cost: 2 })).allowed, true)
  })

  test(`has forgotten everything when all is back: ${rule.kind}`, async (session) => {
    const { store } = session
    const { resetAfterMs } = await store.take('a', rule, { cost: 2 })
    await session.pass(resetAfterMs)
    const { at: _, ...answer } = await store.take('a', rule, { cost: 2, isPeek: true })
    assert.deepEqual(answer, { allowed: true, remaining: 2, retryAfterMs: 0, resetAfterMs: 0 })
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
  })
}

function keyTests({ test }: CoordinationSuite): void {
  test('counts each key by itself', async ({ store }) => {
    for (const rule of slow) {
      assert.equal((await store.take(`${rule.kind} a`, rule, { cost: 3 })).allowed, true)
      assert.equal((await store.take(`${rule.kind} b`, rule, { cost: 3 })).allowed, true)
    }
  })

  test('begins anew with a rule of another kind', async ({ store }) => {
    for (const rule of [...slow, ...slow]) assert.equal((await store.take('a', rule, { cost: 3 })).remaining, 0)
  })

  test('forgets a limit with its key', async ({ store, other }) => {
    for (const rule of slow) {
      await store.take('a', rule, { cost: 3 })
      assert.deepEqual(await other.remove('a'), { removed: true, before: undefined })
      assert.equal((await store.take('a', rule, { cost: 3 })).allowed, true)
      await store.remove('a')
    }
  })

  test('counts in large numbers', async ({ store }) => {
    const rule: LimitRule = { kind: 'bucket', capacity: 10_000_000, limit: 10_000_000, periodMs: 24 * hourMs }
    assert.equal((await store.take('a', rule, { cost: 9_999_999 })).remaining >= 1, true)
    const { allowed, retryAfterMs } = await store.take('a', rule, { cost: 9_000_000, isPeek: true })
    assert.equal(allowed, false)
    assert.ok(Number.isSafeInteger(retryAfterMs) && retryAfterMs > 12 * hourMs && retryAfterMs < 24 * hourMs)
    for (const { kind } of slow.slice(1)) {
      const window = { kind, limit: 1_000_000_000, periodMs: longMs } as LimitRule
      assert.equal((await store.take(kind, window, { cost: 999_999_999 })).remaining, 1)
    }
  })
}
