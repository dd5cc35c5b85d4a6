import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, tcpProxy, type RedisServer } from '../../../../src/testing/index.ts'
import type { RedisBusOptions } from '../../../../src/tiers/redis/bus/options.ts'
import { OpenPorts, testedPackages } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { HeardBus } from './opened-bus.ts'
import { splitPort } from './split-port.ts'

const open = new OpenPorts()
const heard: HeardBus[] = []
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ dedicated: true })
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
})

async function connected(at: { port: number } = server) {
  const port = open.create(testedPackages[0]!, { host: '127.0.0.1', port: at.port, heartbeat: false }).primary
  await port.connect()
  return port
}

async function hearing(options: Partial<RedisBusOptions>): Promise<HeardBus> {
  const one = new HeardBus(await connected(), options)
  heard.push(one)
  return one.started()
}

describe('a bus that tracks keys', () => {
  it('loses what it knows when others empty the database, before it asks for that', async () => {
    const startedAt = performance.now()
    const one = await hearing({ tracking: ['raw:'], intervalMs: 3_600_000 })
    expect(performance.now() - startedAt).toBeLessThan(5000)
    const losses = one.lostLanes.length
    await server.command('FLUSHDB')
    await until(() => one.lostLanes.length > losses)
  })

  it('hears what others change under the prefixes that it tracks', async () => {
    const one = await hearing({ tracking: ['raw:'] })
    const losses = one.lostLanes.length
    await server.command('SET', 'raw:1', 'x')
    await server.command('SET', 'other:1', 'x')
    await server.command('DEL', 'raw:1')
    await until(() => one.touchedKeys.length === 2)
    expect(one.touchedKeys).toEqual(['raw:1', 'raw:1'])
    expect(one.lostLanes).toHaveLength(losses)
    await server.command('FLUSHDB')
    await until(() => one.lostLanes.length > losses)
    await one.proven()
    const lossesBefore = one.lostLanes.length
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => one.lostLanes.length > lossesBefore)
    await one.proven()
    await server.command('SET', 'raw:2', 'x')
    await until(() => one.touchedKeys.includes('raw:2'))
  })

  it('confirms nothing while changes of tracked keys may be missing', async () => {
    await using proxy = await tcpProxy({ target: server })
    const data = await connected()
    const listening = await connected(proxy)
    const one = new HeardBus(splitPort(data, listening), { tracking: ['raw:'], intervalMs: 100 })
    heard.push(one)
    await one.started()
    proxy.silence({ connections: 'all' })
    await sleep(50)
    const silentAt = performance.timeOrigin + performance.now()
    await server.command('SET', 'raw:1', 'x')
    await sleep(1500)
    expect(one.confirmedAt[0]).toBeLessThan(silentAt)
  })
})
