import * as vitest from 'vitest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { seededRandom } from '../../src/testing/seeded-random.ts'
import { sharedStore, type SharedStore } from '../../src/testing/shared-store.ts'
import { tierConformance } from '../../src/testing/tier-conformance.ts'
import {
  change,
  fill,
  fleet,
  frame,
  granted,
  someBytes,
  versionOf,
  type Fleet,
  type Peer,
} from './shared-store/fleet.ts'

for (const lanes of [1, 4]) {
  tierConformance({
    name: `shared store with lanes: ${lanes}`,
    definition: () => {
      let store: SharedStore | undefined
      return {
        name: 'shared',
        create: (context) => {
          store ??= sharedStore({ clock: context.clock, random: seededRandom(1), lanes })
          return store.tier().create(context)
        },
      }
    },
    runner: vitest,
    loneSurrogates: true,
  })
}

describe('faults of a shared store', () => {
  let all: Fleet
  let one: Peer
  let other: Peer

  beforeEach(async () => {
    all = await fleet()
    ;[one, other] = all.peers
  })

  afterEach(async () => {
    await all.stop()
    expect(all.runtime.pendingTimers).toEqual([])
  })

  const reads = (peer: Peer, key: string): Promise<readonly (number | undefined)[]> =>
    peer.tier.get([key], (_bytes, _at, version) => version)

  it('holds up a call before the store works on it', async () => {
    const way = one.link.pause('change', { moment: 'before' })
    const late = change(one, 'k')
    await way.reached
    expect(all.store.log()).toEqual([])
    const version = versionOf(await change(other, 'k'))
    way.resume()
    expect(versionOf(await late)).toBeGreaterThan(version)
  })

  it('holds up a reply, which tells what was there when the store was asked', async () => {
    await change(one, 'k', { operation: 'set' })
    const { version } = all.store.head('k')
    const reply = one.link.pause('get')
    const reading = reads(one, 'k')
    await reply.reached
    await change(one, 'k')
    expect(await reads(other, 'k')).toEqual([undefined])
    reply.resume()
    expect(await reading).toEqual([version])
    expect(await reads(one, 'k')).toEqual([undefined])
  })

  it('holds up as many calls as it is asked to, of one operation and one key, and no other instance', async () => {
    const pause = one.link.pause('get', { calls: 2, key: 'k' })
    await reads(one, 'a')
    const held = [reads(one, 'k'), one.tier.get(['a', 'k'], () => 1)]
    await pause.reached
    await all.runtime.settle()
    expect(pause.waiting).toBe(2)
    await Promise.all([reads(one, 'k'), reads(one, 'a'), reads(other, 'k'), one.tier.usage()])
    expect(pause.waiting).toBe(2)
    pause.resume()
    await Promise.all(held)
    expect(pause.waiting).toBe(0)
  })

  it.each([
    ['before', 0],
    ['after', 1],
  ] as const)('loses a call %s the store has worked on it', async (moment, changes) => {
    const pause = one.link.pause('change', { moment })
    const lost = change(one, 'k')
    await pause.reached
    pause.fail()
    await expect(lost).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
    expect(all.store.log()).toHaveLength(changes)
    await change(one, 'k')
  })

  it('cuts an instance off from the store, the calls under way included', async () => {
    const reply = one.link.pause('change')
    const before = change(one, 'k')
    await reply.reached
    const unsent = reads(one, 'k')
    one.link.cut()
    await expect(before, 'executed').rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
    await expect(unsent).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ' })
    await expect(granted(one, 'k')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
    await expect(one.tier.tags!.invalidate(['red'], 0)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE' })
    await expect(one.tier.open()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    await change(other, 'k')
    expect(all.store.log()).toHaveLength(2)
    reply.resume()
    one.link.mend()
    await granted(one, 'k')
  })

  it('rejects the calls of an instance that is cut off, held up or not', async () => {
    const pause = one.link.pause('get', { moment: 'before' })
    one.link.cut()
    await expect(reads(one, 'k')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_READ' })
    expect(pause.waiting).toBe(0)
  })

  it('tells nothing when an instance is mended that was not cut off', async () => {
    await all.listen()
    other.link.mend()
    await all.runtime.settle()
    expect(other.told).toEqual([])
  })

  it('ends the calls under way when the tier is closed', async () => {
    const reply = one.link.pause('get')
    const reading = reads(one, 'k')
    await reply.reached
    await one.tier.close()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_CLOSED' })
  })

  it('loses the messages to an instance that is cut off, those under way included', async () => {
    await all.listen()
    other.link.messages.hold()
    await change(one, 'a')
    expect(other.link.messages.held).toBe(1)
    other.link.cut()
    await change(one, 'b')
    other.link.messages.release()
    expect(other.link.messages.held).toBe(0)
    other.link.mend()
    await all.runtime.settle()
    expect(other.told, 'from the log').toEqual(['delete a in 0', 'delete b in 0', 'confirmed 0 at 0'])
  })

  it('drops and doubles what is held first, then what comes, until it is told otherwise', async () => {
    await all.listen()
    const { messages } = other.link
    messages.hold()
    await change(one, 'a')
    messages.drop(2)
    expect(messages.held).toBe(0)
    await change(one, 'b')
    expect(messages.held).toBe(0)
    await change(one, 'c')
    expect(messages.held).toBe(1)
    messages.duplicate(2)
    expect(messages.held).toBe(2)
    await change(one, 'd')
    expect(messages.held).toBe(4)
    await change(one, 'd')
    expect(messages.held).toBe(5)
    messages.duplicate(9)
    messages.drop(9)
    messages.drop(0)
    messages.duplicate(0)
    messages.drop(Infinity)
    await change(one, 'e')
    expect(messages.held, 'dropped').toBe(0)
    messages.drop(0)
    await change(one, 'f')
    expect(messages.held).toBe(1)
  })

  it('shuffles what is held, the same way with the same seed', async () => {
    const orders = await Promise.all(
      [1, 2].map(async () => {
        const another = await fleet()
        const [first, second] = another.peers
        await another.listen()
        second.link.messages.hold()
        const leases = await Promise.all(Array.from('abcdefgh', (key) => granted(first, key)))
        for (const key of 'abcdefgh') await second.authority.acquire([{ key, leaseMs: 1 }])
        await first.authority.release(leases.map((lease, at) => ({ key: 'abcdefgh'[at]!, lease })))
        second.link.messages.shuffle()
        second.link.messages.release()
        await another.runtime.settle()
        await another.stop()
        return second.told
      }),
    )
    expect(orders[0]).toEqual(orders[1])
    expect(orders[0]).not.toEqual(orders[0]!.toSorted())
    expect(orders[0]).toHaveLength(8)
  })

  it('goes back to a snapshot as often as it is asked to, whatever comes after', async () => {
    await change(one, 'k', {
      operation: 'set',
      bytes: await frame('k', Infinity),
      fence: 3,
      order: 1,
      isDoubtful: true,
    })
    await one.tier.tags!.invalidate(['red'], 0)
    const snapshot = all.store.snapshot()
    const before = [all.store.head('k'), all.store.log(), await one.tier.tags!.load()]
    for (let turn = 0; turn < 2; turn++) {
      await granted(one, 'k', { newerThan: Infinity })
      await change(one, 'k', { fence: 9, order: 5, isDoubtful: true })
      await one.tier.tags!.invalidate(['blue'], 0)
      expect(all.store.log()).toHaveLength(4)
      all.store.restore(snapshot)
      expect([all.store.head('k'), all.store.log(), await one.tier.tags!.load()]).toEqual(before)
      await change(one, 'k', { operation: 'expire', order: 3 })
      expect(all.store.head('k').record).toBe('stale')
      await expect(change(one, 'k', { order: 4 })).resolves.toHaveProperty('version')
      all.store.restore(snapshot)
    }
  })

  it('goes back to who was listening', async () => {
    const snapshot = all.store.snapshot()
    await all.listen()
    expect(all.store.members).toHaveLength(3)
    all.store.restore(snapshot)
    expect(all.store.members).toEqual([])
  })

  it('gives other ids after a restore', async () => {
    const snapshot = all.store.snapshot()
    await change(one, 'k')
    const id = all.store.log()[0]?.id
    all.store.restore(snapshot)
    await change(one, 'k')
    expect(all.store.log()[0]?.id).not.toBe(id)
  })

  it('gives no step of the tag clock again that a store has lost', async () => {
    const before = all.store.snapshot()
    const lost = await one.tier.tags!.invalidate(['red'], 0)
    all.store.restore(before)
    await all.runtime.advance(1)
    expect(await one.tier.tags!.invalidate(['green'], 0)).toBeGreaterThan(lost)
  })

  it('begins a new tag clock when it loses its memory, above all that it gave', async () => {
    const clock = await one.tier.tags!.invalidate(['red'], 0)
    await all.runtime.advance(1)
    all.store.flush()
    const tags = await other.tier.tags!.load()
    expect(tags.marks.size).toBe(0)
    expect(tags.floor).toBe(tags.clock)
    expect(tags.clock).toBeGreaterThan(clock)
  })

  it('forgets a record, or what is known for a short while, or both', async () => {
    const forget = async (part: 'record' | 'lease' | 'all'): Promise<unknown> => {
      await change(one, part, { operation: 'set', fence: 4, sourceVersion: 4 })
      await granted(one, part)
      all.store.evict(part, part)
      const { record, fence, lease } = all.store.head(part)
      return [record, fence, lease !== undefined]
    }
    expect(await forget('record')).toEqual(['absent', 4, true])
    expect(await forget('lease')).toEqual(['held', 4, false])
    expect(await forget('all')).toEqual(['absent', 4, false])
  })

  it('shows what it holds', async () => {
    const now = all.runtime.clock.now()
    expect(all.store.head('k')).toEqual({
      version: undefined,
      record: 'absent',
      lease: undefined,
      leaseUntil: 0,
      holdUntil: 0,
      fence: undefined,
      isAwaited: false,
    })
    const lease = await granted(one, 'k', { leaseMs: 10 })
    await other.authority.acquire([{ key: 'k', leaseMs: 10 }])
    expect(all.store.head('k')).toMatchObject({ lease, leaseUntil: now + 10, isAwaited: true })
    const expiresAt = now + 5
    const version = versionOf(await fill(one, 'k', { lease, expiresAt }))
    expect(all.store.head('k')).toMatchObject({ version, record: 'held', lease: undefined, isAwaited: false })
    await all.runtime.advance(5)
    expect(all.store.head('k')).toMatchObject({ version, record: 'absent' })
  })

  it('measures the clock of the store when it is opened and with each poll', async () => {
    expect(one.tier.clockOffsetMs).toBe(0)
    all.store.skewMs = 4000
    await all.listen()
    expect(one.tier.clockOffsetMs).toBe(4000)
    all.store.skewMs = -50
    expect(one.tier.clockOffsetMs).toBe(4000)
    await all.runtime.advance(1000)
    expect(one.tier.clockOffsetMs).toBe(-50)
  })

  it('lets plain writes through the tier alone where nobody waits for changes', async () => {
    await all.listen()
    const record = { key: 'k', bytes: someBytes, expiresAt: Infinity, version: 1 }
    expect(await one.tier.set([record])).toEqual(['applied'])
    expect(await one.tier.delete(['k'], 2)).toEqual([true])
    await all.runtime.settle()
    expect(other.told).toEqual([])
  })
})
