import { describe, expect, it } from 'vitest'

import type { TierDefinition } from '../../../../src/contract/tier.ts'
import { mapTier } from '../../../../src/testing/map-tier.ts'
import { Gate, slowTier } from '../../model/slow-tier.ts'
import { atOnce, startFleet, type Fleet, type FleetOptions } from '../fleet.ts'
import { expectAll, expectNothingOlder, heldIn, maxStalenessMs, storageKey } from './promises.ts'
import { Source } from './source.ts'

interface Below {
  readonly fleet: Fleet
  /** The tier below the store. */
  readonly map: TierDefinition
  /** Holds up calls of it, by member. */
  readonly gates: readonly Gate[]
}

/** A shared tier below the store that holds 1 for `k`, which the store and all memories have evicted. */
async function startAboveShared(options: FleetOptions = {}): Promise<Below> {
  const map = mapTier({ name: 'map' })
  const gates = Array.from({ length: options.members ?? 2 }, () => new Gate())
  const fleet = await startFleet({
    ...options,
    memoryEntries: 1,
    below: (member) => [slowTier(map, (gates[member] ?? new Gate()).pauseFor)],
  })
  for (const { cache } of fleet.members) await atOnce(cache.set('k', 1))
  for (const { cache } of fleet.members) await atOnce(cache.set('other', 0))
  fleet.store.evict(storageKey(), 'all')
  for (const { cache } of fleet.members) expect(cache.peek('k')).toBe(undefined)
  return { fleet, map, gates }
}

describe('a promotion from a shared tier below', () => {
  it('reaches the store and memory', async () => {
    const { fleet, map } = await startAboveShared()
    await expectAll(fleet, 1)
    await fleet.runtime.settle()
    expect((await heldIn(fleet, fleet.store.tier(), 'k'))?.value).toBe(1)
    await expectNothingOlder(fleet, 1, { below: [map] })
  })

  it.each([
    ['acquire', 'before'],
    ['acquire', 'after'],
    ['fill', 'before'],
    ['fill', 'after'],
  ] as const)('is stopped at its %s (%s) while another instance invalidates', async (operation, moment) => {
    const { fleet, map } = await startAboveShared()
    const [a, b] = fleet.members
    const promotion = a!.instance.pause(operation, { moment, calls: 1 })
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    await promotion.reached
    await atOnce(b!.cache.delete('k'))
    await fleet.runtime.settle()
    promotion.resume()
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it.each(['request', 'reply'] as const)('has read the old value (%s of its second look held up)', async (at) => {
    const { fleet, map, gates } = await startAboveShared()
    const [a, b] = fleet.members
    const acquire = a!.instance.pause('acquire', { calls: 1 })
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    await acquire.reached
    gates[0]!.holdNext('map', 'get', at)
    acquire.resume()
    await fleet.runtime.settle()
    expect(gates[0]!.holds).toBe(1)
    await atOnce(b!.cache.delete('k'))
    gates[0]!.release()
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('has read the old value at first, and its reply comes after the change', async () => {
    const { fleet, map, gates } = await startAboveShared()
    const [a, b] = fleet.members
    gates[0]!.holdNext('map', 'get', 'reply')
    const read = a!.cache.get('k')
    await fleet.runtime.settle()
    expect(gates[0]!.holds).toBe(1)
    await atOnce(b!.cache.delete('k'))
    gates[0]!.release()
    expect(await atOnce(read)).toBe(1)
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('finds the old value below, which has not heard yet of a change that the store has made', async () => {
    const { fleet, map, gates } = await startAboveShared()
    const { runtime, members } = fleet
    const [a, b] = members
    gates[1]!.holdNext('map', 'delete', 'request')
    const deleting = b!.cache.delete('k')
    await runtime.settle()
    expect(gates[1]!.holds).toBe(1)
    await atOnce(a!.cache.get('k'))
    await runtime.settle()
    gates[1]!.release()
    await atOnce(deleting)
    await runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('and the store forgets of the change before the tier below has heard of it', async () => {
    const { fleet, map, gates } = await startAboveShared()
    const { runtime, store, members } = fleet
    const [a, b] = members
    gates[1]!.holdNext('map', 'delete', 'request')
    const deleting = b!.cache.delete('k')
    await runtime.settle()
    store.evict(storageKey(), 'all')
    await atOnce(a!.cache.get('k'))
    await runtime.settle()
    gates[1]!.release()
    await atOnce(deleting)
    await runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('and the store forgets of the change, and hears of it again before the copy arrives', async () => {
    const { fleet, map, gates } = await startAboveShared()
    const { runtime, store, members } = fleet
    const [a, b] = members
    gates[1]!.holdNext('map', 'delete', 'request')
    const deleting = b!.cache.delete('k')
    await runtime.settle()
    store.evict(storageKey(), 'all')
    const promotion = a!.instance.pause('fill', { moment: 'before', calls: 1 })
    await atOnce(a!.cache.get('k'))
    await promotion.reached
    gates[1]!.release()
    await atOnce(deleting)
    promotion.resume()
    await runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('and a clear is told meanwhile: nothing of it reaches the store', async () => {
    const { fleet } = await startAboveShared()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const acquire = a!.instance.pause('acquire', { calls: 1 })
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    await acquire.reached
    await atOnce(b!.cache.clear())
    await runtime.settle()
    acquire.resume()
    await runtime.settle()
    expect(store.head(storageKey()).record).not.toBe('held')
    await expectAll(fleet, undefined)
  })

  it('and a value is set while an older one is on its way up', async () => {
    const { fleet, map } = await startAboveShared()
    const [a, b] = fleet.members
    const promotion = a!.instance.pause('fill', { moment: 'before', calls: 1 })
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    await promotion.reached
    await atOnce(b!.cache.set('k', 2))
    await fleet.runtime.settle()
    promotion.resume()
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, 2)
  })

  it('and the tier below cannot be told of a change: the instance that made it does not read it there', async () => {
    const { fleet, gates } = await startAboveShared()
    const { runtime, members } = fleet
    const [a] = members
    gates[0]!.holdNext('map', 'delete', 'request')
    const deleting = a!.cache.delete('k')
    await runtime.advance(300)
    await atOnce(deleting)
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    gates[0]!.release()
    await runtime.advance(3000)
    await expectAll(fleet, undefined)
  })
})

/** A tier of each process alone below the store. */
async function startAboveLocal(
  options: FleetOptions = {},
): Promise<Below & { readonly maps: readonly TierDefinition[] }> {
  const maps = [0, 1].map(() => mapTier({ name: 'local', capabilities: { shared: false, durable: true } }))
  const gates = [0, 1].map(() => new Gate())
  const fleet = await startFleet({
    memoryEntries: 1,
    below: (member) => [slowTier(maps[member]!, gates[member]!.pauseFor)],
    ...options,
  })
  // What the first member sets last is in its own tier and in no other.
  for (const { cache } of fleet.members.toReversed()) await atOnce(cache.set('k', 1))
  await expectAll(fleet, 1)
  for (const { cache } of fleet.members) await atOnce(cache.set('other', 0))
  return { fleet, map: maps[0]!, maps, gates }
}

describe('a tier of one process below', () => {
  it('hears of the changes of others', async () => {
    const { fleet, map } = await startAboveLocal()
    const [a, b] = fleet.members
    await atOnce(a!.cache.get('k'))
    await fleet.runtime.settle()
    await atOnce(b!.cache.set('k', 2))
    await fleet.runtime.settle()
    expect((await heldIn(fleet, map, 'k'))?.value).toBe(undefined)
    await expectAll(fleet, 2)
  })

  it('never gives anything to the store', async () => {
    const { fleet } = await startAboveLocal()
    const { store, members } = fleet
    const [a, b] = members
    store.evict(storageKey(), 'all')
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    await fleet.runtime.settle()
    expect(store.head(storageKey()).record).toBe('absent')
    expect(await atOnce(b!.cache.get('k'))).toBe(undefined)
  })

  it('does not bring back what a change has made old, while it has not heard of it', async () => {
    const { fleet, map, gates } = await startAboveLocal()
    const { runtime, members } = fleet
    const [a, b] = members
    gates[0]!.holdNext('local', 'delete', 'request')
    await atOnce(b!.cache.delete('k'))
    await runtime.settle()
    expect(gates[0]!.holds).toBe(1)
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    gates[0]!.release()
    await runtime.settle()
    await expectNothingOlder(fleet, 2, { below: [map] })
    await expectAll(fleet, undefined)
  })

  it('does not hear of a change: nothing is believed that it still holds', async () => {
    const { fleet, gates } = await startAboveLocal()
    const { runtime, members } = fleet
    const [a, b] = members
    gates[0]!.holdNext('local', 'delete', 'request')
    await atOnce(b!.cache.delete('k'))
    await runtime.advance(300)
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    gates[0]!.release()
    await runtime.advance(2000)
    await expectAll(fleet, undefined)
  })

  it('is a fallback at most, after changes may have been missed', async () => {
    const { fleet } = await startAboveLocal({ logLength: 3, defaults: { grace: '1h' } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    a!.instance.messages.drop(8)
    source.write()
    await atOnce(b!.cache.delete('k'))
    for (let other = 0; other < 8; other++) await atOnce(b!.cache.set(`other-${other}`, other))
    await runtime.advance(1300)
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    const load = source.hold(a!.cache)
    await runtime.settle()
    load.fail()
    expect(await atOnce(load.result)).toBe(1)
    await runtime.advance(11_000)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('is not believed while nothing is confirmed', async () => {
    const { fleet } = await startAboveLocal()
    const { runtime, members } = fleet
    const [a, b] = members
    a!.instance.cut()
    await atOnce(b!.cache.delete('k'))
    await runtime.advance(maxStalenessMs)
    expect(await runtime.until(a!.cache.get('k'))).toBe(undefined)
    a!.instance.mend()
    await runtime.advance(6000)
    await expectAll(fleet, undefined)
  })

  it('keeps what was stored there after a change that is told late', async () => {
    const { fleet, map } = await startAboveLocal()
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    a!.instance.messages.hold()
    source.write()
    await atOnce(b!.cache.delete('k'))
    const token = (await atOnce(b!.cache.invalidate('k'))).token
    expect(await atOnce(a!.cache.getOrSet('k', source.load, { after: token }))).toBe(2)
    await runtime.settle()
    a!.instance.messages.release()
    await runtime.settle()
    expect((await heldIn(fleet, map, 'k'))?.value).toBe(2)
    await expectAll(fleet, 2)
  })
})
