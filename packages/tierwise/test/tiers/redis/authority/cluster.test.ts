import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../../src/clients/redis/create-ports.ts'
import type { RedisPort, RedisReply } from '../../../../src/clients/redis/port.ts'
import { startRedisCluster, type RedisCluster } from '../../../../src/testing/servers/index.ts'
import { publishCommandOf } from '../../../../src/tiers/redis/announcer.ts'
import { clusterLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { slotOf } from '../../../../src/tiers/redis/key-slot.ts'
import type { FleetTier } from '../opened-tier.ts'
import { commandCounts, resetCounts } from '../command-counts.ts'
import { flushCluster } from '../flush-cluster.ts'
import { numbered, openedTier } from '../opened-tier.ts'
import {
  acquire,
  change,
  fill,
  find,
  heard,
  readLog,
  removal,
  replacement,
  type LaneMessage,
} from './authority-session.ts'

const layout = clusterLayout('tw', 64)
const key = 'tw:1:a:1'
let cluster: RedisCluster
let tier: FleetTier
beforeAll(async () => void (cluster = await startRedisCluster({ replicas: 0 })), 60_000)
afterAll(() => cluster.stop())
beforeEach(async () => {
  await flushCluster(cluster)
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
  tier = (
    await openedTier({ ports: () => createRedisPorts({ client: 'ioredis', cluster: { nodes }, heartbeat: false }) })
  ).tier
})
afterEach(() => tier.close())

/** Works with a connection to the node that a name lies on. */
async function atNodeOf<T>(name: string, work: (node: Redis) => Promise<T>): Promise<T> {
  const node = new Redis({ port: (await cluster.primaryOf(name)).port })
  try {
    return await work(node)
  } finally {
    node.disconnect()
  }
}

const logOf = (lane: number | string): Promise<LaneMessage[]> =>
  atNodeOf(`{tw:${lane}}`, (node) => readLog(node, `{tw:${lane}}:log`))

describe('the authority on a cluster', () => {
  it('works in one script a lane, and announces in the lane of the key', async () => {
    const keys = numbered('tw:1:m:', 300)
    // The first command to a node connects to it, and no lease from before a connection is used.
    await Promise.all(keys.map((each) => find(tier, each)))
    await Promise.all(cluster.nodes.map(resetCounts))
    const leases = await Promise.all(keys.map((each) => acquire(tier, each)))
    const filled = await Promise.all(keys.map((each, index) => fill(tier, { key: each, lease: leases[index] ?? '' })))
    expect(filled.every((version) => typeof version === 'number')).toBe(true)
    const answers = await tier.authority.change(keys.map((each) => removal(each, { operation: 'expire' })))
    const counts = await Promise.all(cluster.nodes.map(commandCounts))
    expect(counts.reduce((sum, { evalsha = 0 }) => sum + evalsha, 0)).toBe(3 * 64)
    for (const lane of [0, 17, 63]) {
      const own = keys.filter((each) => layout.laneOf(each) === lane)
      expect((await logOf(lane)).flatMap(({ changes }) => changes.map(([, name]) => name))).toEqual(own)
    }
    expect(answers).toEqual(
      keys.map((each) => ({
        version: expect.any(Number),
        wasHeld: true,
        position: { lane: layout.laneOf(each), sequence: 1 },
      })),
    )
    expect((await find(tier, 'tw:1:m:7'))?.isFresh).toBe(false)
  })

  it('announces within the shard', async () => {
    const lane = layout.laneOf(key)
    const messages: unknown[] = []
    await atNodeOf(`{tw:${lane}}`, async (node) => {
      node.on('smessageBuffer', (_channel, bytes: Buffer) => void messages.push(heard(bytes)))
      await node.ssubscribe(`{tw:${lane}}:bus`)
      const version = await change(tier, replacement(key))
      await expect.poll(() => messages).toEqual([[['S', key, version]]])
    })
  })

  it('announces tags in a lane of their own', async () => {
    const clock = await tier.tags.invalidate(['red'], 0)
    const log = await logOf('tags')
    expect(log.map(({ changes }) => changes)).toEqual([[['T', ['red'], clock]]])
    expect(log[0]?.source).toBe(tier.source)
  })

  it('keeps leases in the slot of the record, never taken for one', async () => {
    const keys = numbered('tw:1:m:', 200)
    await Promise.all(keys.map((each) => acquire(tier, each)))
    const lane = layout.laneOf('tw:1:m:0')
    await atNodeOf(`{tw:${lane}}`, async (node) => expect(await node.exists(`{tw:${lane}}~tw:1:m:0`)).toBe(1))
    await tier.clear('', Number.MAX_SAFE_INTEGER)
    expect((await tier.usage()).entries).toBe(0)
    for await (const found of tier.scan('', () => 1)) expect(found).toBeUndefined()
    await atNodeOf(`{tw:${lane}}`, async (node) => expect(await node.exists(`{tw:${lane}}~tw:1:m:0`)).toBe(1))
  })

  it('does nothing by halves while the slot of a lane moves, and goes on at the new node', async () => {
    const lane = layout.laneOf(key)
    const name = layout.nameOf(key, lane)
    const from = await cluster.primaryOf(name)
    const to = cluster.nodes.find(({ port }) => port !== from.port) ?? from
    const version = await change(tier, replacement(key))
    const lease = await acquire(tier, key, { newerThan: version })
    await cluster.moveSlot(slotOf(name), to, {
      during: async (migration) => {
        await migration.moveKeys([name])
        await expect(change(tier, removal(key))).rejects.toThrow(/TRYAGAIN|ASK|MOVED/)
        expect((await find(tier, key))?.version).toBe(version)
      },
    })
    await tier.authority.release([{ key, lease }])
    const loaded = await fill(tier, { key, lease: await acquire(tier, key, { newerThan: version }) })
    expect(loaded).toBeGreaterThan(version)
    const after = await change(tier, removal(key))
    expect((await logOf(lane)).map(({ changes }) => changes[0]?.[2])).toEqual([version, after])
  }, 60_000)
})

describe('the command that announces', () => {
  const portThat = (topology: RedisPort['topology'], reply: RedisReply): Parameters<typeof publishCommandOf>[0] => ({
    topology,
    primaries: async () => [{ send: async () => reply }],
  })

  it('stays within the shard where a cluster knows that', async () => {
    expect(await publishCommandOf(portThat('cluster', [['spublish', 3]]))).toBe('SPUBLISH')
    expect(await publishCommandOf(portThat('cluster', [null]))).toBe('PUBLISH')
    expect(await publishCommandOf(portThat('cluster', []))).toBe('PUBLISH')
    expect(await publishCommandOf(portThat('single', [['spublish', 3]]))).toBe('PUBLISH')
  })
})
