/** Stable codes. Match on these; messages may change. */
export type CacheErrorCode =
  | 'ERR_CACHE_CONFIG'
  | 'ERR_CACHE_OPTION'
  | 'ERR_CACHE_PEER_MISSING'
  | 'ERR_CACHE_NOT_INITIALIZED'
  | 'ERR_CACHE_STOPPED'
  | 'ERR_CACHE_KEY'
  | 'ERR_CACHE_VALUE_UNDEFINED'
  | 'ERR_CACHE_VALUE_TOO_LARGE'
  | 'ERR_CACHE_LICENSE'
  | 'ERR_CACHE_LOADER'
  | 'ERR_CACHE_ABORTED'
  | 'ERR_CACHE_LOADER_TIMEOUT'
  | 'ERR_CACHE_TIER_TIMEOUT'
  | 'ERR_CACHE_TIER_READ'
  | 'ERR_CACHE_TIER_WRITE'
  | 'ERR_CACHE_TIER_OPEN'
  | 'ERR_CACHE_TIER_CLOSED'
  | 'ERR_CACHE_BREAKER_OPEN'
  | 'ERR_CACHE_ENCODE'
  | 'ERR_CACHE_DECODE'
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

/** Bytes that cannot become an entry, or a value that cannot become bytes. */
export class CodecError extends CacheError {
  override readonly name: string = 'CodecError'
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
