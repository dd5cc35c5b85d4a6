import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'

import { emissionFactors } from '../../../src/governance/index.ts'
import { factorBroker } from '../../../src/recipes/factor-broker.ts'
import type { FactorBroker } from '../../../src/recipes/factor-broker.ts'
import { detailedStats } from '../../../src/statistics/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'
import { cement, CountingSource, steel } from './source.ts'
import type { Factor } from './source.ts'

const day = 86_400_000

interface Opened extends Omit<TestCache, 'cache'> {
  readonly broker: FactorBroker<Factor>
  readonly source: CountingSource
}

const opened: Opened[] = []
afterEach(async () => {
  for (const { stop } of opened.splice(0)) await stop()
})

function open(options: { grace?: '1h'; negativeTtl?: '1m' } = {}): Opened {
  const test = testCache()
    .memory()
    // Not shared: what instances tell each other every second would make a day of fake time long.
    .tier(mapTier({ name: 'below', capabilities: { shared: false } }))
    .namespace('emission_factors', { ...emissionFactors, ...options })
    .build()
  const source = new CountingSource()
  const broker = factorBroker<Factor>(test.cache, { source: source.find, manager: test.manager })
  const all = { ...test, source, broker }
  opened.push(all)
  return all
}

describe('a factor broker', () => {
  test('answers from the cache, else from the source, and says which it was', async () => {
    const { broker, source, manager } = open()
    await broker.start()
    const first = await broker.resolve(steel)
    expect(first).toEqual({
      value: 1,
      provenance: { source: 'ecoinvent', retrievedAt: new Date(0), cacheHit: false },
    })
    expect((await broker.resolve(steel))?.provenance.cacheHit).toBe(true)
    expect(source.asked).toEqual([steel])
    expect(broker.stats()).toEqual({ hits: 1, misses: 1, hitRate: 0.5 })
    const { cache_manager: counters } = detailedStats(manager.analytics())
    expect(counters).toMatchObject({ l1_hits: 1, l2_hits: 0 })
  })

  test('finds in every tier what was resolved, and brings it back to memory', async () => {
    const { broker, runtime, manager, source } = open()
    await broker.resolve(steel)
    expect((await broker.inspect(steel)).map(({ tier, state }) => `${tier} ${state}`)).toEqual([
      'memory fresh',
      'below fresh',
    ])
    // Another manager would find it below only.
    const below = manager.namespace('emission_factors')
    expect(await below.get(broker.keyOf(steel), { tiers: ['below'] })).toBeDefined()
    await runtime.advance(1000)
    expect((await broker.resolve(steel))?.provenance.cacheHit).toBe(true)
    expect(source.asked).toHaveLength(1)
  })

  test('asks the source once for callers that come together, and none of them was a hit', async () => {
    const { broker, source } = open()
    const answers = await Promise.all([1, 2, 3].map(() => broker.resolve(steel)))
    expect(answers.map((answer) => answer?.provenance.cacheHit)).toEqual([false, false, false])
    expect(source.asked).toHaveLength(1)
    expect(broker.stats()).toEqual({ hits: 0, misses: 3, hitRate: 0 })
  })

  test('keeps nothing that the source does not have', async () => {
    const { broker, source } = open()
    expect(await broker.resolve({ ...steel, product: 'glass' })).toBeUndefined()
    expect(await broker.resolve({ ...steel, product: 'glass' })).toBeUndefined()
    expect(source.asked).toHaveLength(2)
    expect(broker.stats()).toMatchObject({ hits: 0, misses: 2 })
  })

  test('rides out failures of the source with what it had, which is a hit', async () => {
    const { broker, source, runtime } = open({ grace: '1h' })
    await broker.set(steel, { value: 7, provenance: { source: 'ecoinvent', retrievedAt: new Date(0) } }, { ttl: '10m' })
    await runtime.advance(20 * 60_000)
    source.isDown = true
    expect(await broker.resolve(steel)).toMatchObject({ value: 7, provenance: { cacheHit: true } })
    await expect(broker.resolve(cement)).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER' })
  })

  test('keeps no factor longer than its licence allows, in any tier, and lets nobody ask for more', async () => {
    const { broker, source, runtime } = open()
    await broker.resolve(steel)
    await runtime.advance(day - 1)
    expect((await broker.get(steel))?.provenance.cacheHit).toBe(true)
    await runtime.advance(1)
    expect(await broker.get(steel)).toBeUndefined()
    expect((await broker.inspect(steel)).map(({ state }) => state)).not.toContain('fresh')
    const factor: Factor = { value: 1, provenance: { source: 'ecoinvent', retrievedAt: new Date(0) } }
    await expect(broker.set(steel, factor, { ttl: '25h' })).rejects.toMatchObject({
      code: 'ERR_CACHE_LICENSE',
      licenseSource: 'ecoinvent',
    })
    await broker.resolve(steel)
    expect(source.asked).toHaveLength(2)
  })

  test('invalidates one factor', async () => {
    const { broker } = open()
    await broker.resolve(steel)
    await broker.resolve(cement)
    expect([await broker.invalidate(steel), await broker.invalidate(steel)]).toEqual([true, false])
    expect([await broker.get(steel), (await broker.get(cement))?.value]).toEqual([undefined, 2])
  })

  test('invalidates a source, whether its factors were resolved or set', async () => {
    const { broker, source } = open()
    await broker.resolve(steel)
    await broker.resolve(cement)
    const other = { ...steel, year: 2023 }
    await broker.set(other, { value: 9, provenance: { source: 'ecoinvent', retrievedAt: new Date(0) } })
    await broker.invalidateSource('ecoinvent')
    expect([await broker.get(steel), await broker.get(other), (await broker.get(cement))?.value]).toEqual([
      undefined,
      undefined,
      2,
    ])
    expect((await broker.resolve(steel))?.provenance.cacheHit).toBe(false)
    expect(source.asked).toHaveLength(3)
  })

  test('invalidates what a load brings that was under way when its source was invalidated', async () => {
    const test = open()
    let release = (): void => undefined
    let asked = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const begun = new Promise<void>((resolve) => (asked = resolve))
    const broker = factorBroker<Factor>(test.manager.namespace('emission_factors'), {
      source: async () => {
        asked()
        await held
        return { value: 1, provenance: { source: 'ecoinvent', retrievedAt: new Date(0) } }
      },
    })
    const resolving = broker.resolve(steel)
    await begun
    await broker.invalidateSource('ecoinvent')
    release()
    expect((await resolving)?.value).toBe(1)
    expect(await broker.get(steel)).toBeUndefined()
  })

  test('invalidates by fields and by patterns of keys, and counts them', async () => {
    const { broker } = open()
    const years = [2022, 2023, 2024]
    for (const year of years) await broker.resolve({ ...steel, year })
    await broker.resolve({ ...steel, region: 'DE' })
    await broker.resolve({ ...steel, product: 'steel:US', region: 'DE' })
    expect(await broker.invalidatePattern({ region: 'us', year: 2022 })).toBe(1)
    expect(await broker.invalidatePattern({ region: 'US' })).toBe(2)
    expect(await broker.invalidatePattern('factor:hot_rolled_*')).toBe(1)
    expect(await broker.invalidatePattern({})).toBe(1)
  })

  test('shows what stands behind it', async () => {
    const { broker } = open()
    expect(inspect(broker)).toBe(
      "FactorBroker {\n  backend: 'CacheManager of tierwise',\n  namespace: 'emission_factors',\n  hits: 0,\n  misses: 0,\n  hitRate: undefined\n}",
    )
  })

  test('stops the manager with itself and refuses what comes later', async () => {
    const { manager, broker } = open()
    {
      await using using = broker
      await using.resolve(steel)
    }
    expect((await manager.health()).state).toBe('stopped')
    await expect(broker.resolve(steel)).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED', operation: 'resolve' })
    await expect(broker.start()).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
    await broker.close()
  })

  test('leaves a manager alone that it was not given', async () => {
    const { manager, source } = open()
    const broker = factorBroker<Factor>(manager.namespace('emission_factors'), { source: source.find })
    await broker.resolve(steel)
    await broker.close()
    expect((await manager.health()).state).toBe('started')
  })
})
