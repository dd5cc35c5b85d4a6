import { describe, expect, test, vi } from 'vitest'
import type { CacheEvent } from '../../src/contract/events.ts'
import { createEntry, reviewTime } from '../../src/core/entry.ts'
import { resolveNamespace } from '../../src/core/namespace-policy.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import { slowLoader } from './slow-loader.ts'
import { starter } from './started.ts'

const started = starter()

describe('refreshAhead', () => {
  test('serves the present value and loads again once its share of the ttl has passed', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ ttl: '10s', refreshAhead: 0.8 }).build())
    const loader = vi.fn(async () => 'v2')
    await cache.getOrSet('k', () => 'v1')

    await runtime.advance(7999)
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    expect(loader).not.toHaveBeenCalled()

    await runtime.advance(1)
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(loader).toHaveBeenCalledTimes(1)
    expect(await cache.getOrSet('k', loader)).toBe('v2')
    expect(await cache.ttl('k')).toBe(10_000)
  })

  test('counts the share from the last renewal, not from the birth of the value', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ ttl: '10s', refreshAhead: 0.8 }).build())
    const loader = vi.fn(async () => 'v2')
    await cache.set('k', 'v1')
    for (let times = 0; times < 9; times++) {
      await runtime.advance(7000)
      await cache.touch('k')
    }
    await runtime.advance(7999)
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(loader).not.toHaveBeenCalled()
    await runtime.advance(1)
    await cache.getOrSet('k', loader)
    await runtime.settle()
    expect(loader).toHaveBeenCalledTimes(1)
  })

  test('runs at most one refresh a key at a time', async () => {
    const { cache, runtime, manager } = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '10s', refreshAhead: 0.5 }).build(),
    )
    await cache.set('k', 'v1')
    await runtime.advance(6000)
    const { loader, contexts, finish } = slowLoader()
    for (let hit = 0; hit < 50; hit++) expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(contexts).toHaveLength(1)
    finish('v2')
    await runtime.settle()
    expect(manager.analytics().overall).toMatchObject({ refreshes: 1, loads: 1 })
  })

  test('is joined by callers once the value has died', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ ttl: '10s', refreshAhead: 0.5 }).build())
    await cache.set('k', 'v1')
    await runtime.advance(6000)
    const { loader, contexts, finish } = slowLoader()
    await cache.getOrSet('k', loader)
    await runtime.advance(5000)
    const answer = cache.getOrSet('k', loader)
    finish('v2')
    expect(await answer).toBe('v2')
    expect(contexts).toHaveLength(1)
  })

  test('is capped for the process, and says what it drops', async () => {
    const { cache, runtime, manager } = started(
      testCache().memory().defaults({ ttl: '10s', refreshAhead: 0.5 }).options({ maxRefreshes: 2 }).build(),
    )
    const events: CacheEvent[] = []
    manager.on('refresh', (event) => events.push(event))
    const keys = ['a', 'b', 'c']
    for (const key of keys) await cache.set(key, 1)
    await runtime.advance(6000)
    const loaders = keys.map(() => slowLoader())
    for (const [index, key] of keys.entries()) await cache.getOrSet(key, loaders[index]!.loader)
    await runtime.settle()
    expect(loaders.map(({ contexts }) => contexts.length)).toEqual([1, 1, 0])
    expect(events.map((event) => event.type === 'refresh' && event.outcome)).toEqual(['started', 'started', 'dropped'])
    for (const { finish } of loaders) finish(2)
    await runtime.settle()
    await cache.getOrSet('c', loaders[2]!.loader)
    await runtime.settle()
    expect(loaders[2]!.contexts).toHaveLength(1)
    loaders[2]!.finish(2)
  })

  test('keeps the present value and pauses when the refresh fails', async () => {
    const { cache, runtime } = started(
      testCache().memory().defaults({ ttl: '100s', refreshAhead: 0.5, graceBackoff: '10s' }).build(),
    )
    await cache.set('k', 'v1')
    await runtime.advance(60_000)
    const loader = vi.fn(() => Promise.reject(new Error('down')))
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(loader).toHaveBeenCalledTimes(1)
    await runtime.advance(10_000)
    expect(await cache.getOrSet('k', loader)).toBe('v1')
    await runtime.settle()
    expect(loader).toHaveBeenCalledTimes(2)
  })

  test('does not bring back a value that was invalidated while it ran', async () => {
    const { cache, runtime } = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '10s', refreshAhead: 0.5 }).build(),
    )
    await cache.set('k', 'v1')
    await runtime.advance(6000)
    const { loader, finish } = slowLoader()
    await cache.getOrSet('k', loader)
    await runtime.settle()
    await cache.delete('k')
    finish('read before the delete')
    await runtime.settle()
    expect(await cache.get('k')).toBeUndefined()
  })

  test('takes what another process has already refreshed from the shared tier', async () => {
    const shared = mapTier()
    const one = started(testCache().memory().tier(shared).defaults({ ttl: '10s', refreshAhead: 0.5 }).build())
    const other = started(
      testCache().memory().tier(shared).defaults({ ttl: '10s', refreshAhead: 0.5 }).runtime(one.runtime).build(),
    )
    await one.cache.set('k', 'v1')
    expect(await other.cache.get('k')).toBe('v1')
    await one.runtime.advance(6000)
    await one.cache.set('k', 'v2')
    const loader = vi.fn(async () => 'v3')
    expect(await other.cache.getOrSet('k', loader)).toBe('v1')
    await one.runtime.settle()
    expect(other.cache.peek('k')).toBe('v2')
    expect(loader).not.toHaveBeenCalled()
    // Both share one clock, so the first that checks its timers must be the last that has any.
    await other.manager.stop()
  })
})

describe('earlyRefresh', () => {
  const policy = resolveNamespace('n', { ttl: '60s', earlyRefresh: 1 }, { defaults: undefined, tierNames: [] })

  test('draws a review time before the end of freshness, earlier the longer the load took', () => {
    const random = seededRandom(7)
    const birth = { version: 1, now: 0, tags: [], tagClock: 0 }
    const meanLead = (loadMs: number): number => {
      const entry = createEntry('v', { ...birth, loadMs }, { policy, random })
      const leads = Array.from({ length: 20_000 }, () => entry.freshUntil - reviewTime(entry, policy, random))
      return leads.reduce((sum, lead) => sum + lead, 0) / leads.length
    }
    // The lead is exponentially distributed with mean loadMs * beta.
    expect(meanLead(100)).toBeGreaterThan(95)
    expect(meanLead(100)).toBeLessThan(105)
    expect(meanLead(1000)).toBeGreaterThan(950)
    expect(meanLead(1000)).toBeLessThan(1050)
  })

  test('never draws anything for values that were set by hand', () => {
    const entry = createEntry(
      'v',
      { version: 1, now: 0, tags: [], tagClock: 0, loadMs: 0 },
      { policy, random: seededRandom(1) },
    )
    expect(reviewTime(entry, policy, seededRandom(1))).toBe(entry.freshUntil)
  })

  test('refreshes before the value goes stale', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ ttl: '10s', earlyRefresh: 5 }).build())
    const slow = slowLoader()
    const first = cache.getOrSet('k', slow.loader)
    await runtime.advance(2000)
    slow.finish('v1')
    await first
    const loader = vi.fn(async () => 'v2')
    for (let second = 0; second < 99 && loader.mock.calls.length === 0; second++) {
      await runtime.advance(100)
      expect(['v1', 'v2']).toContain(await cache.getOrSet('k', loader))
      await runtime.settle()
    }
    expect(loader).toHaveBeenCalledTimes(1)
    expect(runtime.clock.now()).toBeLessThan(Date.UTC(2026, 0, 1) + 12_000)
  })
})
