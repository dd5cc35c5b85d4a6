import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { CacheManager } from '../../../src/index.ts'
import { createCacheManager } from '../../../src/index.ts'
import { emissionFactors } from '../../../src/governance/index.ts'
import { factorBroker } from '../../../src/recipes/factor-broker.ts'
import type { FactorBroker } from '../../../src/recipes/factor-broker.ts'
import { startRedis } from '../../../src/testing/index.ts'
import type { RedisServer } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { cement, CountingSource, steel } from './source.ts'
import type { Factor } from './source.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.stop())

const brokers: FactorBroker<Factor>[] = []
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()))
})

function open(source: CountingSource): { broker: FactorBroker<Factor>; manager: CacheManager } {
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    namespaces: { emission_factors: emissionFactors },
    // The servers of the tests share two processors with other tests.
    tierTimeout: '2s',
  })
  const broker = factorBroker<Factor>(manager.namespace('emission_factors'), { source: source.find, manager })
  brokers.push(broker)
  return { broker, manager }
}

describe('factor brokers that share a Redis', () => {
  test('answer each other’s factors, licence and all, and hear of an invalidated source', async () => {
    const source = new CountingSource()
    const here = open(source)
    const there = open(source)
    await here.broker.start()
    await there.broker.start()
    await here.broker.resolve(steel)
    await here.broker.resolve(cement)
    const answer = await there.broker.resolve(steel)
    expect(answer).toEqual({
      value: 1,
      provenance: { source: 'ecoinvent', retrievedAt: new Date(0), cacheHit: true },
    })
    const left = await there.manager.namespace('emission_factors').ttl(there.broker.keyOf(steel))
    expect(left).toBeLessThanOrEqual(86_400_000)
    await there.broker.invalidateSource('ecoinvent')
    expect(await there.broker.get(steel)).toBeUndefined()
    await expect.poll(() => here.broker.get(steel), { timeout: 10_000 }).toBeUndefined()
    expect((await here.broker.get(cement))?.value).toBe(2)
    expect(source.asked).toHaveLength(2)
    expect(await there.broker.invalidatePattern({ region: 'DE' })).toBe(1)
  })
})
