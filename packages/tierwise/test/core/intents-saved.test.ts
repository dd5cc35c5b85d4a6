import { afterEach, expect, test } from 'vitest'

import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { NoteStore, TierDefinition } from '../../src/contract/tier.ts'
import { writeOwed } from '../../src/core/journal/journal-note.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import type { FakeRuntime, FaultPlan } from '../../src/testing/index.ts'

interface Opened {
  readonly manager: CacheManager
  readonly cache: Cache
  readonly runtime: FakeRuntime
  /** Faults of a tier that gives no versions to others. */
  readonly faults: FaultPlan
}

const opened: Opened[] = []
afterEach(async () => {
  for (const { manager, runtime, faults } of opened.splice(0)) {
    faults.clear()
    await runtime.until(manager.stop())
  }
})

const diskLike = (): TierDefinition => mapTier({ name: 'disk', capabilities: { shared: false }, delayMs: 5 })

function open(disk: TierDefinition, remote: TierDefinition = mapTier({ name: 'remote' })): Opened {
  const runtime = fakeRuntime()
  const faults = faultPlan()
  const manager = createCacheManager({ tiers: [faultTier(remote, faults), disk], runtime })
  const each = { manager, cache: manager.namespace('n'), runtime, faults }
  opened.push(each)
  return each
}

/** The notes as the next process finds them. */
async function notesOf(disk: TierDefinition): Promise<{ readonly notes: NoteStore; readonly runtime: FakeRuntime }> {
  const runtime = fakeRuntime()
  const tier = disk.create({ ...runtime, name: 'disk', prefix: 'tw', report: () => {} })
  if (tier.sync) throw new Error('a byte tier was expected')
  await runtime.until(tier.open())
  return { notes: tier.notes!, runtime }
}

async function owedNotes(disk: TierDefinition): Promise<readonly string[]> {
  const { notes, runtime } = await notesOf(disk)
  return runtime.until(notes.names('owed/'))
}

const changes: readonly (readonly [string, (cache: Cache) => Promise<unknown>])[] = [
  ['delete', (cache) => cache.delete('key')],
  ['set', (cache) => cache.set('key', 'new')],
  ['clear', (cache) => cache.clear({ hard: true })],
]

test.each(changes)('a %s that a tier could not take is on the disk when its promise resolves', async (verb, change) => {
  const disk = diskLike()
  const { cache, runtime, faults } = open(disk)
  await runtime.until(cache.set('key', 'old'))
  faults.fail(verb as 'delete')
  await runtime.until(change(cache))
  expect(await owedNotes(disk)).not.toEqual([])
  expect(faults.callsOf(verb as 'delete').length).toBeGreaterThan(0)
})

test('a set that is refused by an open breaker is on the disk too', async () => {
  const disk = diskLike()
  const { cache, runtime, faults } = open(disk)
  faults.fail('set')
  for (let count = 0; count < 20; count++) await runtime.until(cache.set(`key ${count}`, 'value'))
  const before = faults.callsOf('set').length
  await runtime.until(cache.set('refused', 'value'))
  expect(faults.callsOf('set').length).toBe(before)
  const { notes, runtime: later } = await notesOf(disk)
  const names = await later.until(notes.names('owed/'))
  const texts = await later.until(Promise.all(names.map((name) => notes.get(name))))
  expect(texts.map((bytes) => new TextDecoder().decode(bytes)).join()).toContain('"tw:1:n:refused"')
})

test('a store without versions of its own is not cleared beyond the present by a note that cannot be read', async () => {
  const disk = diskLike()
  const remote = mapTier({ name: 'remote' })
  const first = open(disk, remote)
  await first.runtime.until(first.cache.set('key', 'old'))
  first.faults.fail('delete')
  await first.runtime.until(first.cache.delete('key'))
  const { notes, runtime } = await notesOf(disk)
  const [name = ''] = await runtime.until(notes.names('owed/'))
  await runtime.until(notes.set(name, Uint8Array.of(1)))
  const second = open(disk, remote)
  expect(await second.runtime.until(second.cache.get('key'))).toBe(undefined)
  await second.runtime.advance(2000)
  expect(second.faults.callsOf('clear')).toHaveLength(1)
  expect((await second.runtime.until(second.cache.set('key', 'new'))).tiers['remote']).toBe('applied')
  expect(await second.runtime.until(second.cache.get('key'))).toBe('new')
  expect(await owedNotes(disk)).toEqual([])
})

test('a store that gives no versions is not told of an infinite one that another configuration has left', async () => {
  const disk = diskLike()
  const remote = mapTier({ name: 'remote' })
  const first = open(disk, remote)
  await first.runtime.until(first.cache.set('key', 'old', { tiers: ['remote'] }))
  const { notes, runtime } = await notesOf(disk)
  const note = writeOwed({ keys: [{ key: 'tw:1:n:key', prefix: 'tw:1:n:', version: Infinity }], clears: [] })
  await runtime.until(notes.set(`owed/tw/${encodeURIComponent('["remote",null]')}/other/1`, note))
  const second = open(disk, remote)
  expect(await second.runtime.until(second.cache.get('key'))).toBe(undefined)
  await second.runtime.advance(2000)
  expect(second.faults.callsOf('delete')).toHaveLength(1)
  expect((await second.runtime.until(second.cache.set('key', 'new'))).tiers['remote']).toBe('applied')
})
