import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Cache, CacheManager } from '../../src/contract/cache.ts'
import type { OperationStats } from '../../src/contract/analytics.ts'
import type { CacheEventOf, GuardedKind } from '../../src/contract/events.ts'
import type { CacheManagerOptions } from '../../src/contract/options.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis, tcpProxy } from '../../src/testing/index.ts'
import type { RedisServer, TcpProxy } from '../../src/testing/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'

const keys = ['a', 'b', 'c', 'd', 'e']
const deadlineMs = 150
const openForMs = 600

/** An application that reads, loads, writes and removes over a real server, and what it was told and saw. */
class Application {
  readonly manager: CacheManager
  readonly cache: Cache<Answer>
  readonly transitions: CacheEventOf<'breaker'>[] = []
  /** Calls that rejected, and answers that were older than what had been confirmed before they were asked for. */
  readonly faults: string[] = []
  readonly #source = new Map<string, number>()
  readonly #confirmed = new Map<string, number>()

  constructor(port: number, options: Partial<CacheManagerOptions> = {}) {
    this.manager = createCacheManager({
      tiers: [redis({ host: '127.0.0.1', port, heartbeat: { interval: 300, timeout: 300 } })],
      tierTimeout: deadlineMs,
      breaker: { openFor: openForMs },
      ...options,
    })
    this.manager.on('breaker', (event) => void this.transitions.push(event))
    this.cache = this.manager.namespace('app')
  }

  /** One of each verb on each key, one after the other. */
  async work(): Promise<void> {
    for (const key of keys) {
      await this.#see(`get ${key}`, key, () => this.cache.get(key))
      await this.#see(`getOrSet ${key}`, key, () => this.cache.getOrSet(key, () => this.#answer(key)))
      await this.change(key, () => this.cache.set(key, this.#answer(key)))
      await this.#see(`get ${key}`, key, () => this.cache.get(key))
      await this.change(key, () => this.cache.delete(key))
      await this.#see(`getMany ${key}`, key, async () => (await this.cache.getMany([key])).get(key))
    }
  }

  async change(key: string, tell: () => Promise<unknown>): Promise<void> {
    const moved = (this.#source.get(key) ?? 0) + 1
    this.#source.set(key, moved)
    await tell().catch((error: unknown) => this.faults.push(`a change of ${key} failed: ${String(error)}`))
    this.#confirmed.set(key, moved)
  }

  stats(operation: 'get' | 'set' | 'delete'): OperationStats {
    const none = { calls: 0, failures: 0, timeouts: 0, retries: 0, refused: 0, rejected: 0, latency: undefined }
    return this.manager.analytics().tiers['redis']?.operations[operation] ?? none
  }

  get timeouts(): number {
    return this.stats('get').timeouts + this.stats('set').timeouts + this.stats('delete').timeouts
  }

  opened(kind: GuardedKind): readonly string[] {
    return this.transitions.filter((event) => event.kind === kind && event.state === 'open').map(({ reason }) => reason)
  }

  /** Works until the tier is healthy again. */
  async recover(): Promise<void> {
    for (let waited = 0; waited < 400; waited++) {
      await this.work()
      if ((await this.manager.health()).healthy) return
      await sleep(25)
    }
    throw new Error(`The tier did not recover: ${JSON.stringify((await this.manager.health()).tiers)}`)
  }

  #answer(key: string): Answer {
    return { key, at: this.#source.get(key) ?? 0 }
  }

  async #see(what: string, key: string, read: () => Promise<Answer | undefined>): Promise<void> {
    const floor = this.#confirmed.get(key) ?? 0
    try {
      const seen = await read()
      if (seen !== undefined && (seen.key !== key || seen.at < floor))
        this.faults.push(`${what} answered ${JSON.stringify(seen)}, and ${floor} was confirmed`)
    } catch (error) {
      this.faults.push(`${what} failed: ${String(error)}`)
    }
  }
}

interface Answer {
  readonly key: string
  readonly at: number
  readonly text?: string
}

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function through(options: Partial<CacheManagerOptions> = {}): Promise<{ app: Application; proxy: TcpProxy }> {
  const proxy = await tcpProxy({ target: server })
  cleanups.push(() => proxy.close())
  const app = new Application(proxy.port, options)
  cleanups.push(() => app.manager.stop())
  await app.manager.start()
  await app.recover()
  expect(app.faults).toEqual([])
  return { app, proxy }
}

describe('no call of the application fails and none is answered wrongly', () => {
  test('over a server that accepts and never answers, which costs one deadline a kind of operation', async () => {
    const { app, proxy } = await through()
    proxy.silence()
    for (let round = 0; round < 20; round++) await app.work()
    expect(app.opened('read')).toEqual(expect.arrayContaining(['silence']))
    // One each for reads, writes and removals; further ones belong to probes, which nobody waits for.
    const pauses = app.transitions.filter(({ reason }) => reason === 'probe-failed').length
    expect(app.timeouts).toBeLessThanOrEqual(3 + pauses)
    await proxy.pass()
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a server process that is stopped where it is', async () => {
    const { app } = await through()
    server.pause()
    try {
      for (let round = 0; round < 20; round++) await app.work()
    } finally {
      server.resume()
    }
    expect(app.opened('read')[0]).toBe('silence')
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a connection that is half-open, while new ones would be fine', async () => {
    const { app, proxy } = await through()
    proxy.silence({ connections: 'existing', direction: 'both' })
    await app.work()
    expect(app.opened('read')[0]).toBe('silence')
    await app.recover()
    expect(proxy.counters.connections).toBeGreaterThan(1)
    expect(app.faults).toEqual([])
  })

  test('over a slow server, whose late answers do not hide that it is slow', async () => {
    const { app, proxy } = await through()
    proxy.delay(2 * deadlineMs)
    for (let round = 0; round < 8; round++) {
      await app.work()
      await sleep(deadlineMs)
    }
    expect(app.opened('read').length).toBeGreaterThan(0)
    expect(app.stats('get').refused).toBeGreaterThan(app.stats('get').timeouts)
    await proxy.pass()
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a server that has become a read-only replica: reads go on', async () => {
    const { app, proxy } = await through()
    await app.cache.set('kept', { key: 'kept', at: 0 })
    await server.command('REPLICAOF', '127.0.0.1', String(proxy.port))
    cleanups.push(() => server.command('REPLICAOF', 'NO', 'ONE'))
    await server.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
    for (let round = 0; round < 4; round++) await app.work()
    expect(app.opened('write')[0]).toBe('failures')
    expect(app.opened('read')).toEqual([])
    expect(await app.cache.get('kept')).toEqual({ key: 'kept', at: 0 })
    await server.command('REPLICAOF', 'NO', 'ONE')
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a server that is full and evicts nothing: reads go on', async () => {
    const { app } = await through()
    await app.cache.set('kept', { key: 'kept', at: 0 })
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    cleanups.push(() => server.command('CONFIG', 'SET', 'maxmemory', '0'))
    for (let round = 0; round < 4; round++) await app.work()
    // What is refused for lack of memory is no failure of the tier: leases, deletions and reads go on.
    expect([app.opened('write'), app.opened('read')]).toEqual([[], []])
    expect(await app.cache.get('kept')).toEqual({ key: 'kept', at: 0 })
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test.each(['to-target', 'to-client'] as const)('over full buffers on the way %s', async (direction) => {
    const { app, proxy } = await through()
    const text = 'x'.repeat(1_000_000)
    await app.cache.set('large', { key: 'large', at: 0, text })
    proxy.stopReading({ direction })
    const calls = Array.from({ length: 20 }, (_, at) =>
      direction === 'to-target'
        ? app.cache.set(`large ${at}`, { key: 'large', at, text })
        : app.cache.get('large', at % 2 === 0 ? undefined : { tiers: ['redis'] }),
    )
    await Promise.all(calls)
    for (let round = 0; round < 5; round++) await app.work()
    expect(app.transitions.some(({ state, reason }) => state === 'open' && reason === 'silence')).toBe(true)
    await proxy.pass()
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a server that is killed and comes back empty', async () => {
    const { app } = await through()
    await server.kill()
    for (let round = 0; round < 10; round++) await app.work()
    expect(app.transitions.some(({ state }) => state === 'open')).toBe(true)
    await server.restart()
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over connections that are reset again and again', async () => {
    const { app, proxy } = await through()
    for (let round = 0; round < 10; round++) {
      proxy.cut(round % 2 === 0 ? 'reset' : 'end')
      await app.work()
    }
    await app.recover()
    expect(app.faults).toEqual([])
  })

  test('over a server that is down at the start, which is waited for once', async () => {
    const proxy = await tcpProxy({ target: server })
    cleanups.push(() => proxy.close())
    proxy.silence()
    const app = new Application(proxy.port, { connectTimeout: '1s' })
    cleanups.push(() => app.manager.stop())
    const startedAt = performance.now()
    for (let round = 0; round < 10; round++) await app.work()
    // Three hundred calls: were each to wait, this would be 45 seconds.
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(app.timeouts).toBe(0)
    await proxy.pass()
    await app.recover()
    expect(app.faults).toEqual([])
  })
})
