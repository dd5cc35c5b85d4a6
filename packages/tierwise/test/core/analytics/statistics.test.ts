import { afterEach, describe, expect, test } from 'vitest'

import type { CacheManagerOptions } from '../../../src/contract/options.ts'
import { fakeRuntime, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function open(
  options: Omit<CacheManagerOptions, 'tiers' | 'defaults' | 'namespaces' | 'runtime'> = {},
): TestCache<'store'> {
  const runtime = fakeRuntime()
  const opened = testCache()
    .memory()
    .faulty('store')
    .options(options)
    .namespace('n', { ttl: '1d' })
    .runtime(runtime)
    .build()
  stops.push(() => runtime.until(opened.manager.stop()))
  return opened
}

describe('windows', () => {
  test('tell what happened lately, and of how much of the stretch', async () => {
    const { cache, manager, runtime } = open()
    await runtime.until(cache.getOrSet('key', () => 1))
    await runtime.advance(120_000)
    for (let at = 0; at < 9; at++) await runtime.until(cache.get('key'))
    await runtime.until(cache.get('none'))
    const { windows, overall } = manager.analytics()
    expect(overall).toMatchObject({ gets: 11, loads: 1 })
    expect(windows?.['1m'].overall).toMatchObject({ gets: 10, hits: 9, misses: 1, loads: 0, hitRate: 0.9 })
    expect(windows?.['1m'].coveredMs).toBeGreaterThanOrEqual(55_000)
    expect(windows?.['1m'].coveredMs).toBeLessThanOrEqual(65_000)
    expect(windows?.['15m'].overall).toMatchObject({ gets: 11, loads: 1 })
    expect(windows?.['24h'].coveredMs).toBe(120_000)
  })

  test('leave out the namespaces that were not used in them', async () => {
    const { cache, manager, runtime } = open()
    await runtime.until(cache.get('key'))
    await runtime.advance(120_000)
    await runtime.until(manager.namespace('other').get('key'))
    const { windows } = manager.analytics()
    expect(Object.keys(windows?.['1m'].namespaces ?? {})).toEqual(['other'])
    expect(Object.keys(windows?.['15m'].namespaces ?? {})).toEqual(['n', 'other'])
  })
})

describe('times', () => {
  test('of tiers are those that their callers waited, by operation', async () => {
    const { cache, faults, manager, runtime } = open({ tierTimeout: '100ms' })
    await runtime.until(cache.get('first'))
    faults.store.delay('get', 40)
    await runtime.until(cache.get('slow'))
    faults.store.clear()
    faults.store.hang('get')
    await runtime.until(cache.get('never'))
    const { get } = manager.analytics().tiers['store']!.operations
    expect(get).toMatchObject({ calls: 3, timeouts: 1, latency: { count: 2 } })
    expect(get?.latency?.maxMs).toBeCloseTo(40, 0)
  })

  test('of loads are told by namespace', async () => {
    const { cache, manager, runtime } = open()
    const slow = (): Promise<number> => new Promise((resolve) => void runtime.timers.after(200, () => resolve(1)))
    await runtime.until(cache.getOrSet('key', slow))
    await runtime.until(cache.getOrSetMany(['a', 'b'], async (keys) => new Map(keys.map((key) => [key, 1]))))
    expect(manager.analytics().loadLatency).toMatchObject({ n: { count: 2 } })
    expect(manager.analytics().loadLatency['n']?.maxMs).toBeCloseTo(200, -1)
  })

  test('of memory hits are sampled', async () => {
    const { cache, manager, runtime } = open()
    await runtime.until(cache.set('key', 1))
    for (let at = 0; at < 5000; at++) await cache.get('key')
    const { hitLatency, hits } = manager.analytics().tiers['memory']!
    expect(hits).toBe(5000)
    expect(hitLatency?.count).toBeGreaterThan(5)
    expect(hitLatency?.count).toBeLessThan(200)
  })
})

test('hot keys and key families are told of memory hits and of what lies below', async () => {
  const { cache, manager, runtime } = open()
  await runtime.until(
    cache.setMany([
      ['user:1', 1],
      ['user:2', 2],
    ]),
  )
  for (let at = 0; at < 20_000; at++) await cache.get(at % 10 === 0 ? 'user:2' : 'user:1')
  for (let at = 0; at < 200; at++) await runtime.until(cache.get(`report:${at}`))
  const { hotKeys, keyFamilies } = manager.analytics()
  expect(hotKeys[0]).toMatchObject({ namespace: 'n', key: 'user:1' })
  expect(hotKeys[0]?.share).toBeGreaterThan(0.75)
  expect(hotKeys[0]?.reads).toBeGreaterThan(13_000)
  const reports = keyFamilies.find(({ family }) => family === 'report:*')
  expect(reports?.hits).toBe(0)
  expect(reports?.misses).toBeGreaterThan(100)
  expect(reports?.misses).toBeLessThan(300)
})

test('without statistics nothing is kept but counters, and nobody looks around every five seconds', async () => {
  const { cache, manager, runtime } = open({ statistics: false })
  await runtime.until(cache.getOrSet('key', () => 1))
  for (let at = 0; at < 5000; at++) await cache.get('key')
  await runtime.advance(1000)
  const { overall, windows, hotKeys, keyFamilies, loadLatency, tiers } = manager.analytics()
  expect(overall).toMatchObject({ gets: 5001, hits: 5000, loads: 1 })
  expect({ windows, hotKeys, keyFamilies, loadLatency }).toEqual({
    windows: undefined,
    hotKeys: [],
    keyFamilies: [],
    loadLatency: {},
  })
  expect(tiers['memory']?.hitLatency).toBeUndefined()
  expect(tiers['store']?.operations.get?.latency).toBeUndefined()
  expect(runtime.pendingTimers.some(({ everyMs }) => everyMs === 5000)).toBe(false)
})

test('the three hit rates of a tier have their own denominators', async () => {
  const { cache, manager, runtime } = open()
  await runtime.until(cache.set('both', 1))
  await runtime.until(cache.set('below', 1, { tiers: ['store'] }))
  // Two in memory, one below, one nowhere.
  for (const key of ['both', 'both', 'below', 'none']) await runtime.until(cache.get(key))
  const { memory, store } = manager.analytics().tiers
  expect(memory).toMatchObject({ hitShareOfGets: 0.5, hitShareOfHits: 2 / 3, tierHitRatio: 0.5 })
  expect(store).toMatchObject({ hitShareOfGets: 0.25, hitShareOfHits: 1 / 3, tierHitRatio: 0.5, lookups: 2 })
})

test('what values became in bytes is told by tier', async () => {
  const { cache, manager, runtime } = open()
  await runtime.until(cache.set('key', 'x'.repeat(1000)))
  expect(manager.analytics().tiers['store']?.compression).toMatchObject({ values: 1, ratio: 1 })
  expect(manager.analytics().tiers['memory']?.compression).toBeUndefined()
})

test('what tiers behind memory hold is told as of the last deep look', async () => {
  const { cache, manager, runtime } = open()
  await runtime.until(cache.set('key', 1))
  expect(manager.analytics().tiers['store']?.entries).toBeUndefined()
  await runtime.until(manager.health({ deep: true }))
  expect(manager.analytics().tiers['store']?.entries).toBe(1)
  expect(manager.analytics().tiers['memory']?.entries).toBe(1)
})
