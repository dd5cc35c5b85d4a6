import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { change, fleet, type Fleet, type Peer } from './fleet.ts'

let all: Fleet
let one: Peer
let other: Peer

beforeEach(async () => {
  all = await fleet()
  ;[one, other] = all.peers
  await all.listen()
})

afterEach(async () => {
  await all.stop()
  expect(all.runtime.pendingTimers).toEqual([])
})

describe('barrier of a shared store', () => {
  const position = { lane: 0, sequence: 1 }

  it('waits for every instance that listens', async () => {
    await change(one, 'k')
    const result = await all.runtime.until(one.bus.barrier([position], 1000))
    expect(result).toEqual({ acknowledged: all.peers.map(({ link }) => link.id), lapsed: [] })
  })

  it('is held up by an instance that has not applied the change, and rejects in time', async () => {
    other.link.messages.hold()
    await change(one, 'k')
    const started = all.runtime.clock.now()
    const barrier = one.bus.barrier([position], 400)
    await expect(all.runtime.until(barrier)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_TIMEOUT' })
    expect(all.runtime.clock.now() - started).toBe(400)
    other.link.messages.release()
    await expect(all.runtime.until(one.bus.barrier([position], 400))).resolves.toMatchObject({ lapsed: [] })
  })

  it('waits until all positions are reached', async () => {
    await change(one, 'k')
    const unreached = { lane: 0, sequence: 2 }
    const barrier = one.bus.barrier([position, unreached], 100)
    await expect(all.runtime.until(barrier)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_TIMEOUT' })
  })

  it('does not wait for an instance that may no longer serve from memory, nor for one that has stopped', async () => {
    other.link.cut()
    await other.bus.stop()
    await all.peers[2].bus.stop()
    await change(one, 'k')
    const started = all.runtime.clock.now()
    const result = await all.runtime.until(one.bus.barrier([position], 10_000))
    expect(result).toEqual({ acknowledged: [one.link.id], lapsed: [other.link.id] })
    expect(all.runtime.clock.now() - started).toBeGreaterThan(6000)
    expect(all.store.members.map(({ id }) => id)).toEqual([one.link.id, other.link.id])
    await all.runtime.advance(2000)
    expect(
      all.store.members.map(({ id }) => id),
      'forgotten',
    ).toEqual([one.link.id])
  })

  it('rejects in time when the store does not answer, and at once when the bus is stopped', async () => {
    await change(one, 'k')
    const held = one.link.pause('barrier')
    const silent = one.bus.barrier([position], 300)
    await expect(all.runtime.until(silent)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_TIMEOUT' })
    held.resume()
    one.link.cut()
    const cut = one.bus.barrier([position], 300)
    await expect(all.runtime.until(cut)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_TIMEOUT' })
    one.link.mend()
    other.link.messages.hold()
    await change(one, 'k')
    const stopped = expect(one.bus.barrier([{ lane: 0, sequence: 2 }], 300)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_CLOSED',
    })
    await all.runtime.settle()
    await one.tier.close()
    await stopped
  })
})
