import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'
import { assertAccepted, numbered } from './tier-session.ts'

export function basicTests({ test, capabilities }: TierSuite): void {
  test('answers undefined for a key that was never stored', async (session) => {
    assert.equal(await session.read('tw:users:1'), undefined)
  })

  test('gives back what was stored', async (session) => {
    assertAccepted(await session.put('tw:users:1', { text: 'Ada' }))
    assert.equal(await session.read('tw:users:1'), 'Ada')
    assert.equal(await session.read('tw:users:1'), 'Ada', 'reading does not use the record up')
  })

  test('replaces what was stored before', async (session) => {
    await session.put('tw:users:1', { text: 'a longer text than the next one' })
    assertAccepted(await session.put('tw:users:1', { text: 'new' }))
    assert.equal(await session.read('tw:users:1'), 'new')
  })

  test('deletes a key, tells whether it was held and takes it again', async (session) => {
    await session.putAll(['tw:users:1', 'tw:users:2'])
    assert.deepEqual(await session.delete(['tw:users:1']), [true])
    assert.equal(await session.read('tw:users:1'), undefined)
    assert.equal(await session.read('tw:users:2'), 'text of tw:users:2')
    assert.deepEqual(await session.delete(['tw:users:1']), [false])
    assert.deepEqual(await session.delete(['tw:users:3']), [false])
    assertAccepted(await session.put('tw:users:1', { text: 'back' }))
    assert.equal(await session.read('tw:users:1'), 'back')
  })

  test('opens as often as it is asked and keeps what it holds', async (session) => {
    await session.put('tw:users:1', { text: 'Ada' })
    const openings = await Promise.all([session.tier.open(), session.tier.open()])
    for (const { highestVersion } of openings) assert.ok(Number.isSafeInteger(highestVersion) && highestVersion >= 0)
    assert.equal(await session.read('tw:users:1'), 'Ada')
  })

  test('declares the same capabilities each time', async (session) => {
    assert.deepEqual(session.tier.capabilities, capabilities)
  })

  test('counts its entries', async (session) => {
    const before = await session.tier.usage()
    await session.putAll(numbered('tw:users:', 10))
    const after = await session.tier.usage()
    assert.equal(after.entries - before.entries, 10)
    assert.ok(after.maxBytes === undefined || after.maxBytes > 0)
  })

  if (capabilities.bytes) {
    test('tells the bytes it holds', async (session) => {
      const before = await bytesOf(session.tier)
      await session.putAll(numbered('tw:users:', 20), { text: 'x'.repeat(10_000) })
      const full = await bytesOf(session.tier)
      assert.ok(full - before >= 100_000, `200 kB of records show in the bytes: ${before} then ${full}`)
    })
  } else {
    test('tells no bytes, as it does not declare them', async (session) => {
      await session.put('tw:users:1')
      assert.equal((await session.tier.usage()).bytes, undefined)
    })
  }
}

async function bytesOf(tier: { usage(): Promise<{ readonly bytes: number | undefined }> }): Promise<number> {
  const { bytes } = await tier.usage()
  assert.ok(typeof bytes === 'number' && bytes >= 0, 'bytes are declared and a number')
  return bytes
}
