import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { LicenseViolationError } from '../../src/index.ts'
import { fakeRuntime } from '../../src/testing/index.ts'
import { openStack, stackOpener, stacks, stacksWithTiers } from '../stacks.ts'

const open = stackOpener()
const day = 86_400_000

describe.each(stacks)('the life of an entry over $name', (definition) => {
  test('is fresh for its ttl, then stale for its grace, then over', async () => {
    const { cache, runtime } = open(definition, { namespace: { ttl: 1000, grace: 500 } })
    await cache.set('key', 1)
    await runtime.advance(999)
    expect(await cache.get('key')).toBe(1)
    expect(await cache.ttl('key')).toBe(1)
    await runtime.advance(1)
    expect(await cache.get('key')).toBeUndefined()
    expect(await cache.ttl('key')).toBeUndefined()
    expect(await cache.getEntry('key')).toMatchObject({ stale: true })
    await runtime.advance(500)
    expect(await cache.getEntry('key')).toBeUndefined()
  })

  test('goes on in a higher tier with what is left of it', async () => {
    const stack = open(definition, { namespace: { ttl: 1000 } })
    const last = stack.names.at(-1)!
    await stack.cache.set('key', 1, { tiers: [last] })
    await stack.runtime.advance(800)
    expect(await stack.cache.get('key')).toBe(1)
    await stack.runtime.settle()
    for (const name of stack.names) {
      const entry = await stack.cache.getEntry('key', { tiers: [name] })
      expect(entry?.expiresAt?.getTime(), name).toBe(stack.runtime.clock.now() + 200)
    }
    await stack.runtime.advance(200)
    for (const name of stack.names) expect(await stack.cache.get('key', { tiers: [name] }), name).toBeUndefined()
  })

  test('can be endless', async () => {
    // Statistics look around every five seconds; a thousand years of that take too long.
    const { cache, runtime } = open(definition, { namespace: { ttl: 'forever' }, manager: { statistics: false } })
    await cache.set('key', 1)
    await runtime.advance(1000 * 365 * day)
    expect(await cache.get('key')).toBe(1)
    expect(await cache.ttl('key')).toBe(Infinity)
    expect((await cache.getEntry('key'))?.expiresAt).toBeUndefined()
  })

  test('can be longer than the longest timer of Node', async () => {
    const { cache, runtime } = open(definition, { manager: { statistics: false } })
    await cache.set('key', 1, { ttl: '100d' })
    expect(await cache.ttl('key')).toBe(100 * day)
    // Memory looks for dead entries every second; a hundred days of that take too long.
    if (definition.hasMemory) return
    await runtime.advance(99 * day)
    expect(await cache.get('key')).toBe(1)
    expect(await cache.ttl('key')).toBe(day)
    await runtime.advance(day)
    expect(await cache.get('key')).toBeUndefined()
  })

  test('is long enough to need no load while it is fresh, whatever the call asks for', async () => {
    const { cache, runtime, manager, names } = open(definition, { namespace: { refreshAhead: 0.9 } })
    const { token } = await cache.set('key', 1)
    const loader = (): never => {
      throw new Error('not needed')
    }
    const { signal } = new AbortController()
    for (const options of [{}, { signal }, { tiers: [names[0]!] }, { after: token }, { ttl: 5000 }]) {
      expect(await cache.getOrSet('key', loader, options)).toBe(1)
    }
    await runtime.settle()
    expect(manager.analytics().overall).toMatchObject({ loads: 0, refreshes: 0 })
  })

  test('is renewed by touch, with value and tags', async () => {
    const { cache, runtime } = open(definition, { namespace: { ttl: 1000 } })
    await cache.set('key', 'value', { tags: ['a'] })
    await runtime.advance(900)
    expect(await cache.touch('key')).toBe(true)
    expect(await cache.ttl('key')).toBe(1000)
    expect(await cache.touch('key', '1h')).toBe(true)
    expect(await cache.ttl('key')).toBe(3_600_000)
    expect(await cache.get('key')).toBe('value')
    await cache.invalidateTags(['a'])
    expect(await cache.get('key')).toBeUndefined()
    expect(await cache.touch('key')).toBe(false)
    expect(await cache.touch('absent')).toBe(false)
  })

  test('is not given back by touch once it is over', async () => {
    const { cache, runtime } = open(definition, { namespace: { ttl: 1000, grace: '1h' } })
    await cache.set('key', 1)
    await runtime.advance(1000)
    expect(await cache.touch('key', '1h')).toBe(false)
    expect(await cache.get('key')).toBeUndefined()
  })
})

describe.each(stacks)('a licence over $name', (definition) => {
  const namespace = { ttl: 1000, maxTtl: 2000, grace: '1d', license: 'ecoinvent' } as const

  test('ends every entry, whatever was done to prolong it', async () => {
    const stack = open(definition, { namespace })
    const { cache, runtime } = stack
    await cache.set('key', 1, { tiers: [stack.names.at(-1)!] })
    const born = runtime.clock.now()
    await runtime.advance(900)
    await cache.get('key')
    await runtime.settle()
    expect(await cache.touch('key', 2000)).toBe(true)
    expect(await cache.ttl('key')).toBe(1100)
    await runtime.advance(900)
    await cache.touch('key')
    for (const name of stack.names) {
      const entry = await cache.getEntry('key', { tiers: [name] })
      expect(entry?.createdAt.getTime(), name).toBe(born)
      expect(entry?.expiresAt?.getTime(), name).toBeLessThanOrEqual(born + 2000)
    }
    await runtime.advance(200)
    expect(await cache.getEntry('key')).toBeUndefined()
    await expect(cache.getOrSet('key', () => Promise.reject(new Error('down')))).rejects.toMatchObject({
      code: 'ERR_CACHE_LOADER',
    })
  })

  test('ends what an earlier configuration had kept for longer', async () => {
    if (!definition.below.some(({ capabilities }) => capabilities.durable !== false || capabilities.shared !== false))
      return
    const runtime = fakeRuntime()
    const { createCacheManager } = await import('../../src/create-cache-manager.ts')
    const { mapTier } = await import('../../src/testing/index.ts')
    const tier = mapTier()
    const before = createCacheManager({ tiers: [tier], runtime, namespaces: { n: { ttl: '10d', grace: '10d' } } })
    await before.namespace('n').set('key', 1)
    await before.stop()
    await runtime.advance(2 * day)
    const after = createCacheManager({
      tiers: [tier],
      runtime,
      namespaces: { n: { maxTtl: '1d', license: 'x', ttl: '1d' } },
    })
    expect(await after.namespace('n').getEntry('key')).toBeUndefined()
    await after.stop()
  })

  test('is an error with all that is needed to explain it', async () => {
    const { cache } = open(definition, { namespace })
    const attempts = [
      cache.set('key', 1, { ttl: 7_200_000 }),
      cache.touch('key', 7_200_000),
      cache.getOrSet('key', () => 1, { ttl: 7_200_000 }),
      cache.getOrSet('key', ({ setTtl }) => {
        setTtl(7_200_000)
        return 1
      }),
    ]
    for (const attempt of attempts) {
      const error: unknown = await attempt.catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(LicenseViolationError)
      expect(error).toMatchObject({
        code: 'ERR_CACHE_LICENSE',
        violationType: 'cache_ttl_exceeded',
        licenseSource: 'ecoinvent',
        requestedTtlMs: 7_200_000,
        maxAllowedTtlMs: 2000,
        ttlHours: 2,
        namespace: 'test',
      })
    }
    expect(await cache.get('key')).toBeUndefined()
  })

  test('cuts what is too long when it is only a cap', async () => {
    const { cache } = open(definition, { namespace: { maxTtl: 2000 } })
    expect(await cache.set('key', 1, { ttl: 'forever' })).toBeDefined()
    expect(await cache.ttl('key')).toBe(2000)
    await cache.getOrSet('other', ({ setTtl }) => {
      setTtl('1h')
      return 1
    })
    expect(await cache.ttl('other')).toBe(2000)
  })
})

describe('jitter', () => {
  test('shortens within its bounds, and not always by the same', async () => {
    const property = fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), async (jitter, seed) => {
      const stack = openStack(stacks[0]!, { namespace: { ttl: 100_000, jitter }, runtime: fakeRuntime({ seed }) })
      const lives: number[] = []
      for (let at = 0; at < 20; at++) {
        await stack.cache.set(`key${at}`, at)
        lives.push((await stack.cache.ttl(`key${at}`)) ?? 0)
      }
      for (const life of lives) {
        expect(life).toBeLessThanOrEqual(100_000)
        expect(life).toBeGreaterThanOrEqual(100_000 * (1 - jitter) - 1)
      }
      if (jitter > 0.01) expect(new Set(lives).size).toBeGreaterThan(10)
      await stack.stop()
    })
    await fc.assert(property, { numRuns: 50 })
  })
})

describe.each(stacksWithTiers)('promotion over $name', (definition) => {
  test('never prolongs an entry, however it moves', async () => {
    const step = fc.constantFrom('get', 'getMany', 'getOrSet', 'evict', 'wait')
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 20 }),
      fc.integer({ min: 1, max: 1000 }),
      async (steps, ttl) => {
        const stack = openStack(definition, { memoryEntries: 1 })
        await stack.cache.set('key', 1, { ttl, tiers: [stack.below.at(-1)!] })
        const end = stack.runtime.clock.now() + ttl
        for (const what of steps) {
          if (what === 'wait') await stack.runtime.advance(ttl / 10)
          else if (what === 'evict') await stack.cache.set('other', 1, { tiers: [stack.names[0]!] })
          else if (what === 'get') await stack.cache.get('key')
          else if (what === 'getMany') await stack.cache.getMany(['key', 'none'])
          else if (stack.runtime.clock.now() < end) await stack.cache.getOrSet('key', () => 2)
        }
        for (const name of stack.names) {
          const entry = await stack.cache.getEntry('key', { tiers: [name] })
          if (entry !== undefined) expect(entry.expiresAt?.getTime()).toBe(end)
        }
        await stack.stop()
      },
    )
    await fc.assert(property, { numRuns: 25 })
  })
})
