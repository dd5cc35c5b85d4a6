import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { describe, expect, it } from 'vitest'

import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { openedTier, readText, scannedTexts, seenText, textRecord } from './opened-tier.ts'
import { scratchFolder } from './scratch-folder.ts'

const root = scratchFolder()
let folders = 0
function freshPath(): string {
  return join(root, String(folders++))
}

const hourMs = 3_600_000

/** Opens the database behind the back of a closed tier. */
function rawEntries(path: string) {
  const database = open({
    path: join(path, 'data.mdb'),
    noSubdir: true,
    maxDbs: 5,
    overlappingSync: false,
    noSync: true,
  })
  return {
    database,
    entries: database.openDB<Buffer, Buffer>({ name: 'entries', encoding: 'binary', keyEncoding: 'binary' }),
  }
}

describe('disk tier', () => {
  it('hands decode the bytes where LMDB has them, without a copy', async () => {
    const { tier } = await openedTier({ path: freshPath() })
    await tier.set([textRecord('tw:1:n:a', 1), textRecord('tw:1:n:b', 1)])
    const [first, second] = await tier.get(['tw:1:n:a', 'tw:1:n:b'], (bytes) => bytes.buffer)
    expect(first).toBe(second)
    await tier.close()
  })

  it('keeps, scans, deletes and clears keys of any length', async () => {
    const { tier } = await openedTier({ path: freshPath() })
    const long = ['x'.repeat(601), 'x'.repeat(5000), `${'x'.repeat(5000)}y`, 'ü'.repeat(20_000), 'lone \ud800 half']
    const keys = [...long, 'short', 'x'].map((key) => `tw:1:n:${key}`)
    await tier.set(keys.map((key, index) => textRecord(key, 1, String(index))))
    expect(await tier.get(keys, (bytes) => seenText(bytes).text)).toEqual(keys.map((_, index) => String(index)))
    expect(await scannedTexts(tier, 'tw:1:n:')).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    expect(await scannedTexts(tier, `tw:1:n:${'x'.repeat(4000)}`)).toEqual(['1', '2'])
    expect(await scannedTexts(tier, 'tw:1:n:lone \ud800')).toEqual(['4'])
    expect(await tier.delete([`tw:1:n:${'x'.repeat(5000)}`], 2)).toEqual([true])
    expect(await scannedTexts(tier, 'tw:1:n:x')).toEqual(['0', '2', '6'])
    await tier.clear(`tw:1:n:${'x'.repeat(600)}`, 2)
    expect(await scannedTexts(tier, 'tw:1:n:')).toEqual(['3', '4', '5', '6'])
    await tier.close()
  })

  it('reports a record with a damaged prefix and takes it as absent', async () => {
    const path = freshPath()
    const before = await openedTier({ path })
    await before.tier.set([textRecord('tw:1:n:a', 1), textRecord('tw:1:n:b', 1)])
    await before.tier.close()
    const { database, entries } = rawEntries(path)
    const bytes = Buffer.from(entries.getBinary(Buffer.from('tw:1:n:a')) ?? [])
    // The expiry: without a checksum the record would now live another life.
    bytes[20] = (bytes[20] ?? 0) ^ 1
    await entries.put(Buffer.from('tw:1:n:a'), bytes)
    await entries.put(Buffer.from('tw:1:n:short'), Buffer.from('short'))
    await database.close()

    const { tier, events } = await openedTier({ path })
    expect(await tier.get(['tw:1:n:a', 'tw:1:n:b', 'tw:1:n:short'], (seen) => seenText(seen).text)).toEqual([
      undefined,
      'text of tw:1:n:b',
      undefined,
    ])
    expect(events).toEqual(
      ['tw:1:n:a', 'tw:1:n:short'].map((key) => ({ type: 'bad-record', tier: 'disk', key, reason: 'damaged' })),
    )
    expect(await scannedTexts(tier, 'tw:')).toEqual(['text of tw:1:n:b'])
    expect(await tier.set([textRecord('tw:1:n:a', 1, 'repaired')])).toEqual(['applied'])
    expect(await readText(tier, 'tw:1:n:a')).toBe('repaired')
    await tier.close()
  })

  it('knows the highest version over a restart, even of what is deleted or cleared', async () => {
    const path = freshPath()
    const first = await openedTier({ path })
    await first.tier.set([textRecord('tw:1:n:a', 10)])
    await first.tier.delete(['tw:1:n:a'], 20)
    await first.tier.close()
    const second = await openedTier({ path })
    expect(second.opening).toEqual({ highestVersion: 20 })
    await second.tier.clear('tw:1:n:', 30)
    await second.tier.close()
    const third = await openedTier({ path })
    expect(third.opening).toEqual({ highestVersion: 30 })
    await third.tier.close()
  })

  it('refuses what started before a clear, after a restart too', async () => {
    const path = freshPath()
    const before = await openedTier({ path })
    await before.tier.set([textRecord('tw:1:n:a', 10)])
    await before.tier.clear('tw:1:n:', 20)
    await before.tier.close()
    const { tier } = await openedTier({ path })
    expect(await tier.set([textRecord('tw:1:n:a', 20), { ...textRecord('tw:1:n:b', 30), ifNotAfter: 19 }])).toEqual([
      'superseded',
      'superseded',
    ])
    expect(await tier.set([textRecord('tw:1:n:a', 21), textRecord('tw:1:other:a', 1)])).toEqual(['applied', 'applied'])
    expect(await scannedTexts(tier, 'tw:')).toEqual(['text of tw:1:n:a', 'text of tw:1:other:a'])
    await tier.close()
  })

  it('shows nothing of a large clear at once and gives its space back in the background', async () => {
    const runtime = fakeRuntime()
    const path = freshPath()
    const { tier } = await openedTier({ path }, runtime)
    const keys = Array.from({ length: 8000 }, (_, index) => `tw:1:n:${index}`)
    await tier.set(keys.map((key) => textRecord(key, 1)))
    await tier.clear('tw:1:n:', 1)
    expect(await tier.get(keys, () => 1)).toEqual(keys.map(() => undefined))
    expect(await scannedTexts(tier, 'tw:')).toEqual([])
    expect((await tier.usage()).entries).toBe(3000)
    await tier.close()
    // What is left goes on with the next process.
    const next = await openedTier({ path }, runtime)
    expect(await scannedTexts(next.tier, 'tw:')).toEqual([])
    await runtime.advance(1000)
    await expect.poll(async () => (await next.tier.usage()).entries).toBe(0)
    await next.tier.close()
  })

  it('forgets tombstones and floors after an hour, not before', async () => {
    const runtime = fakeRuntime()
    const { tier } = await openedTier({ path: freshPath() }, runtime)
    await tier.delete(['tw:1:n:a'], 20)
    await tier.clear('tw:1:m:', 20)
    await runtime.advance(hourMs - 60_000)
    expect(await tier.set([textRecord('tw:1:n:a', 19), textRecord('tw:1:m:a', 19)])).toEqual([
      'superseded',
      'superseded',
    ])
    await runtime.advance(2 * hourMs)
    await expect
      .poll(() => tier.set([textRecord('tw:1:n:a', 19), textRecord('tw:1:m:a', 19)]))
      .toEqual(['applied', 'applied'])
    await tier.close()
  })

  it('gives back the space of expired records and tells of it', async () => {
    const runtime = fakeRuntime()
    const { tier, events } = await openedTier({ path: freshPath() }, runtime)
    const expiresAt = runtime.clock.now() + 5000
    await tier.set(Array.from({ length: 50 }, (_, index) => ({ ...textRecord(`tw:1:n:${index}`, 1), expiresAt })))
    await tier.set([textRecord('tw:1:m:stays', 1)])
    await runtime.advance(60_000)
    await expect
      .poll(() => events)
      .toEqual([{ type: 'evict', tier: 'disk', namespace: 'n', reason: 'expired', count: 50 }])
    expect((await tier.usage()).entries).toBe(1)
    await tier.close()
  })

  it('accepts a second tier of the same process on its folder', async () => {
    const path = freshPath()
    const [one, other] = [await openedTier({ path }), await openedTier({ path })]
    await one.tier.set([textRecord('tw:1:n:a', 1)])
    expect(await readText(other.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await other.tier.clear('tw:', 1)
    await one.tier.close()
    const again = await openedTier({ path })
    expect(await readText(again.tier, 'tw:1:n:a')).toBeUndefined()
    await other.tier.close()
    await again.tier.close()
    expect(readdirSync(path).filter((name) => name.startsWith('session'))).toEqual([])
  })

  it('shares floors and tag marks among the tiers on its folder', async () => {
    const path = freshPath()
    const [one, other] = [await openedTier({ path }), await openedTier({ path })]
    await one.tier.clear('tw:1:n:', 10)
    expect(await other.tier.set([textRecord('tw:1:n:a', 9)])).toEqual(['superseded'])
    const invalidations = [one, other, one, other].map(async ({ tier }, index) =>
      tier.tags?.invalidate([`tag ${index}`], 0),
    )
    expect((await Promise.all(invalidations)).toSorted()).toEqual([1, 2, 3, 4])
    const { marks } = (await one.tier.tags?.load()) ?? {}
    expect([...(marks?.keys() ?? [])].toSorted()).toEqual(['tag 0', 'tag 1', 'tag 2', 'tag 3'])
    await one.tier.close()
    await other.tier.close()
  })
})

describe('disk tier with durability none', () => {
  it('acknowledges at once, reads its own writes, and writes them soon', async () => {
    const runtime = fakeRuntime()
    const path = freshPath()
    const { tier } = await openedTier({ path, durability: 'none' }, runtime)
    const other = await openedTier({ path })
    expect(await tier.set([textRecord('tw:1:n:a', 1)])).toEqual(['pending'])
    expect(await readText(tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    expect(await readText(other.tier, 'tw:1:n:a')).toBeUndefined()
    await runtime.advance(10)
    await expect.poll(() => readText(other.tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await other.tier.close()
    await tier.close()
  })

  it('does not keep the buffer of a caller', async () => {
    const { tier } = await openedTier({ path: freshPath(), durability: 'none' })
    const record = textRecord('tw:1:n:a', 1)
    await tier.set([record])
    record.bytes.fill(0)
    expect(await readText(tier, 'tw:1:n:a')).toBe('text of tw:1:n:a')
    await tier.close()
  })

  it('lets no waiting write survive a deletion or a clear, and writes those before it says so', async () => {
    const path = freshPath()
    const { tier } = await openedTier({ path, durability: 'none' })
    const other = await openedTier({ path })
    await tier.set([textRecord('tw:1:n:a', 1), textRecord('tw:1:m:a', 1)])
    expect(await tier.delete(['tw:1:n:a'], 2)).toEqual([true])
    expect(await other.tier.set([textRecord('tw:1:n:a', 1)])).toEqual(['superseded'])
    await tier.clear('tw:1:m:', 2)
    expect(await other.tier.set([textRecord('tw:1:m:a', 1)])).toEqual(['superseded'])
    expect(await tier.get(['tw:1:n:a', 'tw:1:m:a'], () => 1)).toEqual([undefined, undefined])
    expect(await tier.set([textRecord('tw:1:n:a', 1)])).toEqual(['superseded'])
    await other.tier.close()
    await tier.close()
  })

  it('refuses a write that comes while a newer deletion is under way', async () => {
    const { tier } = await openedTier({ path: freshPath(), durability: 'none' })
    const deletion = tier.delete(['tw:1:n:a'], 5)
    const clear = tier.clear('tw:1:m:', 5)
    expect(await tier.set([textRecord('tw:1:n:a', 4), textRecord('tw:1:m:a', 4)])).toEqual(['superseded', 'superseded'])
    await Promise.all([deletion, clear])
    expect(await tier.get(['tw:1:n:a', 'tw:1:m:a'], () => 1)).toEqual([undefined, undefined])
    await tier.close()
  })

  it('makes writers wait for the disk once its queue is full', async () => {
    const { tier } = await openedTier({ path: freshPath(), durability: 'none' })
    const outcomes = await tier.set(
      Array.from({ length: 20 }, (_, index) => textRecord(`tw:1:n:${index}`, 1, 'x'.repeat(1024 * 1024))),
    )
    expect(outcomes.filter((outcome) => outcome === 'pending')).toHaveLength(15)
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(5)
    await tier.close()
  })
})

describe('disk tier and its quota', () => {
  const maxBytes = 4 * 1024 * 1024

  it('stays within its quota, and its file within twice that, however much is written', async () => {
    const path = freshPath()
    const { tier, events } = await openedTier({ path, maxBytes })
    const random = seededRandom(7)
    for (let round = 0; round < 100; round++) {
      const records = Array.from({ length: 40 }, () => {
        const size = random() < 0.05 ? 50_000 : 200 + Math.floor(random() * 4000)
        return textRecord(`tw:1:n:${Math.floor(random() * 20_000)}`, round, 'x'.repeat(size))
      })
      await tier.set(records)
      expect((await tier.usage()).bytes).toBeLessThan(maxBytes * 1.25)
    }
    await expect.poll(async () => (await tier.usage()).bytes).toBeLessThan(maxBytes * 1.05)
    expect((await tier.usage()).bytes).toBeGreaterThan(maxBytes * 0.75)
    expect(statSync(join(path, 'data.mdb')).size).toBeLessThan(maxBytes * 2)
    expect(
      events.filter((event) => event.type === 'evict' && event.reason === 'capacity' && event.namespace === 'n'),
    ).not.toEqual([])
    await tier.close()
  })

  it('makes writers wait rather than outrun the eviction', async () => {
    const path = freshPath()
    const { tier } = await openedTier({ path, maxBytes })
    const batches = Array.from({ length: 100 }, (_, batch) =>
      Array.from({ length: 20 }, (_, index) => textRecord(`tw:1:n:${batch}-${index}`, 1, 'x'.repeat(10_000))),
    )
    const outcomes = await Promise.all(batches.map(async (batch) => tier.set(batch)))
    expect(new Set(outcomes.flat())).toEqual(new Set(['applied']))
    expect(statSync(join(path, 'data.mdb')).size).toBeLessThan(maxBytes * 2)
    await tier.close()
  })

  it('keeps what is read and evicts what is not', async () => {
    const { tier } = await openedTier({ path: freshPath(), maxBytes })
    const hot = Array.from({ length: 200 }, (_, index) => `tw:1:n:${index * 97}`)
    await tier.set(hot.map((key) => textRecord(key, 1, 'x'.repeat(300))))
    for (let index = 0; index < 20_000; index += 100) {
      const keys = Array.from({ length: 100 }, (_, offset) => `tw:1:n:${index + offset}`).filter(
        (key) => !hot.includes(key),
      )
      await tier.set(keys.map((key) => textRecord(key, 1, 'x'.repeat(300))))
      await tier.get(hot, () => 1)
    }
    const held = (await tier.get(hot, () => 1)).filter((found) => found === 1).length
    const { entries } = await tier.usage()
    expect(entries).toBeLessThan(12_000)
    expect(held).toBeGreaterThan(150)
    await tier.close()
  })

  it('drops expired records before live ones', async () => {
    const runtime = fakeRuntime()
    const { tier, events } = await openedTier({ path: freshPath(), maxBytes }, runtime)
    const expiresAt = runtime.clock.now() + 100
    await tier.set(
      Array.from({ length: 3000 }, (_, index) => ({
        ...textRecord(`tw:1:n:a${index}`, 1, 'x'.repeat(1000)),
        expiresAt,
      })),
    )
    await runtime.advance(200)
    await tier.set(Array.from({ length: 500 }, (_, index) => textRecord(`tw:1:n:b${index}`, 1, 'x'.repeat(1000))))
    await tier.set(Array.from({ length: 500 }, (_, index) => textRecord(`tw:1:n:c${index}`, 1, 'x'.repeat(1000))))
    await expect.poll(() => events.some((event) => event.type === 'evict' && event.reason === 'expired')).toBe(true)
    expect(events.filter((event) => event.type === 'evict' && event.reason === 'capacity')).toEqual([])
    await tier.close()
  })

  it('refuses a record that would evict everything else', async () => {
    const { tier, events } = await openedTier({ path: freshPath(), maxBytes })
    const records = [
      textRecord('tw:1:n:a', 1),
      textRecord('tw:1:n:big', 1, 'x'.repeat(maxBytes / 8)),
      textRecord('tw:1:n:b', 1),
    ]
    expect(await tier.set(records)).toEqual(['applied', 'refused', 'applied'])
    expect(events).toEqual([{ type: 'evict', tier: 'disk', namespace: 'n', reason: 'too-large', count: 1 }])
    await tier.close()
  })

  it('reports entries, bytes and the quota', async () => {
    const { tier } = await openedTier({ path: freshPath(), maxBytes: '8mb' })
    const empty = await tier.usage()
    expect(empty).toEqual({ entries: 0, bytes: expect.any(Number), maxBytes: 8 * 1024 * 1024 })
    await tier.set(Array.from({ length: 100 }, (_, index) => textRecord(`tw:1:n:${index}`, 1, 'x'.repeat(10_000))))
    const { entries, bytes = 0 } = await tier.usage()
    expect(entries).toBe(100)
    expect(bytes - (empty.bytes ?? 0)).toBeGreaterThan(1_000_000)
    await tier.close()
  })
})
