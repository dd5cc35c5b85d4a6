import { inspect } from 'node:util'

import { LicenseViolationError, LoaderError } from 'tierwise'
import { describe, expect, test } from 'vitest'

import { FactorBroker, UnknownFactorError } from '../src/factor-broker.ts'
import { createFactorCache } from '../src/factor-cache.ts'
import { factorKey } from '../src/factor-key.ts'
import type { FactorRequest } from '../src/factor-key.ts'
import { openStage } from './broker-stage.ts'

const france: FactorRequest = { activity: 'electricity', region: 'FRA' }
const germany: FactorRequest = { activity: 'electricity', region: 'DEU' }
const franceMarginal: FactorRequest = { ...france, method: 'marginal' }

describe('FactorBroker', () => {
  test('reads the source once and answers from memory afterwards', async () => {
    await using stage = await openStage()
    const first = await stage.broker.resolve(france)
    expect(first.factor).toMatchObject({ value: 44.18, unit: 'gCO2e/kWh', source: 'ember', year: 'latest' })
    expect(first.provenance).toMatchObject({ tier: 'source', cacheHit: false, stale: false, ageMs: 0 })

    stage.advance(5000)
    const second = await stage.broker.resolve(france)
    expect(second.factor).toEqual(first.factor)
    expect(second.provenance).toMatchObject({ tier: 'memory', cacheHit: true, stale: false, ageMs: 5000 })
    expect(stage.source.reads).toBe(1)
  })

  test('answers from disk after a restart', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(france)
    await stage.restart()
    const { provenance } = await stage.broker.resolve(france)
    expect(provenance).toMatchObject({ tier: 'disk', cacheHit: true })
    expect(stage.source.reads).toBe(1)
  })

  test('answers marginal factors from PostgreSQL after a restart', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(franceMarginal)
    await stage.restart()
    const { provenance } = await stage.broker.resolve(franceMarginal)
    expect(provenance).toMatchObject({ tier: 'postgres', cacheHit: true })
    expect(stage.source.reads).toBe(1)
  })

  test('lets all callers of a factor share one read', async () => {
    await using stage = await openStage()
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.broker.resolve(france)))
    expect(stage.source.reads).toBe(1)
    expect(answers.every(({ provenance }) => provenance.tier === 'source')).toBe(true)
  })

  test('refuses a ttl beyond the licence', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(france)
    const error: unknown = await stage.broker.resolve(france, { ttl: '48h' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(LicenseViolationError)
    expect(error).toMatchObject({
      violationType: 'cache_ttl_exceeded',
      licenseSource: 'factor-database',
      requestedTtlMs: 172_800_000,
      maxAllowedTtlMs: 86_400_000,
      ttlHours: 48,
    })
  })

  test('keeps nothing beyond the day, disk and grace included', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(france, { ttl: '24h' })
    stage.source.switchTo('failing')
    stage.advance(86_400_000)
    await stage.restart()
    await expect(stage.broker.resolve(france)).rejects.toBeInstanceOf(LoaderError)
  })

  test('answers with a stale factor while the source stalls', async () => {
    await using stage = await openStage({ ttl: '1m' })
    await stage.broker.resolve(france)
    stage.source.switchTo('stalled')
    stage.advance(120_000)
    const { provenance } = await stage.broker.resolve(france)
    expect(provenance).toMatchObject({ cacheHit: true, stale: true, ageMs: 120_000 })
  })

  test('answers with a stale factor from disk when the source is down after a restart', async () => {
    await using stage = await openStage({ ttl: '1m' })
    await stage.broker.resolve(france)
    stage.source.switchTo('failing')
    stage.advance(120_000)
    await stage.restart()
    const { provenance } = await stage.broker.resolve(france)
    expect(provenance).toMatchObject({ tier: 'disk', stale: true })
  })

  test('reads a stale factor anew once the source is back', async () => {
    await using stage = await openStage({ ttl: '1m', retryAfter: '1s' })
    await stage.broker.resolve(france)
    stage.source.switchTo('failing')
    stage.advance(120_000)
    await stage.broker.resolve(france)
    stage.source.switchTo('normal')
    stage.advance(1001)
    const { provenance } = await stage.broker.resolve(france)
    expect(provenance).toMatchObject({ tier: 'source', stale: false, ageMs: 0 })
  })

  test('fails when the source is down and nothing is held', async () => {
    await using stage = await openStage()
    stage.source.switchTo('failing')
    await expect(stage.broker.resolve(france)).rejects.toBeInstanceOf(LoaderError)
  })

  test('remembers for a minute that a factor does not exist', async () => {
    await using stage = await openStage()
    const nowhere: FactorRequest = { activity: 'electricity', region: 'ATLANTIS' }
    await expect(stage.broker.resolve(nowhere)).rejects.toBeInstanceOf(UnknownFactorError)
    await expect(stage.broker.resolve(nowhere)).rejects.toBeInstanceOf(UnknownFactorError)
    expect(stage.source.reads).toBe(1)
  })

  test('forgets one factor in every tier', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(france)
    await stage.broker.resolve(germany)
    expect(await stage.broker.invalidate(france)).toBe(true)
    await stage.restart()
    expect((await stage.broker.resolve(france)).provenance.tier).toBe('source')
    expect((await stage.broker.resolve(germany)).provenance.tier).toBe('disk')
  })

  test('forgets all factors of one source and no others', async () => {
    await using stage = await openStage()
    await stage.broker.resolve(france)
    await stage.broker.resolve(franceMarginal)
    await stage.broker.invalidateSource('unfccc')
    expect((await stage.broker.resolve(franceMarginal)).provenance.cacheHit).toBe(false)
    expect((await stage.broker.resolve(france)).provenance.cacheHit).toBe(true)
  })

  test('forgets the factors of a pattern and counts them', async () => {
    await using stage = await openStage()
    for (const request of [france, franceMarginal, germany]) await stage.broker.resolve(request)
    expect(await stage.broker.invalidatePattern('electricity:FRA:*')).toBe(2)
    await stage.restart()
    expect((await stage.broker.resolve(franceMarginal)).provenance.cacheHit).toBe(false)
    expect((await stage.broker.resolve(germany)).provenance.cacheHit).toBe(true)
  })

  test('shares its entries with the namespace factor_broker', async () => {
    await using stage = await openStage()
    const { factor } = await stage.broker.resolve(france)
    expect(await stage.manager.namespace('factor_broker').get(factorKey(france))).toEqual(factor)
  })

  test('counts hits, reads and entries', async () => {
    await using stage = await openStage()
    for (const request of [france, france, franceMarginal]) await stage.broker.resolve(request)
    expect(await stage.broker.stats()).toMatchObject({ loads: 2, hitsByTier: { memory: 1 }, sourceReads: 2 })
    // Nobody waits for the tiers to have written.
    const entries = async (): Promise<object> => (await stage.broker.stats()).tiers.map((tier) => tier.entries)
    await expect.poll(entries).toEqual([2, 1, 1])
    expect((await stage.broker.stats()).tiers).toMatchObject([
      { name: 'memory', hits: 1, failures: 0, breaker: 'closed' },
      { name: 'disk', hits: 0, failures: 0, breaker: 'closed' },
      { name: 'postgres', hits: 0, failures: 0, breaker: 'closed' },
    ])
  })

  test('does not start on a folder that cannot be used', async () => {
    await using stage = await openStage()
    await using broker = new FactorBroker(createFactorCache({ ...stage.place, dataDir: '/dev/null' }), stage.source)
    await expect(broker.start()).rejects.toThrow('The folder of the disk tier cannot be used')
  })

  test('shows its backend when inspected', async () => {
    await using stage = await openStage()
    expect(inspect(stage.broker)).toContain('CacheManager')
  })
})
