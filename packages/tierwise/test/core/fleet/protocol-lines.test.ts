import { describe, expect, it } from 'vitest'

import type { Cache } from '../../../src/contract/cache.ts'
import { mapTier } from '../../../src/testing/map-tier.ts'
import { Gate, slowTier } from '../model/slow-tier.ts'
import { atOnce } from './fleet.ts'
import { maxStalenessMs, storageKey } from './schedules/promises.ts'
import { Source } from './schedules/source.ts'
import { startTold, tagLane } from './told-by-hand.ts'

/** Who answers now. */
async function tierOf(cache: Cache<unknown>, key: string): Promise<string | undefined> {
  return (await atOnce(cache.getEntry(key)))?.tier
}

describe('a lane that is lost', () => {
  it('is not proved until it is confirmed again, whatever was confirmed before', async () => {
    const { cache, bus, fleet, confirm } = await startTold()
    await atOnce(cache.set('k0', 1))
    bus.lost(0)
    await fleet.runtime.settle()
    for (let reads = 0; reads < 2; reads++) expect(await tierOf(cache, 'k0')).toBe('shared')
    expect(cache.peek('k0')).toBe(undefined)
    confirm(0)
    expect(await tierOf(cache, 'k0')).toBe('memory')
    expect(cache.peek('k0')).toBe(1)
  })

  it('takes what memory held with it, though it is confirmed in the same breath', async () => {
    const { cache, other, bus, confirm } = await startTold()
    await atOnce(cache.set('k0', 1))
    await atOnce(other.delete('k0'))
    bus.lost(0)
    confirm(0)
    expect(cache.peek('k0')).toBe(undefined)
  })

  it('leaves the other lanes their entries', async () => {
    const { cache, bus, fleet, confirm } = await startTold()
    await atOnce(cache.set('k0', 1))
    await atOnce(cache.set('k1', 1))
    bus.lost(0)
    await fleet.runtime.settle()
    confirm()
    expect(cache.peek('k0')).toBe(undefined)
    expect(cache.peek('k1')).toBe(1)
  })

  it('lets nobody join a load that began before', async () => {
    const { cache, bus, fleet, confirm } = await startTold()
    const source = new Source()
    const early = source.hold(cache, { key: 'k0' })
    const spared = source.hold(cache, { key: 'k1' })
    await fleet.runtime.settle()
    source.write()
    bus.lost(0)
    await fleet.runtime.settle()
    confirm()
    const late = source.hold(cache, { key: 'k0' })
    const joined = cache.getOrSet('k1', source.load)
    await fleet.runtime.settle()
    for (const load of [early, spared, late]) load.finish()
    expect(await atOnce(early.result)).toBe(1)
    expect(await atOnce(late.result)).toBe(2)
    expect(await atOnce(joined)).toBe(1)
  })

  it('keeps a reply out of memory that was on its way', async () => {
    const { cache, other, bus, instance, fleet, confirm } = await startTold()
    await atOnce(other.set('k0', 1))
    const reply = instance.pause('get', { calls: 1 })
    const reading = cache.get('k0')
    await reply.reached
    await atOnce(other.set('k0', 2))
    bus.lost(0)
    await fleet.runtime.settle()
    confirm(0)
    reply.resume()
    await atOnce(reading)
    expect(cache.peek('k0')).toBe(undefined)
  })
})

describe('the proof of a key', () => {
  it('is that of its own lane', async () => {
    const { cache, clock, confirm } = await startTold()
    await atOnce(cache.set('k0', 1))
    await atOnce(cache.set('k1', 1))
    clock.aheadMs = maxStalenessMs
    confirm(0, tagLane)
    expect(await tierOf(cache, 'k0')).toBe('memory')
    expect(await tierOf(cache, 'k1')).toBe('shared')
    expect(cache.peek('k1')).toBe(undefined)
  })

  it('is that of the tags too, because a clear is told with them', async () => {
    const { cache, clock, confirm } = await startTold()
    await atOnce(cache.set('k0', 1))
    clock.aheadMs = maxStalenessMs
    confirm(0, 1)
    expect(await tierOf(cache, 'k0')).toBe('shared')
    confirm(tagLane)
    expect(await tierOf(cache, 'k0')).toBe('memory')
  })
})

describe('the lane of the tags', () => {
  const tagged = { tags: ['t'] }

  it('is proved once the store has said which were invalidated', async () => {
    const { cache, other, bus, instance, fleet, confirm } = await startTold()
    await atOnce(cache.set('k0', 1, tagged))
    await atOnce(other.invalidateTags(['t']))
    const answer = instance.pause('tags')
    bus.lost(tagLane)
    confirm()
    await fleet.runtime.settle()
    expect(cache.peek('k0')).toBe(undefined)
    answer.resume()
    await fleet.runtime.settle()
    expect(cache.peek('k0')).toBe(undefined)
    await atOnce(cache.set('k0', 2, tagged))
    expect(cache.peek('k0')).toBe(2)
  })

  it('is not proved by an answer from before it was lost again', async () => {
    const { cache, other, bus, instance, fleet, confirm } = await startTold()
    await atOnce(cache.set('k0', 1, tagged))
    const early = instance.pause('tags', { calls: 1 })
    bus.lost(tagLane)
    await early.reached
    await atOnce(other.invalidateTags(['t']))
    const late = instance.pause('tags')
    bus.lost(tagLane)
    confirm()
    early.resume()
    await fleet.runtime.settle()
    expect(cache.peek('k0')).toBe(undefined)
    late.resume()
    await fleet.runtime.settle()
    expect(await atOnce(cache.get('k0'))).toBe(undefined)
  })

  it('is asked for before a record of the store is believed that has tags', async () => {
    const { cache, other, clock, confirm } = await startTold()
    await atOnce(other.set('k0', 1, tagged))
    await atOnce(other.invalidateTags(['t']))
    clock.aheadMs = maxStalenessMs
    confirm(0, 1)
    expect(await atOnce(cache.get('k0'))).toBe(undefined)
  })
})

describe('a local tier that has not taken a change yet', () => {
  async function startWithLocal(): Promise<{ told: Awaited<ReturnType<typeof startTold>>; gate: Gate }> {
    const gate = new Gate()
    const capabilities = { shared: false, durable: false, tags: false, notes: false }
    const local = mapTier({ name: 'local', capabilities })
    const told = await startTold({ below: () => [slowTier(local, gate.pauseFor)] })
    await atOnce(told.cache.set('k0', 1))
    return { told, gate }
  }

  /** The other deletes the key, and the local tier does not answer when it is told. */
  async function tellOfDeletion({ told, gate }: Awaited<ReturnType<typeof startWithLocal>>): Promise<void> {
    await atOnce(told.other.delete('k0'))
    const version = told.fleet.store.head(storageKey('k0')).version!
    told.clock.aheadMs = maxStalenessMs
    gate.holdNext('local', 'delete', 'request')
    told.bus.changed(0, [{ kind: 'key', operation: 'delete', key: storageKey('k0'), version }])
    told.confirm()
    await told.fleet.runtime.settle()
    expect(gate.holds).toBe(1)
  }

  it('is not believed, and proves nothing of its lane', async () => {
    const { told, gate } = await startWithLocal()
    await tellOfDeletion({ told, gate })
    expect(await atOnce(told.cache.get('k0'))).toBe(undefined)
    gate.release()
    await told.fleet.runtime.settle()
    expect(await atOnce(told.cache.get('k0'))).toBe(undefined)
    await atOnce(told.other.set('k0', 2))
    expect(await atOnce(told.cache.get('k0'))).toBe(2)
    expect(told.cache.peek('k0')).toBe(2)
  })

  it('does not prove a lane that was lost meanwhile when it has taken it', async () => {
    const { told, gate } = await startWithLocal()
    await tellOfDeletion({ told, gate })
    told.bus.lost(0)
    gate.release()
    await told.fleet.runtime.settle()
    await atOnce(told.other.set('k0', 2))
    expect(await atOnce(told.cache.get('k0'))).toBe(2)
    expect(told.cache.peek('k0')).toBe(undefined)
  })
})
