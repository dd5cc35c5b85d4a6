import type { EncryptionOptions, ValueCodec } from './codec.ts'
import type { Runtime } from './runtime.ts'
import type { StandardSchema } from './schema.ts'
import type { TierDefinition } from './tier.ts'

/** Milliseconds, or `'500ms' '30s' '5m' '2h' '1d'`. Zero, negative numbers and NaN are refused. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** A duration that may be endless, said out loud. */
export type Lifetime = Duration | 'forever'

/** Bytes, or `'512b' '64kb' '100mb' '1gb'` (powers of 1024). */
export type Size = number | `${number}${'b' | 'kb' | 'mb' | 'gb'}`

/** Where a write goes. `through`: every tier before it resolves. `behind`: memory now, the rest from a bounded queue. `around`: not to memory. */
export type WriteMode = 'through' | 'behind' | 'around'

/** What a caller's change to a returned object can do: reach the cache (`share`), throw (`freeze`), nothing (`clone`). */
export type Isolation = 'share' | 'freeze' | 'clone'

/** What a namespace does when its authority is out of reach: answer from elsewhere, refuse, or decide from this process alone. */
export type FailureMode = 'open' | 'closed' | 'local'

/** How an entry lives; set for the manager, a namespace or one call, the nearest wins. */
export interface LifeOptions {
  /** How long an entry is fresh. @default '5m' */
  readonly ttl?: Lifetime
  /** How long after `ttl` a stale value may stand in when the loader is slow or fails. @default none */
  readonly grace?: Duration | false
  /** After a failed load, how long the stale value is served without trying again. @default '10s' */
  readonly graceBackoff?: Duration
  /** How long a caller with a stale value at hand waits for the loader. @default none */
  readonly softTimeout?: Duration | false
  /** How long any caller waits for the loader. @default none */
  readonly hardTimeout?: Duration | false
  /** Refresh in the background once this share of the ttl has passed, on a `getOrSet`. 0 to 1 exclusive. @default off */
  readonly refreshAhead?: number | false
  /** Eagerness of probabilistic early refresh (XFetch); 1 is the published optimum. @default off */
  readonly earlyRefresh?: number | false
  /** Shortens each ttl by up to this share, at random, so that entries do not expire together. 0 to 1. @default 0 */
  readonly jitter?: number
  /** How long the failure of a loader is remembered and rethrown without running it again. @default none */
  readonly negativeTtl?: Duration | false
  /** @default 'through' */
  readonly writeMode?: WriteMode
}

export interface NamespaceOptions extends LifeOptions {
  /** Names of the tiers this namespace uses, a subset of the chain. @default all */
  readonly tiers?: readonly string[]
  /** Other names for this namespace. */
  readonly aliases?: readonly string[]
  /** No entry lives longer than this in any tier, whatever is asked. */
  readonly maxTtl?: Duration
  /** Source whose licence sets `maxTtl`; a longer ttl is then a `LicenseViolationError` instead of being cut. */
  readonly license?: string
  /** Retires all entries of another version at once. Part of the storage key. */
  readonly version?: string | number
  /** Entries from lower tiers that no longer fit are a miss and an event. */
  readonly schema?: StandardSchema
  /** @default 'share' */
  readonly isolation?: Isolation
  /** @default 'open' */
  readonly failure?: FailureMode
  /** Share of the memory tier this namespace may take. @default all */
  readonly maxBytes?: Size
  readonly maxEntries?: number
  /** Part of the memory tier that other namespaces cannot take. @default none */
  readonly reservedBytes?: Size
  /** Tags given to every entry of the namespace. */
  readonly tags?: readonly string[]
}

export interface CacheManagerOptions {
  /** The chain, fastest first. At least one. */
  readonly tiers: readonly TierDefinition[]
  readonly defaults?: LifeOptions & Pick<NamespaceOptions, 'isolation'>
  /** Options by namespace. Namespaces that are not listed use the defaults, unless `strictNamespaces`. */
  readonly namespaces?: Readonly<Record<string, NamespaceOptions>>
  /** Refuse namespaces that are not listed. @default false */
  readonly strictNamespaces?: boolean
  /** First part of every storage key. @default 'tw' */
  readonly prefix?: string
  /** How values become bytes. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json' | ValueCodec
  readonly encryption?: EncryptionOptions
  /** Deadline of one operation on a tier that is not in memory. @default '250ms' */
  readonly tierTimeout?: Duration
  /** Refreshes that may run at once in this process. @default 64 */
  readonly maxRefreshes?: number
  /** Write-behind entries that may wait; beyond, writes go through. @default 10_000 */
  readonly maxPendingWrites?: number
  readonly breaker?: BreakerOptions
  /** Replaced in tests. */
  readonly runtime?: Partial<Runtime>
}

export interface BreakerOptions {
  /** Failures in a row that open the breaker. @default 5 */
  readonly failures?: number
  /** How long it stays open before one probe is let through. @default '5s' */
  readonly openFor?: Duration
}

/** Options of a single call. */
export interface ReadOptions {
  /** Names of the tiers this call may use. */
  readonly tiers?: readonly string[]
  /** A consistency token from a write: the answer is at least as new. */
  readonly after?: string
  readonly signal?: AbortSignal
}

export interface WriteOptions extends Pick<LifeOptions, 'ttl' | 'grace' | 'jitter' | 'writeMode'> {
  readonly tiers?: readonly string[]
  readonly tags?: readonly string[]
}

export interface LoadOptions extends LifeOptions, ReadOptions {
  readonly tags?: readonly string[]
  /** Load even if there is a fresh value. @default false */
  readonly forceFresh?: boolean
}
