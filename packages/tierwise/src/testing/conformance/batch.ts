import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'
import { assertAccepted, numbered } from './tier-session.ts'

export function batchTests({ test }: TierSuite): void {
  test('answers in the order of the keys, with gaps where a key is absent', async (session) => {
    const keys = numbered('tw:users:', 60)
    await session.putAll(keys.filter((_, index) => index % 3 !== 0))
    // 17 and 60 share no divisor, so this visits every key once, far from the stored and the sorted order.
    const asked = keys.map((_, index) => keys[(index * 17) % 60] as string)
    const expected = asked.map((key) => (keys.indexOf(key) % 3 === 0 ? undefined : `text of ${key}`))
    assert.deepEqual(await session.readAll(asked), expected)
  })

  test('answers a key as often as it is asked for', async (session) => {
    await session.putAll(['tw:a', 'tw:b'])
    const asked = ['tw:b', 'tw:a', 'tw:none', 'tw:b', 'tw:none', 'tw:b']
    const expected = ['text of tw:b', 'text of tw:a', undefined, 'text of tw:b', undefined, 'text of tw:b']
    assert.deepEqual(await session.readAll(asked), expected)
  })

  test('keeps the last of two records for one key in a batch', async (session) => {
    const outcomes = await session.tier.set([
      session.record('tw:a', { text: 'first' }),
      session.record('tw:b', { text: 'other' }),
      session.record('tw:a', { text: 'last' }),
    ])
    assert.equal(outcomes.length, 3)
    assertAccepted(outcomes[1])
    assertAccepted(outcomes[2])
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['last', 'other'])
  })

  test('deletes in the order of the keys, duplicates included', async (session) => {
    await session.putAll(['tw:a', 'tw:c', 'tw:d'])
    const held = await session.delete(['tw:c', 'tw:none', 'tw:a', 'tw:c'])
    assert.deepEqual(held.slice(0, 3), [true, false, true])
    assert.deepEqual(await session.readAll(['tw:a', 'tw:c', 'tw:d']), [undefined, undefined, 'text of tw:d'])
  })

  test('answers empty batches with empty lists', async (session) => {
    await session.put('tw:a')
    assert.deepEqual(await session.readAll([]), [])
    assert.deepEqual(await session.tier.set([]), [])
    assert.deepEqual(await session.delete([]), [])
    assert.equal(await session.read('tw:a'), 'sample')
  })

  test('takes and gives a thousand records at once', async (session) => {
    const keys = numbered('tw:users:', 1000)
    await session.putAll(keys)
    assert.deepEqual(
      await session.readAll(keys),
      keys.map((key) => `text of ${key}`),
    )
    const held = await session.delete(keys)
    assert.equal(held.filter(Boolean).length, 1000)
    assert.deepEqual(new Set(await session.readAll(keys)), new Set([undefined]))
  })

  test('leaves its arguments alone', async (session) => {
    const records = Object.freeze([Object.freeze(session.record('tw:b')), Object.freeze(session.record('tw:a'))])
    await session.tier.set(records)
    const keys = Object.freeze(['tw:b', 'tw:a'])
    assert.deepEqual(await session.readAll(keys), ['sample', 'sample'])
    assert.deepEqual(await session.delete(keys), [true, true])
  })
}
