import { expect, test } from 'vitest'

import { detailedStats, unifiedCacheStats } from '../../src/statistics/index.ts'
import { testCache } from '../../src/testing/index.ts'

test('the counters come in the shapes of the founding systems', async () => {
  const { cache, manager, runtime, stop } = testCache()
    .memory()
    .faulty('second')
    .faulty('third')
    .namespace('curves')
    .build()
  expect(detailedStats(manager.analytics())).toMatchObject({ hit_rate: 0, cache_manager: { l1_hits: 0 } })
  await runtime.until(cache.set('a', 1))
  await runtime.until(cache.set('b', 2, { tiers: ['second'] }))
  await runtime.until(cache.set('c', 3, { tiers: ['third'], ttl: '1h' }))
  for (const key of ['a', 'a', 'b', 'c', 'none']) await runtime.until(cache.get(key))
  expect(detailedStats(manager.analytics())).toEqual({
    hit_count: 4,
    miss_count: 1,
    hit_rate: 0.8,
    cache_manager: { l1_hits: 2, l2_hits: 1, l3_hits: 1, overall_hit_rate: 0.8, total_sets: 3 },
  })
  const { unified_cache: unified, governance } = unifiedCacheStats(manager.analytics(), manager.governanceReport())
  expect(unified).toMatchObject({
    total_requests: 5,
    hits: 4,
    misses: 1,
    hit_rate: 0.8,
    namespace_stats: { curves: { hits: 4, misses: 1, hit_rate: 0.8 } },
  })
  expect(unified.average_response_time_ms).toBeGreaterThanOrEqual(0)
  expect(governance).toEqual({ total_operations: 8, policy_violations: 0, ttl_overrides: 1 })
  await stop()
})
