import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, it, vi } from 'vitest'
import { createRedisManager } from '../../../../src/clients/redis/manager/index.ts'
import { fakeRuntime, startRedisCluster, systemRuntime, tcpProxy } from '../../../../src/testing/index.ts'
import { opened } from './opened.ts'

const packages = ['ioredis', 'node-redis', 'iovalkey'] as const
const never = { interval: false } as const

describe('RedisManager', () => {
  const { keep, server: start, manager: connect } = opened()

  it('holds a process to a number of commands, without asking the server', async () => {
    const server = await start()
    const { clock, random } = fakeRuntime()
    const manager = await connect(server, {
      rateLimit: { commands: 2, per: '1m' },
      runtime: { clock, timers: systemRuntime().timers, random },
    })
    await manager.set('a', '1')
    expect(await manager.mget(['a', 'b'])).toEqual(['1', undefined])
    await expect(manager.mset({ a: '1', b: '2' })).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_BUSY',
      retryable: true,
    })
    expect(manager.stats()).toMatchObject({ operations: 2, refused: 1 })
    expect(await server.command('GET', 'b')).toBe('')
  })

  it.each(packages)('does every verb over %s', async (client) => {
    const manager = await connect(await start(), { client })
    expect(manager.isConnected).toBe(true)
    expect(await manager.set('a', 'ä')).toBe(true)
    expect(await manager.get('a')).toBe('ä')
    expect(await manager.get('absent')).toBeUndefined()
    expect(await manager.set('bytes', Uint8Array.of(0, 255))).toBe(true)
    expect(await manager.getBuffer('bytes')).toEqual(Buffer.from([0, 255]))
    expect(await manager.getBuffer('absent')).toBeUndefined()

    expect(await manager.set('a', 'x', { nx: true })).toBe(false)
    expect(await manager.set('new', 'x', { xx: true })).toBe(false)
    expect(await manager.set('new', 'x', { nx: true, ttl: '1m' })).toBe(true)
    expect(await manager.set('new', 'y', { xx: true, ttl: 'forever' })).toBe(true)

    expect(await manager.ttl('a')).toBe(Infinity)
    expect(await manager.ttl('absent')).toBeUndefined()
    expect(await manager.expire('a', '90s')).toBe(true)
    expect(await manager.expire('absent', '90s')).toBe(false)
    expect(await manager.ttl('a')).toBeGreaterThan(89_000)
    await manager.set('short', 'x', { ttl: 0.4 })
    await vi.waitFor(async () => expect(await manager.exists('short')).toBe(false))

    await manager.mset({ one: '1', two: '2' })
    await manager.mset(new Map([['three', '3']]), { ttl: '1m' })
    expect(await manager.ttl('three')).toBeGreaterThan(59_000)
    expect(await manager.mget(['one', 'absent', 'three', 'two', 'one'])).toEqual(['1', undefined, '3', '2', '1'])
    expect(await manager.mget([])).toEqual([])

    expect(await manager.increment('n')).toBe(1)
    expect(await manager.increment('n', 41)).toBe(42)
    expect(await manager.decrement('n', 2)).toBe(40)
    expect(await manager.exists('n')).toBe(true)
    expect(await manager.delete('one', 'two', 'absent')).toBe(2)
    expect(await manager.delete()).toBe(0)
  })

  it('takes more keys than fit into one command', async () => {
    const manager = await connect(await start())
    const keys = Array.from({ length: 1300 }, (_, index) => `key:${index}`)
    await manager.mset(keys.map((key) => [key, key] as const))
    expect(await manager.mget(keys)).toEqual(keys)
    expect(await manager.delete(...keys)).toBe(1300)
  })

  it('spreads the verbs for many keys over a cluster', async () => {
    const cluster = keep(await startRedisCluster({ replicas: 0 }))
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    for (const client of ['ioredis', 'node-redis'] as const) {
      const manager = keep(createRedisManager({ cluster: { nodes }, client, health: never }))
      await manager.connect()
      const keys = Array.from({ length: 40 }, (_, index) => `${client}:${index}`)
      await manager.mset(keys.map((key) => [key, key] as const))
      expect(await manager.mget(keys)).toEqual(keys)
      expect(await manager.increment(`${client}:n`)).toBe(1)
      expect(await manager.delete(...keys)).toBe(40)
    }
  })

  it('refuses wrong arguments before anything is sent', async () => {
    const manager = await connect(await start())
    await expect(manager.get('')).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    await expect(manager.set('a', undefined as never)).rejects.toMatchObject({ code: 'ERR_CACHE_VALUE_UNDEFINED' })
    await expect(manager.set('a', 123_456 as never)).rejects.toMatchObject({
      code: 'ERR_CACHE_OPTION',
      message: expect.not.stringContaining('123456'),
    })
    await expect(manager.set('a', 'b', { ttl: 0 })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    await expect(manager.set('a', 'b', { nx: true, xx: true })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    await expect(manager.increment('a', 0.5)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    expect(manager.stats().operations).toBe(0)
  })

  it('refuses wrong options where they are given', () => {
    const code = (run: () => unknown): unknown => {
      try {
        return run()
      } catch (error) {
        return (error as { readonly code?: string }).code
      }
    }
    expect(code(() => createRedisManager({ commandTimeot: '1s' } as never))).toBe('ERR_CACHE_OPTION')
    expect(code(() => createRedisManager({ commandTimeout: 0 }))).toBe('ERR_CACHE_OPTION')
    expect(code(() => createRedisManager({ health: { memory: 90 } }))).toBe('ERR_CACHE_OPTION')
    expect(code(() => createRedisManager({ client: {} as never }))).toBe('ERR_CACHE_OPTION')
    const client = new Redis({ lazyConnect: true })
    expect(code(() => createRedisManager({ client, password: 'x' }))).toBe('ERR_CACHE_CONFIG')
    client.disconnect()
  })

  it('says what to call when it is not connected', async () => {
    const manager = createRedisManager({ host: '127.0.0.1', port: 1 })
    await expect(manager.get('a')).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_CLOSED',
      message: expect.stringContaining('connect()'),
    })
  })

  it('reads the environment', async () => {
    const server = await start({ password: 'from the environment' })
    const environment = {
      REDIS_HOST: server.host,
      REDIS_PORT: String(server.port),
      REDIS_DB: '3',
      REDIS_PASSWORD: 'from the environment',
    }
    for (const [name, value] of Object.entries({ REDIS_URL: '', ...environment })) vi.stubEnv(name, value)
    try {
      const manager = keep(createRedisManager({ health: never }))
      await manager.connect()
      await manager.set('in the third', 'x')
      expect(await server.command('INFO', 'keyspace')).toContain('db3:keys=1')
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it('works over a client that was handed in, and leaves it open', async () => {
    const server = await start()
    const clients = [new Redis(server.port, server.host), await createClient({ url: server.url }).connect()]
    try {
      for (const client of clients) {
        const manager = keep(createRedisManager({ client: client as Redis, health: never }))
        await manager.connect()
        await manager.set('a', 'b')
        expect((await manager.health()).nodes[0]?.address).toBe(`127.0.0.1:${server.port}`)
        expect(await manager.securityStatus()).toMatchObject({ level: 'low', user: 'default' })
        await manager.disconnect()
        expect(manager.isConnected).toBe(false)
        expect(await client.get('a')).toBe('b')
      }
    } finally {
      for (const client of clients) await client.quit()
    }
  })

  it('connects once for callers that come together, and again after a disconnect', async () => {
    const server = await start()
    const manager = keep(createRedisManager({ host: server.host, port: server.port, health: never }))
    await Promise.all([manager.connect(), manager.connect(), manager.connect()])
    expect(await clientCount(server)).toBe(1)
    await Promise.all([manager.disconnect(), manager.disconnect()])
    await vi.waitFor(async () => expect(await clientCount(server)).toBe(0))
    await manager.connect()
    await manager.set('a', 'b')
    await Promise.all([manager.disconnect(), manager.connect()])
    expect(await manager.get('a')).toBe('b')
    await Promise.all([
      manager.connect(),
      manager.disconnect(),
      manager.connect().catch(() => {}),
      manager.disconnect(),
    ])
    expect(manager.isConnected).toBe(false)
    await vi.waitFor(async () => expect(await clientCount(server)).toBe(0))
  })

  it('keeps its ports over a disconnect, for a tier that holds them', async () => {
    const manager = await connect(await start())
    const { primary } = manager.ports
    let connections = 0
    primary.onConnect(() => connections++)
    await manager.disconnect()
    await expect(primary.send({ args: ['PING'] })).rejects.toMatchObject({ kind: 'connection' })
    await manager.connect()
    expect(connections).toBe(1)
    expect(String(await primary.send({ args: ['PING'] }))).toBe('PONG')
    await primary.close()
    expect(manager.isConnected).toBe(true)
  })

  it('lets a tier connect through its ports', async () => {
    const server = await start()
    const manager = keep(createRedisManager({ host: server.host, port: server.port, health: never }))
    await manager.ports.primary.connect()
    expect(await manager.set('a', 'b')).toBe(true)
  })

  it('leaves nothing open when it cannot connect', async () => {
    const server = await start({ password: 'right' })
    const manager = keep(createRedisManager({ host: server.host, port: server.port, password: 'wrong', health: never }))
    await expect(manager.connect()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      tier: 'redis',
      retryable: true,
    })
    await vi.waitFor(async () => expect(await clientCount(server)).toBe(0))
    expect(manager.securityEvents()).toMatchObject([{ kind: 'authentication', code: 'WRONGPASS' }])
  })

  it('gives up a connection attempt after connectTimeout, and at once when it is disconnected', async () => {
    const proxy = keep(await tcpProxy({ target: await start() }))
    proxy.silence()
    const options = { host: proxy.host, port: proxy.port, connectTimeout: 100, health: never }
    const manager = keep(createRedisManager(options))
    const begin = performance.now()
    await expect(manager.connect()).rejects.toThrow(/127\.0\.0\.1/)
    expect(performance.now() - begin).toBeLessThan(1000)

    const patient = keep(createRedisManager({ ...options, connectTimeout: '60s' }))
    const connecting = expect(patient.connect()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    await patient.disconnect()
    await connecting
  })
})

describe('commands of a RedisManager', () => {
  const { keep, server: start, manager: connect } = opened()

  it('end with their deadline, and not later, against a server that says nothing', async () => {
    const proxy = keep(await tcpProxy({ target: await start() }))
    const manager = await connect(proxy, { commandTimeout: 100 })
    proxy.silence()
    const begin = performance.now()
    await expect(manager.get('a')).rejects.toMatchObject({
      name: 'TimeoutError',
      code: 'ERR_CACHE_TIER_TIMEOUT',
      operation: 'get',
    })
    expect(performance.now() - begin).toBeLessThan(1000)
    expect(manager.stats()).toMatchObject({ operations: 1, failures: 1, timeouts: 1, retries: 0, successRate: 0 })
  })

  it('are sent again when there was no connection, whatever they do', async () => {
    const proxy = keep(await tcpProxy({ target: await start() }))
    const retry = { attempts: 1000, initial: 5, max: 5 }
    const manager = await connect(proxy, { retry, commandTimeout: '10s', backoff: { initial: 5, max: 5 } })
    proxy.cut()
    await vi.waitFor(() => expect(manager.isConnected).toBe(false), { interval: 1 })
    expect(await manager.increment('n')).toBe(1)
    expect(manager.stats()).toMatchObject({ operations: 1, failures: 0, successRate: 1 })
    expect(manager.stats().retries).toBeGreaterThan(0)
  })

  it.each(packages)('are sent again by %s only if they read, when their connection was lost', async (client) => {
    const server = await start()
    const proxy = keep(await tcpProxy({ target: server }))
    const retry = { attempts: 1000, initial: 5, max: 5 }
    const manager = await connect(proxy, { client, retry, commandTimeout: '10s', backoff: { initial: 5, max: 5 } })
    await manager.set('a', 'b')

    proxy.silence()
    const lost = expect(manager.increment('n')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    const found = manager.get('a')
    await vi.waitFor(async () => expect(await server.command('GET', 'n')).toBe('1'))
    proxy.cut()
    await proxy.pass()
    await lost
    expect(await found).toBe('b')
    expect(await server.command('GET', 'n')).toBe('1')
  })

  it('are not sent again when the server said what is wrong', async () => {
    const manager = await connect(await start())
    await manager.set('text', 'not a number')
    await expect(manager.increment('text')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: false })
    expect(manager.stats()).toMatchObject({ operations: 2, failures: 1, retries: 0, successRate: 0.5 })
  })

  it('are sent again while the server refuses for a reason that passes', async () => {
    const primary = await start()
    const server = await start()
    const manager = await connect(server, { retry: { attempts: 1000, initial: 5, max: 5 }, commandTimeout: '10s' })
    await server.command('REPLICAOF', primary.host, String(primary.port))
    const writing = manager.increment('n')
    await vi.waitFor(() => expect(manager.stats().retries).toBeGreaterThan(2))
    await server.command('REPLICAOF', 'NO', 'ONE')
    expect(await writing).toBe(1)
  })

  it('are sent a bounded number of times', async () => {
    const primary = await start()
    const server = await start()
    const manager = await connect(server, { commandTimeout: '10s' })
    await server.command('REPLICAOF', primary.host, String(primary.port))
    await expect(manager.increment('n')).rejects.toThrow('READONLY')
    expect(manager.stats()).toMatchObject({ operations: 1, failures: 1, retries: 2 })
  })

  it('are counted with their latency', async () => {
    const manager = await connect(await start())
    expect(manager.stats()).toMatchObject({ operations: 0, successRate: 1, latency: undefined })
    for (let i = 0; i < 50; i++) await manager.get('a')
    const { operations, latency } = manager.stats()
    expect(operations).toBe(50)
    expect(latency?.p50Ms).toBeGreaterThan(0)
    expect(latency?.p50Ms).toBeLessThanOrEqual(latency?.p99Ms ?? 0)
    expect(latency?.p99Ms).toBeLessThanOrEqual(latency?.maxMs ?? 0)
  })
})

async function clientCount(server: { command(...args: string[]): Promise<string> }): Promise<number> {
  const list = await server.command('CLIENT', 'LIST')
  // The one that asks is a client too.
  return list.split('\n').filter((line) => !line.includes('cmd=client|list')).length
}
