import type { CacheManagerOptions } from '../contract/options.ts'
import type { DiskOptions } from '../tiers/disk/options.ts'
import type { MemoryOptions } from '../tiers/memory/index.ts'
import type { RedisOptions } from '../tiers/redis/options.ts'

/**
 * Chains and lives that fit common applications; spread one into the options of `createCacheManager` and change what differs.
 *
 * `memory`, `high-performance` and `memory-constrained` are memory alone, of 100, 500 and 20 MB. `generic` is memory and
 * Redis, `three-layer` adds a disk; `four-tier` is memory, a local Redis, a Redis Cluster and PostgreSQL; `full` is all five.
 */
export type PresetName =
  | 'memory'
  | 'high-performance'
  | 'memory-constrained'
  | 'generic'
  | 'three-layer'
  | 'four-tier'
  | 'full'

/** A tier of a preset. */
export type PresetPart = 'memory' | 'redis' | 'redisCluster' | 'disk' | 'postgres'

/** A preset as data, so that a configuration can be laid over it without loading its tiers. */
export interface Preset {
  readonly chain: readonly PresetPart[]
  readonly memory: MemoryOptions
  readonly defaults: NonNullable<CacheManagerOptions['defaults']>
}

const oneTier: Preset = { chain: ['memory'], memory: { maxBytes: '100mb' }, defaults: { ttl: '5m' } }
const shared: Preset['defaults'] = { ttl: '5m', grace: '1h', softTimeout: '200ms', hardTimeout: '5s' }

export const presets: Readonly<Record<PresetName, Preset>> = {
  memory: oneTier,
  'high-performance': {
    ...oneTier,
    memory: { maxBytes: '500mb' },
    defaults: { ttl: '5m', grace: '1h', refreshAhead: 0.8 },
  },
  'memory-constrained': { ...oneTier, memory: { maxBytes: '20mb' }, defaults: { ttl: '30s' } },
  generic: { ...oneTier, chain: ['memory', 'redis'], defaults: shared },
  'three-layer': { ...oneTier, chain: ['memory', 'redis', 'disk'], defaults: shared },
  'four-tier': { ...oneTier, chain: ['memory', 'redis', 'redisCluster', 'postgres'], defaults: shared },
  full: { ...oneTier, chain: ['memory', 'redis', 'redisCluster', 'disk', 'postgres'], defaults: shared },
}

/** What a preset says of the Redis tier. In front of a cluster that all hosts share it is the Redis of its host. */
export function presetRedis({ chain }: Preset): RedisOptions {
  return chain.includes('redisCluster') ? { scope: 'host' } : {}
}

/** What presets say of the disk tier. */
export const presetDisk: DiskOptions = { path: '.cache/tierwise' }
