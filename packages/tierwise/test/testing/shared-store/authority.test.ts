import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createEnvelope, loadValueCodec } from '../../../src/codecs/index.ts'
import {
  acquire,
  change,
  fill,
  fleet,
  frame,
  granted,
  hourMs,
  someBytes,
  versionOf,
  type Fleet,
  type Peer,
} from './fleet.ts'

let all: Fleet
let one: Peer
let other: Peer

async function begin(options?: Parameters<typeof fleet>[0]): Promise<void> {
  all = await fleet(options)
  ;[one, other] = all.peers
}

beforeEach(() => begin())
afterEach(() => all.stop())

const read = async (peer: Peer, key: string): Promise<readonly number[] | undefined> =>
  (await peer.tier.get([key], (bytes) => [...bytes]))[0]

describe('leases of a shared store', () => {
  it('grants a lease to one instance at a time and says how long it lasts', async () => {
    await granted(one, 'k', { leaseMs: 500 })
    await all.runtime.advance(100)
    expect(await acquire(other, 'k')).toEqual({ kind: 'busy', leftMs: 400 })
    expect(await acquire(one, 'k')).toEqual({ kind: 'busy', leftMs: 400 })
    await granted(other, 'another')
  })

  it('grants an expired lease to somebody else, and takes the fill of the first as long as nobody has it', async () => {
    const first = await granted(one, 'k', { leaseMs: 500 })
    await all.runtime.advance(500)
    expect(await fill(one, 'k', { lease: first })).toHaveProperty('version')
    const second = await granted(one, 'k', { leaseMs: 500 })
    all.store.expireLease('k')
    const third = await granted(other, 'k')
    expect(await fill(one, 'k', { lease: second })).toEqual({ refused: 'lease' })
    expect(await fill(other, 'k', { lease: third })).toHaveProperty('version')
  })

  it('takes a forced lease from a process that loads', async () => {
    const first = await granted(one, 'k')
    const second = await granted(other, 'k', { isForced: true })
    expect(await fill(one, 'k', { lease: first })).toEqual({ refused: 'lease' })
    expect(await fill(other, 'k', { lease: second })).toHaveProperty('version')
  })

  it('lets the next one in when a lease is given back, and only by its owner', async () => {
    const lease = await granted(one, 'k')
    await other.authority.release([{ key: 'k', lease: 'foreign' }])
    expect(await acquire(other, 'k')).toMatchObject({ kind: 'busy' })
    await one.authority.release([{ key: 'k', lease }])
    await granted(other, 'k')
    expect(await fill(one, 'k', { lease })).toEqual({ refused: 'lease' })
  })

  it('says that a fresh record has arrived, until its frame is no longer fresh or something newer is wanted', async () => {
    const now = all.runtime.clock.now()
    const bytes = await frame('k', now + 1000)
    const version = versionOf(await fill(one, 'k', { lease: await granted(one, 'k'), bytes }))
    expect(await acquire(other, 'k')).toEqual({ kind: 'fresh' })
    expect(await acquire(other, 'k', { newerThan: version - 1 })).toEqual({ kind: 'fresh' })
    const lease = await granted(other, 'k', { newerThan: version })
    await other.authority.release([{ key: 'k', lease }])
    await all.runtime.advance(999)
    expect(await acquire(other, 'k')).toEqual({ kind: 'fresh' })
    await all.runtime.advance(1)
    await granted(other, 'k')
  })

  it('takes the freshness of a frame by its own clock', async () => {
    const bytes = await frame('k', all.runtime.clock.now() + 1000)
    await fill(one, 'k', { lease: await granted(one, 'k'), bytes })
    all.store.skewMs = 1000
    await granted(other, 'k')
  })

  it('takes no expired record and no record that is no frame for fresh', async () => {
    const bytes = await frame('k', Infinity)
    const expiresAt = all.runtime.clock.now() + 500
    await fill(one, 'k', { lease: await granted(one, 'k'), bytes, expiresAt })
    expect(await acquire(other, 'k')).toEqual({ kind: 'fresh' })
    await all.runtime.advance(500)
    await granted(other, 'k')
    await change(one, 'plain', { operation: 'set', bytes: new Uint8Array(100).fill(0xff) })
    await granted(other, 'plain')
  })
})

describe('fills of a shared store', () => {
  it('stores the bytes with a version of the store, for the life they have left', async () => {
    all.store.skewMs = 5000
    const now = all.runtime.clock.now()
    const lease = await granted(one, 'k')
    expect(await fill(one, 'k', { lease, expiresAt: now + 100 })).toEqual({ version: (now + 5000) * 1000 })
    expect(await other.tier.get(['k'], (_bytes, _at, version) => version)).toEqual([(now + 5000) * 1000])
    await all.runtime.advance(99)
    expect(await read(other, 'k')).toEqual([...someBytes])
    await all.runtime.advance(1)
    expect(await read(other, 'k')).toBeUndefined()
  })

  it('refuses a fill after a change of the key, after a second fill and after the lease was forgotten', async () => {
    for (const operation of ['set', 'delete', 'expire'] as const) {
      const lease = await granted(one, operation)
      await change(other, operation, { operation })
      expect(await fill(one, operation, { lease }), operation).toEqual({ refused: 'lease' })
    }
    const lease = await granted(one, 'k')
    await fill(one, 'k', { lease })
    expect(await fill(one, 'k', { lease })).toEqual({ refused: 'lease' })
    const evicted = await granted(one, 'evicted')
    all.store.evict('evicted', 'lease')
    expect(await fill(one, 'evicted', { lease: evicted })).toEqual({ refused: 'lease' })
    const flushed = await granted(one, 'flushed')
    all.store.flush()
    expect(await fill(one, 'flushed', { lease: flushed })).toEqual({ refused: 'lease' })
  })

  it('refuses a source version below the fence, or none, and gives the lease up', async () => {
    await change(other, 'k', { fence: 7 })
    await change(other, 'k', { fence: 3 })
    for (const sourceVersion of [undefined, 6]) {
      const lease = await granted(one, 'k')
      expect(await fill(one, 'k', { lease, sourceVersion })).toEqual({ refused: 'fence' })
    }
    const lease = await granted(one, 'k')
    expect(await fill(one, 'k', { lease, sourceVersion: 7 })).toHaveProperty('version')
  })

  it('refuses a copy that is older than the latest change of the key, and takes one of that version', async () => {
    const version = versionOf(await change(other, 'k'))
    const attempt = async (copyOf: number): Promise<unknown> =>
      fill(one, 'k', { lease: await granted(one, 'k'), copyOf })
    expect(await attempt(version - 1)).toEqual({ refused: 'copy' })
    all.store.evict('k', 'record')
    expect(await attempt(version - 1)).toEqual({ refused: 'copy' })
    expect(await attempt(version)).toHaveProperty('version')
    expect(await attempt(version - 1), 'after a fill, too').toEqual({ refused: 'copy' })
  })

  it('remembers for a copy the version of a change, in its record or beside it', async () => {
    for (const part of ['record', 'lease'] as const) {
      const version = versionOf(await change(other, part, { operation: 'set' }))
      all.store.evict(part, part)
      const lease = await granted(one, part)
      expect(await fill(one, part, { lease, copyOf: version - 1 }), part).toEqual({ refused: 'copy' })
    }
  })

  it('takes a copy that is older than a load: a load is no change', async () => {
    const version = versionOf(await fill(other, 'k', { lease: await granted(other, 'k') }))
    expect(await fill(one, 'k', { lease: await granted(one, 'k'), copyOf: version - 1 })).toHaveProperty('version')
  })

  it('refuses a record that is too large', async () => {
    await all.stop()
    await begin({ maxRecordBytes: 2 })
    expect(await fill(one, 'k', { lease: await granted(one, 'k') })).toEqual({ refused: 'record' })
    await granted(other, 'k')
  })

  it('is announced to nobody', async () => {
    await all.listen()
    await fill(one, 'k', { lease: await granted(one, 'k') })
    await all.runtime.settle()
    expect(all.store.log()).toEqual([])
    expect(other.told).toEqual([])
  })

  it('wakes those who wait, once, as does giving the lease up', async () => {
    await all.listen()
    const ends: readonly ((lease: string) => Promise<unknown>)[] = [
      (lease) => fill(one, 'k', { lease }),
      (lease) => one.authority.release([{ key: 'k', lease }]),
      (lease) => fill(one, 'k', { lease, copyOf: 0 }),
    ]
    for (const end of ends) {
      const lease = await granted(one, 'k')
      await acquire(other, 'k')
      await end(lease)
      await end(lease)
      await all.runtime.settle()
      expect(other.told.splice(0)).toEqual(['arrived k'])
    }
  })

  it('wakes those who wait for a load that a change has made useless, after telling the change', async () => {
    await all.listen()
    const ends: readonly (() => Promise<unknown>)[] = [
      () => change(all.peers[2], 'k'),
      () => all.peers[2].authority.affirm([{ key: 'k', version: all.runtime.clock.now() * 2000 }]),
    ]
    for (const end of ends) {
      await granted(one, 'k')
      await acquire(other, 'k')
      await end()
      await fill(one, 'k', { lease: await granted(one, 'k') })
      await all.runtime.settle()
      expect(other.told.splice(0)).toEqual(['delete k in 0', 'arrived k'])
    }
  })

  it('keeps a copy of the bytes', async () => {
    const bytes = Uint8Array.of(1)
    await fill(one, 'k', { lease: await granted(one, 'k'), bytes })
    bytes[0] = 9
    expect(await read(other, 'k')).toEqual([1])
  })
})

describe('changes of a shared store', () => {
  it('gives versions that increase for a key, by its own clock', async () => {
    const now = all.runtime.clock.now()
    expect(versionOf(await change(one, 'k'))).toBe(now * 1000)
    expect(versionOf(await change(other, 'k', { operation: 'set' }))).toBe(now * 1000 + 1)
    all.store.skewMs = -hourMs
    expect(versionOf(await change(one, 'k'))).toBe(now * 1000 + 2)
    expect(versionOf(await fill(one, 'k', { lease: await granted(one, 'k') }))).toBe(now * 1000 + 3)
    all.store.evict('k', 'all')
    expect(versionOf(await change(one, 'k')), 'nothing is known of the key').toBe(now * 1000 + 4)
    expect(versionOf(await change(one, 'another'))).toBe(now * 1000 + 5)
    all.store.forgetLane()
    all.store.skewMs = -2 * hourMs
    expect(versionOf(await change(one, 'third'))).toBe((now - 2 * hourMs) * 1000)
  })

  it('gives no version again that it has forgotten while the clock stands still', async () => {
    const version = versionOf(await change(one, 'k'))
    all.store.evict('k', 'all')
    expect(versionOf(await change(one, 'k'))).toBeGreaterThan(version)
  })

  it('says whether something was held, and where the change was announced', async () => {
    expect(await change(one, 'k')).toMatchObject({ wasHeld: false, position: { lane: 0, sequence: 1 } })
    expect(await change(one, 'k', { operation: 'set' })).toMatchObject({ wasHeld: false })
    expect(await change(one, 'k', { operation: 'expire' })).toMatchObject({ wasHeld: true })
    expect(await change(one, 'k')).toMatchObject({ wasHeld: true, position: { lane: 0, sequence: 4 } })
    expect(await change(one, 'k')).toMatchObject({ wasHeld: false })
  })

  it('makes what is held stale where it lies, with its life', async () => {
    const envelope = createEnvelope({ codec: await loadValueCodec('msgpack') })
    const now = all.runtime.clock.now()
    const bytes = await frame('k', now + hourMs)
    await change(one, 'k', { operation: 'set', bytes, expiresAt: now + 1000 })
    const version = versionOf(await change(other, 'k', { operation: 'expire' }))
    const [found] = await one.tier.get(['k'], (stored, _at, of) => [envelope.decode(stored, 'k'), of] as const)
    expect(found).toMatchObject([{ value: 'value', freshUntil: 0 }, version])
    expect(all.store.head('k')).toMatchObject({ version, record: 'stale' })
    await granted(one, 'k')
    await all.runtime.advance(1000)
    expect(await read(one, 'k')).toBeUndefined()
  })

  it('leaves the bytes alone when it expires what is no frame', async () => {
    await change(one, 'k', { operation: 'set', bytes: new Uint8Array(100) })
    await change(one, 'k', { operation: 'expire' })
    expect(await read(one, 'k')).toEqual(Array.from({ length: 100 }, () => 0))
  })

  it('expires what is not held as it deletes', async () => {
    const version = versionOf(await change(one, 'k', { operation: 'expire' }))
    expect(all.store.head('k')).toMatchObject({ version, record: 'deleted' })
  })

  it('replaces a record only if it has the version that is asked for', async () => {
    const set = (ifVersion: number): Promise<unknown> => change(one, 'k', { operation: 'set', ifVersion })
    expect(await set(1)).toEqual({ refused: 'conflict' })
    const version = versionOf(await change(one, 'k', { operation: 'set' }))
    expect(await set(version - 1)).toEqual({ refused: 'conflict' })
    expect(await set(version)).toMatchObject({ version: version + 1 })
    await change(one, 'k')
    expect(await set(version + 2), 'a deletion is no version that is held').toEqual({ refused: 'conflict' })
    expect(all.store.log()).toHaveLength(3)
  })

  it('leaves a lease alone when a change is refused', async () => {
    const lease = await granted(one, 'k')
    await change(other, 'k', { operation: 'set', ifVersion: 1, holdMs: 100, fence: 9 })
    expect(await fill(one, 'k', { lease })).toHaveProperty('version')
  })

  it('removes the old value and says so when it cannot take the new one', async () => {
    await all.stop()
    await begin({ maxRecordBytes: 3 })
    await all.listen()
    await change(one, 'k', { operation: 'set' })
    const refused = await change(one, 'k', { operation: 'set', bytes: new Uint8Array(4) })
    expect(refused).toMatchObject({ refused: 'record', position: { lane: 0, sequence: 2 } })
    expect(all.store.head('k')).toMatchObject({ record: 'deleted', version: (refused as { version: number }).version })
    await all.runtime.settle()
    expect(other.told).toEqual(['set k in 0', 'delete k in 0'])
  })

  it('refuses what arrives after a later doubtful change of the same process', async () => {
    await change(one, 'k', { order: 5 })
    expect(await change(one, 'k', { order: 4 }), 'none was doubtful').toHaveProperty('version')
    await change(one, 'k', { order: 6, isDoubtful: true })
    expect(await change(one, 'k', { order: 5 })).toEqual({ refused: 'late' })
    expect(await change(one, 'k', { order: 6 })).toHaveProperty('version')
    expect(await change(other, 'k', { order: 1 }), 'orders of processes are not compared').toHaveProperty('version')
    expect(await change(one, 'another', { order: 1 })).toHaveProperty('version')
    all.store.evict('k', 'lease')
    expect(await change(one, 'k', { order: 1 }), 'forgotten').toHaveProperty('version')
  })

  it('grants nothing during a hold, which another change can lengthen or end', async () => {
    await change(one, 'k', { holdMs: 1000 })
    await change(one, 'k', { holdMs: 500 })
    await change(other, 'k')
    expect(await acquire(other, 'k', { isForced: true })).toEqual({ kind: 'held', leftMs: 1000 })
    await all.runtime.advance(999)
    expect(await acquire(other, 'k')).toEqual({ kind: 'held', leftMs: 1 })
    await all.runtime.advance(1)
    await granted(other, 'k')
    await change(one, 'k', { holdMs: 1000 })
    await change(one, 'k', { holdMs: 0 })
    await granted(other, 'k')
  })

  it('announces the changes of a call together, those of each lane in it', async () => {
    await all.stop()
    await begin({ lanes: 2 })
    await all.listen()
    const keys = Array.from({ length: 8 }, (_, index) => `k${index}`)
    const answers = await one.authority.change(keys.map((key) => ({ key, operation: 'delete', order: 1 })))
    expect(new Set(keys.map((key) => one.bus.laneOf(key)))).toEqual(new Set([0, 1]))
    for (const [index, key] of keys.entries())
      expect(answers[index]).toMatchObject({ position: { lane: one.bus.laneOf(key), sequence: 1 } })
    await all.runtime.settle()
    expect(other.told.toSorted()).toEqual(keys.map((key) => `delete ${key} in ${one.bus.laneOf(key)}`))
  })

  it('affirms what it remembers and deletes again what it has forgotten', async () => {
    await all.listen()
    const version = versionOf(await change(one, 'k'))
    const affirm = async (): Promise<readonly string[]> => {
      await one.authority.affirm([{ key: 'k', version }])
      await all.runtime.settle()
      return other.told.splice(0)
    }
    expect(await affirm()).toEqual(['delete k in 0'])
    expect(await affirm(), 'nothing again').toEqual([])
    all.store.evict('k', 'record')
    expect(await affirm(), 'the change is known').toEqual([])
    await change(one, 'k')
    await all.runtime.settle()
    other.told.length = 0
    all.store.evict('k', 'lease')
    expect(await affirm(), 'the mark of the deletion is there').toEqual([])
    all.store.evict('k', 'all')
    expect(await affirm(), 'nothing is there').toEqual(['delete k in 0'])
    all.store.evict('k', 'all')
    await fill(other, 'k', { lease: await granted(other, 'k') })
    expect(await affirm(), 'what is there may be an old copy').toEqual(['delete k in 0'])
    expect(all.store.head('k').record).toBe('deleted')
  })

  it('affirms a record that the change itself has set', async () => {
    const version = versionOf(await change(one, 'k', { operation: 'set' }))
    all.store.evict('k', 'lease')
    await one.authority.affirm([{ key: 'k', version }])
    expect(all.store.head('k')).toMatchObject({ record: 'held', version })
    await one.authority.affirm([{ key: 'k', version: version + 1 }])
    expect(all.store.head('k').record).toBe('deleted')
  })
})
