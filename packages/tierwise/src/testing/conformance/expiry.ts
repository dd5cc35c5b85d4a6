import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'

const soonMs = 60
const afterSoonMs = 90
const hourMs = 3_600_000

export function expiryTests(suite: TierSuite): void {
  lifeTests(suite)
  replacementTests(suite)
  if (suite.options.clock !== 'system') exactTests(suite)
}

function lifeTests({ test, capabilities }: TierSuite): void {
  test('holds a record until it expires', async (session) => {
    await session.put('tw:short', { expiresAt: session.now + soonMs })
    await session.put('tw:long', { expiresAt: session.now + hourMs })
    await session.pass(afterSoonMs)
    assert.deepEqual(await session.readAll(['tw:short', 'tw:long']), [undefined, 'sample'])
  })

  test('takes a record that has already expired as absent', async (session) => {
    await session.put('tw:a', { expiresAt: session.now - hourMs })
    await session.put('tw:b', { expiresAt: session.now - 1 })
    await session.put('tw:c', { expiresAt: 1 })
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b', 'tw:c']), [undefined, undefined, undefined])
  })

  test('holds a record without end', async (session) => {
    await session.put('tw:a', { expiresAt: Infinity })
    await session.pass(afterSoonMs)
    assert.equal(await session.read('tw:a'), 'sample')
  })

  test('holds a record that ends later than any timer can wait', async (session) => {
    const keys = ['tw:a', 'tw:b', 'tw:c']
    await session.put('tw:a', { expiresAt: session.now + 2 ** 31 })
    await session.put('tw:b', { expiresAt: session.now + 2 ** 32 + 1 })
    await session.put('tw:c', { expiresAt: session.now + 100 * 365 * 24 * hourMs })
    await session.pass(afterSoonMs)
    assert.deepEqual(await session.readAll(keys), ['sample', 'sample', 'sample'])
  })

  test('takes an instant between two milliseconds', async (session) => {
    await session.put('tw:a', { expiresAt: Math.floor(session.now) + hourMs + 0.25 })
    assert.equal(await session.read('tw:a'), 'sample')
  })

  test('does not find an expired record when it deletes', async (session) => {
    await session.put('tw:a', { expiresAt: session.now + soonMs })
    await session.pass(afterSoonMs)
    assert.deepEqual(await session.delete(['tw:a']), [false])
  })

  if (capabilities.scan) {
    test('visits no expired record in a scan', async (session) => {
      await session.put('tw:short', { expiresAt: session.now + soonMs })
      await session.put('tw:long', { expiresAt: session.now + hourMs })
      await session.pass(afterSoonMs)
      assert.deepEqual(await session.scanKeys('tw:'), ['tw:long'])
    })
  }
}

function replacementTests({ test }: TierSuite): void {
  test('gives a replaced record the life of the new one', async (session) => {
    await session.putAll(['tw:longer', 'tw:endless'], { expiresAt: session.now + soonMs })
    await session.putAll(['tw:shorter', 'tw:ended'], { expiresAt: Infinity })
    await session.put('tw:longer', { expiresAt: session.now + hourMs })
    await session.put('tw:endless', { expiresAt: Infinity })
    await session.put('tw:shorter', { expiresAt: session.now + soonMs })
    await session.put('tw:ended', { expiresAt: session.now - 1 })
    assert.equal(await session.read('tw:ended'), undefined, 'an expired record replaces a live one')
    await session.pass(afterSoonMs)
    const texts = await session.readAll(['tw:longer', 'tw:endless', 'tw:shorter'])
    assert.deepEqual(texts, ['sample', 'sample', undefined])
  })

  test('takes a new record in the place of an expired one', async (session) => {
    await session.put('tw:a', { expiresAt: session.now + soonMs, text: 'old' })
    await session.pass(afterSoonMs)
    await session.put('tw:a', { text: 'new' })
    assert.equal(await session.read('tw:a'), 'new')
  })
}

/** Only a clock that stands still can tell one millisecond from the next. */
function exactTests({ test }: TierSuite): void {
  test('ends a record at its instant, not before and not after', async (session) => {
    await session.put('tw:a', { expiresAt: session.now + 1000 })
    await session.put('tw:b', { expiresAt: session.now })
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['sample', undefined])
    await session.pass(999)
    assert.equal(await session.read('tw:a'), 'sample', 'one millisecond before its end')
    await session.pass(1)
    assert.equal(await session.read('tw:a'), undefined, 'at its end')
  })

  test('ends a record that outlives the longest timer in time', async (session) => {
    const lifeMs = 2 ** 31 + 1000
    await session.put('tw:a', { expiresAt: session.now + lifeMs })
    await session.pass(lifeMs - 1)
    assert.equal(await session.read('tw:a'), 'sample')
    await session.pass(1)
    assert.equal(await session.read('tw:a'), undefined)
  })
}
