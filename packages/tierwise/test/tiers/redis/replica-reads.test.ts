import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Redis } from 'ioredis'
import type { RedisPorts } from '../../../src/clients/redis/port.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import type { FleetTier } from './opened-tier.ts'
import { recordBytes } from '../../../src/tiers/redis/record.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { openedTier, readTexts, textRecord, portsTo } from './opened-tier.ts'

const key = 'tw:1:a:1'
let primary: RedisServer
let replica: RedisServer
let atReplica: Redis
let runtime: FakeRuntime
let tier: FleetTier
beforeAll(async () => {
  primary = await startRedis({ config: { 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '3600' } })
  replica = await startRedis({ config: { 'replica-read-only': 'no' } })
  atReplica = new Redis({ port: replica.port })
})
afterAll(async () => {
  atReplica.disconnect()
  await replica.stop()
  await primary.stop()
})

const isLinked = async (): Promise<string> => replica.command('INFO', 'replication')

beforeEach(async () => {
  await primary.command('FLUSHALL')
  await replica.command('REPLICAOF', '127.0.0.1', String(primary.port))
  await expect.poll(isLinked, { timeout: 10_000 }).toContain('master_link_status:up')
  // What is on its way would take what a test plants, or keep the replica unconfirmed at the one look at the start.
  await caughtUp()
  runtime = fakeRuntime({ now: Date.now() })
  tier = (await openedTier({ ports: bothPorts, runtime })).tier
  await resetCounts(primary)
  await resetCounts(replica)
})
afterEach(() => tier.close())

function bothPorts(): RedisPorts {
  return {
    primary: portsTo({ port: primary.port }).primary,
    replica: portsTo({ port: replica.port }).primary,
  }
}

/** A record that only the replica has, so that an answer tells who gave it. */
async function plant(name: string, version: number, text = 'from the replica'): Promise<void> {
  await atReplica.set(name, recordBytes(version, Infinity, Buffer.from(text)))
}

/** The replica has what the primary acknowledged; redis-cli asks on a connection of its own. */
async function caughtUp(): Promise<void> {
  const offset = async (server: RedisServer): Promise<string> =>
    /(?:slave_repl_offset|master_repl_offset):(\d+)/.exec(await server.command('INFO', 'replication'))?.[1] ?? ''
  await expect.poll(async () => (await offset(primary)) === (await offset(replica)), { timeout: 5000 }).toBe(true)
}

describe('reads from a replica', () => {
  it('are answered by it while it is close behind', async () => {
    await plant(key, 5)
    expect(await readTexts(tier, [key])).toEqual(['from the replica'])
    expect((await commandCounts(primary))['mget']).toBeUndefined()
  })

  it('are asked again at the primary where the replica has nothing', async () => {
    await primary.command('SET', 'tw:1:a:foreign', 'x')
    await plant(key, 5)
    const other = (await openedTier({ ports: () => portsTo({ port: primary.port }) })).tier
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await other.set([textRecord('tw:1:a:2', 1)])
    await other.close()
    expect(await readTexts(tier, [key, 'tw:1:a:2', 'tw:1:a:3'])).toEqual([
      'from the replica',
      'text of tw:1:a:2',
      undefined,
    ])
  })

  it('never go back behind a write or a deletion of this process', async () => {
    await tier.set([textRecord(key, 10, { text: 'own' }), textRecord('tw:1:a:2', 10)])
    await tier.delete(['tw:1:a:2'], 10)
    await caughtUp()
    await plant(key, 9)
    await plant('tw:1:a:2', 10)
    expect(await readTexts(tier, [key, 'tw:1:a:2'])).toEqual(['own', undefined])
    await plant(key, 10, 'as new')
    await plant('tw:1:a:2', 11, 'newer')
    expect(await readTexts(tier, [key, 'tw:1:a:2'])).toEqual(['as new', 'newer'])
  })

  it('never go back behind what the authority has taken from this process', async () => {
    const [granted] = await tier.authority.acquire([{ key, leaseMs: 1000 }])
    if (granted?.kind !== 'granted') throw new Error('a lease was expected')
    const bytes = Buffer.from('own')
    const [filled] = await tier.authority.fill([{ key, lease: granted.lease, bytes, expiresAt: Infinity }])
    await tier.authority.change([{ key: 'tw:1:a:2', operation: 'delete', order: 1 }])
    await caughtUp()
    if (filled === undefined || !('version' in filled)) throw new Error('a version was expected')
    await plant(key, filled.version - 1)
    await plant('tw:1:a:2', filled.version - 1)
    expect(await readTexts(tier, [key, 'tw:1:a:2'])).toEqual(['own', undefined])
    await plant(key, filled.version, 'as new')
    expect(await readTexts(tier, [key])).toEqual(['as new'])
  })

  it('never go back behind a change of another process that this one has heard of', async () => {
    const heard: unknown[] = []
    tier.bus.start({
      changed: (_lane, changes) => void heard.push(...changes),
      lost: () => {},
      confirmed: () => void heard.push('confirmed'),
      arrived: () => {},
      touched: () => {},
    })
    await expect.poll(() => heard).toContain('confirmed')
    const other = (await openedTier({ ports: () => portsTo({ port: primary.port }) })).tier
    const [answer] = await other.authority.change([{ key, operation: 'delete', order: 1 }])
    await other.close()
    await expect.poll(() => heard).toContainEqual(expect.objectContaining({ operation: 'delete', key }))
    const { version } = answer as { version: number }
    await caughtUp()
    await plant(key, version - 1)
    expect(await readTexts(tier, [key])).toEqual([undefined])
    await plant(key, version, 'as new')
    expect(await readTexts(tier, [key])).toEqual(['as new'])
  })

  it('of a key are not believed after a change that may have been made', async () => {
    await tier.set([textRecord(key, 10, { text: 'of the primary' })])
    await primary.command('SET', `~${key}`, 'not a hash')
    await expect(tier.authority.change([{ key, operation: 'delete', order: 1 }])).rejects.toThrow('WRONGTYPE')
    await caughtUp()
    await plant(key, 10)
    expect(await readTexts(tier, [key])).toEqual(['of the primary'])
  })

  it('never go back behind a clear of this process', async () => {
    await tier.set([textRecord(key, 10)])
    await tier.clear('tw:', 10)
    await caughtUp()
    await plant(key, 10)
    expect(await readTexts(tier, [key])).toEqual([undefined])
  })

  it('stop when the replica is not confirmed within the bound, and begin again', async () => {
    await plant(key, 5)
    replica.pause()
    try {
      await runtime.advance(5500)
      expect(await readTexts(tier, [key])).toEqual([undefined])
    } finally {
      replica.resume()
    }
    await expect
      .poll(
        async () => {
          await runtime.advance(1000)
          return readTexts(tier, [key])
        },
        { timeout: 5000 },
      )
      .toEqual(['from the replica'])
  })

  it('do not wait for a replica that is silent', async () => {
    await tier.set([textRecord(key, 1)])
    await runtime.advance(1000)
    replica.pause()
    try {
      expect(await runtime.until(readTexts(tier, [key]))).toEqual([`text of ${key}`])
    } finally {
      replica.resume()
    }
  })

  it('stop when the link of the replica is down', async () => {
    await plant(key, 5)
    await replica.command('REPLICAOF', '127.0.0.1', '1')
    await runtime.advance(6000)
    await plant(key, 5)
    expect(await readTexts(tier, [key])).toEqual([undefined])
  })

  it('stop when the replica belongs to another primary', async () => {
    await plant(key, 5)
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await runtime.advance(6000)
    expect(await readTexts(tier, [key])).toEqual([undefined])
  })

  it('are answered by the primary when the replica fails', async () => {
    await tier.set([textRecord(key, 1)])
    await replica.command('CONFIG', 'SET', 'maxclients', '10')
    atReplica.on('error', () => {})
    await replica.kill()
    try {
      expect(await readTexts(tier, [key])).toEqual([`text of ${key}`])
    } finally {
      await replica.restart()
    }
  })
})
