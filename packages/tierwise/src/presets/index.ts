import { optionError, unknownName } from '../base/option-reader.ts'
import type { CacheManagerOptions } from '../contract/options.ts'
import type { TierDefinition } from '../contract/tier.ts'
import { ConfigError } from '../errors.ts'
import { disk } from '../tiers/disk/index.ts'
import type { DiskOptions } from '../tiers/disk/index.ts'
import { memory } from '../tiers/memory/index.ts'
import type { MemoryOptions } from '../tiers/memory/index.ts'
import { postgres } from '../tiers/postgres/index.ts'
import type { PostgresOptions } from '../tiers/postgres/index.ts'
import { redis } from '../tiers/redis/index.ts'
import type { RedisOptions } from '../tiers/redis/index.ts'
import { presetDisk, presetRedis, presets } from './table.ts'
import type { Preset, PresetName, PresetPart } from './table.ts'

export type { PresetName } from './table.ts'

/** Options of the tiers of a preset, each over those of the preset. Redis and PostgreSQL read the environment where they are not told how to connect. */
export interface PresetTiers {
  /** Of the memory tier. @default the size of the preset */
  readonly memory?: MemoryOptions
  /** Of the Redis tier. @default a connection by `REDIS_URL`, or `REDIS_HOST` and its companions */
  readonly redis?: RedisOptions
  /** Of the tier `redisCluster`; `four-tier` and `full` need its nodes. */
  readonly redisCluster?: RedisOptions
  /** Of the disk tier. @default the folder `.cache/tierwise` */
  readonly disk?: Partial<DiskOptions>
  /** Of the PostgreSQL tier. @default a connection by `DATABASE_URL`, PGlite in this process without it */
  readonly postgres?: PostgresOptions
}

const build: Readonly<Record<PresetPart, (tiers: PresetTiers, preset: Preset) => TierDefinition>> = {
  memory: (tiers, preset) => memory({ ...preset.memory, ...tiers.memory }),
  redis: (tiers, preset) => redis({ ...presetRedis(preset), ...tiers.redis }),
  redisCluster: (tiers) => redis({ name: 'redisCluster', ...tiers.redisCluster }),
  disk: (tiers) => disk({ ...presetDisk, ...tiers.disk }),
  postgres: (tiers) => postgres(tiers.postgres),
}

/**
 * The options of a preset, made anew at each call.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a name that is none or a tier that the preset does not have, ERR_CACHE_CONFIG
 * when the nodes of the cluster are missing, and what the tiers themselves throw
 * @example
 * createCacheManager({ ...preset('three-layer', { redis: { url: 'redis://cache.internal' } }), strictNamespaces: true })
 */
export function preset(name: PresetName, tiers: PresetTiers = {}): CacheManagerOptions {
  if (!Object.hasOwn(presets, name)) {
    const known = Object.keys(presets).map((each) => `'${each}'`)
    throw optionError('preset', name, `one of ${known.join(', ')}`)
  }
  const chosen = presets[name]
  const strange = Object.keys(tiers).find((part) => !(chosen.chain as readonly string[]).includes(part))
  if (strange !== undefined) throw unknownName(`preset.${strange}`, strange, chosen.chain)
  if (chosen.chain.includes('redisCluster') && tiers.redisCluster === undefined)
    throw new ConfigError(
      `The preset '${name}' has a Redis Cluster: say where it is, as in preset('${name}', { redisCluster: { cluster: { nodes: [...] } } }).`,
      { code: 'ERR_CACHE_CONFIG' },
    )
  return { tiers: chosen.chain.map((part) => build[part](tiers, chosen)), defaults: chosen.defaults }
}
