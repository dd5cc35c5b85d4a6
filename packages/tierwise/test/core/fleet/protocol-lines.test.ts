import { describe, expect, it } from 'vitest'

import type { Cache } from '../../../src/contract/cache.ts'
import { mapTier } from '../../../src/testing/map-tier.ts'
import { Gate, slowTier } from '../model/slow-tier.ts'
import { atOnce, startFleet } from './fleet.ts'
import { heldIn, maxStalenessMs, storageKey } from './schedules/promises.ts'
import { Source } from './schedules/source.ts'
import { startTold, tagLane, type Told } from './told-by-hand.ts'

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

  it.each([1, 3] as const)('lets nobody join a load that began before (%s lanes)', async (lanes) => {
    const { cache, bus, fleet, confirm } = await startTold({ lanes })
    const source = new Source()
    const early = source.hold(cache, { key: 'k0' })
    const spared = source.hold(cache, { key: 'k1' })
    await fleet.runtime.settle()
    source.write()
    bus.lost(0)
    await fleet.runtime.settle()
    confirm()
    const late = source.hold(cache, { key: 'k0' })
    const joined = lanes === 1 ? spared.result : cache.getOrSet('k1', source.load)
    await fleet.runtime.settle()
    for (const load of [early, spared]) load.finish()
    expect(await atOnce(early.result)).toBe(1)
    bus.arrived(storageKey('k0'))
    await fleet.runtime.settle()
    late.finish()
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
    const late = instance.pause('tags', { moment: 'before' })
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
  async function startWithLocal(): Promise<{ told: Told; gate: Gate }> {
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

describe('a reply that is late', () => {
  it('does not replace a later version that came into memory unannounced', async () => {
    const { cache, other, instance } = await startTold()
    await atOnce(other.set('k0', 1))
    const reply = instance.pause('get', { calls: 1 })
    const early = cache.get('k0')
    await reply.reached
    await atOnce(other.set('k0', 2))
    expect(await atOnce(cache.get('k0'))).toBe(2)
    reply.resume()
    await atOnce(early)
    expect(cache.peek('k0')).toBe(2)
  })

  it('does not do so when it is that of a fill', async () => {
    const { cache, other, instance } = await startTold()
    const reply = instance.pause('fill', { calls: 1 })
    const loading = cache.getOrSet('k0', async () => 1)
    await reply.reached
    await atOnce(other.set('k0', 2))
    expect(await atOnce(cache.get('k0'))).toBe(2)
    reply.resume()
    await atOnce(loading)
    expect(cache.peek('k0')).toBe(2)
  })

  it('does not come after a fill that memory has evicted again', async () => {
    const { members, runtime } = await startFleet({ members: 1, memoryEntries: 1 })
    const { cache, instance } = members[0]!
    await atOnce(cache.set('k', 1))
    await atOnce(cache.set('other', 0))
    const reply = instance.pause('get', { calls: 1 })
    const early = cache.get('k')
    await reply.reached
    expect(await atOnce(cache.getOrSet('k', async () => 2, { forceFresh: true }))).toBe(2)
    await atOnce(cache.set('other', 0))
    expect(cache.peek('k')).toBe(undefined)
    reply.resume()
    await atOnce(early)
    await runtime.settle()
    expect(cache.peek('k')).toBe(undefined)
    expect(await atOnce(cache.get('k'))).toBe(2)
  })
})

describe('a lease', () => {
  it('is not used any more when its lane was lost, though the store has it again', async () => {
    const { cache, other, bus, fleet, confirm } = await startTold()
    const source = new Source()
    const load = source.hold(cache, { key: 'k0' })
    await fleet.runtime.settle()
    const before = fleet.store.snapshot()
    source.write()
    await atOnce(other.delete('k0'))
    fleet.store.restore(before)
    bus.lost(0)
    await fleet.runtime.settle()
    confirm()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    expect(fleet.store.head(storageKey('k0')).record).toBe('absent')
  })
})

describe('an instance that the store does not answer', () => {
  async function startCut(): Promise<Told> {
    const told = await startTold()
    told.clock.aheadMs = maxStalenessMs
    told.instance.cut()
    return told
  }

  it('keeps a load for itself as long as a proof from its start would last', async () => {
    const { cache, clock, fleet } = await startCut()
    const source = new Source()
    const load = source.hold(cache, { key: 'k0' })
    await fleet.runtime.settle()
    clock.aheadMs += 3000
    load.finish()
    await atOnce(load.result)
    clock.aheadMs += maxStalenessMs - 3001
    expect(await atOnce(cache.getOrSet('k0', source.load))).toBe(1)
    expect(source.loads).toBe(1)
    clock.aheadMs += 1
    await atOnce(cache.getOrSet('k0', source.load))
    expect(source.loads).toBe(2)
  })

  it('keeps nothing of a load that it has made old itself', async () => {
    const { cache, fleet } = await startCut()
    const source = new Source()
    const load = source.hold(cache, { key: 'k0' })
    await fleet.runtime.settle()
    source.write()
    await fleet.runtime.until(cache.delete('k0'))
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    expect(await atOnce(cache.getOrSet('k0', source.load))).toBe(2)
  })

  it('leaves nothing older below than what it could not write', async () => {
    const below = mapTier({ name: 'below' })
    const fleet = await startFleet({ members: 1, below: () => [below] })
    const { cache, instance } = fleet.members[0]!
    await atOnce(cache.set('k', 1))
    expect((await heldIn(fleet, below, 'k'))?.value).toBe(1)
    instance.cut()
    await fleet.runtime.until(cache.set('k', 2))
    expect((await heldIn(fleet, below, 'k'))?.value).not.toBe(1)
  })

  it('deletes, and the write that it had given up before comes too late', async () => {
    const { members, runtime, store } = await startFleet()
    const [a, b] = members
    const way = a!.instance.pause('change', { moment: 'before', calls: 1 })
    expect((await runtime.until(a!.cache.set('k', 1))).tiers).toMatchObject({ shared: 'failed' })
    await atOnce(a!.cache.delete('k'))
    expect(store.head(storageKey()).record).toBe('deleted')
    way.resume()
    await runtime.settle()
    expect(store.head(storageKey()).record).toBe('deleted')
    expect(await atOnce(b!.cache.get('k'))).toBe(undefined)
  })
})

describe('a guarded write', () => {
  it('keeps loads of its own process out of the store, though the store has forgotten the hold', async () => {
    const { members, runtime, store } = await startFleet()
    const [a, b] = members
    const source = new Source()
    let commit = (): void => {}
    const mutation = a!.cache.mutate(['k'], () => new Promise<void>((resolve) => (commit = resolve)))
    await runtime.settle()
    store.evict(storageKey(), 'all')
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(1)
    await runtime.settle()
    expect(store.head(storageKey()).record).toBe('absent')
    source.write()
    commit()
    await atOnce(mutation)
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
  })
})

describe('a write that the authority refuses', () => {
  it('leaves memory neither its own value nor the one before', async () => {
    const { cache, other } = await startTold()
    await atOnce(cache.set('k0', 1))
    await atOnce(other.set('k0', 2))
    expect(await atOnce(cache.touch('k0', '1h'))).toBe(false)
    expect(cache.peek('k0')).toBe(undefined)
    expect(await atOnce(cache.get('k0'))).toBe(2)
  })
})

describe('a deletion that the tier below has not taken yet', () => {
  it('lets nobody join a look at that tier who comes after it', async () => {
    const deletions = new Gate()
    const reads = new Gate()
    const below = mapTier({ name: 'below' })
    const { members, runtime, store } = await startFleet({
      members: 1,
      memoryEntries: 1,
      below: () => [slowTier(slowTier(below, deletions.pauseFor), reads.pauseFor)],
    })
    const { cache } = members[0]!
    const source = new Source()
    await atOnce(cache.set('k', source.value))
    await atOnce(cache.set('other', 0))
    deletions.holdNext('below', 'delete', 'request')
    source.write()
    const deletion = cache.delete('k')
    await runtime.settle()
    expect([deletions.holds, store.head(storageKey()).record]).toEqual([1, 'deleted'])
    reads.holdNext('below', 'get', 'reply')
    const early = cache.getOrSet('k', source.load)
    await runtime.settle()
    expect(reads.holds).toBe(1)
    deletions.release()
    await atOnce(deletion)
    const late = cache.getOrSet('k', source.load)
    await runtime.settle()
    reads.release()
    expect(await atOnce(early)).toBe(1)
    expect(await atOnce(late)).toBe(2)
  })
})
