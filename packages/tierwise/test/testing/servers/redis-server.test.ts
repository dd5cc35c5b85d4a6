import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { Redis } from 'ioredis'
import { isAlive } from '../../../src/testing/servers/process-children.ts'
import {
  availableRedisBinaries,
  redisVersion,
  startRedis,
  type RedisServer,
  type RedisServerOptions,
} from '../../../src/testing/servers/index.ts'
import { freePort } from '../../../src/testing/servers/ports.ts'

const servers: RedisServer[] = []
const clients: Redis[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect()
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await startRedis({ dedicated: true, ...options })
  servers.push(server)
  return server
}

interface ClientOptions {
  readonly host?: string
  readonly username?: string
  readonly password?: string
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly commandTimeout?: number
  readonly enableReadyCheck?: boolean
}

function connect(server: RedisServer, options: ClientOptions = {}): Redis {
  const { host, port, password } = server
  const client = new Redis(port, host, {
    ...(password === undefined ? {} : { password }),
    lazyConnect: true,
    retryStrategy: () => null,
    ...options,
  })
  client.on('error', () => {})
  clients.push(client)
  return client
}

/** What a client is told when it connects and asks for something. */
async function outcome(client: Redis): Promise<string> {
  // The reason of a refused TLS connection is an event; the call itself only says that the connection is closed.
  let reason: unknown
  client.on('error', (error) => (reason ??= error))
  return client.connect().then(
    () => client.ping(),
    (error: unknown) => String(reason ?? error),
  )
}

async function folderOf(server: RedisServer): Promise<string> {
  return (await server.command('config', 'get', 'dir')).split('\n')[1] as string
}

describe.each(availableRedisBinaries())('startRedis with $kind', (binary) => {
  it('starts a server that a client reaches, and leaves no process and no folder when it stops', async () => {
    const server = await start({ binary })
    const { pid = NaN } = server
    const folder = await folderOf(server)
    expect(await outcome(connect(server))).toBe('PONG')
    expect([isAlive(pid), existsSync(folder), server.isRunning]).toEqual([true, true, true])
    await server.stop()
    await server.stop()
    expect([isAlive(pid), existsSync(folder), server.isRunning]).toEqual([false, false, false])
  })

  it('says its version', async () => {
    const server = await start({ binary })
    expect(await server.command('info', 'server')).toContain(`_version:${await redisVersion(binary)}`)
  })

  it('asks for a password, whatever characters it has', async () => {
    const password = 'p w"\\:@/?#%ü\''
    const server = await start({ binary, password })
    const byUrl = new Redis(server.url)
    clients.push(byUrl)
    expect(await byUrl.ping()).toBe('PONG')
    expect(await server.command('ping')).toBe('PONG')
    const stranger = connect(server, { password: 'wrong' })
    await expect(stranger.ping()).rejects.toThrow()
  })

  it('knows users and what they may do', async () => {
    const server = await start({ binary, password: 'root', users: { cache: 'on >secret ~cache:* +get +set +ping' } })
    const client = connect(server, { username: 'cache', password: 'secret', enableReadyCheck: false })
    await client.set('cache:a', '1')
    await expect(client.set('other', '1')).rejects.toThrow('NOPERM')
    await expect(client.del('cache:a')).rejects.toThrow('NOPERM')
    expect(await server.command('get', 'cache:a')).toBe('1')
  })

  it('rejects a command that the server refuses, with its words', async () => {
    const server = await start({ binary })
    await expect(server.command('incr')).rejects.toThrow('wrong number of arguments')
  })

  it('takes directives as redis.conf does', async () => {
    const server = await start({
      binary,
      config: { maxmemory: '3mb', 'client-output-buffer-limit': 'normal 1mb 1mb 0' },
    })
    expect(await server.command('config', 'get', 'maxmemory')).toBe('maxmemory\n3145728')
    expect(await server.command('config', 'get', 'client-output-buffer-limit')).toContain('normal 1048576 1048576 0')
  })

  it('says why a server does not start, and leaves nothing', async () => {
    await expect(start({ binary, config: { maxmemory: 'lots' } })).rejects.toThrow(/did not start[^]*maxmemory/)
  })

  it('is killed and comes back at the same port without its data', async () => {
    const server = await start({ binary })
    await server.command('set', 'a', '1')
    const { pid, port } = server
    await server.kill()
    expect([server.pid, server.isRunning]).toEqual([undefined, false])
    expect(await outcome(connect(server))).toContain('ECONNREFUSED')
    await server.restart()
    expect(server.pid).not.toBe(pid)
    expect(server.port).toBe(port)
    expect(await server.command('get', 'a')).toBe('')
  })

  it('stays where it is while it is paused, and can be stopped then', async () => {
    const server = await start({ binary })
    const client = connect(server, { commandTimeout: 100 })
    await client.ping()
    server.pause()
    await expect(client.ping()).rejects.toThrow('timed out')
    server.resume()
    expect(await connect(server).ping()).toBe('PONG')
    server.pause()
    await server.stop()
    expect(server.isRunning).toBe(false)
  })

  it('takes another port when somebody else was faster', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, () => start({ binary })))
    expect(new Set(many.map(({ port }) => port)).size).toBe(10)
  })
})

describe('startRedis with TLS', () => {
  const trusted = ({ tls }: RedisServer) => ({ tls: { ca: tls?.ca ?? '' } })
  const known = ({ tls }: RedisServer) => ({ tls: { ca: tls?.ca ?? '', cert: tls?.cert ?? '', key: tls?.key ?? '' } })

  it('shows a certificate of its own authority, for its address and its name', async () => {
    const server = await start({ tls: true })
    expect(server.url).toMatch(/^rediss:/)
    expect(await outcome(connect(server, trusted(server)))).toBe('PONG')
    expect(await outcome(connect(server, { ...trusted(server), host: 'localhost' }))).toBe('PONG')
    expect(await outcome(connect(server, { tls: {} }))).toMatch(/self-signed certificate|unable to verify/)
  })

  it('refuses clients without a certificate when they are asked for one', async () => {
    const server = await start({ tls: { clientCertificates: 'required' } })
    expect(await outcome(connect(server, known(server)))).toBe('PONG')
    expect(await outcome(connect(server, trusted(server)))).toMatch(/certificate required|ECONNRESET|closed/)
    expect(await server.command('ping')).toBe('PONG')
  })

  it('shows a certificate that has expired, is for another name, or expires when it is told', async () => {
    const dayMs = 24 * 60 * 60_000
    const [expired, elsewhere, soon] = await Promise.all([
      start({ tls: { serverExpiresInMs: -dayMs } }),
      start({ tls: { serverNames: ['cache.example'] } }),
      start({ tls: { serverExpiresInMs: 10 * dayMs, clientExpiresInMs: 3 * dayMs } }),
    ])
    expect(await outcome(connect(expired, trusted(expired)))).toContain('certificate has expired')
    expect(await expired.command('ping')).toBe('PONG')
    expect(await outcome(connect(elsewhere, trusted(elsewhere)))).toContain("does not match certificate's altnames")
    const daysLeft = [soon.tls?.serverCert, soon.tls?.cert].map((pem) => {
      const { validTo } = new X509Certificate(pem ?? '')
      return Math.round((Date.parse(validTo) - Date.now()) / dayMs)
    })
    expect(daysLeft).toEqual([10, 3])
  })
})

describe('a missing program', () => {
  it('is named with the package of Debian that brings it', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    try {
      await expect(startRedis({ dedicated: true })).rejects.toMatchObject({
        code: 'ERR_CACHE_PEER_MISSING',
        message: expect.stringContaining('apt-get install redis-server'),
      })
    } finally {
      process.env['PATH'] = path
    }
  })
})

describe('freePort', () => {
  it('gives a port that can be listened on, with room for the bus of a cluster', async () => {
    const port = await freePort({ withClusterBus: true })
    expect(port + 10_000).toBeLessThan(32_768)
  })
})
