import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../../src/clients/redis/adopt-client.ts'
import { startRedis, tcpProxy, type RedisServer } from '../../../../src/testing/index.ts'
import { endClient, isOpen, OpenPorts, rawClient, testedPackages } from '../packages.ts'
import { until } from '../until.ts'
import { hear, type Heard } from './heard.ts'

const open = new OpenPorts()
const started: Heard[] = []
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ dedicated: true, password: 'of the server' })
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ subscriber }) => subscriber.close()))
  await open.close()
})

function place() {
  return { host: server.host, port: server.port, password: 'of the server' }
}

async function connections(): Promise<number> {
  const list = await server.command('CLIENT', 'LIST')
  return list.split('\n').filter((line) => !line.includes('cmd=client|list')).length
}

describe.each(testedPackages)('listening with $title', (tested) => {
  async function listen(channels: readonly string[], options: Parameters<typeof hear>[2] = {}, at = place()) {
    const port = open.create(tested, at).primary
    await port.connect()
    const heard = hear(port, channels, options)
    started.push(heard)
    await until(() => channels.every((channel) => heard.listening.includes(channel)))
    return { port, heard }
  }

  it('tells messages as bytes, in order, from a connection of its own', async () => {
    const { port, heard } = await listen(['a', 'b'])
    const bytes = Buffer.from([0x92, 1, 0xff, 0, 0x80])
    await port.send({ args: ['PUBLISH', 'a', bytes] })
    for (let i = 0; i < 50; i++) void port.send({ args: ['PUBLISH', i % 2 === 0 ? 'a' : 'b', String(i)] })
    await port.send({ args: ['PUBLISH', 'c', 'nobody'] })
    await until(() => heard.messages.length === 51)
    expect(heard.messages[0]).toEqual(['a', bytes.toString('latin1')])
    expect(heard.messages.slice(1).map(([, text]) => text)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)))
    await heard.subscriber.prove()
    expect(heard.failures).toEqual([])
  })

  it('begins again when its connection is killed, and says so', async () => {
    const { port, heard } = await listen(['a'])
    for (let round = 2; round < 5; round++) {
      await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => heard.listening.length === round)
      await port.send({ args: ['PUBLISH', 'a', String(round)] })
      await until(() => heard.messages.length === round - 1)
    }
    expect(heard.failures).toHaveLength(3)
  })

  it('begins again after the server has restarted', async () => {
    const { port, heard } = await listen(['a'])
    await server.restart()
    await until(() => heard.listening.length === 2 && port.isReady)
    await port.send({ args: ['PUBLISH', 'a', 'again'] })
    await until(() => heard.messages.length === 1)
  })

  it('begins again when a connection is half-open', async () => {
    await using proxy = await tcpProxy({ target: server })
    const { heard } = await listen(
      ['a'],
      { heartbeat: { intervalMs: 50, timeoutMs: 100 } },
      { ...place(), port: proxy.port },
    )
    proxy.silence({ connections: 'existing' })
    await until(() => heard.listening.length > 1)
    expect(String(heard.failures[0])).toContain('no answer within 100 ms')
  })

  it('proves nothing while it is not connected', async () => {
    await using proxy = await tcpProxy({ target: server })
    const { heard } = await listen(['a'], {}, { ...place(), port: proxy.port })
    await heard.subscriber.prove()
    await proxy.refuse()
    proxy.cut()
    await until(() => heard.failures.length > 0)
    await expect(heard.subscriber.prove()).rejects.toThrow()
    await proxy.pass()
    await until(() => heard.listening.length === 2)
    await heard.subscriber.prove()
  })

  it('tells of changed keys with the prefix, whoever and whatever changes them', async () => {
    const { heard } = await listen(['a'], { tracking: ['raw:', 'raw:x:', 'other:'] })
    const names = async (...command: string[]) => {
      heard.touched.length = 0
      await server.command(...command)
      await until(() => heard.touched.length > 0)
      return heard.touched.flatMap((list) => list ?? ['<all>'])
    }
    await server.command('SET', 'unrelated', '1')
    expect(await names('SET', 'raw:é', '1')).toEqual(['raw:é'])
    expect(await names('SET', 'raw:x:1', '1')).toEqual(['raw:x:1'])
    expect(await names('SETRANGE', 'raw:é', '0', 'x')).toEqual(['raw:é'])
    expect(await names('DEL', 'raw:é')).toEqual(['raw:é'])
    expect(await names('SET', 'other:1', '1', 'PX', '10')).toEqual(['other:1'])
    expect(await names('PING')).toEqual(['other:1'])
    expect(await names('EVAL', "redis.call('SET', KEYS[1], 'x')", '1', 'raw:é')).toEqual(['raw:é'])
    expect(await names('PEXPIRE', 'raw:é', '100000')).toEqual(['raw:é'])
    expect(await names('FLUSHALL')).toEqual(['<all>'])
    // Tracking is on again after a new connection.
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => heard.listening.length === 2)
    expect(await names('SET', 'raw:é', '1')).toEqual(['raw:é'])
    await heard.subscriber.prove()
  })

  it('tells of keys that the server evicts', async () => {
    const { heard } = await listen(['a'], { tracking: ['raw:'] })
    await server.command('SET', 'raw:1', 'x'.repeat(100))
    await until(() => heard.touched.length > 0)
    heard.touched.length = 0
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    await server.command('SET', 'anything', '1').catch(() => {})
    await until(() => heard.touched.flat().includes('raw:1'))
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
  })

  it('uses what a handed-in client was made with and leaves that client as it was', async () => {
    const client = rawClient(tested, server.port, { password: 'of the server' })
    client.on('error', () => {})
    const port = open.add(adoptRedisClient(client))
    await port.connect()
    const before = await connections()
    const listenersBefore = (client as unknown as NodeJS.EventEmitter).eventNames().length
    const heard = hear(port, ['a'], { tracking: ['raw:'] })
    await until(() => heard.listening.length === 1)
    expect(await connections()).toBe(before + 1)
    await port.send({ args: ['PUBLISH', 'a', 'x'] })
    await until(() => heard.messages.length === 1)
    await heard.subscriber.close()
    await until(async () => (await connections()) === before)
    expect(isOpen(client)).toBe(true)
    expect((client as unknown as NodeJS.EventEmitter).eventNames()).toHaveLength(listenersBefore)
    await port.send({ args: ['SET', 'k', '1'], key: 'k' })
    endClient(client)
  })

  it('takes channels in and leaves them while it listens, over the connection that it has', async () => {
    const { port, heard } = await listen(['a'])
    const before = await connections()
    const say = (channel: string, text: string) => port.send({ args: ['PUBLISH', channel, text] })
    heard.subscriber.add({ name: 'b', slot: 0 })
    await until(() => heard.subscriber.isListeningTo('b'))
    await say('b', '1')
    await until(() => heard.messages.length === 1)
    heard.subscriber.remove('b')
    expect(heard.subscriber.isListeningTo('b')).toBe(false)
    await until(async () => (await server.command('PUBSUB', 'CHANNELS')) === 'a')
    await say('b', '2')
    await say('a', '3')
    await until(() => heard.messages.length === 2)
    for (let turn = 0; turn < 20; turn++) {
      heard.subscriber.add({ name: 'b', slot: 0 })
      heard.subscriber.remove('b')
    }
    heard.subscriber.remove('a')
    heard.subscriber.add({ name: 'b', slot: 0 })
    await until(() => heard.subscriber.isListeningTo('b'))
    await say('b', '4')
    await until(() => heard.messages.length === 3)
    expect(heard.messages.map(([, text]) => text)).toEqual(['1', '3', '4'])
    expect(heard.failures).toEqual([])
    expect(await connections()).toBe(before)
  })

  it('leaves no connection and no timer behind, wherever it is closed', async () => {
    const port = open.create(tested, place()).primary
    await port.connect()
    const before = await connections()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const timersBefore = timers()
    for (let turns = 0; turns < 24; turns++) {
      const heard = hear(port, ['a', 'b'], { tracking: turns % 2 === 0 ? ['raw:'] : [] })
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await heard.subscriber.close()
      expect(heard.messages).toEqual([])
    }
    await until(async () => (await connections()) === before)
    await until(() => timers() <= timersBefore)
  })
})
