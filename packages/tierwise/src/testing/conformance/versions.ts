import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'
import { assertAccepted, assertOutdated } from './tier-session.ts'

export function versionTests(suite: TierSuite): void {
  if (suite.capabilities.versions) {
    orderTests(suite)
    deletionTests(suite)
    conditionTests(suite)
  } else {
    unversionedTests(suite)
  }
}

function orderTests({ test }: TierSuite): void {
  test('refuses a record that is older than the one it holds', async (session) => {
    await session.put('tw:a', { version: 20, text: 'new' })
    assertOutdated(await session.put('tw:a', { version: 19, text: 'old' }))
    assert.equal(await session.read('tw:a'), 'new')
    assertAccepted(await session.put('tw:a', { version: 21, text: 'newer' }))
    assert.equal(await session.read('tw:a'), 'newer')
  })

  test('takes a record of the version it holds, so a write can be repeated', async (session) => {
    await session.put('tw:a', { version: 20, text: 'first' })
    assertAccepted(await session.put('tw:a', { version: 20, text: 'again' }))
    assert.equal(await session.read('tw:a'), 'again')
  })

  test('compares versions as numbers, up to the largest', async (session) => {
    const largest = Number.MAX_SAFE_INTEGER
    await session.put('tw:a', { version: 9, text: 'nine' })
    assertAccepted(await session.put('tw:a', { version: 10, text: 'ten' }))
    assert.equal(await session.read('tw:a'), 'ten')
    await session.put('tw:c', { version: 2 ** 31 + 5, text: 'beyond 31 bits' })
    assertAccepted(await session.put('tw:c', { version: 2 ** 32 + 1, text: 'beyond 32 bits' }))
    assert.equal(await session.read('tw:c'), 'beyond 32 bits')
    assertAccepted(await session.put('tw:b', { version: largest, text: 'largest' }))
    assertOutdated(await session.put('tw:b', { version: largest - 1, text: 'one less' }))
    assert.equal(await session.read('tw:b'), 'largest')
  })

  test('decides for each record of a batch, in order', async (session) => {
    await session.put('tw:b', { version: 50, text: 'held' })
    const outcomes = await session.tier.set([
      session.record('tw:a', { version: 10 }),
      session.record('tw:b', { version: 49 }),
      session.record('tw:c', { version: 10 }),
      session.record('tw:b', { version: 51, text: 'newest' }),
      session.record('tw:b', { version: 48 }),
    ])
    for (const index of [0, 2, 3]) assertAccepted(outcomes[index])
    for (const index of [1, 4]) assertOutdated(outcomes[index])
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b', 'tw:c']), ['sample', 'newest', 'sample'])
  })

  test('keeps a record that is newer than a clear', async (session) => {
    await session.put('tw:users:old', { version: 10 })
    await session.put('tw:users:same', { version: 20 })
    await session.put('tw:users:new', { version: 21, text: 'stays' })
    await session.clear('tw:users:', 20)
    const keys = ['tw:users:old', 'tw:users:same', 'tw:users:new']
    assert.deepEqual(await session.readAll(keys), [undefined, undefined, 'stays'])
  })
}

function deletionTests({ test }: TierSuite): void {
  test('refuses a record that is older than the deletion of its key', async (session) => {
    await session.put('tw:a', { version: 10 })
    await session.delete(['tw:a', 'tw:never-held'], 20)
    for (const key of ['tw:a', 'tw:never-held']) {
      assertOutdated(await session.put(key, { version: 19, text: 'late' }))
      assert.equal(await session.read(key), undefined, `${key} stays deleted`)
      assertAccepted(await session.put(key, { version: 21, text: 'later' }))
      assert.equal(await session.read(key), 'later')
    }
  })

  test('remembers the newest of several deletions', async (session) => {
    await session.delete(['tw:a'], 30)
    await session.delete(['tw:a'], 20)
    assertOutdated(await session.put('tw:a', { version: 25 }))
    assert.equal(await session.read('tw:a'), undefined)
  })

  test('keeps a record that is newer than the deletion', async (session) => {
    await session.put('tw:a', { version: 30, text: 'new' })
    await session.delete(['tw:a'], 20)
    assert.equal(await session.read('tw:a'), 'new')
  })
}

function conditionTests({ test }: TierSuite): void {
  test('takes a record only while nothing is newer than its ifNotAfter', async (session) => {
    await session.put('tw:a', { version: 10, text: 'held' })
    assertOutdated(await session.put('tw:a', { version: 40, ifNotAfter: 9, text: 'late' }))
    assert.equal(await session.read('tw:a'), 'held')
    assertAccepted(await session.put('tw:a', { version: 40, ifNotAfter: 10, text: 'in time' }))
    assert.equal(await session.read('tw:a'), 'in time')
  })

  test('counts a deletion as something newer for ifNotAfter', async (session) => {
    await session.put('tw:a', { version: 10 })
    await session.delete(['tw:a'], 20)
    assertOutdated(await session.put('tw:a', { version: 40, ifNotAfter: 19 }))
    assert.equal(await session.read('tw:a'), undefined)
    assertAccepted(await session.put('tw:a', { version: 40, ifNotAfter: 20 }))
    assert.equal(await session.read('tw:a'), 'sample')
  })

  test('takes a record with an ifNotAfter for a key it knows nothing of', async (session) => {
    assertAccepted(await session.put('tw:a', { version: 40, ifNotAfter: 0 }))
    assert.equal(await session.read('tw:a'), 'sample')
  })
}

function unversionedTests({ test }: TierSuite): void {
  test('takes the last write whatever its version, as it does not declare versions', async (session) => {
    await session.put('tw:a', { version: 20, text: 'first' })
    assertAccepted(await session.put('tw:a', { version: 10, text: 'last' }))
    assert.equal(await session.read('tw:a'), 'last')
    assert.deepEqual(await session.delete(['tw:a'], 5), [true])
    assert.equal(await session.read('tw:a'), undefined)
    assertAccepted(await session.put('tw:a', { version: 1, text: 'back' }))
    assert.equal(await session.read('tw:a'), 'back')
  })
}
