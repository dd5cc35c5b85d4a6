import assert from 'node:assert/strict'

import type { CoordinationStore } from '../../contract/coordination.ts'
import { assertSameTexts, longMs, shortMs } from './coordination-session.ts'
import type { CoordinationSuite } from './suite.ts'

export function setTests(suite: CoordinationSuite): void {
  memberTests(suite)
  batchTests(suite)
  lifeTests(suite)
}

function memberTests({ test }: CoordinationSuite): void {
  test('has no members under a key that was never entered', async ({ store }) => {
    await assertMembers(store, 'a', [])
    assert.deepEqual(await store.contains('a', ['x']), [false])
    assert.deepEqual(await store.leave('a', ['x']), [false])
  })

  test('tells of each member whether it was new', async ({ store, other }) => {
    assert.deepEqual(await store.enter('a', [{ member: 'x' }, { member: 'y' }]), [true, true])
    assert.deepEqual(await other.enter('a', [{ member: 'z' }, { member: 'x' }]), [true, false])
    await assertMembers(store, 'a', ['x', 'y', 'z'])
  })

  test('tells of each member whether it is there', async ({ store, other }) => {
    await store.enter('a', [{ member: 'x' }, { member: '' }])
    assert.deepEqual(await other.contains('a', ['y', 'x', '', 'X', 'x']), [false, true, true, false, true])
  })

  test('tells of each member that leaves whether it was there', async ({ store, other }) => {
    await store.enter('a', [{ member: 'x' }, { member: 'y' }])
    assert.deepEqual(await other.leave('a', ['z', 'x']), [false, true])
    await assertMembers(store, 'a', ['y'])
    assert.deepEqual(await store.leave('a', ['x', 'y']), [false, true])
    await assertMembers(store, 'a', [])
  })

  test('removes a set as a whole', async ({ store }) => {
    await store.enter('a', [{ member: 'x' }, { member: 'y' }])
    assert.deepEqual(await store.remove('a'), { removed: true, before: undefined })
    await assertMembers(store, 'a', [])
    assert.deepEqual(await store.enter('a', [{ member: 'x' }]), [true])
  })
}

function batchTests({ test }: CoordinationSuite): void {
  test('takes the same member twice in a batch', async ({ store }) => {
    assert.deepEqual(await store.enter('a', [{ member: 'x' }, { member: 'x', ttlMs: longMs }]), [true, false])
    assert.deepEqual(await store.leave('a', ['x', 'x']), [true, false])
  })

  test('takes no members', async ({ store }) => {
    assert.deepEqual(await store.enter('a', []), [])
    assert.deepEqual(await store.contains('a', []), [])
    assert.deepEqual(await store.leave('a', []), [])
    assert.equal((await store.write('a', 'one', { onlyIf: 'absent' })).written, true, 'nothing was begun')
  })

  test('takes many members', async ({ store, other }) => {
    const names = Array.from({ length: 3000 }, (_, index) => `member ${index}`)
    assert.ok(
      (
        await store.enter(
          'a',
          names.map((member) => ({ member, ttlMs: longMs })),
        )
      ).every(Boolean),
    )
    assert.equal(await other.size('a'), 3000)
    assert.ok((await other.contains('a', names)).every(Boolean))
    assertSameTexts(await other.members('a'), names)
    assert.ok((await other.leave('a', names)).every(Boolean))
    assert.equal(await store.size('a'), 0)
  })
}

function lifeTests({ test }: CoordinationSuite): void {
  test('ends each member by itself', async (session) => {
    const { store, other } = session
    await store.enter('a', [
      { member: 'short', ttlMs: shortMs },
      { member: 'long', ttlMs: longMs },
      { member: 'never' },
    ])
    await session.pass(shortMs)
    assert.deepEqual(await other.contains('a', ['short', 'long', 'never']), [false, true, true])
    await assertMembers(store, 'a', ['long', 'never'])
    assert.deepEqual(await store.leave('a', ['short']), [false])
    assert.deepEqual(await store.enter('a', [{ member: 'short' }, { member: 'long' }]), [true, false])
  })

  test('gives a member that was there the new life', async (session) => {
    const { store } = session
    const lives = [undefined, Infinity, longMs]
    for (const [index, ttlMs] of lives.entries()) {
      await store.enter('a', [{ member: `${index}`, ttlMs: shortMs }])
      await store.enter('a', [{ member: `${index}`, ...(ttlMs === undefined ? {} : { ttlMs }) }])
    }
    await store.enter('a', [{ member: 'shorter' }])
    await store.enter('a', [{ member: 'shorter', ttlMs: shortMs }])
    await session.pass(shortMs)
    await assertMembers(store, 'a', ['0', '1', '2'])
  })

  test('ends a set with its last member', async (session) => {
    const { store } = session
    await store.enter('a', [
      { member: 'x', ttlMs: shortMs },
      { member: 'y', ttlMs: 1 },
    ])
    await session.pass(shortMs)
    await assertMembers(store, 'a', [])
    assert.deepEqual(await store.remove('a'), { removed: false, before: undefined })
  })

  test('lives on for members that enter when others have ended', async (session) => {
    const { store } = session
    await store.enter('a', [{ member: 'x', ttlMs: shortMs }])
    await store.enter('a', [{ member: 'y' }])
    await store.leave('a', ['y'])
    await store.enter('a', [{ member: 'z', ttlMs: longMs }])
    await session.pass(shortMs)
    await assertMembers(store, 'a', ['z'])
  })
}

async function assertMembers(store: CoordinationStore, key: string, expected: readonly string[]): Promise<void> {
  assertSameTexts(await store.members(key), expected)
  assert.equal(await store.size(key), expected.length)
}
