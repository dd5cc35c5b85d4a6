import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { createCacheManager } from '../../../src/index.ts'
import type { CacheManager } from '../../../src/index.ts'
import { goldenQueries } from '../../../src/recipes/golden-queries/index.ts'
import type { GoldenQueries } from '../../../src/recipes/golden-queries/index.ts'
import { startRedis } from '../../../src/testing/index.ts'
import type { RedisServer } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { curveOf, curvesByDate } from './open.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis()))
afterAll(() => server.stop())

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

async function open(): Promise<GoldenQueries> {
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    namespaces: { golden: { tenant: 'required' } },
    // The servers of the tests share two processors with other tests.
    tierTimeout: '2s',
  })
  managers.push(manager)
  await manager.start()
  return goldenQueries(manager.namespace('golden'), { patterns: [curvesByDate] })
}

describe('golden queries of instances that share a Redis', () => {
  test('share results within a tenant, and hear of writes', async () => {
    const [here, there] = [await open(), await open()]
    let runs = 0
    const ask = (queries: GoldenQueries, tenant: string): Promise<{ run: number; at: Date }> =>
      queries.query({ tenant, query: curveOf('PJM') }, () => ({ run: ++runs, at: new Date(0) }))
    expect(await ask(here, 'acme')).toEqual({ run: 1, at: new Date(0) })
    expect(await ask(there, 'acme')).toEqual({ run: 1, at: new Date(0) })
    expect(await ask(there, 'bell')).toEqual({ run: 2, at: new Date(0) })
    expect(there.stats().patterns['curves_by_date']).toMatchObject({ hits: 1, misses: 1 })
    await here.invalidateOnWrite('curves', { tenant: 'acme' })
    await expect.poll(async () => (await ask(there, 'acme')).run, { timeout: 10_000 }).toBe(3)
    expect((await ask(here, 'bell')).run).toBe(2)
    await here.invalidateOnPublication('curves', '2026-01-31')
    await expect.poll(async () => (await ask(there, 'bell')).run, { timeout: 10_000 }).toBeGreaterThan(3)
  })
})
