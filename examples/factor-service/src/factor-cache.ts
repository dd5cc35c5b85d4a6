import { join } from 'node:path'

import { createCacheManager } from 'tierwise'
import type { CacheManager, CacheManagerOptions, Duration, NamespaceOptions, TierDefinition } from 'tierwise'
import { disk } from 'tierwise/disk'
import { memory } from 'tierwise/memory'
import { postgres } from 'tierwise/postgres'
import type { PostgresOptions } from 'tierwise/postgres'
import { redis } from 'tierwise/redis'

import type { Method } from './factor-key.ts'

/** The namespace in which the factors of each method are. */
export const namespaces = { average: 'emission_factors', marginal: 'marginal_factors' } as const satisfies Record<
  Method,
  string
>

export interface FactorCacheOptions {
  /** Folder of the disk tier, and of PGlite. */
  readonly dataDir: string
  /** @default no Redis in the chain */
  readonly redisUrl?: string | undefined
  /** A database, which other services may use too. @default PGlite in this process */
  readonly postgres?: Pick<PostgresOptions, 'url' | 'pglite' | 'schema'> | undefined
  /** How long a factor is fresh. @default '23h' */
  readonly ttl?: Duration
  /** How many factors of each method memory holds; the tiers below have the rest. @default no limit but the bytes */
  readonly memoryEntries?: Readonly<Record<Method, number>>
  /** How soon a failed source is tried again for the same factor. @default '10s' */
  readonly retryAfter?: Duration
  /** Stands between the cache and Redis. @default nothing */
  readonly wrapRedis?: (tier: TierDefinition) => TierDefinition
  readonly runtime?: NonNullable<CacheManagerOptions['runtime']>
}

/**
 * The cache of the service. Memory comes first, then Redis, which all instances share and which a new one finds warm.
 * Below them each kind of factor has the tier that fits it: average factors a folder on this machine, which nobody has to
 * run and which answers also while the network does not; marginal ones a table in PostgreSQL, because they change once a
 * year and several services want them. Without a server of PostgreSQL the table is in this process.
 *
 * `license` and `maxTtl` are a rule, not a default: factor databases such as ecoinvent let their factors be kept for a
 * day, so a longer ttl is refused with a `LicenseViolationError`, and no copy in any tier outlives the day. Grace counts
 * too, which is why 23 hours fresh and one hour in reserve add up to the 24.
 *
 * What is asked for late in its life is read anew in the background, so popular factors never grow stale while the
 * source is well. The timeouts decide what clients see of a slow or dead one: whoever has a stale factor at hand waits
 * 20 ms for a better one, whoever has none waits two seconds, and nobody longer. Nobody waits for a tier to have
 * written: what a crash loses of the last moments is read from the source again.
 */
export function createFactorCache(options: FactorCacheOptions): CacheManager {
  const { dataDir, redisUrl, postgres: database, memoryEntries, wrapRedis = (tier) => tier, runtime } = options
  const shared = redisUrl === undefined ? [] : [wrapRedis(redis({ url: redisUrl }))]
  const above = ['memory', ...shared.map(({ name }) => name)]
  const policy = policyOf(options)
  return createCacheManager({
    tiers: [
      memory({ maxBytes: '64mb' }),
      ...shared,
      disk({ path: join(dataDir, 'disk'), durability: 'none' }),
      postgres({ schema: 'factor_service', ...(database ?? { dataDir: join(dataDir, 'postgres') }) }),
    ],
    // Servers are shared with others, whose keys are not ours.
    prefix: 'factor-service',
    strictNamespaces: true,
    namespaces: {
      [namespaces.average]: {
        ...policy,
        aliases: ['factor_broker'],
        tiers: [...above, 'disk'],
        ...(memoryEntries === undefined ? {} : { maxEntries: memoryEntries.average }),
      },
      [namespaces.marginal]: {
        ...policy,
        tiers: [...above, 'postgres'],
        ...(memoryEntries === undefined ? {} : { maxEntries: memoryEntries.marginal }),
      },
    },
    guards: {
      // The last tier of a factor has the copy for bad days, so it gets more time than Redis, which has one below it.
      disk: { tierTimeout: '1s' },
      // Nothing else runs in this process while PGlite starts, so the first use may as well wait until it has.
      postgres: database?.url === undefined ? { tierTimeout: '30s', connectTimeout: '30s' } : { tierTimeout: '1s' },
    },
    ...(runtime === undefined ? {} : { runtime }),
  })
}

function policyOf({ ttl = '23h', retryAfter = '10s' }: FactorCacheOptions): NamespaceOptions {
  return {
    ttl,
    grace: '1h',
    maxTtl: '24h',
    license: 'factor-database',
    refreshAhead: 0.8,
    softTimeout: '20ms',
    hardTimeout: '2s',
    graceBackoff: retryAfter,
  }
}
