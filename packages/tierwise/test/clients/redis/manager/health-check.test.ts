import { describe, expect, it, vi } from 'vitest'
import type { RedisHealth } from '../../../../src/clients/redis/manager/index.ts'
import { createRedisManager } from '../../../../src/clients/redis/manager/index.ts'
import { fakeRuntime, startRedisCluster, tcpProxy } from '../../../../src/testing/index.ts'
import { opened } from './opened.ts'

function codesOf({ findings }: RedisHealth): readonly string[] {
  return findings.map(({ code }) => code)
}

describe('health', () => {
  const { keep, server: start, manager: connect } = opened()

  it('describes a server in order', async () => {
    const server = await start({ config: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } })
    const health = await (await connect(server)).health()
    expect(health).toMatchObject({ status: 'healthy', findings: [], hitRate: undefined, lookups: 0 })
    expect(health.latencyMs).toBeLessThan(100)
    expect(health.nodes).toMatchObject([
      {
        address: `127.0.0.1:${server.port}`,
        role: 'primary',
        memory: { maxBytes: 100 * 1024 ** 2, evictionPolicy: 'allkeys-lru' },
        clients: { connected: 1, max: 10_000 },
        persistence: { snapshot: 'ok', snapshotRules: '', appendOnly: 'off', appendOnlySync: 'everysec' },
        cluster: undefined,
      },
    ])
    expect(health.nodes[0]?.version).toMatch(/^\d+\.\d+/)
    expect(health.nodes[0]?.runId).toMatch(/^[0-9a-f]{40}$/)
  })

  it('judges the look-ups since the check before, not those since the start of the server', async () => {
    const server = await start({ config: { maxmemory: '100mb' } })
    const runtime = fakeRuntime()
    const manager = await connect(server, { runtime, heartbeat: false, commandTimeout: '5s' })
    const missing = Array.from({ length: 1500 }, (_, index) => `absent:${index}`)
    await manager.mget(missing)
    expect(codesOf(await manager.health())).toEqual([])

    await manager.mget(missing)
    const bad = await manager.health()
    expect(bad).toMatchObject({ status: 'degraded', hitRate: 0, lookups: 1500 })
    expect(codesOf(bad)).toEqual(['hit-rate-low'])

    await runtime.advance(30_000)
    await manager.health()
    await manager.set('held', 'x')
    await manager.mget(Array.from({ length: 1200 }, () => 'held'))
    expect(await manager.health()).toMatchObject({ status: 'healthy', hitRate: 1, lookups: 1200 })
  })

  it('does not judge 1000 look-ups, and does not lose them when checks follow each other closely', async () => {
    const manager = await connect(await start({ config: { maxmemory: '100mb' } }))
    await manager.health()
    for (const lookups of [400, 800]) {
      await manager.mget(Array.from({ length: 400 }, () => 'absent'))
      expect(await manager.health()).toMatchObject({ status: 'healthy', lookups })
    }
    await manager.mget(Array.from({ length: 400 }, () => 'absent'))
    expect(await manager.health()).toMatchObject({ status: 'degraded', lookups: 1200 })
  })

  it('begins to count anew after CONFIG RESETSTAT and after a restart', async () => {
    const server = await start({ config: { maxmemory: '100mb' } })
    const manager = await connect(server, { retry: { attempts: 20 }, commandTimeout: '5s' })
    await manager.mget(['a', 'b', 'c'])
    await manager.health()
    await server.command('CONFIG', 'RESETSTAT')
    await manager.mget(['a'])
    expect((await manager.health()).lookups).toBe(1)
    await server.restart()
    await manager.mget(['a', 'b'])
    const health = await manager.health()
    expect(health.lookups).toBe(2)
    expect(codesOf(health)).toEqual(['restarted'])
  })

  it('judges memory only where there is a limit', async () => {
    const server = await start({ config: { maxmemory: '3mb', 'maxmemory-policy': 'noeviction' } })
    const manager = await connect(server)
    const used = async (): Promise<number> => (await manager.health()).nodes[0]?.memory.usedBytes ?? 0
    while ((await used()) < 0.93 * 3 * 1024 ** 2) await manager.set(`key:${await used()}`, Buffer.alloc(64 * 1024))
    expect(await manager.health()).toMatchObject({ status: 'degraded', findings: [{ code: 'memory-high' }] })
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    expect(await manager.health()).toMatchObject({ status: 'healthy', findings: [{ code: 'memory-full' }] })
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await manager.health()).toMatchObject({ status: 'healthy', findings: [{ code: 'memory-unlimited' }] })
  })

  it('sees that it is connected to a replica, and that the replica has lost its primary', async () => {
    const primary = await start({ config: { 'repl-diskless-sync-delay': '0' } })
    const replica = await start()
    await replica.command('REPLICAOF', primary.host, String(primary.port))
    const manager = await connect(replica)
    await vi.waitFor(async () => expect((await manager.health()).nodes[0]?.replication.link).toBe('up'), 10_000)
    expect(await manager.health()).toMatchObject({ status: 'unhealthy', findings: [{ code: 'read-only' }, {}] })
    const above = await (await connect(primary)).health()
    expect(above.nodes[0]).toMatchObject({ role: 'primary', replication: { replicas: 1 } })
    await primary.kill()
    await vi.waitFor(async () => expect(codesOf(await manager.health())).toContain('replica-link-down'), 10_000)
  })

  it('sees a failed snapshot and that writes are refused', async () => {
    const server = await start({ config: { 'enable-protected-configs': 'yes', maxmemory: '100mb' } })
    const manager = await connect(server)
    await server.command('CONFIG', 'SET', 'dir', '/proc')
    await server.command('BGSAVE').catch(() => {})
    await vi.waitFor(async () => expect(codesOf(await manager.health())).toEqual(['snapshot-failed']), 5000)
    expect((await manager.health()).status).toBe('degraded')
    await server.command('CONFIG', 'SET', 'save', '900 1')
    expect(await manager.health()).toMatchObject({
      status: 'unhealthy',
      nodes: [{ persistence: { snapshot: 'failed', snapshotRules: '900 1', refusesWritesAfterFailure: 'yes' } }],
    })
    await expect(manager.set('a', 'b')).rejects.toThrow('MISCONF')
  })

  it('takes what a user may not read for unknown', async () => {
    const rules = 'on nopass ~* +@all -@dangerous'
    const blind = await connect(await start({ users: { default: rules } }))
    expect(await blind.health()).toMatchObject({
      status: 'healthy',
      findings: [{ code: 'facts-hidden', severity: 'info', message: 'INFO is refused' }],
      nodes: [{ role: 'unknown', version: 'unknown', persistence: { snapshot: 'unknown', snapshotRules: 'unknown' } }],
    })
    const half = await connect(await start({ users: { default: `${rules} +info` } }))
    const health = await half.health()
    expect(codesOf(health)).toEqual(['memory-unlimited', 'facts-hidden'])
    expect(health.nodes[0]).toMatchObject({
      role: 'primary',
      persistence: { snapshot: 'ok', snapshotRules: 'unknown' },
    })
  })

  it('never changes the server', async () => {
    const server = await start()
    const manager = await connect(server)
    await server.command('CONFIG', 'RESETSTAT')
    await manager.health()
    await manager.securityStatus()
    const asked = await server.command('INFO', 'commandstats')
    const names = [...asked.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name]) => name).toSorted()
    expect(names).toEqual(['acl|getuser', 'acl|whoami', 'config|get', 'config|resetstat', 'info', 'ping'])
  })

  it('is degraded when answers are slow and unhealthy when there are none', async () => {
    const server = await start()
    const proxy = keep(await tcpProxy({ target: server }))
    const manager = await connect(proxy, { health: { interval: false, timeout: '1s' } })
    proxy.delay(120)
    const slow = await manager.health()
    expect(slow).toMatchObject({ status: 'degraded', findings: [{ code: 'latency-high' }, {}] })
    expect(slow.latencyMs).toBeGreaterThan(115)
    proxy.silence()
    const silent = await manager.health()
    expect(silent).toMatchObject({ status: 'unhealthy', latencyMs: undefined, nodes: [] })
    expect(silent.findings[0]?.message).toContain('within 1000 ms')
  })

  it('never rejects, also without a connection', async () => {
    const manager = keep(createRedisManager({ host: '127.0.0.1', port: 1, health: { interval: false } }))
    expect(await manager.health()).toMatchObject({ status: 'unhealthy', findings: [{ code: 'unreachable' }] })
    await manager.connect().catch(() => {})
    expect(await manager.health()).toMatchObject({ status: 'unhealthy', findings: [{ code: 'unreachable' }] })
  })

  it('looks again and again while it is connected, and tells what it finds', async () => {
    const runtime = fakeRuntime()
    const server = await start()
    const manager = await connect(server, { runtime, heartbeat: false, health: { interval: '30s' } })
    const told: RedisHealth[] = []
    const stop = manager.on('health', (health) => told.push(health))
    await manager.health()
    for (let round = 1; round <= 3; round++) {
      const before = told.length
      await runtime.advance(29_999)
      expect(told.length).toBe(before)
      await runtime.advance(1)
      await vi.waitFor(() => expect(told.length).toBe(before + 1))
    }
    stop()
    await manager.disconnect()
    const connections = runtime.pendingTimers
    expect(connections).toEqual([])
  })

  it('survives a listener that throws and tells of it', async () => {
    const manager = await connect(await start())
    const told: unknown[] = []
    manager.on('health', () => {
      throw new Error('thrown by a listener')
    })
    manager.on('listener-error', (event) => told.push(event))
    await manager.health()
    expect(told).toMatchObject([{ event: 'health', error: { message: 'thrown by a listener' } }])
  })

  it('looks at every primary of a cluster, and sees the cluster fail', async () => {
    const cluster = keep(await startRedisCluster({ replicas: 0 }))
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const manager = keep(createRedisManager({ cluster: { nodes }, health: { interval: false } }))
    await manager.connect()
    const health = await manager.health()
    expect(health.nodes.map(({ address }) => address).toSorted()).toEqual(
      cluster.nodes.map(({ host, port }) => `${host}:${port}`).toSorted(),
    )
    expect(health.nodes.map((node) => node.cluster)).toEqual(['ok', 'ok', 'ok'])
    const dead = await cluster.killPrimaryOf('some key')
    await vi.waitFor(async () => {
      const found = await manager.health()
      expect(found.status).toBe('unhealthy')
      expect(codesOf(found)).toContain('cluster-down')
    }, 10_000)
    expect(dead.isRunning).toBe(false)
  })
})
