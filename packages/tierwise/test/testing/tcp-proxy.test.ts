import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { startRedis, type RedisServer } from '../../src/testing/servers/redis-server.ts'
import { until } from '../../src/testing/servers/until.ts'
import { tcpProxy, type TcpProxy } from '../../src/testing/tcp-proxy.ts'

let redis: RedisServer
let proxy: TcpProxy
let runtime: ReturnType<typeof fakeRuntime>
const clients: TestClient[] = []

beforeAll(async () => {
  redis = await startRedis({ dedicated: true })
})

afterAll(() => redis.stop())

beforeEach(async () => {
  runtime = fakeRuntime({ now: 0 })
  proxy = await tcpProxy({ target: redis, runtime })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy()
  await proxy.close()
  await redis.command('flushall')
})

/** Speaks as little of the protocol as a test of the bytes needs. */
class TestClient {
  readonly socket: Socket
  received = ''
  ended = false
  error: string | undefined

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.received += text))
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code))
    clients.push(this)
  }

  static async open(): Promise<TestClient> {
    const client = new TestClient(proxy.port)
    await once(client.socket, 'connect')
    return client
  }

  send(command: string): void {
    this.socket.write(`${command}\r\n`)
  }

  async hears(text: string): Promise<void> {
    await until(() => this.received === text, { what: `the answer ${JSON.stringify(text)}`, timeoutMs: 5000 })
  }
}

function seen(look: () => boolean | Promise<boolean>, what = 'the condition'): Promise<void> {
  return until(look, { what, timeoutMs: 5000 })
}

async function value(key: string): Promise<string> {
  return redis.command('get', key)
}

describe('tcpProxy', () => {
  it('hands everything on unchanged and counts it', async () => {
    const client = await TestClient.open()
    const big = 'x'.repeat(3_000_000)
    client.socket.write(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${big.length}\r\n${big}\r\n`)
    await client.hears('+OK\r\n')
    client.received = ''
    client.send('GET big')
    await client.hears(`$${big.length}\r\n${big}\r\n`)
    const { connections, open, toTarget, toClient } = proxy.counters
    expect({ connections, open }).toEqual({ connections: 1, open: 1 })
    expect(toTarget.received).toBe(3_000_000 + 43)
    expect(toTarget.forwarded).toBe(toTarget.received)
    expect(toClient.forwarded).toBe(3_000_000 + 17)
    expect(toTarget.reads).toBeGreaterThan(1)
  })

  it('hands an orderly end and a reset on', async () => {
    const [quits, isKilled] = [await TestClient.open(), await TestClient.open()]
    quits.send('QUIT')
    await seen(() => quits.ended && quits.received === '+OK\r\n')
    isKilled.send('PING')
    await isKilled.hears('+PONG\r\n')
    isKilled.socket.resetAndDestroy()
    await seen(() => proxy.counters.open === 0)
    await seen(async () => (await redis.command('client', 'list')).split('\n').length === 1, 'the end of both in Redis')
  })

  it('silence lets requests arrive, holds the answers back, and delivers them in order once it passes', async () => {
    const client = await TestClient.open()
    client.send('PING')
    await client.hears('+PONG\r\n')
    proxy.silence()
    client.send('SET a 1')
    client.send('ECHO second')
    await seen(() => proxy.counters.toClient.received > 7 + 5, 'both answers at the proxy')
    expect(await value('a')).toBe('1')
    expect(client.received).toBe('+PONG\r\n')
    await proxy.pass()
    await client.hears('+PONG\r\n+OK\r\n$6\r\nsecond\r\n')
  })

  it('silence in both directions keeps requests from the target as well', async () => {
    const client = await TestClient.open()
    proxy.silence({ direction: 'both' })
    client.send('SET a 1')
    await seen(() => proxy.counters.toTarget.received === 9)
    expect(await value('a')).toBe('')
    expect(proxy.counters.toTarget.forwarded).toBe(0)
  })

  it('a silent connection hears nothing of the end of its server', async () => {
    const client = await TestClient.open()
    client.send('CLIENT ID')
    await seen(() => client.received.startsWith(':'))
    proxy.silence()
    await redis.command('client', 'kill', 'id', client.received.slice(1).trim())
    await seen(async () => (await redis.command('client', 'list')).split('\n').length === 1, 'the end in Redis')
    client.send('PING')
    const other = await TestClient.open()
    other.send('PING')
    await seen(() => proxy.counters.toClient.received > client.received.length, 'a later answer at the proxy')
    expect([client.ended, client.error]).toEqual([false, undefined])
    await proxy.pass()
    await seen(() => client.ended || client.error !== undefined, 'news of the end')
  })

  it('makes existing connections half-open while new ones are served', async () => {
    const old = await TestClient.open()
    old.send('PING')
    await old.hears('+PONG\r\n')
    proxy.silence({ connections: 'existing', direction: 'both' })
    const fresh = await TestClient.open()
    old.send('PING')
    fresh.send('PING')
    await fresh.hears('+PONG\r\n')
    expect(old.received).toBe('+PONG\r\n')
  })

  it('can silence new connections only', async () => {
    const old = await TestClient.open()
    old.send('PING')
    await old.hears('+PONG\r\n')
    proxy.silence({ connections: 'new' })
    const fresh = await TestClient.open()
    fresh.send('PING')
    old.send('ECHO b')
    await old.hears('+PONG\r\n$1\r\nb\r\n')
    await seen(() => proxy.counters.toClient.received === 7 + 7 + 7)
    expect(fresh.received).toBe('')
  })

  it('delay hands each answer on after exactly that time', async () => {
    const client = await TestClient.open()
    proxy.delay(200)
    client.send('ECHO a')
    await seen(() => proxy.counters.toClient.received === 7)
    await runtime.advance(100)
    client.send('ECHO b')
    await seen(() => proxy.counters.toClient.received === 14)
    await runtime.advance(99)
    expect(proxy.counters.toClient.forwarded).toBe(0)
    await runtime.advance(1)
    await client.hears('$1\r\na\r\n')
    await runtime.advance(99)
    expect(proxy.counters.toClient.forwarded).toBe(7)
    await runtime.advance(1)
    await client.hears('$1\r\na\r\n$1\r\nb\r\n')
  })

  it('throttle hands on no more than its bytes a second and slows the sender down', async () => {
    const client = await TestClient.open()
    await redis.command('setrange', 'big', '19999999', 'x')
    proxy.throttle(100_000, { direction: 'to-client' })
    client.send('GET big')
    await seen(() => proxy.counters.toClient.received > 0)
    await runtime.advance(1000)
    expect(proxy.counters.toClient.forwarded).toBeGreaterThan(50_000)
    expect(proxy.counters.toClient.forwarded).toBeLessThanOrEqual(102_000)
    expect(proxy.counters.toClient.received).toBeLessThan(500_000)
    await proxy.pass()
    await seen(() => client.received.length === 20_000_000 + 13)
  })

  it('stopReading fills the output buffer of the client and forgets nothing', async () => {
    const client = await TestClient.open()
    proxy.stopReading()
    const written = 30_000_000
    client.socket.write(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${written}\r\n`)
    client.socket.write(Buffer.alloc(written, 'x'))
    client.send('')
    // Real time: the megabytes that fit into the buffers of the system leave, and only standing still shows the end.
    let left = Infinity
    await until(() => left === (left = client.socket.writableLength), { what: 'a standstill', everyMs: 150 })
    expect(left).toBeGreaterThan(1_000_000)
    expect(proxy.counters.toTarget.received).toBeLessThan(100_000)
    expect(client.socket.writableNeedDrain).toBe(true)
    await proxy.pass()
    await client.hears('+OK\r\n')
    expect(await redis.command('strlen', 'big')).toBe(String(written))
  })

  it('stopReading towards the client fills the output buffer of the server', async () => {
    const client = await TestClient.open()
    await redis.command('config', 'set', 'client-output-buffer-limit', 'normal 20mb 20mb 0')
    await redis.command('setrange', 'big', '9999999', 'x')
    proxy.stopReading({ direction: 'to-client' })
    for (let turn = 0; turn < 6; turn++) client.send('GET big')
    await seen(async () => (await redis.command('client', 'list')).split('\n').length === 1, 'the server giving up')
    expect(client.received).toBe('')
  })

  it('refuse closes the port for new connections, keeps the open ones, and opens it again', async () => {
    const old = await TestClient.open()
    old.send('PING')
    await old.hears('+PONG\r\n')
    await proxy.refuse()
    const refused = new TestClient(proxy.port)
    await seen(() => refused.error === 'ECONNREFUSED')
    old.send('PING')
    await old.hears('+PONG\r\n+PONG\r\n')
    await proxy.pass()
    const welcome = await TestClient.open()
    welcome.send('PING')
    await welcome.hears('+PONG\r\n')
  })

  it('refuse can accept and reset', async () => {
    await proxy.refuse('reset')
    const refused = new TestClient(proxy.port)
    await seen(() => refused.error === 'ECONNRESET')
  })

  it('resets a connection whose target is not there', async () => {
    const lonely = await tcpProxy({ target: { host: '127.0.0.1', port: 1 } })
    try {
      const client = new TestClient(lonely.port)
      await seen(() => client.error === 'ECONNRESET')
    } finally {
      await lonely.close()
    }
  })

  it.each([
    ['reset', 'ECONNRESET', false],
    ['end', undefined, true],
  ] as const)('cut by %s ends all connections at once and no later ones', async (how, error, ended) => {
    const client = await TestClient.open()
    client.send('PING')
    await client.hears('+PONG\r\n')
    proxy.cut(how)
    await seen(() => client.socket.closed)
    expect([client.error, client.ended]).toEqual([error, ended])
    const next = await TestClient.open()
    next.send('PING')
    await next.hears('+PONG\r\n')
    expect(proxy.counters).toMatchObject({ connections: 2, open: 1 })
  })
})
