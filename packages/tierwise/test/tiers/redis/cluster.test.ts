import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import type { RedisPackage, RedisPorts } from '../../../src/clients/redis/port.ts'
import { startRedisCluster, type RedisCluster } from '../../../src/testing/servers/index.ts'
import { clusterLayout } from '../../../src/tiers/redis/key-layout.ts'
import { slotOf } from '../../../src/tiers/redis/key-slot.ts'
import type { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { flushCluster } from './flush-cluster.ts'
import { allOf, numbered, openedTier, readTexts, scannedTexts, textRecord } from './opened-tier.ts'

let cluster: RedisCluster
beforeAll(async () => void (cluster = await startRedisCluster({ replicas: 0 })), 60_000)
afterAll(() => cluster.stop())
beforeEach(() => flushCluster(cluster))

function portsThrough(client: RedisPackage): RedisPorts {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
  return createRedisPorts({ client, cluster: { nodes }, heartbeat: false })
}

async function countsOfAll(command: string): Promise<number> {
  const counts = await Promise.all(cluster.nodes.map(commandCounts))
  return counts.reduce((sum, each) => sum + (each[command] ?? 0), 0)
}

/** Keys of one lane, and the lane. */
function keysOfOneLane(count: number): { keys: string[]; lane: number; slot: number } {
  const layout = clusterLayout('tw', 64)
  const lane = layout.laneOf('tw:1:m:0')
  const keys = numbered('tw:1:m:', 20_000)
    .filter((key) => layout.laneOf(key) === lane)
    .slice(0, count)
  return { keys, lane, slot: slotOf(layout.nameOf('', lane)) }
}

describe('slotOf', () => {
  it('gives the slots that the server gives', async () => {
    const names = ['a', '123456789', '{tw:7}tw:1:a:b', 'x{y}z', '{}empty', '{a', 'a}b{', 'ü', '\u{1f9ca}', 'x{ü}y']
    for (const name of names) expect(slotOf(name), name).toBe(await cluster.slotOf(name))
  })
})

describe.each(['ioredis', 'node-redis', 'iovalkey'] as const)('a cluster through %s', (client) => {
  let tier: RedisTier
  const withTier = async (work: () => Promise<void>): Promise<void> => {
    ;({ tier } = await openedTier({ ports: () => portsThrough(client) }))
    try {
      await work()
    } finally {
      await tier.close()
    }
  }

  it('sends the reads of a tick as one command a lane, and so the writes and deletions', () =>
    withTier(async () => {
      const keys = numbered('tw:1:a:', 500)
      await tier.set(keys.map((key) => textRecord(key, 1)))
      await Promise.all(cluster.nodes.map(resetCounts))
      const texts = await Promise.all(keys.map((key) => readTexts(tier, [key])))
      expect(texts.flat()).toEqual(keys.map((key) => `text of ${key}`))
      expect(await countsOfAll('mget')).toBe(64)
      await Promise.all([tier.set(keys.map((key) => textRecord(key, 2))), tier.delete(numbered('tw:1:b:', 500), 2)])
      expect(await countsOfAll('evalsha')).toBe(64)
    }))

  it('lists, counts and clears on every primary, and leaves keys of others alone', () =>
    withTier(async () => {
      const keys = numbered('tw:1:a:', 300)
      await tier.set([...keys, ...numbered('tw:1:ab:', 10)].map((key) => textRecord(key, 1)))
      const foreign = ['{tw:5}tw:1:a:foreign', 'tw:1:a:1', '{tw:x}tw:1:a:1', '{tw:1', '{other}tw:1:a:1']
      for (const name of foreign) await (await cluster.primaryOf(name)).command('SET', name, 'foreign')
      expect(await scannedTexts(tier, 'tw:1:a:')).toEqual(keys.map((key) => `text of ${key}`).toSorted())
      expect((await tier.usage()).entries).toBe(310)
      await tier.clear('tw:1:a:', 5)
      expect((await scannedTexts(tier, 'tw:')).length).toBe(10)
      for (const name of foreign)
        expect((await (await cluster.primaryOf(name)).command('GET', name)).trim()).toBe('foreign')
    }))

  it('works while the slot of a lane moves and half of its keys are gone already', () =>
    withTier(async () => {
      const { keys, slot } = keysOfOneLane(40)
      const half = keys.slice(0, 20)
      await tier.set(half.map((key) => textRecord(key, 1)))
      const from = await cluster.primaryOf(`{tw:${clusterLayout('tw', 64).laneOf(keys[0] ?? '')}}`)
      const to = cluster.nodes.find((node) => node.port !== from.port) ?? from
      const expected = keys.map((key, index) => (index < 20 ? `text of ${key}` : undefined))
      await cluster.moveSlot(slot, to, {
        during: async (migration) => {
          await migration.moveKeys((await migration.keys()).slice(0, 10))
          expect(await readTexts(tier, keys)).toEqual(expected)
          const outcomes = await tier.set(keys.map((key, index) => textRecord(key, index % 2 === 0 ? 2 : 0)))
          // An older record is refused wherever the newer one is by now; keys that nobody holds take any version.
          expect(outcomes).toEqual(keys.map((_, index) => (index % 2 === 0 || index >= 20 ? 'applied' : 'superseded')))
          expect(await tier.delete(keys.slice(0, 4), 3)).toEqual([true, true, true, true])
          expect(await readTexts(tier, keys.slice(0, 4))).toEqual([undefined, undefined, undefined, undefined])
          expect((await scannedTexts(tier, 'tw:1:m:')).length).toBe(36)
        },
      })
      expect(await tier.set(keys.slice(0, 4).map((key) => textRecord(key, 2)))).toEqual(
        Array.from({ length: 4 }, () => 'superseded'),
      )
      expect((await readTexts(tier, keys)).filter((text) => text !== undefined).length).toBe(36)
      await tier.clear('tw:', 10)
      expect(await scannedTexts(tier, 'tw:')).toEqual([])
    }))

  it('reads and writes plain keys of any slot', () =>
    withTier(async () => {
      const records = numbered('cart:', 100).map((key) => ({ key, bytes: Buffer.from(key), expiresAt: Infinity }))
      await tier.raw.set(records)
      const found = await tier.raw.get([...records.map(({ key }) => key), 'cart:none'])
      expect(found.map((record) => record && Buffer.from(record.bytes).toString())).toEqual([
        ...records.map(({ key }) => key),
        undefined,
      ])
      expect((await allOf(tier.raw.scan('cart:'))).length).toBe(100)
      expect(await tier.raw.delete(['cart:1', 'cart:none'])).toEqual([true, false])
    }))
})
