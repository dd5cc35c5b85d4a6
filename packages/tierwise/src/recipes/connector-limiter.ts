import {
  duration,
  numberIn,
  oneOf,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  text,
} from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import type { Coordination, LimitAlgorithm, LimitDecision, RateLimiter } from '../coordination/index.ts'
import { CacheError } from '../index.ts'
import type { Duration } from '../index.ts'

/** How often an endpoint may be called by all processes together. */
export interface EndpointLimit {
  /** Calls in a period, or tokens where calls differ. A positive whole number. @default 10 */
  readonly limit?: number
  /** @default '60s' */
  readonly period?: Duration
  /**
   * `token-bucket`: `limit` at once, refilled evenly, so up to twice the limit in the first period. `sliding-window`: never more than
   * the limit in any stretch of a period, for endpoints that count so themselves. @default 'token-bucket'
   */
  readonly algorithm?: LimitAlgorithm
}

/** What `connectorLimiter` takes. */
export interface ConnectorLimiterOptions extends EndpointLimit {
  /** Of the state: limiters of one name are one. @default 'rate_limiter' */
  readonly name?: string
  /** Endpoints that differ; each says only in what. @default none */
  readonly endpoints?: Readonly<Record<string, EndpointLimit>>
  /**
   * When the store cannot be asked: `local` counts in this process, against its `share`; `closed` refuses; `open` allows
   * everything. @default 'local'
   */
  readonly failure?: 'local' | 'closed' | 'open'
  /** This process's part of each limit with `local`: one divided by the number of processes. Above 0 and at most 1. Required with `local`. */
  readonly share?: number
  /** Epoch milliseconds of the wall clock, for `resetAt`; for tests. @default that of Node */
  readonly now?: () => number
}

/** How much is left of an endpoint's limit. */
export interface EndpointStatus {
  /** Tokens in a period; with `assumed` the share of this process. */
  readonly limit: number
  readonly periodMs: number
  /** Whole tokens that could be taken now. */
  readonly remaining: number
  /** When all of them can be taken again, in milliseconds. */
  readonly resetAfterMs: number
  /** The same in epoch milliseconds, by the wall clock of this process. */
  readonly resetAt: number
  /** The store was not asked: it was counted in this process (`local`) or not at all (`open`). */
  readonly assumed: boolean
}

/**
 * Whether a call may be made. It is an object, so a check of the promise, or of the outcome itself, says nothing: only
 * `(await limiter.acquire(endpoint)).allowed` does.
 */
export type Acquisition =
  | (EndpointStatus & { readonly allowed: true })
  | (EndpointStatus & {
      readonly allowed: false
      readonly reason: 'limited'
      /** When as much can be taken, in milliseconds; `Infinity` when it is more than there ever is. */
      readonly retryAfterMs: number
    })
  /** The store could not be asked, with `closed`. */
  | { readonly allowed: false; readonly reason: 'unavailable' }

/** How to wait for a call. */
export interface ConnectorWaitOptions {
  /** A positive whole number. @default 1 */
  readonly tokens?: number
  /** @default '60s' */
  readonly timeout?: Duration
  /** Ends the wait. */
  readonly signal?: AbortSignal
}

/** Limits of what a connector may ask of another system, shared by all processes and exact. */
export interface ConnectorLimiter {
  /** Takes tokens if there are enough, else none. @throws RangeError when `tokens` is no positive whole number */
  acquire(endpoint: string, tokens?: number): Promise<Acquisition>
  /** Takes nothing. @throws TierError ERR_CACHE_UNAVAILABLE with `closed` */
  status(endpoint: string): Promise<EndpointStatus>
  /**
   * Waits until there is room, and takes it.
   *
   * @throws CoordinationError ERR_CACHE_LIMIT_EXCEEDED at once when there will be none within `timeout`; `retryAfterMs` says when
   * @throws AbortedError ERR_CACHE_ABORTED
   * @throws TierError ERR_CACHE_UNAVAILABLE with `closed`
   */
  waitIfNeeded(endpoint: string, options?: ConnectorWaitOptions): Promise<EndpointStatus>
  /** As if nothing had been taken. */
  reset(endpoint: string): Promise<void>
  /** The function, each call of which waits for its turn as `waitIfNeeded` does: nothing to check, nothing to forget. */
  wrap<A extends unknown[], R>(
    endpoint: string,
    call: (...args: A) => R | Promise<R>,
    options?: ConnectorWaitOptions,
  ): (...args: A) => Promise<R>
}

/**
 * Keeps a connector within the limits of the system that it calls, an ERP system for example: so many calls a minute of
 * each endpoint, whichever process makes them.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const limiter = connectorLimiter(coordination, { share: 1 / 4, endpoints: { 'sap/orders': { limit: 30 } } })
 * const orders = limiter.wrap('sap/orders', (page: number) => fetch(`${sap}/orders?page=${page}`))
 */
export function connectorLimiter(coordination: Coordination, options: ConnectorLimiterOptions): ConnectorLimiter {
  return new SharedConnectorLimiter(coordination, options)
}

const path = 'connectorLimiter'
const endpointTable = {
  limit: positiveInteger,
  period: duration,
  algorithm: oneOf('token-bucket', 'gcra', 'fixed-window', 'sliding-window'),
}
const table = {
  ...endpointTable,
  name: text,
  endpoints: shaped('an object of endpoints', (raw): raw is object => typeof raw === 'object' && raw !== null),
  failure: oneOf('local', 'closed', 'open'),
  share: numberIn({ min: 0, max: 1 }),
  now: shaped('a function', (raw): raw is () => number => typeof raw === 'function'),
}

class SharedConnectorLimiter implements ConnectorLimiter {
  readonly #standard: RateLimiter
  readonly #own: ReadonlyMap<string, RateLimiter>
  readonly #now: () => number

  constructor(coordination: Coordination, raw: ConnectorLimiterOptions) {
    readOptions<object>(raw, path, table)
    const { name = 'rate_limiter', endpoints = {}, failure = 'local', share, now = wallClock } = raw
    if (failure === 'local' && (share === undefined || share === 0))
      throw optionError(`${path}.share`, share, 'above 0 and at most 1 with `failure: local`')
    const { limit = 10, period = '60s', algorithm = 'token-bucket' } = raw
    const limiterOf = (own: EndpointLimit): RateLimiter =>
      coordination.rateLimiter(name, {
        limit: own.limit ?? limit,
        period: own.period ?? period,
        algorithm: own.algorithm ?? algorithm,
        failure,
        ...(share === undefined ? {} : { share }),
      })
    const own = Object.entries(endpoints).map(([endpoint, limits]) => {
      readOptions<object>(limits, `${path}.endpoints.${endpoint}`, endpointTable)
      return [endpoint, limiterOf(limits)] as const
    })
    this.#standard = limiterOf({})
    this.#own = new Map(own)
    this.#now = now
  }

  async acquire(endpoint: string, tokens = 1): Promise<Acquisition> {
    try {
      const decision = await this.#limiterOf(endpoint).consume(endpoint, { cost: tokens })
      const status = this.#statusOf(decision)
      if (decision.allowed) return { ...status, allowed: true }
      return { ...status, allowed: false, reason: 'limited', retryAfterMs: decision.retryAfterMs }
    } catch (error) {
      if (error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE')
        return { allowed: false, reason: 'unavailable' }
      throw error
    }
  }

  async status(endpoint: string): Promise<EndpointStatus> {
    return this.#statusOf(await this.#limiterOf(endpoint).peek(endpoint))
  }

  async waitIfNeeded(endpoint: string, options: ConnectorWaitOptions = {}): Promise<EndpointStatus> {
    const { tokens = 1, ...waiting } = options
    return this.#statusOf(await this.#limiterOf(endpoint).waitIfNeeded(endpoint, { ...waiting, cost: tokens }))
  }

  reset(endpoint: string): Promise<void> {
    return this.#limiterOf(endpoint).reset(endpoint)
  }

  wrap<A extends unknown[], R>(
    endpoint: string,
    call: (...args: A) => R | Promise<R>,
    options?: ConnectorWaitOptions,
  ): (...args: A) => Promise<R> {
    return async (...args) => {
      await this.waitIfNeeded(endpoint, options)
      return call(...args)
    }
  }

  #limiterOf(endpoint: string): RateLimiter {
    return this.#own.get(endpoint) ?? this.#standard
  }

  #statusOf({ limit, periodMs, remaining, resetAfterMs, assumed }: LimitDecision): EndpointStatus {
    return { limit, periodMs, remaining, resetAfterMs, resetAt: this.#now() + resetAfterMs, assumed }
  }
}
