import { describe, expect, it } from 'vitest'

import { atOnce, startFleet } from '../fleet.ts'
import { expectAll, expectNothingOlder, heldIn, maxStalenessMs, storageKey } from './promises.ts'
import { Source } from './source.ts'

const quarterHour = 15 * 60_000

describe('13. an event loop stands still for 30 s, and reads come before its timers', () => {
  it('and memory does not answer', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1))
    await expectAll(fleet, 1)
    b!.instance.messages.hold()
    await atOnce(a!.cache.set('k', 2))
    b!.clock.aheadMs = 30_000
    expect(b!.cache.peek('k')).toBe(undefined)
    expect(await atOnce(b!.cache.get('k'))).toBe(2)
    expect(b!.cache.peek('k')).toBe(undefined)
    b!.instance.messages.release()
    await fleet.runtime.advance(1300)
    await expectNothingOlder(fleet, 2)
    expect(await atOnce(b!.cache.get('k'))).toBe(2)
    expect(b!.cache.peek('k')).toBe(2)
  })

  it('and an answer to a look that was asked for before it proves nothing', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    await atOnce(a!.cache.set('k', 1))
    await expectAll(fleet, 1)
    const poll = b!.instance.pause('poll', { calls: 1 })
    await fleet.runtime.advance(1000)
    await poll.reached
    b!.instance.messages.hold()
    await atOnce(a!.cache.set('k', 2))
    b!.clock.aheadMs = 30_000
    poll.resume()
    await fleet.runtime.settle()
    expect(b!.cache.peek('k')).toBe(undefined)
    b!.instance.messages.release()
    await fleet.runtime.advance(1300)
    await expectNothingOlder(fleet, 2)
  })
})

describe('24. clocks that are wrong', () => {
  it.each([quarterHour, -quarterHour])('one instance is %d ms ahead', async (aheadMs) => {
    const fleet = await startFleet({ each: (member) => (member === 1 ? { aheadMs } : {}), defaults: { ttl: '1m' } })
    const { runtime, store, members } = fleet
    let newest = 0
    for (let value = 1; value <= 6; value++) {
      await atOnce(members[value % 2]!.cache.set('k', value))
      await runtime.settle()
      const { version = 0 } = store.head(storageKey())
      expect(version).toBeGreaterThan(newest)
      newest = version
      await expectNothingOlder(fleet, value)
      await expectAll(fleet, value)
    }
    await runtime.advance(59_000)
    await expectAll(fleet, 6)
    await runtime.advance(1100)
    await expectAll(fleet, undefined)
  })

  it('a load of an instance whose clock is slow is not refused, and one whose clock is fast wins nothing', async () => {
    const fleet = await startFleet({ each: (member) => ({ aheadMs: member === 1 ? quarterHour : -quarterHour }) })
    const [slow, fast] = fleet.members
    const source = new Source()
    await atOnce(fast!.cache.set('k', source.value))
    source.write()
    await atOnce(fast!.cache.delete('k'))
    expect(await atOnce(slow!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
    const load = source.hold(fast!.cache, { forceFresh: true })
    await fleet.runtime.settle()
    await atOnce(slow!.cache.set('k', source.write()))
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 3)
    await expectAll(fleet, 3)
  })

  it('the clock of the store steps back, and versions still rise', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const source = new Source()
    await atOnce(members[0]!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    const before = store.head(storageKey()).version!
    store.skewMs = -quarterHour
    await runtime.advance(1000)
    source.write()
    await atOnce(members[1]!.cache.delete('k'))
    await runtime.settle()
    await expectNothingOlder(fleet, 2)
    const after = store.head(storageKey()).version!
    expect(after).toBeGreaterThan(before)
    expect(await atOnce(members[0]!.cache.getOrSet('k', source.load))).toBe(2)
    expect(store.head(storageKey()).version).toBeGreaterThan(after)
    await expectAll(fleet, 2)
  })

  // Were the version of 15 minutes ago given again, every memory that holds the newer one would take the change for an old one.
  it('the clock of the store steps back, and the version of the key was evicted', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    await atOnce(members[0]!.cache.set('k', 1))
    await expectAll(fleet, 1)
    store.skewMs = -quarterHour
    await runtime.advance(1000)
    store.evict(storageKey(), 'all')
    await atOnce(members[1]!.cache.set('k', 2))
    await runtime.advance(maxStalenessMs)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('the clock of the store steps ahead, and a life is not shortened for those who measured it', async () => {
    const fleet = await startFleet({ defaults: { ttl: '1m' } })
    const { runtime, store, members } = fleet
    await atOnce(members[0]!.cache.set('k', 1))
    await runtime.advance(30_000)
    expect((await heldIn(fleet, store.tier(), 'k'))?.value).toBe(1)
    store.skewMs = 2000
    await runtime.advance(1000)
    await expectAll(fleet, 1)
  })
})
