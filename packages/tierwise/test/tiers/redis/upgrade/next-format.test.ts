import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Cache, CacheManager } from '../../../../src/contract/cache.ts'
import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/index.ts'
import { until } from '../../../../src/testing/servers/until.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import { redis } from '../../../../src/tiers/redis/index.ts'
import { NextMember } from './next-member.ts'

interface Member {
  readonly manager: CacheManager
  readonly cache: Cache<string>
  /** Reasons why records could not be read, and what was lost. */
  readonly events: string[]
}

const name = 'tw:1:factors:k'
let server: RedisServer
let admin: Redis
let next: NextMember
let members: Member[]

beforeAll(async () => {
  server = await startRedis()
  admin = new Redis({ host: server.host, port: server.port })
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await admin.flushall()
  next = new NextMember(admin, 'tw')
  members = await Promise.all([startMember(), startMember()])
})
afterEach(() => Promise.all(members.map(({ manager }) => manager.stop())))

async function startMember(): Promise<Member> {
  const manager = createCacheManager({
    tiers: [memory(), redis({ host: server.host, port: server.port })],
    namespaces: { factors: { ttl: '1h', tags: ['t'] } },
  })
  const events: string[] = []
  manager.on('bad-record', ({ reason }) => void events.push(reason))
  manager.on('bus', ({ state }) => void events.push(state))
  manager.on('tier-error', ({ error }) => void events.push(String(error)))
  await manager.start()
  return { manager, cache: manager.namespace('factors'), events }
}

/** Every member has the value in memory. */
async function hold(value: string): Promise<void> {
  for (const { cache, events } of members) {
    expect(await cache.getOrSet('k', () => value)).toBe(value)
    await until(() => cache.peek('k') === value, { what: 'memory' })
    events.length = 0
  }
}

/** What both answer when they load: first the one, then the other, which finds what the one has stored. */
async function converge(value: string): Promise<void> {
  const [one, other] = [members[0]!, members[1]!]
  await until(() => one.cache.peek('k') !== 'old' && other.cache.peek('k') !== 'old', {
    what: 'memory without the old value',
  })
  expect(await one.cache.getOrSet('k', () => value)).toBe(value)
  expect(await other.cache.getOrSet('k', () => 'loaded again')).toBe(value)
  const healths = await Promise.all(members.map(({ manager }) => manager.health()))
  expect(healths.map(({ healthy }) => healthy)).toEqual([true, true])
}

describe('a member of this release beside one of a later release', () => {
  it.each([
    ['a record of a later format', (version: number) => next.record(version, { recordFormat: 2 })],
    ['a frame of a later format', (version: number) => next.record(version, { frameFormat: 2 })],
    ['a kind of record that is not known', (version: number) => next.record(version, { kind: 9 })],
  ])('serves nothing of %s, and stores over it', async (_, bytesOf) => {
    await hold('old')
    const version = Date.now() * 1000 + 1000
    await next.set(name, bytesOf(version), ['S', name, version])
    await converge('new')
    const stored = await admin.getBuffer(name)
    expect(stored!.subarray(0, 3).toString('latin1')).toBe('TR\u0001')
    expect(stored!.readDoubleBE(4), 'versions go on from what cannot be read').toBeGreaterThan(version)
  })

  it.each([
    ['a message of a later format', { format: 2, changes: [['S', name, 1]] }],
    ['an operation that is not known', { format: 1, changes: [['Q', name, 1]] }],
    ['a change with other parts', { format: 1, changes: [[name]] }],
  ])('takes %s for a loss', async (_, message) => {
    await hold('old')
    await admin.unlink(name)
    await next.announce(message)
    await converge('new')
    for (const { events } of members) expect(events).toContain('lost')
    expect(members.flatMap(({ events }) => events).filter((event) => event.includes('Error'))).toEqual([])
  })

  it('applies the changes of a message that says more than it can read', async () => {
    await hold('old')
    const version = Date.now() * 1000 + 1000
    await admin.unlink(name)
    await next.announce({ format: 1, changes: [['D', name, version, 'why']], more: ['part'] })
    await converge('new')
    for (const { events } of members) expect(events).not.toContain('lost')
  })

  it('hears of changes again after a message that was not counted and cannot be read', async () => {
    await hold('old')
    await next.publish([1, -7, 'word'])
    await next.publish([2, 0, name])
    await next.publishBytes(Buffer.from('nonsense'))
    await members[1]!.cache.delete('k')
    await converge('new')
  })

  it('leaves fields that it does not know where they are', async () => {
    await admin.hset('{tw:0}:lane', 'later', 'x', 'z:tw:1:factors:k', 'y')
    await admin.hset(`~${name}`, 'later', 'x')
    await admin.zadd('{tw:tags}', '5', 'later')
    await admin.hset('{tw:tags}:members', 'of a later release', '{"at":1}', '#later', 'x')
    await hold('old')
    await members[0]!.cache.invalidate('k', { barrier: true, timeout: '15s' })
    await converge('new')
    await members[0]!.cache.set('k', 'old')
    await members[1]!.manager.invalidateTags(['t'])
    await converge('newest')
    expect(await admin.hmget('{tw:0}:lane', 'later', 'z:tw:1:factors:k')).toEqual(['x', 'y'])
  })
})
