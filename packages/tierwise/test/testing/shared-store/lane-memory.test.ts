import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquire, change, fill, fleet, granted, hourMs, type Fleet, type Peer } from './fleet.ts'

let all: Fleet
let one: Peer
let other: Peer
beforeEach(async () => {
  all = await fleet()
  ;[one, other] = all.peers
})
afterEach(() => all.stop())

describe('holds and fences of a shared store', () => {
  it('keeps the holds of instances apart', async () => {
    await change(one, 'k', { holdMs: 1000 })
    await change(other, 'k', { holdMs: 500 })
    await change(one, 'k', { holdMs: 0 })
    expect(await acquire(one, 'k')).toEqual({ kind: 'held', leftMs: 500 })
    await change(other, 'k', { holdMs: 0 })
    await granted(one, 'k')
  })

  it('tells the fence to those who load, and keeps it and holds when all else is evicted', async () => {
    await change(one, 'k', { holdMs: 1000, fence: 7 })
    all.store.evict('k', 'all')
    expect(await acquire(other, 'k')).toEqual({ kind: 'held', leftMs: 1000, fence: 7 })
    await change(one, 'k', { holdMs: 0 })
    expect(await acquire(other, 'k')).toMatchObject({ kind: 'granted', fence: 7 })
  })

  it('makes a deletion of a set that is older than the fence, or comes while somebody holds the key', async () => {
    await change(one, 'k', { operation: 'set', fence: 7 })
    const set = { operation: 'set', sourceVersion: 7 } as const
    expect(await change(one, 'k', set)).toMatchObject({ wasHeld: true })
    expect(await change(other, 'k', { ...set, sourceVersion: 6 })).toMatchObject({ refused: 'fence' })
    expect(all.store.head('k').record).toBe('deleted')
    await change(one, 'k', { holdMs: 1000 })
    for (const peer of [one, other]) expect(await change(peer, 'k', set)).toMatchObject({ refused: 'held' })
    expect(await change(other, 'k', { operation: 'set', ifVersion: 1 })).toEqual({ refused: 'conflict' })
    expect(await change(one, 'k', { ...set, holdMs: 0 })).toHaveProperty('wasHeld')
    expect(all.store.log().flatMap(({ changes }) => changes)).toMatchObject(
      ['set', 'set', 'delete', 'delete', 'delete', 'delete', 'set'].map((operation) => ({ operation })),
    )
  })
})

describe('a lane of a shared store', () => {
  it('that lost its memory takes no lease from before', async () => {
    const lease = await granted(one, 'k')
    all.store.forgetLane()
    expect(await fill(one, 'k', { lease })).toEqual({ refused: 'lease' })
    expect(await fill(one, 'k', { lease: await granted(other, 'k') }), 'nobody waits for it').toHaveProperty('version')
  })

  it('holds all keys while it is younger than what it may have lost', async () => {
    await all.runtime.advance(4000)
    expect(await acquire(one, 'k', { coldMs: 5000 })).toEqual({ kind: 'held', leftMs: 1000 })
    expect(await change(one, 'k', { operation: 'set', coldMs: 5000 })).toMatchObject({ refused: 'held' })
    await all.runtime.advance(1000)
    await granted(one, 'k', { coldMs: 5000 })
    all.store.skewMs = -hourMs
    expect(await acquire(one, 'another', { coldMs: 5000 }), 'the clock was set back').toMatchObject({ kind: 'held' })
    all.store.skewMs = 0
    all.store.forgetLane()
    expect(await acquire(one, 'another', { coldMs: 5000 })).toEqual({ kind: 'held', leftMs: 5000 })
    await granted(one, 'another')
  })

  it('forgets holds and fences at once, with its log', async () => {
    await change(one, 'k', { holdMs: 1000, fence: 7 })
    const before = all.store.snapshot()
    all.store.forgetLane()
    expect(all.store.head('k')).toMatchObject({ holdUntil: 0, fence: undefined, record: 'deleted' })
    expect(all.store.log()).toEqual([])
    all.store.restore(before)
    await change(one, 'k', { holdMs: 0 })
    all.store.restore(before)
    expect(await acquire(one, 'k')).toMatchObject({ kind: 'held', fence: 7 })
  })
})

describe('an instance of a shared store', () => {
  it('fills with no lease from an earlier connection, and gives it back', async () => {
    const lease = await granted(one, 'k')
    one.link.cut()
    one.link.mend()
    expect(await fill(one, 'k', { lease })).toEqual({ refused: 'lease' })
    expect(all.store.head('k').lease).toBe(undefined)
    const next = await granted(one, 'k')
    expect(await fill(one, 'k', { lease: next })).toHaveProperty('version')
  })
})
