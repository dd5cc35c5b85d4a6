/** What a process would not answer with `get` no other verb claims either. */
import { describe, expect, it, onTestFinished } from 'vitest'

import { memoryBus, memoryHub } from '../../../src/buses/index.ts'
import type { Cache } from '../../../src/contract/cache.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { mapTier } from '../../../src/testing/map-tier.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { atOnce, startFleet, type Fleet, type Member } from './fleet.ts'
import { maxStalenessMs, storageKey } from './schedules/promises.ts'

/** Memory and a tier of its own are all that `keys` asks: a shared one that is down ends the listing. */
const own = ['memory', 'local']

interface Started {
  readonly fleet: Fleet
  readonly a: Member
}

async function start(memoryEntries?: number): Promise<Started> {
  const local = mapTier({ name: 'local', capabilities: { shared: false, durable: true } })
  const fleet = await startFleet({
    members: 1,
    defaults: { ttl: '1h', grace: '1h' },
    below: () => [local],
    ...(memoryEntries === undefined ? {} : { memoryEntries }),
  })
  const a = fleet.members[0]!
  await atOnce(a.cache.set('k', 1))
  if (memoryEntries !== undefined) await atOnce(a.cache.set('other', 0))
  return { fleet, a }
}

async function listed(cache: Cache<unknown>, tiers?: readonly string[]): Promise<readonly string[]> {
  const keys = []
  for await (const key of cache.keys('k*', tiers && { tiers })) keys.push(key)
  return keys
}

async function expectNoClaim({ fleet: { runtime }, a: { cache } }: Started, tier: string): Promise<void> {
  expect(await runtime.until(cache.get('k'))).toBe(undefined)
  expect(cache.peek('k')).toBe(undefined)
  expect((await runtime.until(cache.getMany(['k']))).size).toBe(0)
  expect(await runtime.until(cache.getEntry('k'))).toMatchObject({ value: 1, tier, stale: true })
  expect(await runtime.until(cache.has('k'))).toBe(false)
  expect(await runtime.until(cache.ttl('k'))).toBe(undefined)
  expect(await runtime.until(listed(cache, own))).toEqual([])
  expect(await runtime.until(cache.touch('k', '2h'))).toBe(false)
}

async function expectClaim({ fleet: { runtime }, a: { cache } }: Started, tier: string): Promise<void> {
  expect(await runtime.until(cache.getEntry('k'))).toMatchObject({ value: 1, tier, stale: false })
  expect(await runtime.until(cache.has('k'))).toBe(true)
  expect(await runtime.until(cache.ttl('k'))).toBeGreaterThan(0)
  expect(await runtime.until(listed(cache, own))).toEqual(['k'])
  expect(await runtime.until(cache.get('k'))).toBe(1)
}

describe('an entry whose lane is not proved any more', () => {
  it('is stale in memory, and no other verb claims it', async () => {
    const started = await start()
    started.a.instance.cut()
    await expectClaim(started, 'memory')
    await started.fleet.runtime.advance(maxStalenessMs + 1)
    await expectNoClaim(started, 'memory')
  })

  it('is stale in a tier of this process, and no other verb claims it', async () => {
    const started = await start(1)
    started.a.instance.cut()
    await expectClaim(started, 'local')
    // What was asked of the local tier is in memory now, and gives its place up again.
    await atOnce(started.a.cache.set('other', 1, { tiers: ['memory'] }))
    await started.fleet.runtime.advance(maxStalenessMs + 1)
    await expectNoClaim(started, 'local')
  })

  it('is stale there too once the lane is proved again, if changes may have been missed meanwhile', async () => {
    const started = await start(1)
    const { fleet, a } = started
    fleet.store.flush()
    await fleet.runtime.advance(2000)
    await expectNoClaim(started, 'local')
    expect(await fleet.runtime.until(listed(a.cache))).toEqual([])
  })
})

it('an entry that is not proved gets no new life where no store could refuse it', async () => {
  const runtime = fakeRuntime()
  let aheadMs = 0
  const now = (): number => runtime.clock.now() + aheadMs
  const manager = createCacheManager({
    tiers: [memory()],
    bus: memoryBus(memoryHub(runtime)),
    runtime: { ...runtime, clock: { now, burstNow: now } },
    defaults: { ttl: '1h' },
  })
  onTestFinished(() => runtime.until(manager.stop()))
  await runtime.until(manager.start())
  const cache = manager.namespace('factors')
  await runtime.advance(1000)
  await runtime.until(cache.set('k', 1))
  expect(await runtime.until(cache.touch('k', '2h'))).toBe(true)
  // The process has stood still: none of its timers has fired.
  aheadMs = maxStalenessMs + 1000
  expect(await runtime.until(cache.getEntry('k'))).toMatchObject({ stale: true })
  expect(await runtime.until(cache.touch('k', '3h'))).toBe(false)
})

it('a tier of this process that has not heard yet of a change does not list what it made old', async () => {
  const { a } = await start(1)
  const deleting = a.instance.pause('change', { calls: 1 })
  const deleted = a.cache.delete('k')
  await deleting.reached
  expect(await atOnce(listed(a.cache, own))).toEqual([])
  deleting.resume()
  await atOnce(deleted)
})

it('a version that memory is behind is neither shown nor claimed', async () => {
  const { members } = await startFleet()
  const [a, b] = members as [Member, Member]
  await atOnce(a.cache.set('k', 1))
  a.instance.messages.hold()
  const { token } = await atOnce(b.cache.set('k', 2))
  expect(await atOnce(a.cache.getEntry('k'))).toMatchObject({ value: 1, tier: 'memory' })
  expect(await atOnce(a.cache.getEntry('k', { after: token }))).toMatchObject({ value: 2, tier: 'shared' })
})

it('what the tags of an entry say of it, where nobody can tell them, is no claim either', async () => {
  const { fleet, a } = await start(1)
  const looking = a.instance.pause('tags')
  a.instance.messages.hold()
  a.instance.pause('poll')
  await fleet.runtime.advance(maxStalenessMs + 1)
  const keys = listed(a.cache)
  await fleet.runtime.advance(maxStalenessMs)
  expect(await atOnce(keys)).toEqual([])
  expect(fleet.store.head(storageKey()).record).toBe('held')
  looking.resume()
})
