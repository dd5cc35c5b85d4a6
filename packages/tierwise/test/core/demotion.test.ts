import { afterEach, describe, expect, test } from 'vitest'

import type { NamespaceOptions } from '../../src/contract/options.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier, seededRandom, sharedStore, testCache } from '../../src/testing/index.ts'
import type { FakeRuntime, SharedStore, TestCache } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

interface Chain {
  readonly store?: SharedStore
  readonly runtime?: FakeRuntime
  readonly maxEntries?: number
  readonly options?: NamespaceOptions
}

/** Memory for a few entries and a disk; between them a shared store if one is given. */
function open({ store, runtime = fakeRuntime(), maxEntries = 4, options = {} }: Chain = {}): TestCache<'disk'> {
  const start = testCache().memory({ maxEntries })
  const middle = store === undefined ? start : start.tier(store.tier({ name: 'shared' }))
  const opened = middle
    .faulty('disk', mapTier({ name: 'disk', capabilities: { shared: false } }))
    .runtime(runtime)
    .namespace('n', { ttl: '1h', demotion: true, ...options })
    .build()
  stops.push(() => runtime.until(opened.manager.stop()))
  return opened
}

const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`)

async function setAll({ cache, runtime }: TestCache<'disk'>): Promise<void> {
  for (const key of keys) await runtime.until(cache.set(key, `value of ${key}`))
  await runtime.settle()
}

/** What the disk alone holds. */
async function onDisk({ cache, runtime }: TestCache<'disk'>): Promise<readonly string[]> {
  const found = await runtime.until(cache.getMany(keys, { tiers: ['disk'] }))
  return keys.filter((key) => found.has(key))
}

describe('what memory has no room for', () => {
  test('goes to the tier behind it, and nothing else does', async () => {
    const opened = open()
    await setAll(opened)
    const held = await onDisk(opened)
    const inMemory = keys.filter((key) => opened.cache.peek(key) !== undefined)
    expect(inMemory).toHaveLength(4)
    expect(held).toEqual(keys.filter((key) => !inMemory.includes(key)))
    expect(opened.manager.analytics().overall.demotions).toBe(16)
  })

  test('is found again, as young as it was', async () => {
    const opened = open({ options: { tags: ['all'] } })
    const { cache, runtime } = opened
    await setAll(opened)
    await runtime.advance(600_000)
    const found = await runtime.until(cache.getMany(keys))
    expect(found.size).toBe(keys.length)
    const entry = await runtime.until(cache.getEntry(keys[0]!))
    expect(entry).toMatchObject({ value: 'value of key-0', tags: ['all'], stale: false })
    expect(entry?.expiresAt?.getTime()).toBe(runtime.clock.now() + 3_000_000)
    await runtime.advance(3_000_000)
    expect((await runtime.until(cache.getMany(keys))).size).toBe(0)
  })

  test('does not come back after it was deleted, replaced or invalidated', async () => {
    const opened = open({ options: { tags: ['all'] } })
    const { cache, runtime } = opened
    await setAll(opened)
    const [deleted, replaced] = (await onDisk(opened)) as [string, string]
    await runtime.until(cache.delete(deleted))
    await runtime.until(cache.set(replaced, 'newer'))
    expect(await runtime.until(cache.get(deleted))).toBeUndefined()
    expect(await runtime.until(cache.get(replaced, { tiers: ['disk'] }))).toBeUndefined()
    expect(await runtime.until(cache.get(replaced))).toBe('newer')
    await runtime.until(cache.invalidateTags(['all']))
    expect((await runtime.until(cache.getMany(keys))).size).toBe(0)
    await setAll(opened)
    await runtime.until(cache.clear())
    await runtime.settle()
    expect((await runtime.until(cache.getMany(keys))).size).toBe(0)
  })

  test('is kept as new as it is, after a clear before it', async () => {
    const opened = open()
    await opened.runtime.until(opened.cache.clear())
    await setAll(opened)
    expect((await opened.runtime.until(opened.cache.getMany(keys))).size).toBe(keys.length)
  })

  test('is found while it is on its way', async () => {
    const opened = open()
    const { cache, faults, runtime } = opened
    faults.disk.delay('set', 50)
    for (const key of keys) void cache.set(key, key)
    await runtime.settle()
    const found = await runtime.until(cache.getMany(keys))
    expect([...found.keys()].toSorted()).toEqual(keys.toSorted())
  })

  test('is what was loaded, too, and nothing that is too large for memory is lost', async () => {
    const opened = open()
    const { cache, runtime } = opened
    for (const key of keys) await runtime.until(cache.getOrSet(key, () => key))
    await runtime.settle()
    expect(await onDisk(opened)).toHaveLength(16)
    const around = open({ options: { writeMode: 'around' } })
    await around.runtime.until(around.cache.set('key-0', 'not for memory'))
    expect(await onDisk(around)).toEqual(['key-0'])
  })

  test('comes from further down to memory alone', async () => {
    const runtime = fakeRuntime()
    const opened = testCache()
      .memory()
      .tier(mapTier({ name: 'disk', capabilities: { shared: false } }))
      .tier(mapTier({ name: 'last', capabilities: { shared: false } }))
      .runtime(runtime)
      .namespace('n', { demotion: true })
      .build()
    stops.push(() => runtime.until(opened.manager.stop()))
    await runtime.until(opened.cache.set('key', 1, { tiers: ['last'] }))
    expect(await runtime.until(opened.cache.get('key'))).toBe(1)
    await runtime.settle()
    expect((await runtime.until(opened.cache.inspect('key'))).map(({ tier, state }) => `${tier} ${state}`)).toEqual([
      'memory fresh',
      'disk absent',
      'last fresh',
    ])
  })

  test('is not what only memory may keep, while nothing is confirmed', async () => {
    const runtime = fakeRuntime()
    const store = sharedStore({ clock: runtime.clock, random: runtime.random })
    const opened = testCache()
      .memory({ maxEntries: 4 })
      .tier(store.tier({ name: 'shared' }))
      .tier(mapTier({ name: 'disk', capabilities: { shared: false } }))
      .runtime(runtime)
      .namespace('n', { ttl: '1h', demotion: true })
      .build()
    stops.push(() => runtime.until(opened.manager.stop()))
    await runtime.until(opened.cache.get('key'))
    store.instances[0]?.cut()
    await runtime.advance(6000)
    for (const key of keys) await runtime.until(opened.cache.getOrSet(key, () => 'provisional'))
    await runtime.settle()
    expect(opened.manager.analytics().overall).toMatchObject({ loads: keys.length, demotions: 0 })
  })

  test('stays out of a store that others share', async () => {
    const runtime = fakeRuntime()
    const store = sharedStore({ clock: runtime.clock, random: runtime.random })
    const opened = open({ store, runtime })
    await setAll(opened)
    const shared = await runtime.until(opened.cache.getMany(keys, { tiers: ['shared'] }))
    expect(shared.size).toBe(keys.length)
    expect(await onDisk(opened)).toHaveLength(16)
  })
})

test('what another process has changed is not served from the tier that demotion has filled', async () => {
  const runtime = fakeRuntime()
  const store = sharedStore({ clock: runtime.clock, random: runtime.random })
  const here = open({ store, runtime })
  const there = open({ store, runtime })
  await setAll(here)
  await runtime.until(there.cache.set('key-0', 'of another'))
  await runtime.advance(100)
  const found = await runtime.until(here.cache.get('key-0'))
  expect(found).toBe('of another')
  expect(await runtime.until(here.cache.get('key-0', { tiers: ['disk'] }))).toBeUndefined()
})

test.each([
  ['no memory', [mapTier({ name: 'disk', capabilities: { shared: false } })]],
  ['no tier behind memory', [memory()]],
  ['none but shared tiers behind memory', [memory(), mapTier({ name: 'shared', capabilities: { shared: true } })]],
])('demotion is refused where there is %s', (_, tiers) => {
  expect(() => createCacheManager({ tiers, namespaces: { n: { demotion: true } } })).toThrowError(
    '`namespaces.n.demotion` needs memory and, behind it, a tier of this process alone, such as disk().',
  )
})

test('random work finds with demotion what it finds without, or nothing', async () => {
  const random = seededRandom(Number(process.env['SEED'] ?? 20_261_122))
  const opened = open({ maxEntries: 3 })
  const { cache, runtime } = opened
  const truth = new Map<string, number>()
  for (let step = 0; step < 3000; step++) {
    const key = `key-${random.int(12)}`
    const act = random.int(10)
    if (act < 3) {
      truth.set(key, step)
      await runtime.until(cache.set(key, step))
    } else if (act === 3) {
      truth.delete(key)
      await runtime.until(cache.delete(key))
    } else if (act === 4) await runtime.settle()
    else {
      const found = await runtime.until(cache.get(key))
      expect([truth.get(key), undefined], `seed ${random.seed}, step ${step}, ${key}`).toContain(found)
    }
  }
  const { demotions, hitsByTier } = opened.manager.analytics().overall
  expect(demotions).toBeGreaterThan(500)
  expect(hitsByTier['disk']).toBeGreaterThan(300)
})
