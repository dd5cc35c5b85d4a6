import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import { startRedisCluster, type RedisCluster } from '../../../../src/testing/servers/index.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import { redis } from '../../../../src/tiers/redis/index.ts'

let cluster: RedisCluster
beforeAll(async () => void (cluster = await startRedisCluster({ replicas: 1 })), 60_000)
afterAll(() => cluster.stop())

describe.each(['ioredis', 'node-redis'] as const)('a manager on a cluster, through %s', (client) => {
  it.each([
    ['started', true],
    ['used', false],
  ])('stores what is loaded right after it was %s', async (how, isStarted) => {
    const nodes = cluster.nodes.slice(0, 1).map(({ host, port }) => ({ host, port }))
    const manager = createCacheManager({ tiers: [memory(), redis({ client, cluster: { nodes } })] })
    onTestFinished(() => manager.stop())
    if (isStarted) await manager.start()
    const cache = manager.namespace<number>(`${client}.${how}`)
    const keys = Array.from({ length: 300 }, (_each, at) => `k${at}`)
    await Promise.all(keys.map((key, at) => cache.getOrSet(key, () => at)))
    expect(manager.analytics().overall.rejectedFills).toBe(0)
  })
})
