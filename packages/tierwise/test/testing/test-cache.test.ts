import { describe, expect, it } from 'vitest'

import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'

describe('testCache', () => {
  it('builds a memory tier alone by default', async () => {
    const { cache, manager, stop } = testCache().build()
    expect(cache.name).toBe('test')
    await cache.set('a', 1)
    expect(await cache.get('a')).toBe(1)
    expect((await manager.health()).tiers.map((tier) => tier.name)).toEqual(['memory'])
    await stop()
  })

  it('chains the tiers in the order of the description and fills memory from below', async () => {
    const { cache, manager, stop } = testCache()
      .memory({ maxBytes: '1mb' })
      .tier(mapTier({ name: 'l2' }))
      .faulty('l3')
      .namespace('users', { ttl: '1m' })
      .build()
    expect(cache.name).toBe('users')
    const written = await cache.set('a', { name: 'Ada' })
    expect(written.tiers).toEqual({ memory: 'applied', l2: 'applied', l3: 'applied' })
    const health = await manager.health()
    expect(health.tiers.map((tier) => tier.name)).toEqual(['memory', 'l2', 'l3'])
    await stop()
  })

  it('moves the time of the cache', async () => {
    const { cache, runtime, stop } = testCache().memory().defaults({ ttl: '10s' }).build()
    await cache.set('a', 1)
    await runtime.advance(9999)
    expect(await cache.get('a')).toBe(1)
    await runtime.advance(1)
    expect(await cache.get('a')).toBeUndefined()
    await stop()
  })

  it('shares stores and time between two caches', async () => {
    const runtime = fakeRuntime()
    const shared = mapTier()
    const one = testCache().tier(shared).runtime(runtime).build()
    const other = testCache().memory().tier(shared).runtime(runtime).build()
    await one.cache.set('a', 1)
    expect(await other.cache.get('a')).toBe(1)
    await other.manager.stop()
    await one.stop()
  })

  it('breaks a tier by its plan while the cache goes on', async () => {
    const { cache, faults, stop } = testCache().faulty('l2').build()
    await cache.set('a', 1)
    // A read that fails is tried once more.
    faults.l2.fail('get', { times: 2 })
    expect(await cache.get('a')).toBeUndefined()
    expect(await cache.get('a')).toBe(1)
    faults.l2.corrupt('get')
    expect(await cache.get('a')).toBeUndefined()
    await stop()
  })

  it('answers within the deadline of a tier that hangs', async () => {
    const { cache, faults, runtime, stop } = testCache().faulty('l2').build()
    await cache.set('a', 1)
    faults.l2.hang('get')
    const before = runtime.clock.now()
    expect(await runtime.until(cache.get('a'))).toBeUndefined()
    expect(runtime.clock.now() - before).toBe(250)
    await stop()
  })

  it('fails the stop of a cache whose load never ends', async () => {
    const { cache, stop } = testCache().build()
    cache.getOrSet('a', () => new Promise(() => {})).catch(() => {})
    await expect(stop()).rejects.toThrow('of 1 loads 0 have ended')
  })

  it('fails the stop when a timer leaks or an invariant of the test does not hold', async () => {
    const { runtime, invariants, stop } = testCache().build()
    runtime.timers.after(10, () => {})
    invariants.add('own rule', () => {
      throw new Error('does not hold')
    })
    await expect(stop()).rejects.toThrow(
      /no timer is pending: 1 timers.*\n.*test-cache\.test.*\nown rule: does not hold/,
    )
  })

  it('leaves a description usable for several caches', async () => {
    const description = testCache().memory()
    const [one, other] = [description.build(), description.namespace('users').build()]
    expect([one.cache.name, other.cache.name]).toEqual(['test', 'users'])
    await one.cache.set('a', 1)
    expect(await other.cache.get('a')).toBeUndefined()
    await one.stop()
    await other.stop()
  })
})
