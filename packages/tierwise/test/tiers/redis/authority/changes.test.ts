import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { recordBytes, tombstoneBytes } from '../../../../src/tiers/redis/record.ts'
import type { FleetTier } from '../opened-tier.ts'
import { openedTier, readTexts, textRecord } from '../opened-tier.ts'
import {
  acquire,
  aLease,
  change,
  clients,
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

describe.each(clients)('changes through %s', (client) => {
  let tier: FleetTier
  beforeEach(async () => {
    await admin.flushall()
    tier = (await openedTier({ ports: () => portsThrough(client, server) })).tier
  })
  afterEach(() => tier.close())

  /** Operations that were announced, oldest first. */
  const announced = async (): Promise<unknown[]> => (await readLog(admin)).flatMap(({ changes }) => changes)

  describe('a set', () => {
    it('stores the value with its life and a version, and says whether one was held', async () => {
      const [first] = await tier.authority.change([replacement(key, { value: 1, expiresAt: Date.now() + 30_000 })])
      const [second] = await tier.authority.change([replacement(key, { value: 2 })])
      const [[, , one] = [], [, , two] = []] = (await announced()) as [string, string, number][]
      expect([first, second]).toEqual([
        { version: one, wasHeld: false, position: { lane: 0, sequence: 1 } },
        { version: two, wasHeld: true, position: { lane: 0, sequence: 2 } },
      ])
      expect(await find(tier, key)).toEqual({ value: 2, isFresh: true, version: two })
      expect(await admin.pttl(key)).toBe(-1)
      expect(await announced()).toEqual([
        ['S', key, one],
        ['S', key, two],
      ])
    })

    it('lets the server end the record at its time', async () => {
      await change(tier, replacement(key, { expiresAt: Date.now() + 30_000 }))
      expect(await admin.pttl(key)).toBeGreaterThan(25_000)
      expect(await admin.pttl(key)).toBeLessThanOrEqual(30_000)
    })

    it('that is over before it is made removes what was held', async () => {
      await change(tier, replacement(key))
      const version = await change(tier, replacement(key, { expiresAt: 1 }))
      expect(await find(tier, key)).toBeUndefined()
      expect((await announced()).at(-1)).toEqual(['D', key, version])
      expect(await fill(tier, { key, lease: await acquire(tier, key) })).toBeGreaterThan(version)
    })

    it('may ask for the version that is held', async () => {
      const version = await change(tier, replacement(key))
      expect(await refusalOf(tier, replacement(key, { ifVersion: version - 1 }))).toBe('conflict')
      expect(await refusalOf(tier, replacement(key, { ifVersion: 0 }))).toBe('conflict')
      expect(await announced()).toHaveLength(1)
      expect((await find(tier, key))?.version).toBe(version)
      const next = await change(tier, replacement(key, { ifVersion: version }))
      const deleted = await change(tier, removal(key))
      expect(await refusalOf(tier, replacement(key, { ifVersion: next }))).toBe('conflict')
      expect(await refusalOf(tier, replacement(key, { ifVersion: deleted })), 'a tombstone is no record').toBe(
        'conflict',
      )
    })

    it('leaves leases and holds alone when it is refused', async () => {
      const lease = await acquire(tier, key)
      expect(await refusalOf(tier, replacement(key, { ifVersion: 5, holdMs: 1000, fence: 9 }))).toBe('conflict')
      expect(await fill(tier, { key, lease })).toBeGreaterThan(0)
    })

    it('is refused where another type is, which stays; those that hold something drop it', async () => {
      await admin.hset(key, 'field', 'value')
      const [answer] = await tier.authority.change([replacement(key)])
      expect(answer).toEqual({
        refused: 'record',
        version: expect.any(Number),
        position: { lane: 0, sequence: 1 },
      })
      expect(await admin.hget(key, 'field')).toBe('value')
      expect(await announced()).toEqual([['D', key, (answer as { version: number }).version]])
    })

    it('replaces a plain value', async () => {
      await admin.set(key, 'plain')
      expect(await tier.authority.change([replacement(key)])).toMatchObject([{ wasHeld: false }])
      expect((await find(tier, key))?.value).toBe('set')
    })
  })

  describe('a deletion', () => {
    it('leaves a tombstone for a while, and says whether something was held', async () => {
      const version = await change(tier, replacement(key))
      const [first] = await tier.authority.change([removal(key)])
      const [second] = await tier.authority.change([removal(key)])
      expect([first, second]).toMatchObject([{ wasHeld: true }, { wasHeld: false }])
      expect(await find(tier, key)).toBeUndefined()
      expect(await admin.pttl(key)).toBeGreaterThan(295_000)
      expect((first as { version: number }).version).toBeGreaterThan(version)
      expect((second as { version: number }).version).toBeGreaterThan((first as { version: number }).version)
      expect(await tier.set([textRecord(key, version)]), 'its version counts for plain writes too').toEqual([
        'superseded',
      ])
    })

    it('counts a loaded record as held', async () => {
      await fill(tier, { key, lease: await acquire(tier, key) })
      expect(await tier.authority.change([removal(key)])).toMatchObject([{ wasHeld: true }])
    })

    it('leaves another type alone, and keeps its version in mind', async () => {
      await admin.hset(key, 'field', 'value')
      const future = Date.now() * 1000 + 3.6e9
      await admin.hset(beside, 'ver', String(future))
      expect(await change(tier, removal(key))).toBe(future + 1)
      expect(await change(tier, removal(key))).toBe(future + 2)
      expect(await admin.hget(key, 'field')).toBe('value')
      expect(await admin.pttl(beside)).toBeGreaterThan(295_000)
      expect(await announced()).toHaveLength(2)
    })
  })

  describe('an expiry', () => {
    it('makes what is held stale where it lies, with a new version and its old end', async () => {
      const version = await change(tier, replacement(key, { value: { a: [1] }, expiresAt: Date.now() + 30_000 }))
      const [answer] = await tier.authority.change([removal(key, { operation: 'expire' })])
      expect(answer).toMatchObject({ wasHeld: true })
      const found = await find(tier, key)
      expect(found).toEqual({ value: { a: [1] }, isFresh: false, version: (answer as { version: number }).version })
      expect(found?.version).toBeGreaterThan(version)
      expect(await admin.pttl(key)).toBeGreaterThan(25_000)
      expect(await announced()).toEqual([
        ['S', key, version],
        ['X', key, found?.version],
      ])
    })

    it('of a loaded record is a change, which a copy cannot overtake', async () => {
      await fill(tier, { key, lease: await acquire(tier, key) })
      const version = await change(tier, removal(key, { operation: 'expire' }))
      const lease = await acquire(tier, key)
      expect(await fill(tier, { key, lease }, { copyOf: version - 1 })).toBe('copy')
      expect((await find(tier, key))?.isFresh).toBe(false)
    })

    it('is a deletion where nothing is held', async () => {
      await change(tier, removal(key, { operation: 'expire' }))
      const version = await change(tier, removal(key, { operation: 'expire' }))
      expect(await announced()).toEqual([
        ['D', key, expect.any(Number)],
        ['D', key, version],
      ])
      expect(await tier.set([textRecord(key, version - 1)])).toEqual(['superseded'])
    })

    it('is a deletion where what is held is no frame', async () => {
      await tier.set([textRecord(key, 5, { text: 'a text that is as long as the fixed head of a frame is' })])
      await change(tier, removal(key, { operation: 'expire' }))
      expect(await readTexts(tier, [key])).toEqual([undefined])
      const newer = recordBytes(5, Infinity, frameOf(key, 'x'))
      newer[2] = 2
      await admin.set(key, newer)
      await change(tier, removal(key, { operation: 'expire' }))
      expect(await announced()).toEqual([
        ['D', key, expect.any(Number)],
        ['D', key, expect.any(Number)],
      ])
    })

    it('marks a frame of a newer format too', async () => {
      const frame = Buffer.from(frameOf(key, 'x'))
      frame[2] = 9
      await admin.set(key, recordBytes(5, Infinity, frame))
      await change(tier, removal(key, { operation: 'expire' }))
      expect(await admin.getrange(key, 23, 23)).toBe('\u0001')
    })
  })

  describe('versions', () => {
    it('are told when records are listed', async () => {
      const version = await change(tier, replacement(key))
      const told: unknown[] = []
      for await (const found of tier.scan('tw:', (_bytes, _index, each) => each)) told.push(found)
      expect(told).toEqual([version])
    })

    it('exceed what is held when the clock of the server steps back, whatever is done', async () => {
      const future = Date.now() * 1000 + 3.6e9
      await admin.set(key, recordBytes(future, Infinity, frameOf(key, 'x')))
      expect(await change(tier, removal(key, { operation: 'expire' }))).toBe(future + 1)
      expect(await change(tier, replacement(key))).toBe(future + 2)
      expect(await change(tier, removal(key))).toBe(future + 3)
      const lease = await acquire(tier, key)
      expect(await fill(tier, { key, lease })).toBe(future + 4)
      await admin.del(key, beside)
      expect(await change(tier, removal(key)), 'nothing is known of the key any more').toBe(future + 5)
    })

    it('follow the clock of the server otherwise', async () => {
      await admin.set(key, tombstoneBytes(5))
      const before = Date.now() * 1000
      const version = await change(tier, removal(key))
      expect(version).toBeGreaterThan(before)
      expect(version).toBeLessThan(Date.now() * 1000 + 1000)
    })
  })

  describe('the order of a process', () => {
    it('is remembered by a doubtful change, and refuses what was held up before it', async () => {
      const earlier = removal(key)
      const later = replacement(key, { isDoubtful: true })
      const version = await change(tier, later)
      const lease = await acquire(tier, key, { newerThan: version })
      expect(await refusalOf(tier, earlier)).toBe('late')
      expect((await find(tier, key))?.version).toBe(version)
      expect(await announced()).toHaveLength(1)
      expect(await admin.pttl(beside)).toBeGreaterThan(295_000)
      expect(await fill(tier, { key, lease })).toBeGreaterThan(version)
      expect(await change(tier, later), 'the same one may come again').toBeGreaterThan(version)
    })

    it('is that of each process apart, and of no change that was not doubtful', async () => {
      const { tier: other } = await openedTier({ ports: () => portsThrough(client, server) })
      await change(tier, removal(key, { order: 10, isDoubtful: true }))
      await change(other, removal(key, { order: 5 }))
      await change(tier, removal(key, { order: 20 }))
      await change(tier, removal(key, { order: 15 }))
      expect(await refusalOf(tier, removal(key, { order: 9 }))).toBe('late')
      await other.close()
    })

    it('counts for a change that was then refused', async () => {
      expect(await refusalOf(tier, replacement(key, { order: 10, isDoubtful: true, ifVersion: 1 }))).toBe('conflict')
      expect(await refusalOf(tier, removal(key, { order: 9 }))).toBe('late')
    })
  })

  describe('a hold', () => {
    it('is ended by 0, left alone by a change that says nothing of it, and never shortened', async () => {
      await change(tier, removal(key, { holdMs: 60_000 }))
      await change(tier, removal(key, { holdMs: 10 }))
      await change(tier, removal(key))
      expect(await tier.authority.acquire([{ key, leaseMs: 10 }])).toEqual([
        { kind: 'held', leftMs: expect.closeTo(60_000, -3) },
      ])
      await change(tier, removal(key, { holdMs: 0 }))
      expect(await acquire(tier, key)).toEqual(aLease)
    })

    it('is over after its time', async () => {
      await change(tier, removal(key, { holdMs: 5 }))
      await expect.poll(() => acquire(tier, key), { interval: 2 }).toEqual(aLease)
    })
  })

  describe('a fence', () => {
    it('never steps back, and is remembered as long as a load may take', async () => {
      await change(tier, removal(key, { fence: 2 ** 53 - 1 }))
      await change(tier, removal(key, { fence: 3 }))
      const [fence, until] = (await admin.hget('{tw:0}:lane', `f:${key}`))?.split(' ') ?? []
      expect(fence).toBe(String(2 ** 53 - 1))
      expect(Number(until)).toBeGreaterThan((Date.now() + 295_000) * 1000)
      expect(Number(until)).toBeLessThan((Date.now() + 301_000) * 1000)
      const lease = await acquire(tier, key)
      expect(await fill(tier, { key, lease }, { sourceVersion: 2 ** 53 - 2 })).toBe('fence')
    })
  })

  describe('affirm', () => {
    it('does nothing while the change is known, also after a load', async () => {
      const version = await change(tier, removal(key))
      await tier.authority.affirm([{ key, version }])
      await fill(tier, { key, lease: await acquire(tier, key) })
      await tier.authority.affirm([{ key, version }])
      expect((await find(tier, key))?.value).toBe('loaded')
      expect(await announced()).toHaveLength(1)
    })

    it('deletes what came instead of a change that was forgotten, and says so', async () => {
      const version = await change(tier, removal(key))
      await admin.del(key)
      const copied = await fill(tier, { key, lease: await acquire(tier, key) }, { copyOf: 5 })
      const lease = await acquire(tier, key, { newerThan: Number(copied) })
      await tier.authority.affirm([{ key, version }])
      expect(await find(tier, key)).toBeUndefined()
      expect(await fill(tier, { key, lease })).toBe('lease')
      const [, [operation, name, again] = []] = (await announced()) as [string, string, number][]
      expect([operation, name]).toEqual(['D', key])
      expect(again).toBeGreaterThan(Number(copied))
      expect(await fill(tier, { key, lease: await acquire(tier, key) }, { copyOf: version - 1 })).toBe('copy')
    })

    it('does not take a record for newer because it was given another life since', async () => {
      const version = await change(tier, replacement(key))
      const forgotten = version + 1
      const rewritten = await change(tier, replacement(key, { ifVersion: version }))
      expect(rewritten).toBeGreaterThan(forgotten)
      await tier.authority.affirm([{ key, version }])
      expect(await find(tier, key)).toBeDefined()
      await tier.authority.affirm([{ key, version: forgotten }])
      expect(await find(tier, key)).toBeUndefined()
    })

    it('gives no smaller version than the one that was forgotten', async () => {
      const future = Date.now() * 1000 + 3.6e9
      await tier.authority.affirm([{ key, version: future }])
      expect(await announced()).toEqual([['D', key, future]])
    })
  })

  it('are made and announced when another of their batch cannot be made', async () => {
    await admin.set('~tw:1:a:2', 'not a hash')
    const results = await Promise.allSettled([
      tier.authority.change([replacement(key)]),
      tier.authority.change([replacement('tw:1:a:2')]),
      tier.authority.change([removal('tw:1:a:3')]),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { message: expect.stringContaining('WRONGTYPE') as string } })
    expect(await announced()).toEqual([
      ['S', key, expect.any(Number)],
      ['D', 'tw:1:a:3', expect.any(Number)],
    ])
  })
})
