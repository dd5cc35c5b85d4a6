import assert from 'node:assert/strict'

import type { TierSuite } from './suite.ts'
import { numbered } from './tier-session.ts'

export function concurrencyTests({ test, capabilities }: TierSuite): void {
  test('gives parallel reads each their own record', async (session) => {
    const keys = numbered('tw:users:', 200)
    await session.putAll(keys)
    const texts = await Promise.all(keys.map((key) => session.read(key)))
    assert.deepEqual(
      texts,
      keys.map((key) => `text of ${key}`),
    )
  })

  test('keeps parallel writes, reads and deletions of different keys apart', async (session) => {
    const kept = numbered('tw:kept:', 60)
    const gone = numbered('tw:gone:', 60)
    await session.putAll([...kept, ...gone])
    const work = kept.flatMap((key, index) => [
      session.put(key, { text: `second of ${key}` }),
      session.read(gone[(index + 30) % 60] as string),
      session.delete([gone[index] as string]),
    ])
    await Promise.all(work)
    assert.deepEqual(
      await session.readAll(kept),
      kept.map((key) => `second of ${key}`),
    )
    assert.deepEqual(
      await session.readAll(gone),
      gone.map(() => undefined),
    )
  })

  test('shows a reader the old or the new record, never a mixture', async (session) => {
    const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(200_000))
    await session.put('tw:a', { text: texts[0] as string })
    const writes = texts.map((text) => session.put('tw:a', { text }))
    const reads = Array.from({ length: 12 }, () => session.read('tw:a'))
    for (const seen of await Promise.all(reads)) assert.ok(texts.includes(seen ?? ''), 'a read sees one whole record')
    await Promise.all(writes)
  })

  if (capabilities.versions) {
    test('ends with the newest of parallel writes of one key', async (session) => {
      const versions = Array.from({ length: 100 }, (_, index) => 1 + ((index * 37) % 100))
      await Promise.all(versions.map((version) => session.put('tw:a', { version, text: `version ${version}` })))
      assert.equal(await session.read('tw:a'), 'version 100')
    })

    test('stays deleted when older writes race with the deletion', async (session) => {
      const keys = numbered('tw:users:', 20)
      await Promise.all(
        keys.flatMap((key) => [
          session.put(key, { version: 10 }),
          session.delete([key], 20),
          session.put(key, { version: 19 }),
        ]),
      )
      assert.deepEqual(
        await session.readAll(keys),
        keys.map(() => undefined),
      )
    })
  }
}
