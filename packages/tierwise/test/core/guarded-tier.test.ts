import { describe, expect, test } from 'vitest'

import type { CacheEvent } from '../../src/contract/events.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import { stackOpener, stacksWithTiers } from '../stacks.ts'
import type { OpenStack } from '../stacks.ts'

const open = stackOpener()

function collect(stack: OpenStack, type: CacheEvent['type']): CacheEvent[] {
  const events: CacheEvent[] = []
  stack.manager.on(type, (event) => void events.push(event))
  return events
}

describe.each(stacksWithTiers)('reads over $name', (definition) => {
  const faults = ['fail', 'hang', 'damage'] as const

  test.each(faults)('go to the loader when every tier does this: %s', async (fault) => {
    const stack = open(definition)
    await stack.runtime.until(stack.cache.set('key', 'kept'))
    await stack.runtime.until(stack.cache.set('key', 'kept', { writeMode: 'around' }))
    for (const name of stack.below) {
      const plan = stack.plan(name)
      if (fault === 'fail') plan.fail('get')
      else if (fault === 'hang') plan.hang('get')
      else plan.corrupt('get')
    }
    const before = stack.runtime.clock.now()
    expect(await stack.runtime.until(stack.cache.get('key'))).toBeUndefined()
    expect(await stack.runtime.until(stack.cache.getMany(['key', 'other']))).toEqual(new Map())
    expect(await stack.runtime.until(stack.cache.getOrSet('key', () => 'loaded'))).toBe('loaded')
    const reads = 3
    expect(stack.runtime.clock.now() - before).toBeLessThanOrEqual(
      fault === 'hang' ? reads * stack.below.length * 251 : 5,
    )
  })

  test('answer from the next tier when one lies about its bytes', async () => {
    const stack = open(definition)
    await stack.runtime.until(stack.cache.set('key', 'kept'))
    await stack.runtime.until(stack.cache.set('key', 'kept', { writeMode: 'around' }))
    const [first = '', ...others] = stack.below
    stack.plan(first).corrupt('get', { how: 'foreign' })
    const records = collect(stack, 'bad-record')
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe(others.length > 0 ? 'kept' : undefined)
    expect(records).toMatchObject([{ tier: first, reason: 'damaged' }])
  })
})

describe('a tier that fails', () => {
  test('costs one deadline, then nothing, and comes back by itself', async () => {
    const stack = open('L2 plain')
    await stack.manager.start()
    const states = collect(stack, 'breaker')
    const errors = collect(stack, 'tier-error')
    stack.plan('second').hang('get')
    for (let at = 0; at < 5; at++) await stack.runtime.until(stack.cache.get('key'))
    expect(states).toMatchObject([{ state: 'open' }])
    expect(errors).toHaveLength(5)
    expect(errors[0]).toMatchObject({ tier: 'second', operation: 'get', error: { code: 'ERR_CACHE_TIER_TIMEOUT' } })
    const before = stack.runtime.clock.now()
    for (let at = 0; at < 100; at++) await stack.cache.get('key')
    expect(stack.runtime.clock.now()).toBe(before)
    expect(stack.plan('second').callsOf('get')).toHaveLength(5)
    await stack.runtime.advance(5000)
    await stack.runtime.until(Promise.all([stack.cache.get('key'), stack.cache.get('other')]))
    expect(stack.plan('second').callsOf('get')).toHaveLength(6)
    stack.plan('second').clear()
    await stack.runtime.advance(5000)
    await stack.cache.get('key')
    expect(states.map((event) => event.type === 'breaker' && event.state)).toEqual([
      'open',
      'half-open',
      'open',
      'half-open',
      'closed',
    ])
  })

  test('does not fail a write, and tells what became of it', async () => {
    const stack = open('L1+L2+L3')
    stack.plan('second').fail('set')
    const result = await stack.cache.set('key', 1)
    expect(result.tiers).toEqual({ memory: 'applied', second: 'failed', third: 'applied' })
    expect(result.token).toMatch(/^[0-9a-z]+$/)
  })

  test('answers with its last breath: a reply that comes after the deadline is not used', async () => {
    const stack = open('L2 plain', { manager: { tierTimeout: 50 } })
    await stack.cache.set('key', 1)
    stack.plan('second').delay('get', 60, { times: 1 })
    expect(await stack.runtime.until(stack.cache.get('key'))).toBeUndefined()
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe(1)
  })

  test('is asked again after a failed open, and start tells', async () => {
    const lazy = open('L1+L2 plain')
    lazy.plan('second').fail('open', { times: 1 })
    expect(await lazy.cache.getOrSet('key', () => 1)).toBe(1)
    await lazy.cache.set('key', 2)
    expect(await lazy.cache.get('key', { tiers: ['second'] })).toBe(2)
    const eager = open('L1+L2 plain')
    eager.plan('second').fail('open')
    await expect(eager.manager.start()).rejects.toMatchObject({
      name: 'TierError',
      code: 'ERR_CACHE_TIER_OPEN',
      tier: 'second',
    })
  })

  test('cannot hold up the first use by an open that hangs', async () => {
    const stack = open('L1+L2+L3')
    stack.plan('second').hang('open', { times: 1 })
    expect(await stack.runtime.until(stack.cache.getOrSet('key', () => 'loaded'))).toBe('loaded')
    expect(await stack.runtime.until(stack.cache.get('key', { tiers: ['third'] }))).toBe('loaded')
  })

  test('cannot hold up the stop by an open that hangs', async () => {
    const plan = faultPlan()
    plan.hang('open')
    const runtime = fakeRuntime()
    const manager = createCacheManager({ tiers: [faultTier(mapTier(), plan)], runtime })
    expect(await runtime.until(manager.namespace('n').getOrSet('key', () => 1))).toBe(1)
    await runtime.until(manager.stop())
    expect(runtime.pendingTimers).toEqual([])
  })

  test('refuses half a listing', async () => {
    const stack = open('L2 durable')
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    stack.plan('second').fail('scan', { when: 'after' })
    const listed: string[] = []
    const listing = async (): Promise<void> => {
      for await (const key of stack.cache.keys()) listed.push(key)
    }
    await expect(listing()).rejects.toMatchObject({ name: 'TierError', code: 'ERR_CACHE_TIER_READ', tier: 'second' })
    await expect(stack.cache.invalidatePattern('*')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ' })
  })

  test('cannot hold up a listing for longer than its deadline', async () => {
    const stack = open('L2 durable')
    await stack.cache.set('a', 1)
    stack.plan('second').hang('scan')
    await expect(stack.runtime.until(stack.cache.invalidatePattern('*'))).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_TIMEOUT',
    })
  })

  test('shows in the health report, deep or not', async () => {
    const stack = open('L1+L2 plain')
    await stack.manager.start()
    expect(await stack.manager.health()).toMatchObject({ healthy: true, state: 'started', pendingWrites: 0 })
    stack.plan('second').fail('usage')
    expect(await stack.manager.health({ deep: true })).toMatchObject({
      healthy: false,
      tiers: [
        { name: 'memory', healthy: true },
        { name: 'second', healthy: false },
      ],
    })
  })
})

describe('a tier that cannot be written', () => {
  test('is still read: writes have a breaker of their own', async () => {
    const faults = faultPlan()
    const runtime = fakeRuntime()
    const tier = faultTier(mapTier({ name: 'slow' }), faults)
    const manager = createCacheManager({ tiers: [tier], breaker: { failures: 2, openFor: '1h' }, runtime })
    const cache = manager.namespace('n')
    await cache.set('kept', 'value')
    faults.fail('set')
    for (const key of ['a', 'b', 'c']) await cache.set(key, 'lost')

    expect((await manager.health()).tiers).toMatchObject([{ breaker: 'open', healthy: false }])
    expect(faults.callsOf('set')).toHaveLength(3)
    expect(await cache.get('kept')).toBe('value')
    faults.clear()
    await runtime.until(manager.stop())
  })
})
