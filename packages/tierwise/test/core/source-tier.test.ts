import { afterEach, describe, expect, it } from 'vitest'

import { createEnvelope, loadValueCodec } from '../../src/codecs/index.ts'
import type { CacheManagerOptions } from '../../src/contract/options.ts'
import type { Decode, Tier, TierContext, TierDefinition, TierRecord } from '../../src/contract/tier.ts'
import { mapTier, testCache, type TestCache } from '../../src/testing/index.ts'

let stop: () => Promise<void> = async () => undefined
afterEach(() => stop())

/** A source that answers `rows` and remembers what it was told. */
function source(rows: Map<string, unknown>) {
  const told: string[] = []
  let beforeAnswer = async (): Promise<void> => undefined
  const create = (context: TierContext): Tier => {
    const distrusted = new Set<string>()
    return {
      sync: false,
      capabilities: {
        shared: true,
        durable: true,
        versions: false,
        scan: true,
        bytes: false,
        tags: false,
        readOnly: true,
      },
      open: async () => ({ highestVersion: 0 }),
      close: async () => undefined,
      async get<T>(keys: readonly string[], decode: Decode<T>) {
        const envelope = createEnvelope({ codec: await loadValueCodec('msgpack') })
        const taken = keys.map((key) => (distrusted.has(key) ? undefined : rows.get(key.split(':').at(-1) ?? '')))
        await beforeAnswer()
        return keys.map((key, index) => {
          const value = taken[index]
          if (value === undefined) return undefined
          const now = context.clock.now()
          const head = { version: now * 2000, createdAt: now, freshUntil: Infinity, usableUntil: Infinity }
          const rest = { tags: [], tagClock: 0, loadMs: 0, sizeBytes: 0 }
          return decode(envelope.frame(key, { ...head, ...rest }, envelope.encodeValue(value)), index)
        })
      },
      set: async (records: readonly TierRecord[]) => {
        told.push('set')
        return records.map(() => 'refused' as const)
      },
      delete: (keys) => {
        told.push(...keys.map((key) => `delete ${key}`))
        for (const key of keys) distrusted.add(key)
        return Promise.resolve(keys.map(() => false))
      },
      async *scan() {},
      clear: (prefix) => {
        told.push(`clear ${prefix}`)
        return Promise.resolve()
      },
      usage: async () => ({ entries: rows.size, bytes: undefined, maxBytes: undefined }),
    }
  }
  const definition: TierDefinition = { name: 'source', create }
  return { definition, told, hold: (work: () => Promise<void>) => (beforeAnswer = work) }
}

function start(definition: TierDefinition, options: Partial<CacheManagerOptions> = {}): TestCache {
  const test = testCache()
    .memory()
    .tier(mapTier())
    .tier(definition)
    .options(options as never)
    .build()
  stop = test.stop
  return test
}

describe('a tier that is only read', () => {
  it('answers and fills the tiers above it', async () => {
    const { definition, told } = source(new Map([['a', 1]]))
    const { cache, runtime } = start(definition)
    expect(await runtime.until(cache.getEntry('a'))).toMatchObject({ value: 1, tier: 'source' })
    await runtime.settle()
    expect(cache.peek('a')).toBe(1)
    expect(await runtime.until(cache.getEntry('a', { tiers: ['map'] }))).toMatchObject({ value: 1, tier: 'map' })
    expect(told).toEqual([])
  })

  it.each(['through', 'behind', 'around'] as const)('is given no value, only told of it (%s)', async (writeMode) => {
    const { definition, told } = source(new Map([['a', 1]]))
    const { cache, runtime, manager } = start(definition)
    const { tiers } = await runtime.until(cache.set('a', 2, { writeMode }))
    expect(tiers['source']).toBe('skipped')
    await runtime.until(cache.getOrSet('b', () => 3))
    await runtime.until(cache.delete('c'))
    await runtime.settle()
    expect(told).toEqual(['delete tw:1:test:a', 'delete tw:1:test:b', 'delete tw:1:test:c'])
    expect(await runtime.until(cache.get('a', { tiers: ['source'] }))).toBeUndefined()
    expect((await runtime.until(manager.health())).tiers.every(({ intents }) => intents === 0)).toBe(true)
  })

  it('is told of a clear before anybody can read it again', async () => {
    const { definition, told } = source(new Map([['a', 1]]))
    const { cache, runtime, manager } = start(definition)
    await runtime.until(manager.start())
    const cleared = cache.clear()
    await Promise.resolve()
    expect(told).toEqual(['clear tw:1:test:'])
    await runtime.until(cleared)
    const clearedAll = manager.clear()
    await runtime.until(clearedAll)
    expect(told).toContain('clear tw:')
  })

  it('does not put back what it answered before a change, however new its version looks', async () => {
    const { definition, hold } = source(new Map([['a', 'old']]))
    const { cache, runtime } = start(definition)
    let release = (): void => undefined
    hold(() => new Promise((resolve) => (release = resolve)))
    const reading = cache.get('a')
    await runtime.settle()
    await runtime.until(cache.set('a', 'new'))
    release()
    expect(await runtime.until(reading)).toBe('old')
    await runtime.settle()
    expect(cache.peek('a')).toBe('new')
    expect(await runtime.until(cache.get('a', { tiers: ['map'] }))).toBe('new')
  })

  it('an entry it filled above does not outlive a clear', async () => {
    const { definition } = source(new Map([['a', 1]]))
    const { cache, runtime } = start(definition)
    await runtime.until(cache.get('a'))
    await runtime.settle()
    await runtime.until(cache.clear())
    expect(await runtime.until(cache.get('a', { tiers: ['memory', 'map'] }))).toBeUndefined()
  })

  it('is believed again after a clear, whatever tag clock its entries have', async () => {
    const { definition } = source(new Map([['a', 1]]))
    const { cache, runtime } = start(definition)
    await runtime.until(cache.clear())
    expect(await runtime.until(cache.get('a'))).toBe(1)
    await runtime.settle()
    expect(await runtime.until(cache.get('a', { tiers: ['map'] }))).toBe(1)
  })

  it('is read although the other tiers are encrypted', async () => {
    const { definition } = source(new Map([['a', 1]]))
    const { cache, runtime } = start(definition, { encryption: { keys: [{ id: 1, secret: Buffer.alloc(32, 1) }] } })
    expect(await runtime.until(cache.get('a'))).toBe(1)
  })

  it('a value that has no bytes can be set where nothing but a source is behind memory', async () => {
    const { definition } = source(new Map())
    const test = testCache().memory().tier(definition).build()
    stop = test.stop
    const value = (): void => undefined
    expect((await test.runtime.until(test.cache.set('f', value))).tiers).toEqual({
      memory: 'applied',
      source: 'skipped',
    })
    expect(await test.cache.get('f')).toBe(value)
  })
})
