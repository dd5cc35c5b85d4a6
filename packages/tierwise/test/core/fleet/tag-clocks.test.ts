import { expect, it, onTestFinished } from 'vitest'

import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { atOnce, startFleet, type Fleet } from './fleet.ts'

/** A process that has read something before it could reach the store. */
async function openLate({ runtime, store }: Fleet, aheadMs: number): Promise<void> {
  const now = (): number => runtime.clock.now() + aheadMs
  const place = store.instances.length
  const manager = createCacheManager({
    tiers: [memory(), store.tier()],
    runtime: { ...runtime, clock: { now, burstNow: now } },
  })
  onTestFinished(() => runtime.until(manager.stop()))
  const cache = manager.namespace('factors')
  store.instances[place]!.cut()
  await runtime.until(cache.get('k'))
  store.instances[place]!.mend()
  await runtime.advance(10_000)
  await runtime.until(cache.get('k'))
  await runtime.advance(2000)
}

it.each([
  { aheadMs: 0, host: 'of every host is right' },
  { aheadMs: 15 * 60_000, host: 'of a host that opens the store late is ahead' },
])('a store that has lost an invalidation does not take the next one for it, when the clock $host', async (late) => {
  const fleet = await startFleet({ members: 2 })
  const { runtime, store } = fleet
  const [one, other] = [fleet.members[0]!, fleet.members[1]!]
  await openLate(fleet, late.aheadMs)
  const before = store.snapshot()
  other.instance.messages.drop()
  await atOnce(one.cache.invalidateTags(['another']))
  store.restore(before)
  await atOnce(one.cache.getOrSet('k', () => 'old', { tags: ['t'] }))
  await runtime.advance(1)
  await atOnce(other.cache.invalidateTags(['t']))
  expect(await atOnce(other.cache.get('k'))).toBe(undefined)
  await runtime.advance(10_000)
  expect(await atOnce(one.cache.get('k'))).toBe(undefined)
})
