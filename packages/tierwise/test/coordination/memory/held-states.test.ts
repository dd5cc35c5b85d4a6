import { describe, expect, test } from 'vitest'

import { EndingSet } from '../../../src/coordination/memory/ending-set.ts'
import { memoryCoordination } from '../../../src/coordination/memory/memory-coordination.ts'
import { RankedList } from '../../../src/coordination/memory/ranked-list.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

const refusal = { code: 'ERR_CACHE_TIER_WRITE', retryable: false, tier: 'memory' }

describe('room', () => {
  test('refuses a key that is one too many, of every kind, and nothing else', async () => {
    const store = memoryCoordination({ maxKeys: 2 })
    await store.write('a', 'one', {})
    await store.enter('b', [{ member: 'x' }])
    const rule = { kind: 'fixed-window', limit: 1, periodMs: 1000 } as const
    for (const begin of [
      () => store.write('c', 'one', {}),
      () => store.add('c', 1),
      () => store.raise('c', 1),
      () => store.enter('c', [{ member: 'x' }]),
      () => store.setFields('c', { x: '1' }),
      () => store.rank('c', [{ member: 'x', score: 1 }]),
      () => store.acquire('c', 'x', { ttlMs: 1000 }),
      () => store.take('c', rule, { cost: 1 }),
    ])
      await expect(begin()).rejects.toMatchObject({ ...refusal, message: expect.stringContaining('`maxKeys`') })
    expect(await store.remove('c')).toEqual({ removed: false, before: undefined })
    expect(await store.take('c', rule, { cost: 1, isPeek: true })).toMatchObject({ allowed: true })
    await store.write('a', 'two', {})
    await store.enter('b', [{ member: 'y' }])
    await store.remove('a')
    expect(await store.add('c', 1)).toMatchObject({ value: 1 })
    await store.close()
  })

  test('makes room where something has ended, or was left', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime, maxKeys: 3 })
    await store.write('text', 'one', { ttlMs: 10 })
    await store.enter('set', [{ member: 'x' }, { member: 'y' }])
    await store.acquire('lock', 'x', { ttlMs: 1000 })
    await expect(store.write('new', '', {})).rejects.toMatchObject(refusal)
    await runtime.advance(10)
    await store.write('new', '', {})
    await store.leave('set', ['x', 'y'])
    await store.write('newer', '', {})
    await store.release('lock', 'x')
    await store.write('newest', '', {})
    await expect(store.write('last', '', {})).rejects.toMatchObject(refusal)
    await store.close()
  })

  test('makes room each time that something ends', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime, maxKeys: 2 })
    await store.write('first', '', { ttlMs: 10 })
    await store.write('second', '', { ttlMs: 20 })
    await runtime.advance(10)
    await store.write('third', '', {})
    await expect(store.write('fourth', '', {})).rejects.toMatchObject(refusal)
    await runtime.advance(10)
    await store.write('fourth', '', {})
    await store.close()
  })
})

test('raises to nothing that is not a number', async () => {
  const store = memoryCoordination()
  for (const to of [NaN, Infinity, -Infinity])
    await expect(store.raise('a', to)).rejects.toMatchObject({ ...refusal, operation: 'raise' })
  expect(await store.read('a')).toBeUndefined()
})

describe('sweep', () => {
  test('removes what has ended without anybody asking, and then stops', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    expect(runtime.pendingTimers).toEqual([])
    for (let key = 0; key < 2500; key++) await store.write(`${key}`, '', { ttlMs: 100 })
    await store.enter('set', [{ member: 'x', ttlMs: 100 }, { member: 'y' }])
    await store.leave('set', ['y'])
    expect(runtime.pendingTimers).toHaveLength(1)
    await runtime.advance(5000)
    expect(runtime.pendingTimers).toEqual([])
    await store.close()
  })

  test('has no timer for what never ends, nor after close', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    await store.write('a', '', {})
    await store.enter('b', [{ member: 'x' }])
    await store.enter('b', [{ member: 'y', ttlMs: 1000 }])
    await store.write('c', '', { ttlMs: 1000 })
    expect(runtime.pendingTimers).toHaveLength(1)
    await store.close()
    expect(runtime.pendingTimers).toEqual([])
    await expect(store.write('c', '', { ttlMs: 1000 })).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_CLOSED' })
    expect(runtime.pendingTimers).toEqual([])
  })
})

describe('large keys', () => {
  // Each would take minutes if a step went through all members; the machine may be busy.
  test('asks a set of 100 000 members for one of them', { timeout: 60_000 }, async () => {
    const store = memoryCoordination()
    const members = Array.from({ length: 100_000 }, (_, index) => ({ member: `${index}`, ttlMs: 60_000 + index }))
    await store.enter('a', members)
    for (let index = 0; index < 20_000; index++) {
      expect(await store.contains('a', [`${index}`])).toEqual([true])
      await store.enter('a', [{ member: `${index}`, ttlMs: 60_000 }])
    }
    for (let index = 0; index < 20_000; index++) await store.leave('a', [`${index}`])
    expect(await store.size('a')).toBe(80_000)
    await store.close()
  })

  test('ranks one of 100 000 members', { timeout: 60_000 }, async () => {
    const random = seededRandom(7)
    const store = memoryCoordination()
    const member = (index: number): { member: string; score: number } => ({ member: `${index}`, score: random() })
    await store.rank(
      'a',
      Array.from({ length: 100_000 }, (_, index) => member(index)),
    )
    for (let turn = 0; turn < 3000; turn++) {
      await store.rank('a', [member(random.int(100_000))])
      expect(await store.ranked('a', { limit: 3, reverse: true })).toHaveLength(3)
    }
    const scores = (await store.ranked('a')).map(({ score }) => score)
    expect(scores).toHaveLength(100_000)
    expect(scores).toEqual(scores.toSorted((a, b) => a - b))
    await store.close()
  })

  test('keeps no more of a set than twice what has not ended', () => {
    const set = new EndingSet()
    let most = 0
    for (let now = 0; now < 50_000; now++) {
      set.enter(`${now}`, now + 100, now)
      most = Math.max(most, set.heldSize)
    }
    expect(most).toBeLessThan(300)
    expect(set.size(50_000)).toBe(99)
  })

  test('hands out nothing that changes the order of a list', () => {
    const list = new RankedList()
    const given = { member: 'x', score: 1 }
    list.put([given, { member: 'y', score: 2 }])
    given.score = 9
    for (const each of list.range({})) Object.assign(each, { score: -each.score })
    expect(list.range({})).toEqual([
      { member: 'x', score: 1 },
      { member: 'y', score: 2 },
    ])
  })
})
