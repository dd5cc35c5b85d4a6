import type { GovernanceRule } from './contract/governance.ts'

/** Stable codes. Match on these; messages may change. */
export type CacheErrorCode =
  /** `ConfigError`. Options contradict each other or the chain: two tiers of one name, a tier in memory that is not the first, a namespace name taken twice, more memory reserved than there is, rules that allow more than what they are laid on; or a configuration file has mistakes, which `issues` lists. Do: change what the message names. */
  | 'ERR_CACHE_CONFIG'
  /** `ConfigError`. An option is unknown or has a wrong value, at construction or at a call. Do: correct it; the message names path, value and what is allowed. */
  | 'ERR_CACHE_OPTION'
  /** `ConfigError`. A tier needs a package that is not installed. Do: install the package that the message names. */
  | 'ERR_CACHE_PEER_MISSING'
  /** `ConfigError`. `getCacheManager` was called before `initializeCacheManager`. Do: initialise once when the application starts. */
  | 'ERR_CACHE_NOT_INITIALIZED'
  /** `CacheError`. The manager was stopped before or during the call; a loader sees it as the reason of its signal, as a `TierError`. Do: create a new manager, or stop it after its last user. */
  | 'ERR_CACHE_STOPPED'
  /** `KeyError`. A key is not a string, empty, longer than 4096 characters or not well-formed Unicode, or arguments have no digest. Do: build keys from plain identifiers; give `wrap` a `key`. */
  | 'ERR_CACHE_KEY'
  /** `ValueError`. `undefined` was to be set. Do: store `null` for a known absence, or delete the key. */
  | 'ERR_CACHE_VALUE_UNDEFINED'
  /** `LicenseViolationError`. A ttl was asked for that is longer than the licence of the namespace allows. Do: ask for less, or correct `maxTtl`. */
  | 'ERR_CACHE_LICENSE'
  /** `PolicyViolationError`. A rule of the namespace forbids the call: its key, its tenant, its tags, its ttl, its tiers or the size of its value. Do: what the message says, or change the rule. */
  | 'ERR_CACHE_POLICY'
  /** `TierError`. A namespace with `failure: 'closed'`: a tier could not answer, and nothing else had the key; or a shared tier did not take a write. Do: as when the store itself is down; `cause` is not known, see `tier-error` events. */
  | 'ERR_CACHE_UNAVAILABLE'
  /** `LoaderError`. The loader failed and no stale value may stand in, `cause` is what it threw; or `notModified()` was called without a previous value (a `CacheError`). Do: look at `cause`; set `grace` to ride out failures. */
  | 'ERR_CACHE_LOADER'
  /** `AbortedError`. The caller's signal was aborted while it waited for a load; `cause` is its reason. Do: nothing, it was asked for. */
  | 'ERR_CACHE_ABORTED'
  /** `TimeoutError`. The loader took longer than `hardTimeout` and no stale value may stand in. Do: make it faster, raise `hardTimeout`, or set `grace`. */
  | 'ERR_CACHE_LOADER_TIMEOUT'
  /** `TimeoutError`. A tier took longer than `tierTimeout`, only in `tier-error` events; or a command of a `RedisManager` took longer than `commandTimeout`. Do: look at the tier; raise `tierTimeout` if this is normal for it. */
  | 'ERR_CACHE_TIER_TIMEOUT'
  /** `TimeoutError`. An `invalidate` with `barrier` could not find out in time which instances have applied it. Do: nothing for correctness, it is made and announced; ask again if you must know. */
  | 'ERR_CACHE_BARRIER'
  /** `TierError`. More operations are under way on a tier than `maxInFlight`, only in `tier-error` events; or a `RedisManager` has used up its `rateLimit`. Do: find out why it is slow or the load so high; raise the limit if this is normal. */
  | 'ERR_CACHE_TIER_BUSY'
  /** `TierError`. A tier failed to list its keys or cannot list them, or a `RedisManager` failed to read. Do: use tags instead of patterns, or leave the tier out of the namespace. */
  | 'ERR_CACHE_TIER_READ'
  /** `TierError`. A tier failed to write; only in `tier-error` events, the write itself says `failed`; or a `RedisManager` failed to write. Do: look at `cause`; the tier is not read for these keys until it has heard of the change. */
  | 'ERR_CACHE_TIER_WRITE'
  /** `TierError`. `start()` could not open a tier, or a `RedisManager` could not connect. Do: look at `cause`; without `start()` the cache goes on without the tier and tries again. */
  | 'ERR_CACHE_TIER_OPEN'
  /** `TierError`. A materialized view could not be refreshed; a scheduled refresh tells it as a `tier-notice` and tries again. Do: look at `cause`; the role has to own the view. */
  | 'ERR_CACHE_VIEW_REFRESH'
  /** `TierError`. A tier was used before it was opened or after it was closed. Do: use it through a manager; a tier of your own rejects with it after `close`. */
  | 'ERR_CACHE_TIER_CLOSED'
  /** `CoordinationError`. A lock was lost while it was held: it could not be renewed in time, or somebody else holds it; the reason of its `signal`. Do: stop the work, and give its writes the fence. */
  | 'ERR_CACHE_LOCK_LOST'
  /** `TimeoutError`. A lock was not free within `wait`. Do: try again later, wait longer, or hold it shorter. */
  | 'ERR_CACHE_LOCK_TIMEOUT'
  /** `CoordinationError`. A limiter has no room, and none within the time to wait; `retryAfterMs` says when. Do: try again then. */
  | 'ERR_CACHE_LIMIT_EXCEEDED'
  /** `CodecError`. A value has no faithful bytes: a function, a symbol, a class instance, a cycle, more than 256 levels. Do: store plain data; the message has the path of the part. */
  | 'ERR_CACHE_ENCODE'
  /** `CodecError`. Stored bytes are damaged, foreign, of another key, or encrypted with an unknown key; only in `bad-record` events, the read is a miss. Do: nothing for one record; many mean a wrong key or a store shared with something else. */
  | 'ERR_CACHE_DECODE'
  /** `CodecError`. Stored bytes were written by a newer version of this library; only in `bad-record` events, the read is a miss. Do: upgrade all processes that share the tier. */
  | 'ERR_CACHE_FORMAT_NEWER'

export interface CacheErrorFields {
  readonly code: CacheErrorCode
  /** What was being done: `get`, `getOrSet`, `open`. */
  readonly operation?: string
  readonly tier?: string
  readonly namespace?: string
  /** Never a value or a credential. */
  readonly key?: string
  /** Whether trying again may help. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

const brand = Symbol.for('tierwise.CacheError')

/** Base of all errors of this library. `instanceof` holds across copies of the package. */
export class CacheError extends Error {
  override readonly name: string = 'CacheError'
  readonly code: CacheErrorCode
  readonly operation: string | undefined
  readonly tier: string | undefined
  readonly namespace: string | undefined
  readonly key: string | undefined
  readonly retryable: boolean

  constructor(message: string, fields: CacheErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.code = fields.code
    this.operation = fields.operation
    this.tier = fields.tier
    this.namespace = fields.namespace
    this.key = fields.key
    this.retryable = fields.retryable ?? false
    Object.defineProperty(this, brand, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false
    if (this === CacheError) return (value as Record<symbol, unknown>)[brand] === true
    return this.prototype.isPrototypeOf(value)
  }
}

/** A wrong or contradictory option, a missing peer package, a manager used before it exists. */
export class ConfigError extends CacheError {
  override readonly name: string = 'ConfigError'
}

/** A key that cannot be used: empty, not a string, too long. */
export class KeyError extends CacheError {
  override readonly name: string = 'KeyError'
}

/** A value that cannot be cached: `undefined`, or larger than allowed. */
export class ValueError extends CacheError {
  override readonly name: string = 'ValueError'
}

/** The loader failed and there was nothing stale to serve; `cause` is what it threw. */
export class LoaderError extends CacheError {
  override readonly name: string = 'LoaderError'
}

/** A deadline passed. */
export class TimeoutError extends CacheError {
  override readonly name: string = 'TimeoutError'
}

/** The caller's own signal was aborted; `cause` is its reason. */
export class AbortedError extends CacheError {
  override readonly name: string = 'AbortedError'
}

/** A tier failed. Reads report it as an event; writes reject only where the tier is required. */
export class TierError extends CacheError {
  override readonly name: string = 'TierError'
}

/** The outcome of a primitive that its caller has to see: a lost lock, a limit that is used up. */
export class CoordinationError extends CacheError {
  override readonly name: string = 'CoordinationError'
  /** With ERR_CACHE_LIMIT_EXCEEDED: when there will be room; `Infinity` for never. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, fields: CacheErrorFields & { readonly retryAfterMs?: number }) {
    super(message, fields)
    this.retryAfterMs = fields.retryAfterMs
  }
}

/** Bytes that cannot become an entry, or a value that cannot become bytes. */
export class CodecError extends CacheError {
  override readonly name: string = 'CodecError'
}

/** A rule of the namespace forbids a call. */
export class PolicyViolationError extends CacheError {
  override readonly name: string = 'PolicyViolationError'
  readonly rule: GovernanceRule

  constructor(message: string, rule: GovernanceRule, fields: Omit<CacheErrorFields, 'code'> = {}) {
    super(message, { ...fields, code: 'ERR_CACHE_POLICY' })
    this.rule = rule
  }
}

export interface LicenseViolation {
  readonly licenseSource: string
  readonly requestedTtlMs: number
  readonly maxAllowedTtlMs: number
}

/** A ttl longer than the licence of the data allows. */
export class LicenseViolationError extends CacheError {
  override readonly name: string = 'LicenseViolationError'
  readonly violationType = 'cache_ttl_exceeded'
  readonly licenseSource: string
  readonly requestedTtlMs: number
  readonly maxAllowedTtlMs: number
  readonly ttlHours: number

  constructor(message: string, violation: LicenseViolation, fields: Omit<CacheErrorFields, 'code'> = {}) {
    super(message, { ...fields, code: 'ERR_CACHE_LICENSE' })
    this.licenseSource = violation.licenseSource
    this.requestedTtlMs = violation.requestedTtlMs
    this.maxAllowedTtlMs = violation.maxAllowedTtlMs
    this.ttlHours = violation.requestedTtlMs / 3_600_000
  }
}
