import { createHash } from 'node:crypto'
import { format, inspect } from 'node:util'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { createClient } from 'redis'
import { createClient as createClient5 } from 'redis-5'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisManager, type RedisManager } from '../../../../src/clients/redis/manager/index.ts'
import type { RedisManagerOptions } from '../../../../src/clients/redis/manager/options.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/index.ts'

const right = 'the-RIGHT-secret-0001'
const wrong = 'the-WRONG-secret-0002'
const value = 'the-VALUE-secret-0003'
const packages = ['ioredis', 'node-redis', 'iovalkey'] as const
const levels = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const

/** Everything that came out: errors, events, what was printed. */
class Catch {
  readonly texts: string[] = []
  readonly #undo: (() => void)[] = []

  listen(): void {
    for (const level of levels) {
      const before = console[level]
      console[level] = (...args: unknown[]) => this.texts.push(format(...args))
      this.#undo.push(() => (console[level] = before))
    }
    for (const stream of [process.stdout, process.stderr]) {
      const before = stream.write
      stream.write = ((...args: Parameters<typeof before>) => {
        this.texts.push(String(args[0]))
        return before.apply(stream, args)
      }) as typeof before
      this.#undo.push(() => (stream.write = before))
    }
    const warned = (warning: Error): void => this.add(warning)
    process.on('warning', warned)
    this.#undo.push(() => process.off('warning', warned))
  }

  restore(): void {
    for (const undo of this.#undo.splice(0)) undo()
  }

  /** With hidden properties, causes, and whatever JSON makes of it. */
  add(thing: unknown): void {
    this.texts.push(inspect(thing, { depth: 30, showHidden: true, getters: true, maxArrayLength: null }))
    this.texts.push(String(thing), JSON.stringify(thing) ?? '')
    if (thing instanceof Error) {
      this.texts.push(thing.stack ?? '', JSON.stringify(Object.getOwnPropertyDescriptors(thing)) ?? '')
      if (thing.cause !== undefined) this.add(thing.cause)
    }
  }
}

describe('credentials and values', () => {
  const caught = new Catch()
  const servers: RedisServer[] = []
  let open: RedisServer
  let locked: RedisServer
  let secured: RedisServer
  let limited: RedisServer
  let crippled: RedisServer

  beforeAll(async () => {
    const digest = createHash('sha256').update(right).digest('hex')
    const started = await Promise.all([
      startRedis({ dedicated: true }),
      startRedis({ password: right }),
      startRedis({ password: right, tls: { clientCertificates: 'required' } }),
      startRedis({ users: { default: 'off', cache: `on #${digest} ~* +@all -set` } }),
      startRedis({ config: { 'rename-command': 'SET ""' } }),
    ])
    servers.push(...started)
    ;[open, locked, secured, limited, crippled] = started
    caught.listen()
  })

  afterAll(async () => {
    caught.restore()
    await Promise.all(servers.map((server) => server.stop()))
  })

  /** Connects, uses and looks at a manager, and keeps everything that this says. */
  async function use(
    options: RedisManagerOptions,
    between?: (manager: RedisManager) => Promise<void>,
  ): Promise<number> {
    let failures = 0
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      try {
        caught.add(await work())
      } catch (error) {
        failures++
        caught.add(error)
      }
    }
    await attempt(async () => {
      await using manager = createRedisManager({ commandTimeout: '300ms', connectTimeout: '500ms', ...options })
      for (const name of ['health', 'security', 'listener-error'] as const)
        manager.on(name, (event: unknown) => caught.add(event))
      await attempt(() => manager.connect())
      await attempt(() => manager.set('key', value))
      if (between !== undefined) await between(manager)
      await attempt(() => manager.set('key', value))
      await attempt(() => manager.mset({ key: value }))
      await attempt(() => manager.get('key').then(() => undefined))
      await attempt(() => manager.increment('key'))
      await attempt(() => manager.ports.primary.send({ args: ['AUTH', wrong] }))
      await attempt(() => manager.ports.primary.send({ args: ['NOSUCHCOMMAND', value, right] }))
      await attempt(() => manager.health())
      await attempt(() => manager.securityStatus())
      for (const thing of [manager, manager.ports, manager.stats(), manager.securityEvents()]) caught.add(thing)
    })
    return failures
  }

  function expectNoSecret(secrets: readonly string[] = [right, wrong, value]): void {
    const printed = caught.texts.join('\n')
    for (const secret of secrets) {
      const at = printed.indexOf(secret)
      expect(at < 0 ? '' : printed.slice(Math.max(0, at - 300), at + 100)).toBe('')
    }
  }

  it.each(packages)('are in nothing that comes out of a manager over %s', async (client) => {
    const [, key = ''] = secured.tls?.key.split('\n') ?? []
    const tls = secured.tls && { ca: secured.tls.ca, cert: secured.tls.cert, key: secured.tls.key }
    const place = ({ host, port }: RedisServer): string => `${host}:${port}`
    const scenarios: [string, RedisManagerOptions][] = [
      ['right password', { url: `redis://:${right}@${place(locked)}` }],
      ['wrong password', { url: `redis://:${wrong}@${place(locked)}` }],
      ['wrong user', { url: `redis://nobody:${wrong}@${place(locked)}` }],
      ['no password', { url: `redis://${place(locked)}` }],
      ['a password that nobody asked for', { url: `redis://:${wrong}@${place(open)}` }],
      ['a right that is missing', { url: `redis://cache:${right}@${place(limited)}` }],
      ['a command that is missing', { url: `redis://${place(crippled)}` }],
      ['nobody there', { url: `redis://user:${wrong}@127.0.0.1:1` }],
      ['authority unknown', { url: `rediss://:${right}@${place(secured)}` }],
      ['certificate missing', { url: `rediss://:${right}@${place(secured)}`, tls: { ca: secured.tls?.ca ?? '' } }],
      ['wrong password over TLS', { url: `rediss://:${wrong}@${place(secured)}`, ...(tls && { tls }) }],
      ['no TLS where TLS is spoken', { url: `redis://:${right}@${place(secured)}` }],
      ['TLS where none is spoken', { url: `rediss://:${right}@${place(locked)}` }],
      ['not secure enough', { url: `redis://:${right}@${place(locked)}`, minimumSecurity: 'high' }],
      ['a wrong URL', { url: `redis://:${wrong}@host:port` }],
      ['two passwords', { url: `redis://:${wrong}@host`, password: right }],
      ['a wrong option', { password: [right] as never }],
    ]
    const failures: Record<string, number> = {}
    for (const [name, options] of scenarios) failures[name] = await use({ ...options, client })
    expect(Object.entries(failures).filter(([, count]) => count === 0)).toEqual([])
    expectNoSecret([right, wrong, value, key])
  })

  it.each(packages)('are in nothing that comes out when a password changes under %s', async (client) => {
    await using server = await startRedis({ password: right })
    const options = { url: server.url, client, backoff: { initial: 5, max: 20 } } as const
    await use(options, async (manager) => {
      await server.command('CONFIG', 'SET', 'requirepass', wrong)
      const refused = new Promise<void>((resolve) => void manager.on('security', () => resolve()))
      const count = manager.securityEvents().length
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {})
      // Commands fail meanwhile; they may be what hears of the refusal.
      await manager.get('key').catch((error: unknown) => caught.add(error))
      await manager.ports.primary.connect().catch((error: unknown) => caught.add(error))
      if (manager.securityEvents().length === count) await Promise.race([refused, manager.health()])
    })
    expectNoSecret()
  })

  it('are in nothing that comes out of a manager over a client that was handed in', async () => {
    const { host, port } = locked
    const silent = <T extends { on(event: 'error', listener: (error: Error) => void): unknown }>(client: T): T => {
      client.on('error', () => {})
      return client
    }
    const clients = [
      silent(new Redis({ host, port, password: wrong, lazyConnect: true })),
      silent(new Redis5({ host, port, password: wrong, lazyConnect: true })),
      silent(createClient({ socket: { host, port }, password: wrong })),
      silent(createClient5({ socket: { host, port }, password: wrong })),
    ]
    for (const client of clients) {
      expect(await use({ client: client as Redis })).toBeGreaterThan(0)
      if ('status' in client) void client.disconnect()
      else if (client.isOpen) client.destroy()
    }
    expectNoSecret()
  })

  it('would be found if they were there', () => {
    const probe = new Catch()
    const cause = Object.assign(new Error('inside'), { command: { args: [value] } })
    probe.add(new Error('outside', { cause }))
    expect(probe.texts.join('\n')).toContain(value)
    expect(caught.texts.length).toBeGreaterThan(200)
    expect(caught.texts.join('\n')).toMatch(/WRONGPASS[^]*NOAUTH|NOAUTH[^]*WRONGPASS/)
  })
})
