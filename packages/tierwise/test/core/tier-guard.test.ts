import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'

import type { CacheEvent } from '../../src/contract/events.ts'
import type { Tier, TierDefinition } from '../../src/contract/tier.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier, testCache } from '../../src/testing/index.ts'
import { stackOpener } from '../stacks.ts'
import type { OpenStack } from '../stacks.ts'

const open = stackOpener()

function collect(stack: OpenStack, type: CacheEvent['type']): CacheEvent[] {
  const events: CacheEvent[] = []
  stack.manager.on(type, (event) => void events.push(event))
  return events
}

describe('a tier with too much under way', () => {
  test('is spared the next operation, which is answered at once and says nothing about its health', async () => {
    const stack = open('L2 plain', { manager: { maxInFlight: 3, breaker: { failures: 1, minCalls: 1 } } })
    await stack.cache.set('key', 'held')
    const errors = collect(stack, 'tier-error')
    stack.plan('second').delay('get', 100)
    const before = stack.runtime.clock.now()
    const slow: Promise<unknown>[] = []
    for (const key of ['a', 'b', 'c']) {
      // Reads of one tick are one operation.
      slow.push(stack.cache.get(key))
      await stack.runtime.settle()
    }
    expect(await stack.cache.get('key')).toBeUndefined()
    expect((await stack.cache.set('key', 'new')).tiers).toEqual({ second: 'failed' })
    expect(stack.runtime.clock.now()).toBe(before)
    expect(errors).toMatchObject([
      { operation: 'get', error: { code: 'ERR_CACHE_TIER_BUSY' } },
      { operation: 'set', error: { code: 'ERR_CACHE_TIER_BUSY' } },
    ])
    await stack.runtime.until(Promise.all(slow))
    await stack.runtime.advance(1000)
    expect(await stack.manager.health()).toMatchObject({ healthy: true })
    const { operations } = stack.manager.analytics().tiers['second'] ?? {}
    expect(operations).toMatchObject({ get: { rejected: 1 }, set: { rejected: 1 } })
    expect((await stack.cache.set('key', 'new')).tiers).toEqual({ second: 'applied' })
  })
})

describe('the guard of one tier', () => {
  test('may differ from that of the others', async () => {
    const stack = open('L2+L3 plain', {
      manager: { tierTimeout: 200, guards: { second: { tierTimeout: 20, breaker: { failures: 1 } } } },
    })
    await stack.manager.start()
    const errors = collect(stack, 'tier-error')
    stack.plan('second').hang('get')
    stack.plan('third').hang('get')
    const before = stack.runtime.clock.now()
    await stack.runtime.until(stack.cache.get('key'))
    expect(stack.runtime.clock.now() - before).toBeLessThanOrEqual(222)
    expect(errors).toMatchObject([
      { tier: 'second', error: { message: expect.stringContaining('within 20 ms') } },
      { tier: 'third', error: { message: expect.stringContaining('within 200 ms') } },
    ])
  })
})

describe('a health check', () => {
  test('that is late does not keep readers from a tier that answers them', async () => {
    const stack = open('L2 plain')
    await stack.cache.set('key', 'held')
    stack.plan('second').hang('usage')
    expect(await stack.runtime.until(stack.manager.health({ deep: true }))).toMatchObject({ healthy: false })
    expect((await stack.manager.health()).tiers[0]?.breakers).toMatchObject({ read: 'closed' })
    expect(await stack.cache.get('key')).toBe('held')
  })
})

describe('a tier that takes no values', () => {
  test('still takes removals: they have a breaker of their own', async () => {
    const stack = open('L2 durable')
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    stack.plan('second').fail('set', { error: new Error('OOM command not allowed') })
    for (let at = 0; at < 10; at++) await stack.cache.set(`key ${at}`, at)
    expect((await stack.manager.health()).tiers[0]?.breakers).toMatchObject({ write: 'open', remove: 'closed' })
    expect(await stack.cache.delete('a')).toBe(true)
    expect(await stack.cache.get('b')).toBe(2)
  })
})

describe('an attempt to open', () => {
  test('has ended when the manager has stopped, though the tier never answers it', async () => {
    const runtime = fakeRuntime()
    const inner = mapTier()
    const mute: TierDefinition = {
      ...inner,
      create: (context) => Object.assign(inner.create(context) as Tier, { open: () => new Promise<never>(() => {}) }),
    }
    const manager = createCacheManager({ tiers: [mute], runtime, connectTimeout: '1m' })
    await runtime.until(manager.namespace('n').get('key'))
    const before = runtime.clock.now()
    await manager.stop()
    expect(runtime.clock.now()).toBe(before)
    expect(runtime.pendingTimers).toEqual([])
  })
})

describe('a tier that is open', () => {
  test('is not opened again by those who waited for it', async () => {
    const { manager, cache, runtime, faults, stop } = testCache().memory().faulty('store').build()
    faults.store.fail('open')
    await runtime.until(cache.invalidateTags(['t']))
    faults.store.clear()
    await runtime.advance(900)
    await runtime.until(cache.get('key'))
    await runtime.settle()
    expect(await manager.health()).toMatchObject({ healthy: true })
    const opened = faults.store.calls.filter(({ operation }) => operation === 'open').length
    faults.store.fail('open')
    await runtime.advance(10_000)
    expect(faults.store.calls.filter(({ operation }) => operation === 'open').length).toBe(opened)
    expect(await manager.health()).toMatchObject({ healthy: true })
    await stop()
  })
})

describe('a tier that takes longer to open than a call waits', () => {
  test('opens beside a loop of calls that are answered at once', async () => {
    const inner = mapTier()
    const slow: TierDefinition = {
      ...inner,
      create: (context) => {
        const tier = inner.create(context) as Tier
        const open = tier.open.bind(tier)
        // Real time has to pass: what is tried is whether the event loop turns.
        return Object.assign(tier, { open: () => sleep(50).then(open) })
      },
    }
    const manager = createCacheManager({ tiers: [slow], tierTimeout: 5 })
    const cache = manager.namespace('n')
    const endsAt = performance.now() + 3000
    let state: string | undefined
    while (state !== 'applied' && performance.now() < endsAt) state = (await cache.set('key', 1)).tiers['map']
    expect(state).toBe('applied')
    await manager.stop()
  })
})

describe('a probe that nobody waits for', () => {
  test('has ended when the manager has stopped, though the tier never answers it', async () => {
    const runtime = fakeRuntime()
    const inner = mapTier()
    const mute: TierDefinition = {
      ...inner,
      create: (context) => {
        const tier = inner.create(context) as Tier
        // Not even its own end makes this one give up.
        tier.get = () => new Promise<never>(() => {})
        return tier
      },
    }
    const manager = createCacheManager({ tiers: [mute], runtime })
    const cache = manager.namespace('n')
    await runtime.until(cache.get('key'))
    await runtime.advance(500)
    await cache.get('key')
    expect(manager.analytics().tiers['map']?.operations.get).toMatchObject({ calls: 2, timeouts: 1 })
    await runtime.until(manager.stop())
    expect(runtime.pendingTimers).toEqual([])
  })
})
