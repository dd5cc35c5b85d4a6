import assert from 'node:assert/strict'

import { patternPrefixes } from './scan.ts'
import type { TierSuite } from './suite.ts'
import { assertAccepted, numbered } from './tier-session.ts'

export function clearTests({ test }: TierSuite): void {
  test('removes the records under a prefix and no other', async (session) => {
    const inside = ['tw:users:', 'tw:users:1', 'tw:users:2:x', 'tw:users:\0', 'tw:users:\uffff', 'tw:users:\u{10ffff}z']
    const outside = ['tw:users', 'tw:users2:1', 'tw:user', 'tw:users;', 'tw:users9', 'tw:orders:1']
    await session.putAll([...inside, ...outside])
    await session.clear('tw:users:')
    assert.deepEqual(
      await session.readAll(inside),
      inside.map(() => undefined),
    )
    assert.deepEqual(
      await session.readAll(outside),
      outside.map((key) => `text of ${key}`),
    )
  })

  test('takes every character of the prefix as it is', async (session) => {
    for (const [prefix, bait] of patternPrefixes) {
      await session.putAll([`${prefix}1`, bait])
      await session.clear(prefix)
      assert.deepEqual(
        await session.readAll([`${prefix}1`, bait]),
        [undefined, `text of ${bait}`],
        `clear of ${prefix}`,
      )
    }
  })

  test('removes more than a thousand records, and their bytes from the books', async (session) => {
    const before = await session.tier.usage()
    await session.putAll(numbered('tw:users:', 1200))
    const full = await session.tier.usage()
    await session.clear('tw:users:')
    const gone = await session.readAll(numbered('tw:users:', 1200))
    assert.deepEqual(new Set(gone), new Set([undefined]))
    const after = await session.tier.usage()
    assert.equal(after.entries, before.entries)
    if (full.bytes !== undefined) assert.ok((after.bytes ?? Infinity) < full.bytes, 'the bytes go down')
  })

  test('clears an empty store and takes the same keys again', async (session) => {
    await session.clear('tw:users:')
    await session.put('tw:users:1', { text: 'before' })
    await session.clear('tw:users:')
    await session.clear('tw:users:')
    assertAccepted(await session.put('tw:users:1', { text: 'after' }))
    assert.equal(await session.read('tw:users:1'), 'after')
  })
}
