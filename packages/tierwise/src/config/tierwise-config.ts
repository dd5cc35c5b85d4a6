import type {
  CacheManagerOptions,
  CoherenceOptions,
  Duration,
  GovernanceOptions,
  GuardOptions,
  LifeOptions,
  NamespaceOptions,
  TierTtlOptions,
} from '../contract/options.ts'
import type { PresetName } from '../presets/table.ts'
import type { DiskOptions } from '../tiers/disk/index.ts'
import type { MemoryOptions } from '../tiers/memory/index.ts'
import type { PostgresOptions, PostgresViewOptions, PostgresViewsOptions } from '../tiers/postgres/index.ts'
import type { RedisOptions } from '../tiers/redis/index.ts'

/** A memory tier; its name is the one under which it is listed. */
export interface MemoryTierConfig extends Omit<MemoryOptions, 'name'> {
  /** What kind of tier it is. @default the name of the tier */
  readonly type: 'memory'
}

/** A Redis tier. Connections that are made already have no place in a file. */
export interface RedisTierConfig extends Omit<RedisOptions, 'name' | 'client' | 'manager'> {
  /** What kind of tier it is. @default the name of the tier */
  readonly type: 'redis'
  /** Package to make the connection with. @default the first that is installed of ioredis, redis (node-redis) and iovalkey */
  readonly client?: 'ioredis' | 'node-redis' | 'iovalkey'
}

/** A disk tier. */
export interface DiskTierConfig extends Omit<DiskOptions, 'name'> {
  /** What kind of tier it is. @default the name of the tier */
  readonly type: 'disk'
}

/** TLS to PostgreSQL; certificates and keys are PEM texts. */
export interface PostgresTlsConfig {
  /** Authority of the server's certificate. @default those that Node knows */
  readonly ca?: string
  /** Certificate of this client. */
  readonly cert?: string
  /** Private key of `cert`. */
  readonly key?: string
  /** Name that the server's certificate must have. @default the host */
  readonly servername?: string
  /** Whether a server without a valid certificate is refused. @default true */
  readonly rejectUnauthorized?: boolean
}

type Handed = 'pool' | 'client' | 'sql' | 'pglite' | 'tls'

/** A PostgreSQL tier. Connections that are made already have no place in a file. */
export interface PostgresTierConfig extends Omit<PostgresOptions, 'name' | Handed> {
  /** What kind of tier it is. @default the name of the tier */
  readonly type: 'postgres'
  /** TLS for `url`, where its `sslmode` does not say enough. */
  readonly tls?: boolean | PostgresTlsConfig
}

/** A materialized view that answers for a namespace. */
export interface PostgresViewConfig extends Omit<PostgresViewOptions, 'view' | 'key' | 'value'> {
  /** The materialized view: `name` or `schema.name`. */
  readonly view: string
  /** The column that is the key, or the columns that are joined to it by `:`. */
  readonly key: string | readonly string[]
  /** The column that is the value. @default the row without the columns of the key */
  readonly value?: string
}

/** Materialized views as a tier that is only read. */
export interface PostgresViewsTierConfig extends Omit<PostgresViewsOptions, 'name' | 'views' | Handed> {
  /** What kind of tier it is. @default the name of the tier */
  readonly type: 'postgres-views'
  /** The views by namespace. */
  readonly views: Readonly<Record<string, PostgresViewConfig>>
  /** TLS for `url`, where its `sslmode` does not say enough. */
  readonly tls?: boolean | PostgresTlsConfig
}

/** One tier of the chain, by its type. */
export type TierConfig =
  | MemoryTierConfig
  | RedisTierConfig
  | DiskTierConfig
  | PostgresTierConfig
  | PostgresViewsTierConfig

/** One key for AES-256-GCM. */
export interface EncryptionKeyConfig {
  /** 0 to 255, written into each frame so that old frames find their key after a rotation. */
  readonly id: number
  /** 32 bytes in base64. Take it from a variable or a file. */
  readonly secret: string
}

/** Keys for AES-256-GCM, newest first: the first encrypts, all decrypt. */
export interface EncryptionConfig {
  /** At least one, each with an id of its own. */
  readonly keys: readonly EncryptionKeyConfig[]
}

/** How important a pattern is: the high ones are loaded first. */
export type WarmingPriority = 'high' | 'medium' | 'low'

/** Keys that are worth loading before they are asked for. */
export interface WarmingPatternConfig {
  /** Which keys: a pattern as of `invalidatePattern`. */
  readonly pattern: string
  /** The namespace of the keys. @default all that are listed, without those that have tenants */
  readonly namespace?: string
  /** How important they are. @default 'medium' */
  readonly priority?: WarmingPriority
  /** The fastest tier that is filled, from those below it. @default the first of the namespace */
  readonly tier?: string
}

/** What is brought up from lower tiers after a start, and how. `initializeCacheManager` carries it out; others use `warmingFromConfig`. */
export interface WarmingConfig {
  /** Whether `initializeCacheManager` warms, in the background. `CACHE_WARM_ON_STARTUP` says otherwise. @default false */
  readonly onStart?: boolean
  /** `priority`: the high ones first. `parallel`: all at once. `sequential`: as they are written. @default 'priority' */
  readonly strategy?: 'priority' | 'parallel' | 'sequential'
  /** What to warm. @default none */
  readonly patterns?: readonly WarmingPatternConfig[]
  /** Keys of a batch. @default 100 */
  readonly batchSize?: number
  /** When what is left is given up. @default '5m' */
  readonly maxTime?: Duration
  /** Batches at once. @default 4 */
  readonly workers?: number
}

/** What is removed. Texts may have parameters like `{id}`. */
export interface InvalidationTargets {
  /** Namespaces that are cleared whole. @default none */
  readonly namespaces?: readonly string[]
  /** Keys by namespace. @default none */
  readonly keys?: Readonly<Record<string, readonly string[]>>
  /** Patterns by namespace; parameters in them stand for themselves. @default none */
  readonly patterns?: Readonly<Record<string, readonly string[]>>
  /** Tags, in all namespaces. @default none */
  readonly tags?: readonly string[]
}

/** What an event removes. */
export interface InvalidationEventConfig extends InvalidationTargets {
  /** Names of `groups` that are removed as well. @default none */
  readonly groups?: readonly string[]
}

/** What to remove when something happens; `invalidateOn` carries it out. */
export interface InvalidationConfig {
  /** What each event removes, by its name. @default none */
  readonly on?: Readonly<Record<string, InvalidationEventConfig>>
  /** What belongs together, by name. @default none */
  readonly groups?: Readonly<Record<string, InvalidationTargets>>
}

/** When somebody should be told. One of `below` and `above`. */
export interface ThresholdConfig {
  /** What is measured. */
  readonly metric: 'hitRate' | 'latencyMs' | 'memoryPercent' | 'errorRate'
  /** Of which tier. @default of all together */
  readonly tier?: string
  /** Tell when it is less. */
  readonly below?: number
  /** Tell when it is more. */
  readonly above?: number
  /** How bad that is. @default 'warning' */
  readonly severity?: 'warning' | 'critical'
}

/** When somebody should be told; `alertsFromConfig` of `tierwise/alerts` carries it out. */
export interface MonitoringConfig {
  /** How often to look. @default '60s' */
  readonly interval?: Duration
  /** When somebody should be told. @default none */
  readonly thresholds?: readonly ThresholdConfig[]
}

/** How entries live where the namespace does not say otherwise. */
export interface DefaultsConfig
  extends LifeOptions, CoherenceOptions, TierTtlOptions, Pick<NamespaceOptions, 'isolation'> {}

/** What a configuration says besides tiers and namespaces. */
export interface ManagerConfig
  extends
    GuardOptions,
    Pick<
      CacheManagerOptions,
      'strictNamespaces' | 'prefix' | 'maxRefreshes' | 'maxPendingWrites' | 'statistics' | 'requiredTiers'
    > {
  /** A preset on which the rest is laid. @default none */
  readonly preset?: PresetName
  /** Names of tiers, fastest first: an order and a choice of those in `tiers`. @default all, as they are written */
  readonly chain?: readonly string[]
  /** How entries live where the namespace does not say otherwise. @default see LifeOptions */
  readonly defaults?: DefaultsConfig
  /** How rules are kept. @default see GovernanceOptions */
  readonly governance?: GovernanceOptions
  /** What guards single tiers, by their names, where it differs from the rest. @default none */
  readonly guards?: Readonly<Record<string, GuardOptions>>
  /** How values become bytes. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json'
  /** Encrypts what leaves memory, with AES-256-GCM. @default none */
  readonly encryption?: EncryptionConfig
  /** What is warmed, and how. @default none */
  readonly warming?: WarmingConfig
  /** What to remove when something happens. @default none */
  readonly invalidation?: InvalidationConfig
  /** When somebody should be told. @default none */
  readonly monitoring?: MonitoringConfig
  /** The application's own; handed out as it is. @default none */
  readonly application?: Readonly<Record<string, unknown>>
}

/** A configuration after profile, preset, variables and environment. */
export interface ResolvedConfig extends ManagerConfig {
  /** The tiers by name, each with its type. */
  readonly tiers: Readonly<Record<string, TierConfig>>
  /** The chain that results, fastest first. */
  readonly chain: readonly string[]
  /** Options by namespace. @default none */
  readonly namespaces?: Readonly<Record<string, NamespaceOptions>>
}

/** An entry of a table that a profile can take out with `false`; nothing at all is one without options. */
export type OrOut<T> = T | false | null

/** Options of a tier as a file gives them: all of them may come from a preset or from the file below the profile. */
export type TierSetting = TierConfig extends infer T ? (T extends TierConfig ? Partial<T> : never) : never

/** What can be said at the top of a file and, laid over that, in each profile. */
export interface ConfigSections extends ManagerConfig {
  /** The tiers by name, fastest first. @default those of the preset */
  readonly tiers?: Readonly<Record<string, OrOut<TierSetting>>>
  /** Options by namespace. @default none */
  readonly namespaces?: Readonly<Record<string, OrOut<NamespaceOptions>>>
}

/** What differs in one environment. */
export interface ProfileConfig extends ConfigSections {
  /** The profile over which this one is laid. @default none */
  readonly extends?: string
}

/** What a configuration file holds. */
export interface TierwiseConfig extends ConfigSections {
  /** What differs in each environment, by its name: development, testing, staging, production or your own. @default none */
  readonly profiles?: Readonly<Record<string, ProfileConfig>>
}
