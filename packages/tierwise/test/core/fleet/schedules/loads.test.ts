import { describe, expect, it } from 'vitest'

import { atOnce, startFleet } from '../fleet.ts'
import { expectAll, expectNothingOlder, heldIn, storageKey } from './promises.ts'
import { Source } from './source.ts'

describe('1. a load reads the old value, the source changes, it is invalidated, the load ends', () => {
  it.each([
    ['on the instance that loads', 0],
    ['on another instance', 1],
  ])('%s', async (_, by) => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const source = new Source()
    const load = source.hold(members[0]!.cache)
    await runtime.settle()
    const current = source.write()
    await atOnce(members[by]!.cache.delete('k'))
    await runtime.settle()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectNothingOlder(fleet, current)
    for (const { cache } of members) expect(await atOnce(cache.getOrSet('k', source.load))).toBe(current)
    expect(source.loads).toBe(2)
  })

  it('with a new value instead of an invalidation', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    const load = source.hold(a!.cache)
    await fleet.runtime.settle()
    await atOnce(b!.cache.set('k', source.write()))
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('with a value that is expired, and stays for those who accept it', async () => {
    const fleet = await startFleet({ defaults: { grace: '1m' } })
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    const load = source.hold(a!.cache, { forceFresh: true })
    await fleet.runtime.settle()
    source.write()
    await atOnce(b!.cache.expire('k'))
    load.finish()
    await atOnce(load.result)
    await expectAll(fleet, undefined)
    expect(fleet.store.head(storageKey()).record).toBe('stale')
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })
})

describe('2. an invalidation between the fill and its reply', () => {
  it('that is told before the reply', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    const fill = a!.instance.pause('fill')
    const load = a!.cache.getOrSet('k', source.load)
    await fill.reached
    expect(fleet.store.head(storageKey()).record).toBe('held')
    await atOnce(b!.cache.set('k', source.write()))
    await fleet.runtime.settle()
    fill.resume()
    expect(await atOnce(load)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('that is told after the reply', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    a!.instance.messages.hold()
    const fill = a!.instance.pause('fill')
    const load = a!.cache.getOrSet('k', source.load)
    await fill.reached
    await atOnce(b!.cache.set('k', source.write()))
    fill.resume()
    await atOnce(load)
    await expectNothingOlder(fleet, 2, { members: [b!] })
    expect(a!.cache.peek('k')).toBe(1)
    a!.instance.messages.release()
    await fleet.runtime.settle()
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('that this instance makes itself', async () => {
    const fleet = await startFleet()
    const [a] = fleet.members
    const source = new Source()
    const fill = a!.instance.pause('fill')
    const load = a!.cache.getOrSet('k', source.load)
    await fill.reached
    source.write()
    await atOnce(a!.cache.delete('k'))
    fill.resume()
    await atOnce(load)
    await expectNothingOlder(fleet, 2)
  })
})

describe('3. a read of the store is under way, and its reply comes after the change was told', () => {
  it.each(['get', 'getOrSet', 'getMany', 'getOrSetMany'] as const)('by %s', async (verb) => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(b!.cache.set('k', source.value))
    const reading = a!.instance.pause('get', { calls: 1 })
    const read = {
      get: () => a!.cache.get('k'),
      getOrSet: () => a!.cache.getOrSet('k', source.load),
      getMany: () => a!.cache.getMany(['k']),
      getOrSetMany: () => a!.cache.getOrSetMany(['k'], async () => new Map([['k', source.value]])),
    }[verb]()
    await reading.reached
    await atOnce(b!.cache.set('k', source.write()))
    await fleet.runtime.settle()
    reading.resume()
    await atOnce<unknown>(read)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('and the change was made by this instance', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    await atOnce(b!.cache.set('k', 1))
    const reading = a!.instance.pause('get', { calls: 1 })
    const read = a!.cache.get('k')
    await reading.reached
    await atOnce(a!.cache.delete('k'))
    reading.resume()
    expect(await atOnce(read)).toBe(1)
    await expectNothingOlder(fleet, 2)
  })
})

describe('4. the lease of a first load ends, a second load fills, then the first', () => {
  it('and the second value stays', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    const first = source.hold(a!.cache)
    await runtime.settle()
    source.write()
    const second = source.hold(b!.cache)
    await runtime.settle()
    expect(second.isRunning).toBe(false)
    await runtime.advance(10_000)
    expect(second.isRunning).toBe(true)
    second.finish()
    expect(await atOnce(second.result)).toBe(2)
    const { version } = store.head(storageKey())
    first.finish()
    expect(await atOnce(first.result)).toBe(1)
    expect(store.head(storageKey()).version).toBe(version)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('and nobody else took the lease: the late value is still good', async () => {
    const fleet = await startFleet()
    const source = new Source()
    const first = source.hold(fleet.members[0]!.cache)
    await fleet.runtime.advance(30_000)
    first.finish()
    await atOnce(first.result)
    await expectAll(fleet, 1)
  })
})

describe('5. what the store knows beside the record is evicted during a load', () => {
  it.each(['lease', 'all'] as const)('the load is not stored (%s)', async (part) => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const source = new Source()
    const load = source.hold(members[0]!.cache)
    await runtime.settle()
    source.write()
    await atOnce(members[1]!.cache.delete('k'))
    store.evict(storageKey(), part)
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
    expect(members[0]!.manager.analytics().overall.rejectedFills).toBe(1)
  })

  it('without an invalidation it costs a load, and another one may store', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const source = new Source()
    const load = source.hold(members[0]!.cache)
    await runtime.settle()
    store.evict(storageKey(), 'all')
    const other = source.hold(members[1]!.cache)
    await runtime.settle()
    load.finish()
    await atOnce(load.result)
    expect(store.head(storageKey()).record).toBe('absent')
    other.finish()
    await atOnce(other.result)
    await expectAll(fleet, 1)
  })
})

describe('6. a newer value is cached and evicted before the old load ends', () => {
  it('in the store', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache)
    await runtime.settle()
    await atOnce(b!.cache.set('k', source.write()))
    store.evict(storageKey(), 'record')
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
  })

  it('in memory', async () => {
    const fleet = await startFleet({ memoryEntries: 1 })
    const [a, b] = fleet.members
    await atOnce(b!.cache.set('k', 1))
    const reading = a!.instance.pause('get', { calls: 1 })
    const read = a!.cache.get('k')
    await reading.reached
    await atOnce(a!.cache.set('k', 2))
    await atOnce(a!.cache.set('other', 2))
    fleet.store.evict(storageKey(), 'all')
    expect(a!.cache.peek('k')).toBe(undefined)
    reading.resume()
    await atOnce(read)
    expect(a!.cache.peek('k')).toBe(undefined)
    await expectNothingOlder(fleet, 2)
  })
})

describe('14. a caller comes after an invalidation was applied', () => {
  it.each([
    ['by its own instance', 0],
    ['by another', 1],
  ])('and does not join the load that was under way (%s)', async (_, by) => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const source = new Source()
    const first = source.hold(members[0]!.cache)
    await runtime.settle()
    source.write()
    await atOnce(members[by]!.cache.delete('k'))
    await runtime.settle()
    const second = source.hold(members[0]!.cache)
    await runtime.settle()
    expect(second.isRunning).toBe(true)
    second.finish()
    expect(await atOnce(second.result)).toBe(2)
    first.finish()
    expect(await atOnce(first.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })
})

describe('16. a stale value is served after the soft timeout, it is invalidated, the late load ends', () => {
  it('and is not stored', async () => {
    const fleet = await startFleet({ defaults: { ttl: '10s', grace: '1m', softTimeout: '100ms' } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await runtime.advance(11_000)
    const load = source.hold(a!.cache)
    await runtime.advance(100)
    expect(await atOnce(load.result)).toBe(1)
    source.write()
    await atOnce(b!.cache.delete('k'))
    load.finish()
    await runtime.settle()
    await expectNothingOlder(fleet, 2)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('and the stale value is no fallback any more', async () => {
    const fleet = await startFleet({ defaults: { ttl: '10s', grace: '1m' } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await runtime.advance(11_000)
    source.write()
    await atOnce(b!.cache.delete('k'))
    await runtime.settle()
    const load = source.hold(a!.cache)
    await runtime.settle()
    load.fail()
    await expect(atOnce(load.result)).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER' })
  })

  it('and while another instance loads, the stale value stands in there too', async () => {
    const fleet = await startFleet({ defaults: { ttl: '10s', grace: '1m' } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await runtime.advance(11_000)
    const load = source.hold(a!.cache)
    await runtime.settle()
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(1)
    expect(source.loads).toBe(1)
    load.finish()
    await atOnce(load.result)
  })
})

describe('29. a load from a replica that lags behind', () => {
  it('is stored without a fence', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.invalidate('k'))
    await atOnce(b!.cache.getOrSet('k', source.load))
    expect((await heldIn(fleet, fleet.store.tier(), 'k'))?.value).toBe(1)
  })

  it.each([
    ['that says too early a version', 9],
    ['that says none', undefined],
  ])('is refused behind the fence (%s)', async (_, version) => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    source.write()
    await atOnce(a!.cache.invalidate('k', { fence: 10 }))
    const lagging = await atOnce(
      b!.cache.getOrSet('k', ({ setSourceVersion }) => {
        if (version !== undefined) setSourceVersion(version)
        return 1
      }),
    )
    expect(lagging).toBe(1)
    await expectNothingOlder(fleet, 2)
    const { value } = source
    await atOnce(a!.cache.getOrSet('k', ({ setSourceVersion }) => (setSourceVersion(10), value)))
    await expectAll(fleet, 2)
  })

  it('is refused when the fence rises while it runs', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.invalidate('k', { fence: 10 }))
    const load = source.hold(b!.cache, { onStart: ({ setSourceVersion }) => setSourceVersion(10) })
    await fleet.runtime.settle()
    source.write()
    await atOnce(a!.cache.invalidate('k', { fence: 11 }))
    load.finish()
    await atOnce(load.result)
    await expectNothingOlder(fleet, 2)
  })

  it('is refused when the store forgets the fence while it runs', async () => {
    const fleet = await startFleet()
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.invalidate('k', { fence: 10 }))
    const load = source.hold(b!.cache)
    await fleet.runtime.settle()
    fleet.store.forgetLane()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
  })
})
