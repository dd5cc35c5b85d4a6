import { adoptRedisClient } from '../../clients/redis/adopt-client.ts'
import { createRedisPorts } from '../../clients/redis/create-ports.ts'
import type { RedisPorts } from '../../clients/redis/port.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { TierDefinition } from '../../contract/tier.ts'
import { placeOf } from './place.ts'
import { readRedisOptions, type RedisOptions, type ResolvedRedisOptions } from './options.ts'
import { RedisTier } from './redis-tier.ts'

export {
  createRedisManager,
  type HealthCode,
  type HealthFinding,
  type RedisHealth,
  type RedisHealthOptions,
  type RedisLatency,
  type RedisManager,
  type RedisManagerEventName,
  type RedisManagerEvents,
  type RedisManagerOptions,
  type RedisManagerStats,
  type RedisNodeHealth,
  type RedisRateLimitOptions,
  type RedisRetryOptions,
  type RedisSetManyOptions,
  type RedisSetOptions,
  type RedisStatus,
  type RedisValue,
} from '../../clients/redis/manager/index.ts'
export type {
  CertificateHolder,
  RedisCertificate,
  RedisSecurityEvent,
  RedisSecurityStatus,
  RefusalKind,
  SecurityCode,
  SecurityCriterion,
  SecurityFinding,
  SecurityPoints,
} from '../../clients/redis/security/index.ts'
export type { RedisOptions } from './options.ts'

/**
 * A tier in Redis or Valkey, shared by all processes that use the same server: one server, a primary behind Sentinel, or
 * a cluster.
 *
 * Nothing is connected before the manager opens the tier. A client that is handed in is never closed here.
 *
 * @throws ConfigError ERR_CACHE_OPTION and ERR_CACHE_CONFIG for wrong options, ERR_CACHE_PEER_MISSING when no client package is installed
 * @example
 * createCacheManager({ tiers: [memory(), redis({ url: 'redis://cache.internal:6379' })] })
 */
export function redis(options: RedisOptions = {}): TierDefinition {
  const resolved = readRedisOptions(options)
  const { name, compression, scope, lanes, tombstoneTtlMs, maxReplicaLagMs, tracking, connectTimeoutMs } = resolved
  const place = placeOf(resolved.source)
  const definition: TierDefinition = {
    name,
    identity: `redis ${place}`,
    create: (context) =>
      new RedisTier(
        {
          ports: () => portsOf(resolved, context),
          target: place,
          connectTimeoutMs,
          scope,
          lanes,
          tombstoneTtlMs,
          maxReplicaLagMs,
          tracking,
        },
        context,
      ),
  }
  return compression === undefined ? definition : { ...definition, compression }
}

function portsOf({ source, connectTimeoutMs }: ResolvedRedisOptions, runtime: Runtime): RedisPorts {
  if ('manager' in source) return source.manager.ports
  if ('connection' in source) return createRedisPorts(source.connection, { runtime })
  return { primary: adoptRedisClient(source.client, { runtime, connectTimeoutMs, path: 'redis.client' }) }
}
