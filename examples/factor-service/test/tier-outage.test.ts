import { createCacheManager } from 'tierwise'
import type { CacheManager } from 'tierwise'
import { mapTier } from 'tierwise/testing'
import { expect, test } from 'vitest'

import { TierOutage } from '../src/tier-outage.ts'

function cacheBehind(outage: TierOutage): CacheManager {
  return createCacheManager({ tiers: [outage.wrap(mapTier({ name: 'remote' }))], tierTimeout: '50ms' })
}

test('an outage leaves calls without an answer until it ends', async () => {
  const outage = new TierOutage()
  await using manager = cacheBehind(outage)
  const factors = manager.namespace<number>('factors')
  await factors.set('steel', 1.85)
  outage.begin()
  expect(await factors.get('steel')).toBeUndefined()
  expect((await factors.set('glass', 0.9)).tiers).toEqual({ remote: 'failed' })
  outage.end()
  await expect.poll(() => factors.get('steel'), { timeout: 5000 }).toBe(1.85)
})

test('a tier can be opened only when the outage is over', async () => {
  const outage = new TierOutage()
  outage.begin()
  await using manager = cacheBehind(outage)
  expect(await manager.health({ deep: true })).toMatchObject({ healthy: false })
  outage.end()
  await expect.poll(async () => (await manager.health({ deep: true })).healthy, { timeout: 5000 }).toBe(true)
})
