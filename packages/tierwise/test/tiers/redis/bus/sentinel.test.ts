import * as nodeRedis from 'redis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../../src/clients/redis/adopt-client.ts'
import type { NodeRedisSentinel } from '../../../../src/clients/redis/client-shapes.ts'
import { startRedisSentinel, type RedisSentinel } from '../../../../src/testing/servers/index.ts'
import { singleLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { OpenPorts, testedPackages } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { Emitter } from './emitter.ts'
import { HeardBus } from './opened-bus.ts'

const open = new OpenPorts()
const heard: HeardBus[] = []
let group: RedisSentinel

beforeEach(async () => {
  group = await startRedisSentinel({ password: 'server-secret', sentinelPassword: 'sentinel-secret' })
}, 60_000)
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
  await group.stop()
})

const nodes = () => group.sentinels.map(({ host, port }) => ({ host, port }))

describe('a bus behind Sentinel', () => {
  it('follows the primary, and knows which changes a failover has lost', { timeout: 90_000 }, async () => {
    const all = await Promise.all(
      testedPackages.map(async (tested) => {
        const sentinel = { name: group.masterName, nodes: nodes(), password: 'sentinel-secret' }
        const port = open.create(tested, { sentinel, password: 'server-secret' }).primary
        await port.connect()
        const one = new HeardBus(port, { instance: tested.title })
        heard.push(one)
        await one.started()
        return { title: tested.title, one, by: new Emitter(port, singleLayout) }
      }),
    )
    const { by } = all[0]!
    for (const key of ['a', 'b']) await by.emit(key)
    await Promise.all(all.map(({ one }) => until(() => one.keys.length === 2)))
    const old = await group.primary()
    for (const replica of group.nodes.filter(({ port }) => port !== old.port))
      await until(async () => (await replica.command('HGET', '{tw:0}:lane', 'seq')) === '2')
    // The replicas hear nothing of what the primary takes from here on.
    for (const node of group.nodes) if (node.port !== old.port) node.pause()
    await old.command('CLIENT', 'KILL', 'TYPE', 'replica')
    for (const key of ['c', 'd']) await by.emit(key)
    await Promise.all(all.map(({ one }) => until(() => one.keys.length === 4)))
    await old.kill()
    for (const node of group.nodes) if (node.port !== old.port) node.resume()
    await group.primaryAfter(old)
    const foundAt = performance.now()
    await Promise.all(
      all.map(async ({ one, title }) => {
        await until(() => one.lostLanes.length >= 2, 20_000)
        await one.proven(20_000)
        console.log(`${title}: knows of the loss and is proven after ${Math.round(performance.now() - foundAt)} ms`)
        const repaired = one.repairs.map((change) => change.kind === 'key' && change.key)
        expect(repaired.slice(0, 4)).toEqual(['a', 'b', 'c', 'd'])
      }),
    )
    await until(() =>
      by.emit('e').then(
        () => true,
        () => false,
      ),
    )
    await Promise.all(all.map(({ one }) => until(() => one.keys.includes('e'))))

    await old.restart()
    await group.failOver()
    await until(() =>
      by.emit('f').then(
        () => true,
        () => false,
      ),
    )
    await Promise.all(all.map(({ one }) => until(() => one.keys.includes('f'), 20_000)))
    await Promise.all(all.map(({ one }) => one.proven(20_000)))
  })

  it('listens through a sentinel client of node-redis that was handed in', { timeout: 120_000 }, async () => {
    const client = nodeRedis.createSentinel({
      name: group.masterName,
      sentinelRootNodes: nodes(),
      sentinelClientOptions: { password: 'sentinel-secret' },
      nodeClientOptions: { password: 'server-secret' },
    }) as unknown as NodeRedisSentinel
    try {
      const port = open.add(adoptRedisClient(client))
      await port.connect()
      const one = new HeardBus(port)
      heard.push(one)
      await one.started()
      const by = new Emitter(port, singleLayout)
      await by.emit('a')
      await until(() => one.keys.length === 1)
      const dead = await group.killPrimary()
      await group.primaryAfter(dead)
      // What the new primary was told before the bus found it may count as lost, if it had not got everything.
      await until(async () => {
        await by.emit('b').catch(() => undefined)
        return one.keys.includes('b')
      }, 20_000)
      await one.proven(20_000)
      await one.bus.stop()
      await port.close()
      expect(client.isOpen).toBe(true)
    } finally {
      await client.destroy()
    }
  })

  it('confirms nothing with such a client when it is to track keys, and says why', async () => {
    const client = nodeRedis.createSentinel({
      name: group.masterName,
      sentinelRootNodes: nodes(),
      sentinelClientOptions: { password: 'sentinel-secret' },
      nodeClientOptions: { password: 'server-secret' },
    }) as unknown as NodeRedisSentinel
    try {
      const port = open.add(adoptRedisClient(client))
      await port.connect()
      const one = new HeardBus(port, { tracking: ['raw:'], intervalMs: 100 })
      heard.push(one)
      one.bus.start(one)
      await until(() => one.failures.some((reason) => String(reason).includes('cannot be tracked')))
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(one.confirmedAt).toEqual([])
      await one.bus.stop()
    } finally {
      await client.destroy()
    }
  })
})
