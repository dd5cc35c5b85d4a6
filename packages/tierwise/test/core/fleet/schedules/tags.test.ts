import { describe, expect, it } from 'vitest'

import { atOnce, startFleet, type Fleet } from '../fleet.ts'
import { expectAll, storageKey } from './promises.ts'
import { Source } from './source.ts'

const tags = ['t']

/** Nobody answers the key, from wherever it may be. */
async function expectGone(fleet: Fleet): Promise<void> {
  await fleet.runtime.settle()
  await expectAll(fleet, undefined)
  for (const { cache } of fleet.members) expect(cache.peek('k')).toBe(undefined)
}

describe.each([1, 3])('17. a refresh races the invalidation of a tag (%d lanes)', (lanes) => {
  it.each([
    ['by the instance that refreshes', 0],
    ['by another', 1],
  ])('and brings the old value: nobody answers it (%s)', async (_, by) => {
    const fleet = await startFleet({ lanes, defaults: { ttl: '10s', refreshAhead: 0.5 } })
    const { runtime, members } = fleet
    const [a] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value, { tags }))
    await expectAll(fleet, 1)
    await runtime.advance(6000)
    const refresh = source.hold(a!.cache, { tags })
    expect(await atOnce(refresh.result)).toBe(1)
    expect(refresh.isRunning).toBe(true)
    source.write()
    await atOnce(members[by]!.cache.invalidateTags(tags))
    await runtime.settle()
    refresh.finish()
    await expectGone(fleet)
    expect(await atOnce(a!.cache.getOrSet('k', source.load, { tags }))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('that is told only after the refresh was stored', async () => {
    const fleet = await startFleet({ lanes, defaults: { ttl: '10s', refreshAhead: 0.5 } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value, { tags }))
    await runtime.advance(6000)
    a!.instance.messages.hold()
    const refresh = source.hold(a!.cache, { tags })
    await runtime.settle()
    source.write()
    await atOnce(b!.cache.invalidateTags(tags))
    refresh.finish()
    await runtime.settle()
    expect(await atOnce(b!.cache.get('k'))).toBe(undefined)
    a!.instance.messages.release()
    await expectGone(fleet)
  })

  it('and the value chooses its tags in the loader', async () => {
    const fleet = await startFleet({ lanes })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache, { onStart: ({ setTags }) => setTags(tags) })
    await runtime.settle()
    source.write()
    await atOnce(b!.cache.invalidateTags(tags))
    await runtime.settle()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectGone(fleet)
    expect(fleet.store.head(storageKey()).record).toBe('absent')
  })

  it('and a caller that comes after the invalidation does not take what the load brings', async () => {
    const fleet = await startFleet({ lanes })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache, { tags })
    await runtime.settle()
    source.write()
    await atOnce(b!.cache.invalidateTags(tags))
    await runtime.settle()
    const later = a!.cache.getOrSet('k', source.load, { tags })
    await runtime.settle()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    expect(await atOnce(later)).toBe(2)
    await expectAll(fleet, 2)
  })
})

describe('after the invalidation of a tag', () => {
  it('a batch is loaded again in one call of its loader', async () => {
    const fleet = await startFleet()
    const [a] = fleet.members
    await atOnce(
      a!.cache.setMany(
        ['k', 'l'].map((key) => [key, 1] as const),
        { tags },
      ),
    )
    await atOnce(a!.cache.invalidateTags(tags))
    const calls: (readonly string[])[] = []
    const load = async (keys: readonly string[]): Promise<Map<string, number>> => {
      calls.push(keys)
      return new Map(keys.map((key) => [key, 2]))
    }
    await atOnce(a!.cache.getOrSetMany(['k', 'l'], load, { tags }))
    expect(calls).toEqual([['k', 'l']])
  })
})

describe.each([1, 3])('18. clears and invalidations of tags come out of order (%d lanes)', (lanes) => {
  it('two clears, the earlier one told last', async () => {
    const fleet = await startFleet({ lanes, members: 3 })
    const [a, b, c] = fleet.members
    c!.instance.messages.hold()
    await atOnce(a!.cache.set('k', 1))
    await atOnce(a!.cache.clear())
    await atOnce(b!.cache.clear())
    c!.instance.messages.reverse()
    c!.instance.messages.release()
    await expectGone(fleet)
    await atOnce(a!.cache.set('k', 2))
    await expectAll(fleet, 2)
  })

  it('two invalidations, the first with its reply held up', async () => {
    const fleet = await startFleet({ lanes, members: 3 })
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value, { tags }))
    const reply = a!.instance.pause('tags', { calls: 1 })
    const first = a!.cache.invalidateTags(tags)
    await reply.reached
    source.write()
    expect(await atOnce(b!.cache.getOrSet('k', source.load, { tags }))).toBe(2)
    source.write()
    await atOnce(b!.cache.invalidateTags(tags))
    reply.resume()
    await atOnce(first)
    await expectGone(fleet)
    expect(await atOnce(a!.cache.getOrSet('k', source.load, { tags }))).toBe(3)
    await expectAll(fleet, 3)
  })

  it('and what was stored between them is held by those alone who may', async () => {
    const fleet = await startFleet({ lanes, members: 3 })
    const [a, b, c] = fleet.members
    const source = new Source()
    c!.instance.messages.hold()
    await atOnce(a!.cache.invalidateTags(tags))
    await fleet.runtime.settle()
    expect(await atOnce(b!.cache.getOrSet('k', source.load, { tags }))).toBe(1)
    expect(await atOnce(a!.cache.get('k'))).toBe(1)
    c!.instance.messages.release()
    await fleet.runtime.settle()
    await expectAll(fleet, 1)
    source.write()
    await atOnce(c!.cache.clear())
    await expectGone(fleet)
  })

  it('and a load that overlaps a clear is stored nowhere', async () => {
    const fleet = await startFleet({ lanes })
    const [a, b] = fleet.members
    const source = new Source()
    const load = source.hold(a!.cache)
    await fleet.runtime.settle()
    source.write()
    await atOnce(b!.cache.clear())
    load.finish()
    await atOnce(load.result)
    await expectGone(fleet)
  })

  it('and a reply that overlaps a clear is kept nowhere', async () => {
    const fleet = await startFleet({ lanes })
    const [a, b] = fleet.members
    await atOnce(b!.cache.set('k', 1))
    const reading = a!.instance.pause('get', { calls: 1 })
    const read = a!.cache.get('k')
    await reading.reached
    await atOnce(b!.cache.clear())
    await fleet.runtime.settle()
    reading.resume()
    await atOnce(read)
    await expectGone(fleet)
  })
})
