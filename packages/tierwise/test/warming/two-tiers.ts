import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import type { TestCache } from '../../src/testing/test-cache.ts'

/** Memory over a map, with the namespace `factors`. */
export function overTwoTiers(): TestCache {
  return testCache().memory().tier(mapTier()).namespace('factors', { ttl: '1h' }).build()
}

/** A batch loader: each key is worth its length. */
export function lengths(keys: readonly string[]): ReadonlyMap<string, number> {
  return new Map(keys.map((key) => [key, key.length]))
}
