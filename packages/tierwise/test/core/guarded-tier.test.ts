import { describe, expect, test } from 'vitest'

import type { CacheEvent } from '../../src/contract/events.ts'
import type { Tier, TierDefinition } from '../../src/contract/tier.ts'
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
  test('that is silent costs its readers one deadline once, and comes back by itself', async () => {
    const stack = open('L2 plain')
    await stack.manager.start()
    const states = collect(stack, 'breaker')
    const errors = collect(stack, 'tier-error')
    const { clock } = stack.runtime
    const startedAt = clock.now()
    stack.plan('second').hang('get')
    expect(await stack.runtime.until(stack.cache.get('key'))).toBeUndefined()
    const oneDeadline = clock.now() - startedAt
    expect(oneDeadline).toBeLessThanOrEqual(251)
    expect(states).toMatchObject([{ tier: 'second', kind: 'read', state: 'open', reason: 'silence' }])
    expect(errors).toMatchObject([{ tier: 'second', operation: 'get', error: { code: 'ERR_CACHE_TIER_TIMEOUT' } }])
    for (let pause = 0; pause < 6; pause++) {
      const before = clock.now()
      // Not one of them waits, not even the one that finds the pause over and becomes the probe.
      for (let at = 0; at < 20; at++) expect(await stack.cache.get('key')).toBeUndefined()
      expect(clock.now()).toBe(before)
      await stack.runtime.advance(5300)
    }
    expect(stack.plan('second').callsOf('get')).toHaveLength(6)
    stack.plan('second').clear()
    await stack.cache.set('key', 'held')
    const asked = clock.now()
    const answers: unknown[] = []
    while ((await stack.manager.health()).tiers[0]?.breaker !== 'closed') {
      answers.push(await stack.runtime.until(stack.cache.get('key')))
      await stack.runtime.advance(1)
    }
    expect(answers).toEqual([undefined, 'held', 'held'])
    // Recovery is seen by the first call after the pause, which is 5 s at most.
    expect(clock.now() - asked).toBeLessThan(10)
    expect(states.slice(-2)).toMatchObject([
      { state: 'half-open', reason: 'pause-over' },
      { state: 'closed', reason: 'answered' },
    ])
  })

  test('is left alone after errors in a row, which cost no time', async () => {
    const stack = open('L2 plain', { manager: { breaker: { failures: 3 } } })
    await stack.manager.start()
    const states = collect(stack, 'breaker')
    stack.plan('second').fail('get')
    for (let at = 0; at < 10; at++) await stack.cache.get('key')
    expect(states).toMatchObject([{ kind: 'read', state: 'open', reason: 'failures' }])
    const { get } = stack.manager.analytics().tiers['second']?.operations ?? {}
    expect(get).toMatchObject({ calls: 3, failures: 3, timeouts: 0, retries: 3, refused: 7, rejected: 0 })
  })

  test('counts as used again as soon as another one of its operations answers', async () => {
    const stack = open('L2 plain')
    await stack.manager.start()
    stack.plan('second').hang('get', { times: 1 })
    await stack.runtime.until(stack.cache.get('key'))
    await stack.runtime.advance(500)
    expect((await stack.runtime.until(stack.manager.health({ deep: true }))).tiers[0]).toMatchObject({
      breaker: 'half-open',
      breakers: { open: 'closed', read: 'half-open', write: 'closed', remove: 'closed' },
    })
  })

  test('answers a probe while the manager stops, and nothing is left behind', async () => {
    const stack = open('L2 plain')
    await stack.manager.start()
    stack.plan('second').hang('get')
    await stack.runtime.until(stack.cache.get('key'))
    await stack.runtime.advance(500)
    await stack.cache.get('key')
    await stack.runtime.until(stack.manager.stop())
    expect(stack.runtime.pendingTimers).toEqual([])
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
    expect(await stack.manager.health()).toMatchObject({ tiers: [{ breaker: 'open' }] })
    // It was slow, not silent: with its answer the suspicion is over.
    await stack.runtime.advance(10)
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

  test('that opens slowly is waited for once, and used when it is there', async () => {
    const stack = open('L1+L2 plain')
    stack.plan('second').delay('open', 3000)
    const { clock } = stack.runtime
    const startedAt = clock.now()
    expect(await stack.runtime.until(stack.cache.getOrSet('key', () => 'loaded'))).toBe('loaded')
    expect(clock.now() - startedAt).toBeLessThanOrEqual(251)
    const waited = clock.now()
    for (let at = 0; at < 20; at++) {
      await stack.cache.get(`other ${at}`)
      expect((await stack.cache.set(`key ${at}`, 'value')).tiers).toEqual({ memory: 'applied', second: 'failed' })
    }
    expect(clock.now()).toBe(waited)
    await stack.runtime.advance(3000)
    expect((await stack.cache.set('key', 'value')).tiers).toEqual({ memory: 'applied', second: 'applied' })
    expect(stack.plan('second').callsOf('open')).toHaveLength(1)
  })

  test('that never opens is tried less and less, and nobody waits again', async () => {
    const stack = open('L2 plain', { manager: { connectTimeout: '5s' } })
    const states = collect(stack, 'breaker')
    const errors = collect(stack, 'tier-error')
    stack.plan('second').hang('open')
    await stack.runtime.until(stack.cache.get('key'))
    for (let at = 0; at < 60; at++) {
      const before = stack.runtime.clock.now()
      await stack.cache.get('key')
      expect(stack.runtime.clock.now()).toBe(before)
      await stack.runtime.advance(1000)
    }
    const attempts = stack.plan('second').callsOf('open').length
    expect(attempts).toBeGreaterThanOrEqual(6)
    expect(attempts).toBeLessThanOrEqual(10)
    expect(states[0]).toMatchObject({ kind: 'open', state: 'open', reason: 'silence' })
    expect(errors[0]).toMatchObject({ operation: 'open', error: { code: 'ERR_CACHE_TIER_TIMEOUT' } })
    // What opens after its deadline has opened: the call after that finds it.
    stack.plan('second').clear()
    await stack.runtime.settle()
    await stack.runtime.until(stack.cache.set('key', 'value'))
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe('value')
  })

  test('is not waited for longer than its deadline when it does not close', async () => {
    const plan = faultPlan()
    const runtime = fakeRuntime()
    const inner = mapTier()
    // Not even told to give up, as a client that has lost its socket.
    const stuck: TierDefinition = {
      ...inner,
      create: (context) => {
        const tier = inner.create(context) as Tier
        return { ...bound(tier), sync: false, capabilities: { ...tier.capabilities, tags: false }, close: hang }
      },
    }
    const manager = createCacheManager({ tiers: [faultTier(stuck, plan)], runtime, connectTimeout: '2s' })
    const errors: CacheEvent[] = []
    manager.on('tier-error', (event) => void errors.push(event))
    await manager.namespace('n').set('key', 1)
    const before = runtime.clock.now()
    await runtime.until(manager.stop())
    expect(runtime.clock.now() - before).toBeLessThanOrEqual(2001)
    expect(errors).toMatchObject([{ operation: 'close', error: { code: 'ERR_CACHE_TIER_TIMEOUT' } }])
    expect(runtime.pendingTimers).toEqual([])
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

describe('a read that fails', () => {
  test('is tried once more, at once, when that may help', async () => {
    const stack = open('L2 plain')
    await stack.cache.set('key', 'held')
    const retries = collect(stack, 'tier-retry')
    const errors = collect(stack, 'tier-error')
    stack.plan('second').fail('get', { times: 1 })
    expect(await stack.cache.get('key')).toBe('held')
    expect(retries).toMatchObject([{ tier: 'second', operation: 'get', attempt: 1 }])
    expect(errors).toEqual([])
    expect(stack.manager.analytics().tiers['second']?.operations.get).toMatchObject({
      calls: 1,
      failures: 0,
      retries: 1,
    })
  })

  test('is not tried again when that cannot help, and a write never', async () => {
    const stack = open('L2 plain')
    await stack.cache.set('key', 'held')
    stack.plan('second').fail('get', { times: 1, error: new Error('a wrong password') })
    expect(await stack.cache.get('key')).toBeUndefined()
    stack.plan('second').fail('set', { times: 1 })
    expect((await stack.cache.set('key', 'new')).tiers).toEqual({ second: 'failed' })
    expect(stack.plan('second').callsOf('get')).toHaveLength(1)
    expect(stack.plan('second').callsOf('set')).toHaveLength(2)
  })

  test('waits between further tries, at random, and stays within its deadline', async () => {
    const stack = open('L2 plain', { manager: { retries: 1000, tierTimeout: 250 } })
    await stack.cache.set('key', 'held')
    stack.plan('second').fail('get')
    const before = stack.runtime.clock.now()
    expect(await stack.runtime.until(stack.cache.get('key'))).toBeUndefined()
    expect(stack.runtime.clock.now() - before).toBeLessThanOrEqual(250)
    const tries = stack.plan('second').callsOf('get').length
    expect(tries).toBeGreaterThan(3)
    expect(tries).toBeLessThan(15)
  })

  test('is not tried when the options say so', async () => {
    const stack = open('L2 plain', { manager: { retries: 0 } })
    stack.plan('second').fail('get', { times: 1 })
    await stack.cache.get('key')
    expect(stack.plan('second').callsOf('get')).toHaveLength(1)
  })
})

const hang = (): Promise<never> => new Promise(() => {})

type Methods = Pick<Tier, 'open' | 'get' | 'set' | 'delete' | 'scan' | 'clear' | 'usage'>

function bound(tier: Tier): Methods {
  const names = ['open', 'get', 'set', 'delete', 'scan', 'clear', 'usage'] as const
  return Object.fromEntries(names.map((name) => [name, tier[name].bind(tier)])) as Methods
}
