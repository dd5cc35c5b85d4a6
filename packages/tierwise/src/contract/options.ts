import type { BusDefinition } from './bus.ts'
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

/**
 * What a caller's change to a returned object can do: reach the cache (`share`), throw (`freeze`), nothing (`clone`).
 * `freeze` cannot freeze the contents of typed arrays, Map and Set; `clone` copies on every read.
 */
export type Isolation = 'share' | 'freeze' | 'clone'

/** How an entry lives; set for the manager, a namespace or one call, the nearest wins. */
export interface LifeOptions {
  /** How long an entry is fresh: `get` answers it and no loader runs. @default '5m' */
  readonly ttl?: Lifetime
  /** How long after `ttl` a stale value may stand in when the loader of a `getOrSet` is slow or fails. @default none */
  readonly grace?: Duration | false
  /** After a failed load, how long the stale value is served without trying again. @default '10s' */
  readonly graceBackoff?: Duration
  /** How long a caller with a stale value at hand waits for the loader before it takes that value. Needs `grace`. @default none */
  readonly softTimeout?: Duration | false
  /** How long any caller waits for the loader; then it gets the stale value or a `TimeoutError`, and the loader's signal is aborted. @default none */
  readonly hardTimeout?: Duration | false
  /** Refresh in the background once this share of the ttl has passed, on a `getOrSet`. 0 to 1 exclusive. @default off */
  readonly refreshAhead?: number | false
  /** Eagerness of probabilistic early refresh (XFetch): the slower the loader, the earlier. 0 to 10 exclusive; 1 is the published optimum. @default off */
  readonly earlyRefresh?: number | false
  /** Shortens each ttl by up to this share, at random, so that entries do not expire together. 0 to 1. @default 0 */
  readonly jitter?: number
  /** How long the failure of a loader, or its answer `undefined`, is remembered and repeated without running it again. @default none */
  readonly negativeTtl?: Duration | false
  /** Where a write goes, and what it waits for. @default 'through' */
  readonly writeMode?: WriteMode
}

/**
 * How instances agree that share a tier. `bounded`: memory serves nothing that was superseded longer ago than
 * `maxStaleness`, whatever is lost on the way. `eventual`: memory follows the bus and goes on serving when the bus is
 * silent. `off`: instances tell each other nothing of single keys.
 */
export type Coherence = 'off' | 'eventual' | 'bounded'

/** What instances that share a tier promise each other. */
export interface CoherenceOptions {
  /** What instances that share a tier promise each other. @default 'bounded' where a shared tier can, else 'off' */
  readonly coherence?: Coherence
  /** With `bounded`: how long ago what memory serves may have been superseded. At least 2 seconds. @default '5s' */
  readonly maxStaleness?: Duration
  /** How long an instance has to load a key before another one may load it too. @default '10s' */
  readonly lease?: Duration
  /** How long the work of a `mutate` may take; if its process dies, nothing is stored for so long. @default '30s' */
  readonly mutateTimeout?: Duration
  /**
   * How far reads of the source may lag, from a replica for example. A shared store that was emptied has forgotten what
   * was invalidated in that time, so it takes nothing for so long afterwards. @default none
   */
  readonly sourceLag?: Duration | false
}

/** Whether rules are kept: not looked at, counted and told, or kept. Caps (`maxTtl`, `license`) are kept in every mode. */
export type GovernanceMode = 'off' | 'warn' | 'enforce'

/**
 * What may be stored, and for how long: of a data class, of a namespace, or of the keys of a namespace that fit a
 * pattern. Each of these may only narrow what the one before allows.
 */
export interface Rules {
  /** Names of the tiers that may hold it, a subset of the chain. @default all */
  readonly tiers?: readonly string[]
  /** No entry lives longer than this in any tier, grace included, whatever is asked; a longer ttl is cut. @default none */
  readonly maxTtl?: Duration
  /** The shortest ttl that may be asked for. @default none */
  readonly minTtl?: Duration
  /** What becomes of a ttl outside of `minTtl` and `maxTtl`: it is moved to the bound, or the call fails. @default 'clamp', and 'reject' where a licence sets `maxTtl` */
  readonly ttlBounds?: 'clamp' | 'reject'
  /** Source whose licence sets `maxTtl`, which it needs; a longer ttl is then a `LicenseViolationError` instead of being cut. @default none */
  readonly license?: string
  /** Patterns as of `invalidatePattern`; each must fit one of the tags of an entry. @default none */
  readonly requiredTags?: readonly string[]
  /** What a whole key must look like: a regular expression, or a text that is one. With a tenant, the key without it. @default anything */
  readonly keyFormat?: RegExp | string
  /** Longest key, in characters. @default 4096 */
  readonly maxKeyLength?: number
  /** Largest value, in bytes as it is encoded; estimated where there is only memory. @default that of the tiers */
  readonly maxValueBytes?: Size
}

/** How the entries of a data class live, and what may be stored of it. */
export interface DataClassOptions extends Rules, Pick<LifeOptions, 'ttl' | 'grace' | 'jitter'> {}

/** What holds for the keys of a namespace that fit a pattern. */
export interface KeyRule extends DataClassOptions {
  /** Which keys: a pattern as of `invalidatePattern`. With a tenant, the key without it. */
  readonly match: string
  /** One of `governance.dataClasses`. @default that of the namespace */
  readonly dataClass?: string
}

/** How rules are kept, for a whole manager. */
export interface GovernanceOptions {
  /** Whether rules are kept. A namespace can choose otherwise. @default 'enforce' */
  readonly mode?: GovernanceMode
  /** Named sets of rules that namespaces and key rules refer to by `dataClass`. @default none */
  readonly dataClasses?: Readonly<Record<string, DataClassOptions>>
}

/** How the ttl of a loaded value follows how often the source changes. */
export interface AdaptiveTtlOptions {
  /** The shortest ttl it may come to. */
  readonly min: Duration
  /** The longest; a cap of the namespace still holds. */
  readonly max: Duration
}

/** How long entries stay in single tiers. */
export interface TierTtlOptions {
  /**
   * How long an entry stays in a tier after it came there, by the name of the tier; afterwards it is looked for further
   * down. The life of the entry is not changed by it. @default to the end of its life
   */
  readonly tierTtl?: Readonly<Record<string, Duration>>
}

/** What holds for one namespace. */
export interface NamespaceOptions extends LifeOptions, CoherenceOptions, Rules, TierTtlOptions {
  /** One of `governance.dataClasses`, on whose life and rules those of the namespace are laid. @default none */
  readonly dataClass?: string
  /** Rules for some of the keys; the first that fits holds. @default none */
  readonly keyRules?: readonly KeyRule[]
  /** Whether the rules of this namespace are kept. @default that of the manager */
  readonly governance?: GovernanceMode
  /**
   * `required`: every entry belongs to a tenant, and is only reached through `forTenant`. Tenants cannot see each
   * other's entries. @default 'none'
   */
  readonly tenant?: 'none' | 'required'
  /**
   * What a call does when a tier that it needs cannot answer. `open`: it goes on without that tier. `closed`: a read that
   * found nothing and a write that a shared tier did not take reject with a `TierError`. @default 'open'
   */
  readonly failure?: 'open' | 'closed'
  /**
   * Doubles the ttl of a value that a load found unchanged, and halves it when it has changed, within bounds. Needs
   * `grace` or `refreshAhead`, which keep the previous value to compare with. @default off
   */
  readonly adaptiveTtl?: AdaptiveTtlOptions | false
  /** Other names for this namespace; they share entries, policy and counters. @default none */
  readonly aliases?: readonly string[]
  /** Retires all entries of another version at once. Part of the storage key: letters, digits, `_`, `-` and `.`. @default '1' */
  readonly version?: string | number
  /** Checks entries that come from behind memory; one that does not fit is a miss and a `bad-record` event. @default none */
  readonly schema?: StandardSchema
  /** What a caller's change to a returned object can do. @default 'share' */
  readonly isolation?: Isolation
  /** Most of the memory tier that this namespace may take. @default all */
  readonly maxBytes?: Size
  /** Most entries that this namespace may hold in memory. @default unlimited */
  readonly maxEntries?: number
  /**
   * Entries go to the next tier of this process (the disk) when memory has no room for them, instead of being written
   * there at once. @default false
   */
  readonly demotion?: boolean
  /** Part of the memory tier that other namespaces cannot take. @default none */
  readonly reservedBytes?: Size
  /** Tags given to every entry of the namespace, besides those of the call. @default none */
  readonly tags?: readonly string[]
  /** Keeps plain keys and plain values in the tiers that can, shared with code that talks to the store directly. @default none */
  readonly raw?: RawOptions
}

/** How a namespace keeps plain keys and plain values. */
export interface RawOptions {
  /** What the plain keys start with, before the key itself; may be empty. @default the name of the namespace and a colon */
  readonly keyPrefix?: string
  /** What the plain values are: JSON, a text in UTF-8, or bytes. @default 'json' */
  readonly values?: RawValues
}

/** `json`: what `JSON.stringify` writes. `text`: strings, in UTF-8. `bytes`: `Uint8Array`, as it is. */
export type RawValues = 'json' | 'text' | 'bytes'

/** What `createCacheManager` takes. */
export interface CacheManagerOptions extends GuardOptions {
  /** The chain, fastest first. At least one; only the first may be in memory. */
  readonly tiers: readonly TierDefinition[]
  /** How entries live where neither the namespace nor the call says otherwise. @default see LifeOptions */
  readonly defaults?: LifeOptions & CoherenceOptions & TierTtlOptions & Pick<NamespaceOptions, 'isolation'>
  /** Options by namespace. Namespaces that are not listed use the defaults, unless `strictNamespaces`. @default none */
  readonly namespaces?: Readonly<Record<string, NamespaceOptions>>
  /** How rules are kept. @default see GovernanceOptions */
  readonly governance?: GovernanceOptions
  /** Refuse namespaces that are not listed. @default false */
  readonly strictNamespaces?: boolean
  /** First part of every storage key: letters, digits, `_`, `-` and `.`. @default 'tw' */
  readonly prefix?: string
  /** Tells instances of each other's changes where none of the tiers does: `threadBus` for the threads of a process. @default that of the first shared tier */
  readonly bus?: BusDefinition
  /** How values become bytes. @default 'msgpack' */
  readonly codec?: 'msgpack' | 'json' | ValueCodec
  /** Encrypts what leaves memory, with AES-256-GCM. @default none */
  readonly encryption?: EncryptionOptions
  /** What guards single tiers, by their names, where it differs from the rest. @default none */
  readonly guards?: Readonly<Record<string, GuardOptions>>
  /** Background refreshes that may run at once in this process; one too many is dropped. @default 64 */
  readonly maxRefreshes?: number
  /** Write-behind entries that may wait; beyond, writes go through. @default 10_000 */
  readonly maxPendingWrites?: number
  /**
   * Keeps times of operations, windows, hot keys and key families, in fixed memory; see `analytics`. Counters are kept in
   * any case. @default true
   */
  readonly statistics?: boolean
  /** Tiers without which this process is of no use: `health` says `down` and not `ready` while one of them cannot be used. @default none */
  readonly requiredTiers?: readonly string[]
  /** Clock, timers and random numbers, each replaceable; for tests. @default those of Node */
  readonly runtime?: Partial<Runtime>
}

/** What stands between the engine and a tier that is not in memory: for all tiers, or for one of them in `guards`. */
export interface GuardOptions {
  /** Deadline of one operation; a read that misses it is a miss, a write `failed`. @default '250ms' */
  readonly tierTimeout?: Duration
  /** Deadline of what takes longer: opening, closing and clearing a tier. Only `start`, `stop` and a hard `clear` wait for it. @default '5s' */
  readonly connectTimeout?: Duration
  /** How often a read is tried again, within its deadline, when the tier says that this may help. @default 1 */
  readonly retries?: number
  /** Operations under way at once; one too many is answered at once as a failure. @default 10_000 */
  readonly maxInFlight?: number
  /** When a failing tier is left alone for a while. @default see BreakerOptions */
  readonly breaker?: BreakerOptions
}

/**
 * When a failing tier is left alone for a while. Reads, writes and removals have a breaker each. One opens on the first
 * of: failures in a row, too large a share of failures, or silence, when an operation missed its deadline and nothing
 * has been answered since it was sent.
 */
export interface BreakerOptions {
  /** Failures in a row, within the window. @default 5 */
  readonly failures?: number
  /** Share of the operations in the window that failed, above 0 and at most 1. @default 0.5 */
  readonly failureRate?: number
  /** Operations in the window before their share of failures counts. @default 20 */
  readonly minCalls?: number
  /** The stretch of time that is looked back on. @default '10s' */
  readonly window?: Duration
  /** The longest pause before the tier is probed. The first is a tenth of it, each failed probe doubles it. @default '5s' */
  readonly openFor?: Duration
  /** Operations that have to be answered before the breaker closes; the first goes alone, and its caller does not wait. @default 3 */
  readonly probes?: number
}

/** Options of a single read. */
export interface ReadOptions {
  /** Names of the tiers this call may use, of those the namespace has. @default all */
  readonly tiers?: readonly string[]
  /** A consistency token from a write: the answer is at least as new, or none. @default none */
  readonly after?: string
  /** Ends the wait of this caller; others that share the load go on. @default none */
  readonly signal?: AbortSignal
}

/** Options of a single write. */
export interface WriteOptions extends Pick<LifeOptions, 'ttl' | 'grace' | 'jitter' | 'writeMode'> {
  /** Names of the tiers that take the value; the others of the namespace drop the key. @default all */
  readonly tiers?: readonly string[]
  /** Tags by which the entry can be invalidated. @default none */
  readonly tags?: readonly string[]
  /**
   * The version of the source that the value is of (a log position, a row version). A value older than the fence of an
   * invalidation is not stored, and the key is removed. Writes without it are ordered as they arrive. @default none
   */
  readonly sourceVersion?: number
}

/** Options of a single load. */
export interface LoadOptions extends LifeOptions, ReadOptions {
  /** Tags by which the loaded entry can be invalidated. @default none */
  readonly tags?: readonly string[]
  /** Load even if there is a fresh value, and not together with others. @default false */
  readonly forceFresh?: boolean
}
