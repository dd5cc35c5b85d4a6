import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../src/clients/redis/adopt-client.ts'
import type { RedisFailure } from '../../../src/clients/redis/client-failure.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import { startRedis, tcpProxy, type RedisServer, type TcpProxy } from '../../../src/testing/index.ts'
import { endClient, isOpen, OpenPorts, rawClient, testedPackages } from './packages.ts'
import { until } from './until.ts'

let server: RedisServer
let proxy: TcpProxy
const open = new OpenPorts()
const quick = { backoff: { initial: '10ms', max: '50ms' } } as const

beforeAll(async () => {
  server = await startRedis({ config: { maxclients: '500' } })
}, 20_000)
beforeEach(async () => {
  proxy = await tcpProxy({ target: server })
})
afterEach(async () => {
  await open.close()
  await proxy.close()
})
afterAll(async () => {
  await server.stop()
})

async function failureOf(work: Promise<unknown>): Promise<RedisFailure> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as RedisFailure,
  )
}

/** Connections to the server that some client has given its name to. */
async function namedConnections(): Promise<number> {
  const list = await server.command('CLIENT', 'LIST')
  return list.split('\n').filter((line) => / name=tierwise /.test(line)).length
}

function ping(port: RedisPort): Promise<unknown> {
  return port.send({ args: ['PING'] })
}

describe.each(testedPackages)('one server through $title', (tested) => {
  it('answers with bytes, numbers and flat lists, whatever the protocol', async () => {
    const { primary } = open.create(tested, { host: server.host, port: server.port })
    await primary.connect()
    const send = (...args: (string | Uint8Array)[]): Promise<unknown> => primary.send({ args })
    const bytes = new Uint8Array(256).map((_, i) => i)
    await send('DEL', 'bytes', 'hash', 'sorted')
    expect(String(await send('SET', 'bytes', bytes))).toBe('OK')
    expect(await send('GET', 'bytes')).toEqual(Buffer.from(bytes))
    expect(await send('GET', bytes.subarray(1, 4))).toBe(null)
    expect(await send('MGET', 'bytes', 'absent')).toEqual([Buffer.from(bytes), null])
    expect(await send('HSET', 'hash', 'a', '1')).toBe(1)
    expect(await send('HGETALL', 'hash')).toEqual([Buffer.from('a'), Buffer.from('1')])
    expect(await send('EVAL', 'return {1, "x", false, {ok = "fine"}}', '0')).toEqual([
      1,
      Buffer.from('x'),
      null,
      Buffer.from('fine'),
    ])
    await send('ZADD', 'sorted', '1.5', 'm')
    expect(String(await send('ZSCORE', 'sorted', 'm'))).toBe('1.5')
    expect(await send('TIME')).toEqual([expect.any(Buffer), expect.any(Buffer)])
    expect(await send('INFO', 'server')).toBeInstanceOf(Buffer)
    expect(await send('CONFIG', 'GET', 'maxclients')).toEqual([Buffer.from('maxclients'), Buffer.from('500')])
  })

  it('rejects with what the server says and its first word, without the arguments of the command', async () => {
    const { primary } = open.create(tested, { host: server.host, port: server.port })
    await primary.connect()
    const unknown = await failureOf(primary.send({ args: ['NOPE', 'my-secret-value'] }))
    const auth = await failureOf(primary.send({ args: ['AUTH', 'somebody', 'my-secret-value'] }))
    const script = await failureOf(primary.send({ args: ['EVALSHA', 'f'.repeat(40), '0', 'my-secret-value'] }))
    expect([unknown.code, script.code]).toEqual(['ERR', 'NOSCRIPT'])
    expect([unknown.kind, auth.kind, script.kind]).toEqual(['reply', 'reply', 'reply'])
    for (const error of [unknown, auth, script]) {
      expect(error.message).not.toContain('my-secret')
      expect(error.cause).toBe(undefined)
      expect(Object.keys(error).toSorted()).toEqual(['code', 'kind', 'name', 'retryable'])
    }
  })

  it('carries the name of the client and reads the database, user and password of a URL', async () => {
    const name = `user-${tested.title.replace(' ', '-')}`
    const password = 'p@ss:/wörd%'
    await server.command('ACL', 'SETUSER', name, 'on', `>${password}`, '~*', '+@all')
    const credentials = `${encodeURIComponent(name)}:${encodeURIComponent(password)}`
    const { primary } = open.create(tested, { url: `redis://${credentials}@${server.host}:${server.port}/7` })
    await primary.connect()
    const info = String(await primary.send({ args: ['CLIENT', 'INFO'] }))
    expect(info).toContain(' name=tierwise ')
    expect(info).toContain(' db=7 ')
    expect(info).toContain(` user=${name} `)
  })

  it('rejects at once while there is no connection, connects again by itself and tells it', async () => {
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, ...quick })
    let connections = 0
    primary.onConnect(() => connections++)
    expect((await failureOf(ping(primary))).kind).toBe('connection')
    await primary.connect()
    expect([primary.isReady, connections]).toEqual([true, 1])

    const inFlight = failureOf(primary.send({ args: ['BLPOP', 'never', '0'] }))
    await until(async () => (await server.command('INFO', 'clients')).includes('blocked_clients:1'))
    await proxy.refuse()
    proxy.cut()
    expect((await inFlight).kind).toBe('connection')
    await until(() => !primary.isReady)
    const startedAt = performance.now()
    expect((await failureOf(ping(primary))).kind).toBe('connection')
    expect(performance.now() - startedAt).toBeLessThan(20)
    expect((await failureOf(primary.connect())).message).toMatch(/ECONNREFUSED/)

    await proxy.pass()
    await until(() => primary.isReady)
    expect(String(await ping(primary))).toBe('PONG')
    expect(connections).toBe(2)
    await primary.connect()
    expect(connections).toBe(2)
  })

  it('rejects a connect that gets no answer when its time is over, and may be asked again', async () => {
    proxy.silence()
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, connectTimeout: '200ms', ...quick })
    const startedAt = performance.now()
    expect((await failureOf(primary.connect())).kind).toBe('connection')
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    proxy.cut()
    await proxy.pass()
    await until(() =>
      primary.connect().then(
        () => true,
        () => false,
      ),
    )
    expect(String(await ping(primary))).toBe('PONG')
  })

  it('notices a connection that has died silently and makes a new one', async () => {
    const heartbeat = { interval: '50ms', timeout: '100ms' } as const
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, heartbeat, ...quick })
    await primary.connect()
    proxy.silence({ connections: 'existing' })
    const lost = failureOf(primary.send({ args: ['GET', 'k'] }))
    expect((await lost).kind).toBe('connection')
    await until(() => primary.isReady)
    expect(String(await ping(primary))).toBe('PONG')
    expect(proxy.counters.connections).toBe(2)
  })

  it('notices it too while commands go on being written, which keeps the timer of a socket from ending', async () => {
    const heartbeat = { interval: '50ms', timeout: '100ms' } as const
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, heartbeat, ...quick })
    await primary.connect()
    proxy.silence({ connections: 'existing' })
    await until(async () => {
      ping(primary).catch(() => {})
      return proxy.counters.connections === 2
    }, 3_000)
  })

  it('gives up a connection that falls silent while it is being made', async () => {
    const heartbeat = { interval: '50ms', timeout: '100ms' } as const
    const { primary } = open.create(tested, {
      host: proxy.host,
      port: proxy.port,
      heartbeat,
      connectTimeout: '300ms',
      ...quick,
    })
    proxy.silence()
    await failureOf(primary.connect())
    proxy.silence({ connections: 'existing' })
    await proxy.pass({ connections: 'new' })
    await until(() => primary.isReady)
    expect(String(await ping(primary))).toBe('PONG')
  })

  it('keeps a connection that is idle', async () => {
    const heartbeat = { interval: '50ms', timeout: '150ms' } as const
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, heartbeat, ...quick })
    await primary.connect()
    // Several times as long as a silent connection lives.
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect([primary.isReady, proxy.counters.connections]).toEqual([true, 1])
  })

  it('writes the commands of one tick together', async () => {
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, heartbeat: false })
    await primary.connect()
    const before = proxy.counters.toTarget.reads
    const replies = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        // Callers of one tick are not all at the same depth of promises.
        for (let turn = 0; turn < i % 5; turn++) await Promise.resolve()
        return primary.send({ args: ['ECHO', `echo ${i}`] })
      }),
    )
    expect(replies.map(String)).toEqual(Array.from({ length: 50 }, (_, i) => `echo ${i}`))
    expect(proxy.counters.toTarget.reads - before).toBe(1)
  })

  it('shares the commands among its connections, and keeps those of one key on one', async () => {
    const { primary } = open.create(tested, { host: server.host, port: server.port, connections: 4 })
    await primary.connect()
    const idOf = async (key?: string): Promise<string> =>
      String(await primary.send({ args: ['CLIENT', 'ID'], ...(key === undefined ? {} : { key }) }))
    const free = await Promise.all(Array.from({ length: 8 }, () => idOf()))
    expect(new Set(free).size).toBe(4)
    const keyed = await Promise.all(Array.from({ length: 8 }, () => idOf('one key')))
    expect(new Set(keyed).size).toBe(1)
  })

  it('leaves no connection, listener or timer behind when it is closed in any state', async () => {
    await until(async () => (await namedConnections()) === 0)
    const options = { host: server.host, port: server.port, connections: 2, ...quick }
    for (let round = 0; round < 25; round++) {
      const { primary } = open.create(tested, options)
      const connecting = primary.connect().catch(() => 'closed')
      if (round % 3 !== 0) await connecting
      if (round % 3 === 2) await Promise.all([ping(primary), ping(primary)])
      await primary.close()
      await primary.close()
      expect((await failureOf(ping(primary))).message).toContain('closed')
      await expect(primary.connect()).rejects.toThrow('closed')
      await connecting
    }
    await until(async () => (await namedConnections()) === 0)

    await proxy.refuse()
    const { primary } = open.create(tested, { host: proxy.host, port: proxy.port, ...quick })
    await failureOf(primary.connect())
    await primary.close()
    const seen = proxy.counters.connections
    await proxy.pass()
    // Longer than the longest wait between two attempts.
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect(proxy.counters.connections).toBe(seen)
  })

  it('leaves a client that was handed in open, with its listeners and options', async () => {
    const client = rawClient(tested, server.port)
    const emitter = client as never as NodeJS.EventEmitter
    const heard: string[] = []
    emitter.on('ready', () => heard.push('own'))
    const events = ['ready', 'error', 'end', 'close', 'connect', 'reconnecting']
    const counts = (): number[] => events.map((event) => emitter.listenerCount(event))
    const options = (client as { options?: object }).options ?? {}
    const optionsBefore = { ...options }
    try {
      const before = counts()
      const port = adoptRedisClient(client)
      expect(port.isReady).toBe(false)
      expect((await failureOf(ping(port))).kind).toBe('connection')
      await Promise.all([port.connect(), port.connect()])
      expect(heard).toEqual(['own'])
      expect(await port.send({ args: ['ECHO', new Uint8Array([0, 200])] })).toEqual(Buffer.from([0, 200]))
      expect((await port.primaries()).map((node) => node.address)).toEqual([`127.0.0.1:${server.port}`])
      await port.close()
      expect(counts()).toEqual(before)
      expect(isOpen(client)).toBe(true)
      expect(options).toMatchObject(optionsBefore)
      await expect(port.connect()).rejects.toThrow('closed')
      const again = adoptRedisClient(client)
      expect(again.isReady).toBe(true)
      await again.connect()
      expect(String(await ping(again))).toBe('PONG')
      await again.close()
    } finally {
      endClient(client)
    }
  })

  it('tells why a client that was handed in cannot connect', async () => {
    await proxy.refuse()
    const client = rawClient(tested, proxy.port)
    try {
      const port = open.add(adoptRedisClient(client, { connectTimeoutMs: 1_000 }))
      expect((await failureOf(port.connect())).message).toContain('ECONNREFUSED')
      await proxy.pass()
      await until(() =>
        port.connect().then(
          () => true,
          () => false,
        ),
      )
      expect(String(await ping(port))).toBe('PONG')
    } finally {
      endClient(client)
    }
  })
})
