import { describe, expect, it } from 'vitest'

import { mapTier } from '../../../../src/testing/map-tier.ts'
import type { SharedOperation } from '../../../../src/testing/shared-store.ts'
import { atOnce, startFleet } from '../fleet.ts'
import { expectAll, expectNothingOlder, heldIn, maxStalenessMs, storageKey } from './promises.ts'
import { Source } from './source.ts'

describe('19. the store is down when something is invalidated', () => {
  it('and it hears of it before anything else when it is back', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    for (const { instance } of members) instance.cut()
    source.write()
    const { tiers } = await atOnce(a!.cache.invalidate('k'))
    expect(tiers).toEqual({ memory: 'applied', shared: 'failed' })
    await runtime.advance(60_000)
    for (const { instance } of members) instance.mend()
    const reading = atOnce(a!.cache.get('k'))
    expect(await reading).toBe(undefined)
    await runtime.advance(6000)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, undefined)
    expect((await a!.manager.health()).tiers[1]).toMatchObject({ intents: 0 })
  })

  it('and until it has heard of it the key is neither read nor filled there', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    a!.instance.cut()
    source.write()
    await atOnce(a!.cache.delete('k'))
    const replays = a!.instance.pause('change', { moment: 'before' })
    a!.instance.mend()
    await runtime.advance(100)
    const version = store.head(storageKey()).version
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    expect(store.head(storageKey()).version).toBe(version)
    replays.resume()
    await runtime.advance(3000)
    await expectNothingOlder(fleet, 2)
  })

  it('and the reply is lost: what another has written meanwhile may go, what is old may not come back', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    const change = a!.instance.pause('change', { calls: 1 })
    const deleting = a!.cache.delete('k')
    await change.reached
    source.write()
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(2)
    change.fail()
    await atOnce(deleting)
    await runtime.advance(3000)
    await expectNothingOlder(fleet, 2)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    await expectAll(fleet, 2)
  })

  it('and a change that was given up arrives after the next one', async () => {
    const fleet = await startFleet()
    const { runtime, store, members } = fleet
    const [a] = members
    const late = a!.instance.pause('change', { moment: 'before', calls: 1 })
    const first = a!.cache.set('k', 1)
    await late.reached
    await runtime.advance(300)
    expect((await atOnce(first)).tiers).toMatchObject({ shared: 'failed' })
    await runtime.advance(3000)
    // The breaker wants to see a few answers.
    for (let probe = 0; probe < 4; probe++) await atOnce(a!.cache.set('other', probe))
    expect((await atOnce(a!.cache.set('k', 2))).tiers).toMatchObject({ shared: 'applied' })
    const { version } = store.head(storageKey())
    late.resume()
    await runtime.settle()
    expect(store.head(storageKey()).version).toBe(version)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })

  it('and a load that began before ends when the store is back, its lease still good', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a] = members
    const source = new Source()
    const load = source.hold(a!.cache)
    await runtime.settle()
    a!.instance.cut()
    source.write()
    await atOnce(a!.cache.delete('k'))
    a!.instance.mend()
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    await expectNothingOlder(fleet, 2)
    await runtime.advance(6000)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, undefined)
  })

  it('of a tag: it is made good when the store is back', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    await atOnce(a!.cache.set('k', 1, { tags: ['t'] }))
    await expectAll(fleet, 1)
    a!.instance.cut()
    await atOnce(a!.cache.invalidateTags(['t']))
    a!.instance.mend()
    expect(await atOnce(a!.cache.get('k'))).toBe(undefined)
    await runtime.advance(3000)
    expect(await atOnce(b!.cache.get('k'))).toBe(undefined)
  })
})

describe('20. the store is away for one instance', () => {
  it('the others go on, and that one serves nothing old', async () => {
    const fleet = await startFleet({ members: 3 })
    const { runtime, members } = fleet
    const [a, b, c] = members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    a!.instance.cut()
    await atOnce(b!.cache.set('k', source.write()))
    await runtime.settle()
    await expectAll(fleet, 2, [b!, c!])
    await runtime.advance(maxStalenessMs)
    expect(a!.cache.peek('k')).toBe(undefined)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    source.write()
    await atOnce(b!.cache.delete('k'))
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(2)
    expect(source.loads).toBe(1)
    await runtime.advance(maxStalenessMs)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(3)
    a!.instance.mend()
    await runtime.advance(6000)
    await expectNothingOlder(fleet, 3)
    await expectAll(fleet, undefined)
  })

  it('and what it loaded meanwhile is dropped with the first proof', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    a!.instance.cut()
    await runtime.advance(maxStalenessMs + 1000)
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(1)
    await atOnce(b!.cache.set('k', source.write()))
    expect(await atOnce(a!.cache.getOrSet('k', source.load))).toBe(1)
    a!.instance.mend()
    await runtime.settle()
    await expectNothingOlder(fleet, 2)
    await runtime.advance(6000)
    await expectAll(fleet, 2)
  })

  it('and a load that began before it was cut off keeps its value only for itself', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    const load = source.hold(a!.cache)
    await runtime.settle()
    a!.instance.cut()
    await atOnce(b!.cache.set('k', source.write()))
    load.finish()
    expect(await atOnce(load.result)).toBe(1)
    a!.instance.mend()
    await runtime.advance(6000)
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })
})

describe('23. a call is lost on its way, or its reply', () => {
  const lost: readonly [SharedOperation, 'before' | 'after'][] = (
    ['get', 'acquire', 'fill', 'change', 'release'] as const
  ).flatMap((operation) => [
    [operation, 'before'],
    [operation, 'after'],
  ])
  it.each(lost)('%s, %s its work', async (operation, moment) => {
    const fleet = await startFleet({ defaults: { lease: '2s' } })
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    const hit = a!.instance.pause(operation, { moment, calls: 1 })
    void hit.reached.then(() => hit.fail())
    expect(await runtime.until(a!.cache.getOrSet('k', source.load))).toBe(1)
    await runtime.until(a!.cache.set('k', source.write()))
    await runtime.until(b!.cache.delete('k'))
    source.write()
    expect(await runtime.until(a!.cache.getOrSet('k', source.load))).toBe(3)
    await runtime.until(a!.cache.getOrSet('other', async () => undefined))
    hit.resume()
    await runtime.advance(6000)
    await expectNothingOlder(fleet, 3)
    for (const { cache } of members) expect(await runtime.until(cache.getOrSet('k', source.load))).toBe(3)
    await expectAll(fleet, 3)
  })

  it('a fill whose reply is lost does not stay in memory, and what replaced it is not undone', async () => {
    const fleet = await startFleet()
    const { runtime, members } = fleet
    const [a, b] = members
    const source = new Source()
    const fill = a!.instance.pause('fill', { moment: 'before', calls: 1 })
    const load = a!.cache.getOrSet('k', source.load)
    await fill.reached
    await runtime.advance(300)
    expect(await atOnce(load)).toBe(1)
    await atOnce(b!.cache.set('k', source.write()))
    fill.resume()
    await runtime.settle()
    await expectNothingOlder(fleet, 2)
    await expectAll(fleet, 2)
  })
})

describe('25. a process ends while others change what its own tier holds', () => {
  it('and its next life takes that for old, at most for a fallback, when the log says nothing of it', async () => {
    const disks = [0, 1].map(() => mapTier({ name: 'disk', capabilities: { shared: false, durable: true } }))
    const fleet = await startFleet({
      logLength: 3,
      below: (member) => [disks[member % 2]!],
      defaults: { grace: '1h' },
    })
    const { runtime, store, members } = fleet
    const [a, b] = members
    const source = new Source()
    await atOnce(b!.cache.set('k', source.value))
    await runtime.settle()
    await runtime.until(b!.manager.stop())
    source.write()
    await atOnce(a!.cache.delete('k'))
    for (let other = 0; other < 5; other++) await atOnce(a!.cache.set(`other-${other}`, other))
    const next = await fleet.join({ below: () => [disks[1]!] })
    await runtime.advance(100)
    expect((await heldIn(fleet, disks[1]!, 'k'))?.value).toBe(1)
    expect(await atOnce(next.cache.get('k'))).toBe(undefined)
    expect(store.head(storageKey()).record).toBe('deleted')
    expect(await atOnce(next.cache.getOrSet('k', source.load))).toBe(2)
    await runtime.settle()
    expect((await heldIn(fleet, disks[1]!, 'k'))?.value).toBe(2)
    await expectAll(fleet, 2, [a!, next])
  })
})

describe('26. other code removes records', () => {
  it('and every memory hears of it', async () => {
    const fleet = await startFleet({ hearsForeign: true })
    const { runtime, store, members } = fleet
    await atOnce(members[0]!.cache.set('k', 1))
    await atOnce(members[0]!.cache.set('same', 1))
    await expectAll(fleet, 1)
    store.removeForeign([storageKey()])
    await runtime.settle()
    await expectAll(fleet, undefined)
    expect(members[0]!.cache.peek('same')).toBe(1)
  })

  it('while one is read, and the reply does not stay', async () => {
    const fleet = await startFleet({ hearsForeign: true })
    const { runtime, store, members } = fleet
    const [a, b] = members
    await atOnce(a!.cache.set('k', 1))
    const reading = b!.instance.pause('get', { calls: 1 })
    const read = b!.cache.get('k')
    await reading.reached
    store.removeForeign([storageKey()])
    await runtime.settle()
    reading.resume()
    await atOnce(read)
    await expectAll(fleet, undefined)
  })
})

describe('30. two formats at once', () => {
  it('every instance reads what the others have written, and hears of it', async () => {
    const fleet = await startFleet({ each: (member) => ({ codec: member === 0 ? 'json' : 'msgpack' }) })
    const [a, b] = fleet.members
    const source = new Source()
    await atOnce(a!.cache.set('k', source.value))
    await expectAll(fleet, 1)
    await atOnce(b!.cache.set('k', source.write()))
    await expectAll(fleet, 2)
    source.write()
    await atOnce(a!.cache.delete('k'))
    expect(await atOnce(b!.cache.getOrSet('k', source.load))).toBe(3)
    await expectAll(fleet, 3)
  })
})
