import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { startRedisCluster, type RedisCluster, type RedisServer } from '../../../src/testing/servers/index.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { numbered, openedTier, readTexts, textRecord } from './opened-tier.ts'

let cluster: RedisCluster
beforeAll(async () => void (cluster = await startRedisCluster({ replicas: 1 })), 60_000)
afterAll(() => cluster.stop())

/** How many MGETs the nodes have run that were replicas at the start. */
async function readsAtReplicas(): Promise<number> {
  const counts = await Promise.all(cluster.nodes.slice(3).map(commandCounts))
  return counts.reduce((sum, each) => sum + (each['mget'] ?? 0), 0)
}

async function replicasOnline(): Promise<number> {
  const infos = await Promise.all(cluster.nodes.slice(0, 3).map((node) => node.command('INFO', 'replication')))
  return infos.join('\n').match(/state=online/g)?.length ?? 0
}

describe.each(['ioredis', 'node-redis'] as const)('reads from the replicas of a cluster through %s', (client) => {
  it('happen while all replicas keep up, stop when one is held up, and show what this process wrote', async () => {
    const keys = numbered(`tw:1:${client}:`, 200)
    const runtime = fakeRuntime({ now: Date.now() })
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const ports = (): ReturnType<typeof createRedisPorts> =>
      createRedisPorts({ client, cluster: { nodes }, readFrom: 'replica', heartbeat: false })
    const { tier } = await openedTier({ ports, runtime })
    try {
      await tier.set(keys.map((key) => textRecord(key, 1)))
      expect(await readTexts(tier, keys)).toEqual(keys.map((key) => `text of ${key}`))
      await Promise.all(cluster.nodes.map(resetCounts))
      await expect
        .poll(
          async () => {
            // Long enough for the fence of the writes to come down.
            await runtime.advance(1000)
            await readTexts(tier, keys)
            return readsAtReplicas()
          },
          { timeout: 10_000 },
        )
        .toBeGreaterThan(0)
      const held = cluster.nodes[3]
      const readsBefore = (await commandCounts(held as RedisServer))['mget']
      held?.pause()
      try {
        // Its primary forgets it; the others come back by themselves.
        for (const node of cluster.nodes.slice(0, 3)) await node.command('CLIENT', 'KILL', 'TYPE', 'replica')
        await expect.poll(replicasOnline, { timeout: 15_000, interval: 200 }).toBe(2)
        await runtime.advance(1000)
        await tier.set(keys.map((key) => textRecord(key, 2, { text: 'second' })))
        for (let second = 0; second < 7; second++) {
          await runtime.advance(1000)
          // Time of the clock is not time of the servers: what is asked in this second has to be answered in it.
          await cluster.nodes[0]?.command('PING')
        }
        expect(new Set(await runtime.until(readTexts(tier, keys)))).toEqual(new Set(['second']))
      } finally {
        held?.resume()
        await cluster.whenHealthy()
      }
      expect((await commandCounts(held as RedisServer))['mget']).toBe(readsBefore)
    } finally {
      await tier.close()
    }
  })
})
