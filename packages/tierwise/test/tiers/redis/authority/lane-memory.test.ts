import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { recordBytes } from '../../../../src/tiers/redis/record.ts'
import type { FleetTier } from '../opened-tier.ts'
import { numbered, openedTier } from '../opened-tier.ts'
import {
  acquire,
  aLease,
  change,
  fill,
  find,
  frameOf,
  portsThrough,
  readLog,
  refusalOf,
  removal,
  replacement,
} from './authority-session.ts'

const key = 'tw:1:a:1'
const beside = `~${key}`
const head = '{tw:0}:lane'
let server: RedisServer
let admin: Redis
let tier: FleetTier
let other: FleetTier
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  admin = new Redis({ port: server.port })
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await admin.flushall()
  tier = (await openedTier({ ports: () => portsThrough('ioredis', server) })).tier
  other = (await openedTier({ ports: () => portsThrough('node-redis', server) })).tier
})
afterEach(() => Promise.all([tier.close(), other.close()]))

const answerTo = async (leaseOf: FleetTier, coldMs?: number): Promise<unknown> =>
  (await leaseOf.authority.acquire([{ key, leaseMs: 1000, coldMs }]))[0]

/** Moves what the server notes of its clock, as if that had been set. */
async function moveBirth(ms: number): Promise<void> {
  await admin.hincrby(head, 'born', ms * 1000)
}

const fields = async (): Promise<string[]> => (await admin.hkeys(head)).toSorted()

describe('holds and fences', () => {
  it('outlast everything that may be evicted, and are told to whoever loads', async () => {
    await change(tier, removal(key, { holdMs: 60_000, fence: 7.5 }))
    await admin.del(key, beside)
    expect(await answerTo(other)).toEqual({ kind: 'held', leftMs: expect.closeTo(60_000, -3), fence: 7.5 })
    await change(tier, removal(key, { holdMs: 0 }))
    await admin.del(key, beside)
    expect(await answerTo(other)).toEqual({ kind: 'granted', lease: aLease, fence: 7.5 })
    expect(await admin.ttl(head)).toBe(-1)
  })

  it('tell nothing where there is none', async () => {
    expect(await answerTo(tier)).toEqual({ kind: 'granted', lease: aLease })
    await change(tier, removal(key, { holdMs: 60_000 }))
    expect(await answerTo(tier)).toEqual({ kind: 'held', leftMs: expect.any(Number) })
  })

  it('are those of each writer apart', async () => {
    await change(tier, removal(key, { holdMs: 60_000 }))
    await change(other, removal(key, { holdMs: 30_000 }))
    await change(tier, removal(key, { holdMs: 0 }))
    expect(await answerTo(tier)).toEqual({ kind: 'held', leftMs: expect.closeTo(30_000, -3) })
    await change(tier, removal(key, { holdMs: 0 }))
    expect(await acquire(tier, key), 'that of the other goes on').toBe('held')
    await change(other, removal(key, { holdMs: 0 }))
    expect(await acquire(tier, key)).toEqual(aLease)
    expect(await fields()).not.toContain(`h:${key}`)
  })

  it('are those of each key apart', async () => {
    await change(tier, removal(key, { holdMs: 60_000, fence: 4 }))
    expect(await acquire(other, 'tw:1:a:2')).toEqual(aLease)
    expect(await refusalOf(other, replacement('tw:1:a:2', { sourceVersion: 1 }))).toBeUndefined()
  })

  it('are swept once they are over, a few in each call', async () => {
    const over = numbered('tw:1:sweep:', 400).flatMap((each) => [`f:${each}`, '1 1', `h:${each}`, 'one 1 two 2'])
    await admin.hset(head, ...over, 'h:tw:1:a:2', `gone 1 one ${(Date.now() + 60_000) * 1000}`)
    await change(tier, removal(key, { holdMs: 60_000 }))
    expect(await admin.hlen(head)).toBeGreaterThan(700)
    for (let calls = 0; calls < 80; calls++) await change(tier, removal(key, { holdMs: 60_000 }))
    expect(await fields()).toEqual(['born', 'gen', `h:${key}`, 'h:tw:1:a:2', 'hi', 'id', 'seq', 'sweep'])
  })

  it('are swept by calls that add none too, until none is left', async () => {
    await change(tier, removal(key, { holdMs: 60_000, fence: 1 }))
    await admin.hset(head, `h:${key}`, 'one 1', `f:${key}`, '1 1', 'sweep', '0 1')
    await acquire(tier, 'tw:1:a:2')
    expect(await fields()).toEqual(['born', 'gen', 'hi', 'id', 'seq'])
  })

  it('are not looked for more than once a second by calls that add none', async () => {
    await change(tier, removal(key, { holdMs: 60_000 }))
    const due = async (): Promise<number> => Number((await admin.hget(head, 'sweep'))?.split(' ')[1])
    const first = await due()
    expect(first).toBeGreaterThan((Date.now() + 500) * 1000)
    await acquire(tier, key)
    expect(await due()).toBe(first)
    await admin.hset(head, 'sweep', '0 1')
    await acquire(tier, key)
    expect(await due()).toBeGreaterThanOrEqual(first)
  })
})

describe('a set', () => {
  it.each([
    ['of an older version of the source than counts', 'fence', { fence: 5 }],
    ['while somebody holds the key', 'held', { holdMs: 60_000 }],
  ])('%s is a deletion, announced as one', async (_what, why, guard) => {
    await change(other, replacement(key))
    await change(other, removal(key, { operation: 'expire', ...guard }))
    const [answer] = await tier.authority.change([replacement(key, { sourceVersion: 4 })])
    const [operation, name, version] = (await readLog(admin)).at(-1)?.changes[0] ?? []
    expect(answer).toEqual({ refused: why, version, position: { lane: 0, sequence: 3 } })
    expect([operation, name]).toEqual(['D', key])
    expect(await find(tier, key)).toBeUndefined()
  })

  it('that does not say what it has read, or has read enough, is taken', async () => {
    await change(other, removal(key, { fence: 5 }))
    expect(await refusalOf(tier, replacement(key))).toBeUndefined()
    expect(await refusalOf(tier, replacement(key, { sourceVersion: 5 }))).toBeUndefined()
    expect((await find(tier, key))?.value).toBe('set')
  })

  it('is refused by the hold of its own process too, and taken with the end of it', async () => {
    await change(tier, removal(key, { holdMs: 60_000 }))
    expect(await refusalOf(tier, replacement(key))).toBe('held')
    expect(await refusalOf(tier, replacement(key, { holdMs: 0 }))).toBeUndefined()
    await change(other, removal(key, { holdMs: 60_000 }))
    expect(await refusalOf(tier, replacement(key, { holdMs: 0 }))).toBe('held')
  })

  it('is refused by a conflict first, and changes nothing then', async () => {
    await change(tier, removal(key, { holdMs: 60_000 }))
    expect(await refusalOf(tier, replacement(key, { ifVersion: 1 }))).toBe('conflict')
    expect(await readLog(admin)).toHaveLength(1)
  })
})

describe('a lane', () => {
  it('that lost its memory honours no lease from before, whatever is left of that', async () => {
    const lease = await acquire(tier, key)
    await admin.del(head)
    expect(await fill(tier, { key, lease })).toBe('lease')
    const next = await acquire(tier, key)
    expect(next, 'nobody waits for it either').toEqual(aLease)
    expect(await fill(tier, { key, lease: next })).toBeGreaterThan(0)
  })

  it('holds all keys while it is younger than what it may have lost', async () => {
    expect(await answerTo(tier, 5000)).toEqual({ kind: 'held', leftMs: 5000 })
    expect(await answerTo(tier, 5000)).toEqual({ kind: 'held', leftMs: expect.closeTo(5000, -3) })
    expect(await refusalOf(tier, replacement(key, { coldMs: 5000 }))).toBe('held')
    await moveBirth(-6000)
    expect(await refusalOf(tier, replacement(key, { coldMs: 5000 }))).toBeUndefined()
    expect(await answerTo(tier, 5000)).toEqual({ kind: 'fresh' })
    expect(await answerTo(other, 60_000), 'what is there was taken in time').toEqual({ kind: 'fresh' })
  })

  it('is young again when the clock was set back: nobody knows how old it is', async () => {
    await acquire(tier, 'tw:1:a:2')
    await moveBirth(3_600_000)
    expect(await answerTo(tier, 5000)).toEqual({ kind: 'held', leftMs: 5000 })
    await moveBirth(-5000)
    expect(await answerTo(tier, 5000)).toEqual({ kind: 'granted', lease: aLease })
  })

  it('keeps its life over changes, loads and what the bus reads', async () => {
    const lease = await acquire(tier, key)
    const before = await admin.hmget(head, 'gen', 'born')
    expect(before).toEqual([expect.stringMatching(/^[\w-]{12}$/), expect.stringMatching(/^\d{16}$/)])
    await fill(tier, { key, lease })
    await change(other, removal(key))
    expect(await admin.hmget(head, 'gen', 'born')).toEqual(before)
  })

  it('gives no version again of a key of which nothing is known any more, though the clock is behind', async () => {
    const future = Date.now() * 1000 + 3.6e9
    await admin.set('tw:1:a:2', recordBytes(future, Infinity, frameOf('tw:1:a:2', 'x')))
    await change(tier, removal('tw:1:a:2'))
    expect(await change(tier, removal(key))).toBe(future + 2)
    expect(await fill(other, { key, lease: await acquire(other, key) })).toBe(future + 3)
    await admin.del(key, beside, 'tw:1:a:2')
    const batch = await tier.authority.change([removal(key), removal('tw:1:a:2')])
    expect(batch).toMatchObject([{ version: future + 4 }, { version: future + 5 }])
    await tier.authority.affirm([{ key: 'tw:1:a:3', version: future + 100 }])
    expect(await change(tier, removal(key))).toBe(future + 101)
  })

  it('does not follow the version of a damaged record, beyond which there is hardly any', async () => {
    await admin.set(key, recordBytes(2 ** 53 - 1, Infinity, frameOf(key, 'x')))
    await change(tier, removal(key))
    expect(await change(tier, removal('tw:1:a:2'))).toBeLessThan((Date.now() + 1000) * 1000)
  })
})
