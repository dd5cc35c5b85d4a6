import * as nodeRedis from 'redis'
import * as nodeRedis5 from 'redis-5'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../src/clients/redis/adopt-client.ts'
import type { NodeRedisSentinel } from '../../../src/clients/redis/client-shapes.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import {
  startRedisCluster,
  startRedisSentinel,
  type RedisCluster,
  type RedisSentinel,
} from '../../../src/testing/servers/index.ts'
import { OpenPorts, testedPackages } from './packages.ts'
import { until } from './until.ts'

type CreateSentinel = (options: object) => NodeRedisSentinel

/** All packages live through one failover side by side: it takes seconds, most of them the servers'. */
const open = new OpenPorts()

async function takesWrites(port: RedisPort, key: string): Promise<boolean> {
  try {
    await port.send({ args: ['SET', key, 'after'], key })
    return true
  } catch {
    return false
  }
}

function nameIt(title: string): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`${title} did not follow`, { cause })
  }
}

describe('a cluster whose primary dies', () => {
  let cluster: RedisCluster

  beforeEach(async () => {
    cluster = await startRedisCluster()
  }, 30_000)
  afterEach(async () => {
    await open.close()
    await cluster.stop()
  })

  it(
    'is written to again once another node has taken over, which is then among the primaries',
    { timeout: 40_000 },
    async () => {
      const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
      const ports = testedPackages.map((tested) => ({
        title: tested.title,
        port: open.create(tested, { cluster: { nodes }, heartbeat: { interval: '500ms', timeout: '500ms' } }).primary,
      }))
      await Promise.all(ports.map(({ port }) => port.connect()))
      await Promise.all(
        ports.map(({ port, title }) => port.send({ args: ['SET', `{x}${title}`, 'before'], key: `{x}${title}` })),
      )
      const dead = await cluster.killPrimaryOf('{x}')
      await cluster.whenHealthy()
      const healthyAt = performance.now()
      await Promise.all(
        ports.map(async ({ port, title }) => {
          await until(() => takesWrites(port, `{x}${title}`))
          console.log(`${title}: writes ${Math.round(performance.now() - healthyAt)} ms after the cluster was healthy`)
          const owners = (await cluster.primaries()).map((node) => `${node.host}:${node.port}`)
          const listed = (await port.primaries()).map((node) => node.address)
          expect(listed.toSorted()).toEqual(owners.toSorted())
          expect(listed).not.toContain(`${dead.host}:${dead.port}`)
        }),
      )
    },
  )
})

describe('a primary behind Sentinel', () => {
  let group: RedisSentinel

  beforeEach(async () => {
    group = await startRedisSentinel({ password: 'server-secret', sentinelPassword: 'sentinel-secret' })
  }, 30_000)
  afterEach(async () => {
    await open.close()
    await group.stop()
  })

  function connectedPorts(readFrom: 'primary' | 'replica' = 'primary') {
    const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
    const sentinel = { name: group.masterName, nodes, password: 'sentinel-secret' }
    return testedPackages.map((tested) => ({
      title: tested.title,
      ...open.create(tested, { sentinel, readFrom, password: 'server-secret' }),
    }))
  }

  async function isAt(port: RedisPort, node: { port: number }): Promise<boolean> {
    try {
      return String(await port.send({ args: ['CONFIG', 'GET', 'port'] })).endsWith(`,${node.port}`)
    } catch {
      return false
    }
  }

  it('is found again after it died, and after it was demoted while it works', { timeout: 40_000 }, async () => {
    const ports = connectedPorts()
    await Promise.all(ports.map(({ primary }) => primary.connect()))
    const old = await group.primary()
    for (const { primary } of ports) expect(await isAt(primary, old)).toBe(true)

    const dead = await group.killPrimary()
    const second = await group.primaryAfter(dead)
    await Promise.all(ports.map(({ primary, title }) => until(() => isAt(primary, second)).catch(nameIt(title))))
    await Promise.all(ports.map(({ primary, title }) => until(() => takesWrites(primary, 'k')).catch(nameIt(title))))

    await dead.restart()
    const third = await group.failOver()
    await Promise.all(ports.map(({ primary, title }) => until(() => isAt(primary, third)).catch(nameIt(title))))
    await Promise.all(ports.map(({ primary, title }) => until(() => takesWrites(primary, 'k')).catch(nameIt(title))))
  })

  it('has replicas that are read when asked to', async () => {
    const ports = connectedPorts('replica')
    await Promise.all(ports.flatMap(({ primary, replica }) => [primary.connect(), replica!.connect()]))
    for (const { primary, replica } of ports) {
      expect(String(await primary.send({ args: ['ROLE'] }))).toMatch(/^master/)
      expect(String(await replica!.send({ args: ['ROLE'] }))).toMatch(/^slave/)
    }
  })

  it.each([
    ['node-redis 6', nodeRedis.createSentinel as unknown as CreateSentinel],
    ['node-redis 5', nodeRedis5.createSentinel as unknown as CreateSentinel],
  ])('is reached through a Sentinel client of %s that was handed in, which stays open', async (_, createSentinel) => {
    const client = createSentinel({
      name: group.masterName,
      sentinelRootNodes: group.sentinels.map(({ host, port }) => ({ host, port })),
      sentinelClientOptions: { password: 'sentinel-secret' },
      nodeClientOptions: { password: 'server-secret' },
    })
    const port = adoptRedisClient(client)
    try {
      await port.connect()
      expect(await port.send({ args: ['ECHO', new Uint8Array([0, 200])] })).toEqual(Buffer.from([0, 200]))
      expect(await isAt(port, await group.primary())).toBe(true)
      await port.close()
      expect(client.isOpen).toBe(true)
    } finally {
      await client.destroy()
    }
  })

  it('is refused with the reason when the name or a password is wrong', async () => {
    const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
    for (const tested of testedPackages) {
      const wrongName = open.create(tested, {
        sentinel: { name: 'nobody', nodes, password: 'sentinel-secret' },
        connectTimeout: '2s',
      }).primary
      await expect(wrongName.connect(), tested.title).rejects.toThrow(/nobody|sentinel/i)
      const wrongPassword = open.create(tested, {
        sentinel: { name: group.masterName, nodes, password: 'sentinel-secret' },
        password: 'not-the-secret',
        connectTimeout: '2s',
      }).primary
      const error = await wrongPassword.connect().catch((failure: unknown) => failure)
      expect(String(error), tested.title).toMatch(/WRONGPASS|invalid username-password|auth/i)
      expect(String(error)).not.toContain('secret')
    }
  })
})
