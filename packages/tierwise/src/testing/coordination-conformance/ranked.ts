import assert from 'node:assert/strict'

import type { Scored } from '../../contract/coordination.ts'
import { longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

const scored = (...pairs: readonly (readonly [string, number])[]): Scored[] =>
  pairs.map(([member, score]) => ({ member, score }))

const five = scored(['d', 4], ['a', 1], ['e', 5], ['c', 3], ['b', 2])

export function rankedTests(suite: CoordinationSuite): void {
  orderTests(suite)
  rangeTests(suite)
  removalTests(suite)
  lifeTests(suite)
}

function orderTests({ test }: CoordinationSuite): void {
  test('is empty under a key that was never ranked', async ({ store }) => {
    assert.deepEqual(await store.ranked('a'), [])
    assert.equal(await store.unrank('a', ['x']), 0)
    assert.equal(await store.unrank('a', { max: 5 }), 0)
  })

  test('sorts members by their numbers', async ({ store, other }) => {
    await store.rank('a', five)
    await other.rank('a', scored(['ten', 10], ['minus', -10]))
    assert.deepEqual(
      (await other.ranked('a')).map(({ member }) => member),
      ['minus', 'a', 'b', 'c', 'd', 'e', 'ten'],
    )
  })

  test('moves a member that is there', async ({ store, other }) => {
    await store.rank('a', five)
    await other.rank('a', scored(['e', 0], ['c', 2.5]))
    await other.rank('a', scored(['a', 1], ['a', 9]))
    assert.deepEqual(await store.ranked('a'), scored(['e', 0], ['b', 2], ['c', 2.5], ['d', 4], ['a', 9]))
  })

  test('keeps numbers exact', async ({ store }) => {
    const exact = [-1e21, -2.5, 0, 1e-7, 0.1, 0.30000000000000004, 1_767_225_600_000.25, Number.MAX_SAFE_INTEGER, 1e300]
    await store.rank('a', scored(...exact.map((score) => [`member ${score}`, score] as const)))
    assert.deepEqual(
      (await store.ranked('a')).map(({ score }) => score),
      exact,
    )
  })

  test('keeps the highest', async ({ store }) => {
    await store.rank('a', five, { keep: 3 })
    assert.deepEqual(await store.ranked('a'), scored(['c', 3], ['d', 4], ['e', 5]))
    await store.rank('a', scored(['f', 6], ['low', 0]), { keep: 3 })
    assert.deepEqual(await store.ranked('a'), scored(['d', 4], ['e', 5], ['f', 6]))
    await store.rank('a', scored(['g', 1]))
    assert.equal((await store.ranked('a')).length, 4)
  })
}

function rangeTests({ test }: CoordinationSuite): void {
  test('takes the part between two numbers, both included', async ({ store }) => {
    await store.rank('a', five)
    const names = async (range: Parameters<typeof store.ranked>[1]): Promise<string> =>
      (await store.ranked('a', range)).map(({ member }) => member).join('')
    assert.equal(await names({ min: 2, max: 4 }), 'bcd')
    assert.equal(await names({ min: 4 }), 'de')
    assert.equal(await names({ max: 2 }), 'ab')
    assert.equal(await names({ min: 1.5, max: 1.9 }), '')
    assert.equal(await names({ min: 4, max: 2 }), '')
    assert.equal(await names({ min: -Infinity, max: Infinity }), 'abcde')
  })

  test('takes the first of them, or the last', async ({ store }) => {
    await store.rank('a', five)
    const names = async (range: Parameters<typeof store.ranked>[1]): Promise<string> =>
      (await store.ranked('a', range)).map(({ member }) => member).join('')
    assert.equal(await names({ limit: 2 }), 'ab')
    assert.equal(await names({ limit: 9 }), 'abcde')
    assert.equal(await names({ limit: 0 }), '')
    assert.equal(await names({ limit: Infinity }), 'abcde')
    assert.equal(await names({ reverse: true }), 'edcba')
    assert.equal(await names({ reverse: true, limit: 2 }), 'ed')
    assert.equal(await names({ reverse: true, min: 2, max: 4, limit: 2 }), 'dc')
    assert.equal(await names({ min: 2, max: 4, limit: 2 }), 'bc')
  })
}

function removalTests({ test }: CoordinationSuite): void {
  test('removes members by name', async ({ store, other }) => {
    await store.rank('a', five)
    assert.equal(await other.unrank('a', ['b', 'x', 'd', 'b']), 2)
    assert.equal(await other.unrank('a', []), 0)
    assert.deepEqual(await store.ranked('a'), scored(['a', 1], ['c', 3], ['e', 5]))
  })

  test('removes members by number, both ends included', async ({ store }) => {
    await store.rank('a', five)
    assert.equal(await store.unrank('a', { min: 2, max: 3 }), 2)
    assert.equal(await store.unrank('a', { max: 1 }), 1)
    assert.equal(await store.unrank('a', { min: 6 }), 0)
    assert.deepEqual(await store.ranked('a'), scored(['d', 4], ['e', 5]))
    assert.equal(await store.unrank('a', {}), 2)
  })

  test('ends a list with its last member', async ({ store }) => {
    await store.rank('a', five)
    await store.unrank('a', { min: 0 })
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
    await store.rank('b', five)
    await store.unrank('b', ['a', 'b', 'c', 'd', 'e'])
    assert.equal((await store.write('b', 'one', { onlyIf: 'absent' })).written, true)
  })

  test('begins nothing without a member', async ({ store }) => {
    await store.rank('a', [], { ttlMs: longMs })
    await store.rank('a', scored(['x', 1]), { keep: 0 })
    assert.deepEqual(await store.ranked('a'), [])
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true)
  })

  test('removes a list as a whole', async ({ store }) => {
    await store.rank('a', five)
    assert.deepEqual(await store.remove('a'), { removed: true, before: undefined })
    assert.deepEqual(await store.ranked('a'), [])
  })
}

function lifeTests({ test }: CoordinationSuite): void {
  test('ends a list as a whole', async (session) => {
    const { store } = session
    await store.rank('a', five)
    await store.rank('a', scored(['f', 6]), { ttlMs: shortMs })
    await session.pass(shortMs)
    assert.deepEqual(await store.ranked('a'), [])
    assert.equal(await store.unrank('a', ['a']), 0)
    await store.rank('a', scored(['g', 7]))
    await session.pass(shortMs)
    assert.deepEqual(await store.ranked('a'), scored(['g', 7]))
  })

  test('leaves the life when none is given, and begins a new one when it is', async (session) => {
    const { store } = session
    for (const key of ['left', 'longer']) await store.rank(key, five, { ttlMs: session.livelyMs })
    await store.rank('left', scored(['f', 6]))
    await store.rank('longer', scored(['f', 6]), { ttlMs: longMs })
    await session.pass(session.livelyMs)
    assert.deepEqual(await store.ranked('left'), [])
    assert.equal((await store.ranked('longer')).length, 6)
  })
}
