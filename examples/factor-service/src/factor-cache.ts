import { createCacheManager } from 'tierwise'
import type { CacheManager, CacheManagerOptions, Duration } from 'tierwise'
import { disk } from 'tierwise/disk'
import { memory } from 'tierwise/memory'

export const namespace = 'emission_factors'

export interface FactorCacheOptions {
  /** Folder of the disk tier. */
  readonly dataDir: string
  /** How long a factor is fresh. @default '23h' */
  readonly ttl?: Duration
  /** How many factors memory holds; disk has the rest. @default no limit but the bytes */
  readonly memoryEntries?: number
  /** How soon a failed source is tried again for the same factor. @default '10s' */
  readonly retryAfter?: Duration
  readonly runtime?: NonNullable<CacheManagerOptions['runtime']>
}

/**
 * The cache of the service: memory in front of a folder that outlives the process.
 *
 * `license` and `maxTtl` are a rule, not a default: factor databases such as ecoinvent let their factors be kept for a
 * day, so a longer ttl is refused with a `LicenseViolationError`, and no copy in any tier outlives the day. Grace counts
 * too, which is why 23 hours fresh and one hour in reserve add up to the 24.
 *
 * What is asked for late in its life is read anew in the background, so popular factors never grow stale while the
 * source is well. The timeouts decide what clients see of a slow or dead one: whoever has a stale factor at hand waits
 * 20 ms for a better one, whoever has none waits two seconds, and nobody longer. Nobody waits for the disk to have
 * written: what a crash loses of the last moments is read from the source again.
 */
export function createFactorCache(options: FactorCacheOptions): CacheManager {
  const { dataDir, ttl = '23h', memoryEntries, retryAfter = '10s', runtime } = options
  return createCacheManager({
    tiers: [memory({ maxBytes: '64mb' }), disk({ path: dataDir, durability: 'none' })],
    strictNamespaces: true,
    namespaces: {
      [namespace]: {
        aliases: ['factor_broker'],
        ttl,
        grace: '1h',
        maxTtl: '24h',
        license: 'factor-database',
        refreshAhead: 0.8,
        softTimeout: '20ms',
        hardTimeout: '2s',
        graceBackoff: retryAfter,
        ...(memoryEntries === undefined ? {} : { maxEntries: memoryEntries }),
      },
    },
    ...(runtime === undefined ? {} : { runtime }),
  })
}
