import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/contract/cache.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { until } from '../../src/testing/servers/until.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { keepWarm } from '../../src/warming/index.ts'
import { tellHotKeys } from './hot-key-source.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => void (await server.command('FLUSHALL')))

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

const keys = Array.from({ length: 10 }, (_, at) => `k${at}`)

function open(): CacheManager {
  const manager = createCacheManager({
    tiers: [memory(), redis({ host: server.host, port: server.port })],
    namespaces: { factors: { ttl: '5s' } },
    tierTimeout: '2s',
    // All instances draw the same instants, and come at the same time.
    runtime: { random: () => 0 },
  })
  managers.push(manager)
  tellHotKeys(manager, Object.fromEntries(keys.map((key) => [key, 1])))
  return manager
}

describe('hot keys that instances share', () => {
  test('are loaded before they end by one of them, and all serve the new value', { timeout: 30_000 }, async () => {
    const instances = [open(), open(), open()]
    const caches = instances.map((manager) => manager.namespace('factors'))
    const setAt = performance.now()
    await caches[0]!.setMany(keys.map((key) => [key, 'old'] as const))
    const loads: string[] = []
    const load = async ({ key }: { readonly key: string }): Promise<string> => {
      loads.push(key)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return 'new'
    }
    for (const manager of instances)
      keepWarm(manager, {
        namespaces: { factors: { load, refreshBelow: 0.8 } },
        warmNow: false,
        refresh: { every: '50ms', concurrency: 10 },
      })
    let misses = 0
    const areNew = async (): Promise<boolean> => {
      const values: unknown[] = []
      for (const cache of caches) for (const key of keys) values.push(await cache.get(key))
      misses += values.filter((value) => value === undefined).length
      return values.every((value) => value === 'new')
    }
    await until(areNew, { what: 'the new values everywhere' })
    // Before the old ones end.
    expect(performance.now() - setAt).toBeLessThan(4950)
    expect(loads.toSorted()).toEqual(keys)
    expect(misses).toBe(0)
  })
})
