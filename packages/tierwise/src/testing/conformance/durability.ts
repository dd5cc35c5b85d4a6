import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'
import { assertOutdated, assertSameMembers, numbered } from './tier-session.ts'

export function durabilityTests(suite: TierSuite): void {
  if (suite.capabilities.shared) sharingTests(suite)
  if (suite.capabilities.durable) restartTests(suite)
  suite.test('starts empty on a fresh store', async (session) => {
    const opening = await session.tier.open()
    assert.equal(opening.highestVersion, 0)
    assert.equal((await session.tier.usage()).entries, 0)
  })
}

function sharingTests({ test, capabilities }: TierSuite): void {
  test('shows a second instance the same entries while both are open', async (session) => {
    const first = session.tier
    await session.putAll(['tw:a', 'tw:b'])
    await session.openAgain()
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['text of tw:a', 'text of tw:b'])
    await session.put('tw:a', { text: 'from the second' })
    await session.delete(['tw:b'])
    session.tier = first
    assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['from the second', undefined])
  })

  if (capabilities.versions) {
    test('orders the writes of two instances by version', async (session) => {
      const first = session.tier
      await session.openAgain()
      await session.put('tw:a', { version: 20, text: 'new' })
      await session.delete(['tw:b'], 20)
      session.tier = first
      assertOutdated(await session.put('tw:a', { version: 19, text: 'old' }))
      assertOutdated(await session.put('tw:b', { version: 19 }))
      assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['new', undefined])
    })
  }
}

function restartTests({ test, capabilities }: TierSuite): void {
  test('keeps entries over a restart, with their life', async (session) => {
    const keys = numbered('tw:users:', 100)
    await session.putAll(keys, { expiresAt: session.now + 3_600_000 })
    await session.put('tw:short', { expiresAt: session.now + 60 })
    await session.put('tw:deleted')
    await session.delete(['tw:deleted', 'tw:users:7'])
    await session.tier.close()
    await session.pass(90)
    await session.openAgain()
    const expected = keys.map((key, index) => (index === 7 ? undefined : `text of ${key}`))
    assert.deepEqual(await session.readAll(keys), expected)
    assert.deepEqual(await session.readAll(['tw:short', 'tw:deleted']), [undefined, undefined])
    if (capabilities.scan) assertSameMembers(await session.scanKeys('tw:'), keys.toSpliced(7, 1))
  })

  if (capabilities.versions) {
    test('knows its versions and deletions after a restart', async (session) => {
      await session.put('tw:a', { version: 20, text: 'new' })
      await session.delete(['tw:b'], 30)
      await session.tier.close()
      const { highestVersion } = await session.openAgain()
      assert.ok(
        highestVersion === 0 || highestVersion >= 30,
        `the highest version is 30 or unknown, not ${highestVersion}`,
      )
      assertOutdated(await session.put('tw:a', { version: 19, text: 'old' }))
      assertOutdated(await session.put('tw:b', { version: 29 }))
      assert.deepEqual(await session.readAll(['tw:a', 'tw:b']), ['new', undefined])
    })
  }

  if (capabilities.tags) {
    test('keeps the tag clock over a restart', async (session) => {
      const instant = await session.tags.invalidate(['red'], 7)
      await session.tier.close()
      await session.openAgain()
      const { clock, marks } = await session.tags.load()
      assert.deepEqual([clock, marks.get('red')], [instant, instant])
      assert.ok((await session.tags.invalidate(['blue'], 0)) > instant)
    })
  }
}
