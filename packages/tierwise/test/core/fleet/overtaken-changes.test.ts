import { expect, it } from 'vitest'

import { mapTier } from '../../../src/testing/map-tier.ts'
import { atOnce, startFleet } from './fleet.ts'

/** Two sets of one key; the store hears of neither while both are under way. */
async function twoUnderWay({ isOwedBefore = false } = {}) {
  const { members, runtime, store } = await startFleet({ members: 1, below: () => [mapTier({ name: 'below' })] })
  const { cache, instance } = members[0]!
  if (isOwedBefore) {
    const lost = instance.pause('change', { calls: 1 })
    const owed = cache.set('k', 0)
    await lost.reached
    lost.fail()
    await atOnce(owed)
  }
  const underWay = async (value: number) => {
    const pause = instance.pause('change', { calls: 1, moment: 'before' })
    const result = cache.set('k', value)
    await pause.reached
    return { pause, result }
  }
  return { cache, runtime, store, earlier: await underWay(1), later: await underWay(2) }
}

it.each([
  { isOwedBefore: false, state: 'nothing was owed' },
  { isOwedBefore: true, state: 'something was owed already' },
])('owes a change that was given up before an earlier one was answered, when $state', async (before) => {
  const { cache, runtime, earlier, later } = await twoUnderWay(before)
  later.pause.fail()
  await atOnce(later.result)
  earlier.pause.resume()
  await atOnce(earlier.result)
  expect(await atOnce(cache.get('k', { tiers: ['shared'] }))).toBe(undefined)
  expect(await atOnce(cache.get('k'))).not.toBe(1)
  await runtime.advance(5000)
  expect(await atOnce(cache.get('k'))).not.toBe(1)
})

it('owes nothing once the last of several changes was taken', async () => {
  const { cache, earlier, later } = await twoUnderWay()
  earlier.pause.fail()
  await atOnce(earlier.result)
  later.pause.resume()
  await atOnce(later.result)
  const last = await atOnce(cache.set('k', 3))
  expect(last.tiers).toMatchObject({ shared: 'applied' })
  expect(await atOnce(cache.get('k', { tiers: ['shared'] }))).toBe(3)
})

it('keeps the later of two writes whose fate is not known, in whatever order they were given up', async () => {
  const { cache, earlier, later } = await twoUnderWay()
  later.pause.fail()
  await atOnce(later.result)
  earlier.pause.fail()
  await atOnce(earlier.result)
  expect(await atOnce(cache.get('k'))).toBe(2)
})

it('leaves nothing in the tiers below of a write that was overtaken', async () => {
  const { cache, runtime, earlier, later } = await twoUnderWay()
  later.pause.fail()
  await atOnce(later.result)
  await runtime.advance(10)
  earlier.pause.resume()
  await atOnce(earlier.result)
  expect(await atOnce(cache.get('k', { tiers: ['below'] }))).toBe(undefined)
})

it('leaves nothing in the tiers below of a load that was overtaken', async () => {
  const { members, runtime } = await startFleet({ members: 1, below: () => [mapTier({ name: 'below' })] })
  const { cache, instance } = members[0]!
  const fill = instance.pause('fill', { calls: 1, moment: 'before' })
  const loading = cache.getOrSet('k', () => 1)
  await fill.reached
  const change = instance.pause('change', { calls: 1, moment: 'before' })
  const setting = cache.set('k', 2)
  await change.reached
  change.fail()
  await atOnce(setting)
  await runtime.advance(10)
  fill.resume()
  await atOnce(loading)
  await runtime.settle()
  expect(await atOnce(cache.get('k', { tiers: ['below'] }))).toBe(undefined)
})
