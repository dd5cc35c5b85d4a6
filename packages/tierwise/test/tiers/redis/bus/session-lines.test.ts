import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { RedisCommand, RedisPort } from '../../../../src/clients/redis/port.ts'
import { startRedis, tcpProxy, type RedisServer } from '../../../../src/testing/index.ts'
import { OpenPorts, testedPackages } from '../../../clients/redis/packages.ts'
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

async function connected({ port: at }: { port: number } = server): Promise<RedisPort> {
  const port = open.create(testedPackages[0]!, { host: '127.0.0.1', port: at, heartbeat: false }).primary
  await port.connect()
  return port
}

/** The port, with replies of writes of members that take long. */
function slowForMembers(port: RedisPort, delayMs: number): RedisPort {
  const send = async (command: RedisCommand): Promise<Awaited<ReturnType<RedisPort['send']>>> => {
    const reply = await port.send(command)
    // Real time, because the bus measures it.
    if (command.key === '{tw:tags}:members') await sleep(delayMs)
    return reply
  }
  return new Proxy(port, {
    get: (of, name) => {
      if (name === 'send') return send
      const value: unknown = Reflect.get(of, name, of)
      return typeof value === 'function' ? value.bind(of) : value
    },
  })
}

describe('a bus', () => {
  it('confirms nothing when what it says of itself is older than an interval once it is heard', async () => {
    const one = new HeardBus(slowForMembers(await connected(), 400), { intervalMs: 100 })
    heard.push(one)
    one.bus.start(one)
    await sleep(1500)
    expect(one.confirmedAt).toEqual([])
  })

  it('that tracks keys confirms no more than the last proof of its tracking', async () => {
    await using proxy = await tcpProxy({ target: server })
    const port = splitPort(await connected(), await connected(proxy))
    const one = new HeardBus(port, { tracking: ['raw:'], intervalMs: 100 })
    heard.push(one)
    await one.started()
    await proxy.refuse()
    proxy.cut()
    await sleep(50)
    const silentAt = performance.timeOrigin + performance.now()
    await sleep(1000)
    expect(one.confirmedAt[0]).toBeLessThan(silentAt)
  })
})
