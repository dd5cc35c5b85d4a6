import { describe, expect, it } from 'vitest'

import { atOnce, startFleet } from '../fleet.ts'
import { expectAll, expectNothingOlder } from './promises.ts'
import { Source } from './source.ts'

describe('21. the store is restarted empty', () => {
  it('and nobody believes what he holds, nor may a load that began before be stored', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('other', 1))
    const load = source.hold(a!.cache)
    await runtime.settle()
    store.flush()
    source.write()
    await atOnce(b!.cache.delete('k'))
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
    await runtime.advance(1300)
    expect(a!.cache.peek('other')).toBe(undefined)
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('and tags that only the instances remember stay invalidated', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    await atOnce(a!.cache.set('k', 1, { tags: ['t'] }))
    const state = store.snapshot()
    await atOnce(b!.cache.invalidateTags(['t']))
    await runtime.settle()
    store.restore(state)
    await runtime.advance(3000)
    await expectAll(fleet, undefined)
  })
})

describe('22. the store loses its last changes', () => {
  it('and nobody answers from memory what the store does not hold any more', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a] = members
    await atOnce(a!.cache.set('k', 1))
    const before = store.snapshot()
    await atOnce(a!.cache.set('k', 2))
    await expectAll(fleet, 2)
    store.restore(before)
    await runtime.advance(2300)
    await expectAll(fleet, fleet.makesLostChangesAgain ? undefined : 1)
  })

  it('and has grown past them again with others', async () => {
    const fleet = await startFleet({ members: 3 })
    const { runtime, store, members } = fleet
    const [a, b, c] = members
    await atOnce(a!.cache.set('k', 1))
    await atOnce(a!.cache.set('same', 1))
    await expectAll(fleet, 1)
    const before = store.snapshot()
    for (let value = 2; value <= 4; value++) await atOnce(a!.cache.set(`lost-${value}`, value))
    for (const { instance } of members) instance.messages.hold()
    store.restore(before)
    const fresh = await fleet.join()
    for (let value = 2; value <= 8; value++) await atOnce(fresh.cache.set('k', value))
    for (const { instance } of members) instance.messages.drop(Infinity)
    for (const { instance } of members) instance.messages.release()
    await runtime.advance(1300)
    await expectNothingOlder(fleet, 8)
    await expectAll(fleet, 8)
    expect([b!, c!].map(({ cache }) => cache.peek('same'))).toEqual([undefined, undefined])
  })

  it('and gives a lease back that a lost change had taken: who heard of the loss does not use it', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache)
    await runtime.settle()
    const before = store.snapshot()
    source.write()
    await atOnce(b!.cache.delete('k'))
    await runtime.advance(1300)
    store.restore(before)
    await runtime.advance(2300)
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('and gives a lease back that a lost change had taken: who is connected anew does not use it', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache)
    await runtime.settle()
    const before = store.snapshot()
    a!.instance.messages.hold()
    source.write()
    await atOnce(b!.cache.delete('k'))
    const looks = (['poll', 'resync'] as const).map((operation) => a!.instance.pause(operation, { moment: 'before' }))
    a!.instance.cut()
    store.restore(before)
    a!.instance.mend()
    await runtime.settle()
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
    for (const look of looks) look.resume()
    a!.instance.messages.release()
    await runtime.advance(2300)
    await expectNothingOlder(fleet, 2)
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })
})
