import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { recordBytes, tombstoneBytes } from '../../../../src/tiers/redis/record.ts'
import type { FleetTier } from '../opened-tier.ts'
import { openedTier } from '../opened-tier.ts'
import {
  acquire,
  aLease,
  change,
  clients,
  fill,
  find,
  frameOf,
  portsThrough,
  removal,
  replacement,
} from './authority-session.ts'

const key = 'tw:1:a:1'
const beside = `~${key}`
let server: RedisServer
let admin: Redis
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  admin = new Redis({ port: server.port })
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})

describe.each(clients)('leases through %s', (client) => {
  let tier: FleetTier
  beforeEach(async () => {
    await admin.flushall()
    tier = (await openedTier({ ports: () => portsThrough(client, server) })).tier
  })
  afterEach(() => tier.close())

  describe('acquire', () => {
    it('grants one at a time, and tells the others how long it lasts', async () => {
      const [first, second] = await tier.authority.acquire([
        { key, leaseMs: 5000 },
        { key, leaseMs: 5000 },
      ])
      expect(first?.kind).toBe('granted')
      expect(second).toEqual({ kind: 'busy', leftMs: expect.closeTo(5000, -2) })
      expect(await acquire(tier, 'tw:1:a:2')).not.toBe('busy')
    })

    it('grants a new one when the time of the last is over, and that one only', async () => {
      const first = await acquire(tier, key, { leaseMs: 5 })
      await expect.poll(() => acquire(tier, key), { interval: 2 }).not.toBe('busy')
      const stored = await admin.hget(beside, 'lease')
      const second = `${first.split('.')[0]}.${stored?.split('.').at(-1)}`
      expect(second).not.toBe(first)
      expect(await fill(tier, { key, lease: first })).toBe('lease')
      expect(await fill(tier, { key, lease: second })).toBeGreaterThan(0)
    })

    it('leaves a lease good after its time until somebody else has one', async () => {
      const lease = await acquire(tier, key, { leaseMs: 1 })
      await expect.poll(async () => Number(await admin.hget(beside, 'leaseUntil')) < Date.now() * 1000).toBe(true)
      expect(await fill(tier, { key, lease })).toBeGreaterThan(0)
    })

    it('takes it from another when forced', async () => {
      const first = await acquire(tier, key)
      const second = await acquire(tier, key, { isForced: true })
      expect(await fill(tier, { key, lease: first })).toBe('lease')
      expect(await fill(tier, { key, lease: second })).toBeGreaterThan(0)
    })

    it('takes it from an earlier request of its own when told to, and of no other instance', async () => {
      const first = await acquire(tier, key)
      const second = await acquire(tier, key, { replacesOwn: true })
      expect(await fill(tier, { key, lease: first })).toBe('lease')
      const { tier: another } = await openedTier({ ports: () => portsThrough(client, server) })
      expect(await acquire(another, key, { replacesOwn: true })).toBe('busy')
      expect(await fill(tier, { key, lease: second })).toBeGreaterThan(0)
    })

    it('says that a fresh record is there, unless something newer is wanted', async () => {
      const version = await change(tier, replacement(key))
      expect(await acquire(tier, key)).toBe('fresh')
      expect(await acquire(tier, key, { newerThan: version - 1 })).toBe('fresh')
      const lease = await acquire(tier, key, { newerThan: version })
      expect(await fill(tier, { key, lease })).toBeGreaterThan(version)
      expect(await acquire(tier, key)).toBe('fresh')
      expect(await acquire(tier, key, { newerThan: Infinity })).toEqual(aLease)
    })

    it('takes a record that never ends for fresh', async () => {
      await change(tier, replacement(key, { bytes: frameOf(key, 'x', Infinity) }))
      expect(await acquire(tier, key)).toBe('fresh')
    })

    it.each([
      ['stale', (): Buffer => recordBytes(5, Infinity, frameOf(key, 'x', -1))],
      ['damaged', (): Buffer => changed(recordBytes(5, Infinity, frameOf(key, 'x')), 3, 7)],
      ['a tombstone', (): Buffer => tombstoneBytes(5)],
      ['no frame', (): Buffer => recordBytes(5, Infinity, Buffer.alloc(100, 0xff))],
      ['a frame of a newer format', (): Buffer => recordBytes(5, Infinity, changed(frameOf(key, 'x'), 2, 2))],
      ['soft-expired', (): Buffer => recordBytes(5, Infinity, changed(frameOf(key, 'x'), 3, 1))],
      ['of a newer format', (): Buffer => changed(recordBytes(5, Infinity, frameOf(key, 'x')), 2, 2)],
      ['cut off', (): Buffer => recordBytes(5, Infinity, frameOf(key, 'x').subarray(0, 19))],
      ['a plain value', (): Buffer => Buffer.from('a plain value that is long enough to hold a head and a frame')],
    ])('does not take for fresh what is %s', async (_what, stored) => {
      await admin.set(key, stored())
      expect(await acquire(tier, key)).toEqual(aLease)
    })

    it('grants none during a hold', async () => {
      await change(tier, removal(key, { holdMs: 8000 }))
      const answers = await tier.authority.acquire([{ key, leaseMs: 10, isForced: true }])
      expect(answers).toEqual([{ kind: 'held', leftMs: expect.closeTo(8000, -2) }])
    })

    it('is remembered beyond the time of the lease, which a shorter one does not shorten', async () => {
      await acquire(tier, key, { leaseMs: 20_000 })
      expect(await admin.pttl(beside)).toBeGreaterThan(315_000)
      expect(await admin.pttl(beside)).toBeLessThanOrEqual(320_000)
      await acquire(tier, key, { leaseMs: 10, isForced: true })
      expect(await admin.pttl(beside)).toBeGreaterThan(315_000)
    })

    it('is never taken for a record', async () => {
      await acquire(tier, key)
      await acquire(tier, 'tw:1:a:2')
      await tier.clear('', Number.MAX_SAFE_INTEGER)
      expect(await admin.exists(beside, '~tw:1:a:2')).toBe(2)
      expect((await tier.usage()).entries).toBe(0)
      for await (const found of tier.scan('', () => 1)) expect(found).toBeUndefined()
    })
  })

  describe('fill', () => {
    it('stores the value with a version by the clock of the server, and ends the lease', async () => {
      const before = Date.now() * 1000
      const lease = await acquire(tier, key)
      const version = await fill(tier, { key, lease })
      expect(version).toBeGreaterThan(before)
      expect(version).toBeLessThan(Date.now() * 1000 + 1000)
      expect(await find(tier, key)).toEqual({ value: 'loaded', isFresh: true, version })
      expect(await fill(tier, { key, lease })).toBe('lease')
      expect(await admin.exists(beside)).toBe(0)
    })

    it('lets the server end the record at its time', async () => {
      await fill(tier, { key, lease: await acquire(tier, key) }, { expiresAt: Date.now() + 30_000 })
      expect(await admin.pttl(key)).toBeGreaterThan(25_000)
      expect(await admin.pttl(key)).toBeLessThanOrEqual(30_000)
    })

    it.each([
      ['was deleted', (): Promise<unknown> => admin.del(beside)],
      ['was flushed with everything', (): Promise<unknown> => admin.flushall()],
      ['was ended by a deletion', (): Promise<unknown> => change(tier, removal(key))],
      ['was ended by an expiry', (): Promise<unknown> => change(tier, removal(key, { operation: 'expire' }))],
      ['was ended by a newer value', (): Promise<unknown> => change(tier, replacement(key, { expiresAt: 1 }))],
      ['was ended by a hold', (): Promise<unknown> => change(tier, removal(key, { holdMs: 1000 }))],
      ['was given back', (lease: string): Promise<unknown> => tier.authority.release([{ key, lease }])],
    ])('is refused when the lease %s', async (_what, end) => {
      const lease = await acquire(tier, key)
      await end(lease)
      expect(await fill(tier, { key, lease })).toBe('lease')
      expect(await find(tier, key)).toBeUndefined()
    })

    it('gives larger versions than what is held, also when the clock of the server steps back', async () => {
      const future = Date.now() * 1000 + 3.6e9
      await admin.set(key, recordBytes(future, Infinity, frameOf(key, 'x', -1)))
      expect(await fill(tier, { key, lease: await acquire(tier, key) })).toBe(future + 1)
      await admin.set(key, tombstoneBytes(future + 1.5))
      expect(await fill(tier, { key, lease: await acquire(tier, key) })).toBe(future + 2)
      expect((await find(tier, key))?.version).toBe(future + 2)
    })

    it('is refused without a source version, or with an older one, where there is a fence', async () => {
      await change(tier, removal(key, { fence: 6.5 }))
      for (const sourceVersion of [undefined, 6.4]) {
        const [answer] = await tier.authority.acquire([{ key, leaseMs: 1000 }])
        expect(answer).toEqual({ kind: 'granted', lease: aLease, fence: 6.5 })
        const { lease } = answer as { lease: string }
        expect(await fill(tier, { key, lease }, { sourceVersion })).toBe('fence')
        expect(await fill(tier, { key, lease }, { sourceVersion: 6.5 }), 'the lease is given up').toBe('lease')
      }
      const lease = await acquire(tier, key)
      expect(await fill(tier, { key, lease }, { sourceVersion: 6.5 })).toBeGreaterThan(0)
    })

    it('is not refused for a source version where there is no fence', async () => {
      expect(await fill(tier, { key, lease: await acquire(tier, key) }, { sourceVersion: 1 })).toBeGreaterThan(0)
    })

    it('leaves another type alone, and an older record where its own time is over', async () => {
      await admin.hset(key, 'field', 'value')
      expect(await fill(tier, { key, lease: await acquire(tier, key) })).toBe('record')
      expect(await admin.hget(key, 'field')).toBe('value')
      await admin.set(key, recordBytes(5, Infinity, frameOf(key, 'old', -1)))
      expect(await fill(tier, { key, lease: await acquire(tier, key) }, { expiresAt: 1 })).toBe('record')
      expect(await find(tier, key)).toEqual({ value: 'old', isFresh: false, version: 5 })
    })
  })

  describe('a copy of a record from below', () => {
    const copy = async (copyOf: number): Promise<number | string> =>
      fill(tier, { key, lease: await acquire(tier, key, { newerThan: Infinity }) }, { copyOf })

    it('is refused when a change gave the key a newer version', async () => {
      const deleted = await change(tier, removal(key))
      expect(await copy(deleted - 1)).toBe('copy')
      expect(await copy(deleted)).toBeGreaterThan(deleted)
      const set = await change(tier, replacement(key))
      expect(await copy(set - 1)).toBe('copy')
    })

    it('is still refused after a load has replaced what the change left', async () => {
      const deleted = await change(tier, removal(key))
      const lease = await acquire(tier, key)
      const loaded = await fill(tier, { key, lease })
      expect(await copy(deleted - 1)).toBe('copy')
      expect(await copy(Number(loaded) - 1), 'a load is no change').toBeGreaterThan(Number(loaded))
      await admin.del(key)
      expect(await copy(deleted - 1)).toBe('copy')
      expect(await admin.pttl(beside)).toBeGreaterThan(295_000)
      await fill(tier, { key, lease: await acquire(tier, key) })
      expect(await copy(deleted - 1)).toBe('copy')
    })

    it('is refused by the newest change that is known', async () => {
      await admin.set(key, tombstoneBytes(5))
      await admin.hset(beside, 'ver', '9')
      expect(await copy(8)).toBe('copy')
      expect(await copy(9)).toBeGreaterThan(9)
    })

    it('is taken when the change is longer ago than a load may take', async () => {
      const past = Date.now() * 1000 - 300_000_001
      await admin.set(key, tombstoneBytes(past))
      await fill(tier, { key, lease: await acquire(tier, key) })
      expect(await admin.exists(beside)).toBe(0)
      expect(await copy(past - 1)).toBeGreaterThan(0)
    })

    it.each([
      ['what is left of the time', { agoMs: -200_000, leftMs: 100_000 }],
      ['no more than the time, after the clock has stepped back', { agoMs: 9_000_000, leftMs: 300_000 }],
    ])('finds the change remembered for %s', async (_what, { agoMs, leftMs }) => {
      await admin.set(key, tombstoneBytes((Date.now() + agoMs) * 1000))
      const lease = await acquire(tier, key)
      await admin.persist(beside)
      await admin.pexpire(beside, 10_000)
      await fill(tier, { key, lease })
      expect(await admin.pttl(beside)).toBeGreaterThan(leftMs - 5000)
      expect(await admin.pttl(beside)).toBeLessThanOrEqual(leftMs)
    })
  })

  it('are given back by their holder alone', async () => {
    const lease = await acquire(tier, key)
    await tier.authority.release([{ key, lease: 'another' }])
    expect(await acquire(tier, key)).toBe('busy')
    await tier.authority.release([{ key, lease }])
    expect(await acquire(tier, key)).toEqual(aLease)
  })

  it('are asked for with many keys in one call, answered in order', async () => {
    const keys = Array.from({ length: 100 }, (_, index) => `tw:1:m:${index}`)
    const answers = await tier.authority.acquire(keys.map((each) => ({ key: each, leaseMs: 1000 })))
    const leases = answers.map((answer) => (answer.kind === 'granted' ? answer.lease : ''))
    expect(new Set(leases).size).toBe(100)
    const fills = keys.map((each, index) => ({
      key: each,
      lease: index % 10 === 0 ? 'wrong' : (leases[index] ?? ''),
      bytes: frameOf(each, index),
      expiresAt: Infinity,
    }))
    const filled = await tier.authority.fill(fills)
    expect(filled.map((answer) => 'version' in answer)).toEqual(keys.map((_, index) => index % 10 !== 0))
    expect((await find(tier, 'tw:1:m:57'))?.value).toBe(57)
  })
})

/** A copy with one byte changed. */
function changed(bytes: Uint8Array, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = value
  return copy
}
