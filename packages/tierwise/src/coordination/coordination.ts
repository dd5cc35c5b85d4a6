import type { CoordinationStore } from '../contract/coordination.ts'
import type { BreakerState } from '../contract/events.ts'
import { CacheError, ConfigError, TierError } from '../errors.ts'
import { Keys, type PrimitiveKind } from './keys.ts'
import { memoryCoordination } from './memory/memory-coordination.ts'
import { endOf, readCoordinationOptions, readPrimitiveOptions } from './options.ts'
import type {
  ClaimsOptions,
  CoordinationEvent,
  CoordinationOptions,
  CoordinationSettings,
  CounterOptions,
  LivedOptions,
  LockOptions,
  PrimitiveOptions,
  SortedSetOptions,
  WatermarkOptions,
} from './options.ts'
import { StoredChannel, type Channel } from './primitives/channel.ts'
import { StoredClaims, type Claims } from './primitives/claims.ts'
import { StoredCounter, type Counter } from './primitives/counter.ts'
import { StoredHash, type Hash } from './primitives/hash.ts'
import type { HeldLock } from './primitives/holding.ts'
import { readLimiterOptions, type RateLimiterOptions } from './primitives/limit-options.ts'
import { StoredLock, type Lock } from './primitives/lock.ts'
import { StoredMemberSet, type MemberSet } from './primitives/member-set.ts'
import { StoredRateLimiter, type RateLimiter } from './primitives/rate-limiter.ts'
import { StoredRegister, type Register } from './primitives/register.ts'
import { StoredSortedSet, type SortedSet } from './primitives/sorted-set.ts'
import { StoredWatermark, type Watermark } from './primitives/watermark.ts'
import { Steps, type CoordinationFailure, type StepCounts, type StepTally } from './steps.ts'
import { StoreGuard } from './store-guard.ts'

/** What became of the steps of one primitive. */
export interface PrimitiveStats extends StepCounts {
  readonly primitive: PrimitiveKind
  readonly name: string
}

/** How a coordination is. */
export interface CoordinationStats {
  /** Name of the store. */
  readonly store: string
  /** Whether the store is asked. */
  readonly breaker: BreakerState
  /** One for each kind and name that was asked for. */
  readonly primitives: readonly PrimitiveStats[]
}

/**
 * State that processes agree on, in one store. Each primitive has a name, and holds any number of ids; the same kind and name
 * is the same state, whichever process asks.
 *
 * Every call rejects with a `TierError` ERR_CACHE_UNAVAILABLE when the store cannot be asked, unless `failure` says
 * otherwise, and with a `KeyError` ERR_CACHE_KEY for what cannot be an id.
 */
export interface Coordination extends AsyncDisposable {
  /** Whole numbers that many add to. @throws ConfigError ERR_CACHE_OPTION */
  counter(name: string, options?: CounterOptions): Counter
  /** Single values, each changed in atomic steps. @throws ConfigError ERR_CACHE_OPTION */
  register<V = unknown>(name: string, options?: LivedOptions): Register<V>
  /** Sets whose members end one by one. @throws ConfigError ERR_CACHE_OPTION */
  memberSet(name: string, options?: LivedOptions): MemberSet
  /** Records whose fields change together. @throws ConfigError ERR_CACHE_OPTION */
  hash<T extends object = Record<string, unknown>>(name: string, options?: LivedOptions): Hash<T>
  /** Lists that are sorted by a number. @throws ConfigError ERR_CACHE_OPTION */
  sortedSet(name: string, options?: SortedSetOptions): SortedSet
  /** Work that is to be done once. @throws ConfigError ERR_CACHE_OPTION */
  claims<R = undefined>(name: string, options?: ClaimsOptions): Claims<R>
  /** How far something has come. @throws ConfigError ERR_CACHE_CONFIG when the store forgets and `allowVolatile` is not set */
  watermark(name: string, options?: WatermarkOptions): Watermark
  /** Messages to whoever listens now. @throws ConfigError ERR_CACHE_OPTION */
  channel<V = unknown>(name: string, options?: PrimitiveOptions): Channel<V>
  /** One holder at a time. @throws ConfigError ERR_CACHE_OPTION */
  lock(name: string, options?: LockOptions): Lock
  /** How often something may be done. @throws ConfigError ERR_CACHE_OPTION */
  rateLimiter(name: string, options: RateLimiterOptions): RateLimiter
  /** Steps since the start, by kind and name, and how the breaker is. */
  stats(): CoordinationStats
  /** Opens the store, and says when it cannot be opened; the first use opens it too. @throws TierError ERR_CACHE_TIER_OPEN */
  start(): Promise<void>
  /** Gives up the locks that are held, and closes the store. Idempotent. */
  stop(): Promise<void>
}

/**
 * Primitives that many processes share: counters, locks, limits, claims and more, each step atomic in the store.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * await using coordination = createCoordination()
 * const logins = coordination.counter('logins', { window: '1h' })
 * console.log(await logins.increment('ada'), await logins.increment('ada')) // => 1 2
 */
export function createCoordination(options: CoordinationOptions = {}): Coordination {
  return new StoreCoordination(readCoordinationOptions(options))
}

/** Names that are told apart in the statistics. */
const mostNames = 1000
const otherNames = 'other'

class StoreCoordination implements Coordination {
  readonly #settings: CoordinationSettings
  readonly #store: CoordinationStore
  readonly #guard: StoreGuard
  readonly #tallies = new Map<string, StepTally & { readonly primitive: PrimitiveKind; readonly name: string }>()
  readonly #held = new Set<HeldLock>()
  #local: CoordinationStore | undefined
  #stopped: Promise<void> | undefined

  constructor(settings: CoordinationSettings) {
    const { runtime, timeoutMs, breaker } = settings
    this.#settings = settings
    this.#store = settings.store ?? memoryCoordination({ runtime })
    this.#guard = new StoreGuard({
      store: this.#store,
      ...runtime,
      timeoutMs,
      breaker,
      onBreaker: (state, reason) => this.#tell({ type: 'breaker', state, reason }),
    })
  }

  counter(name: string, options: CounterOptions = {}): Counter {
    const { failure, window } = readPrimitiveOptions('counter', name, options)
    return new StoredCounter(new Keys('counter', name), this.#stepsOf('counter', name, failure), window)
  }

  register<V = unknown>(name: string, options: LivedOptions = {}): Register<V> {
    const { failure, ttl } = readPrimitiveOptions('register', name, options)
    return new StoredRegister<V>(new Keys('register', name), this.#stepsOf('register', name, failure), endOf(ttl))
  }

  memberSet(name: string, options: LivedOptions = {}): MemberSet {
    const { failure, ttl } = readPrimitiveOptions('set', name, options)
    return new StoredMemberSet(new Keys('set', name), this.#stepsOf('set', name, failure), endOf(ttl))
  }

  hash<T extends object = Record<string, unknown>>(name: string, options: LivedOptions = {}): Hash<T> {
    const { failure, ttl } = readPrimitiveOptions('hash', name, options)
    return new StoredHash<T>(new Keys('hash', name), this.#stepsOf('hash', name, failure), endOf(ttl))
  }

  sortedSet(name: string, options: SortedSetOptions = {}): SortedSet {
    const { failure, ttl, keep } = readPrimitiveOptions('sorted-set', name, options)
    const steps = this.#stepsOf('sorted-set', name, failure)
    return new StoredSortedSet(new Keys('sorted-set', name), steps, { keep, ttlMs: endOf(ttl) })
  }

  claims<R = undefined>(name: string, options: ClaimsOptions = {}): Claims<R> {
    const { failure, lease = 60_000, keep = 86_400_000 } = readPrimitiveOptions('claim', name, options)
    const steps = this.#stepsOf('claim', name, failure)
    return new StoredClaims<R>(new Keys('claim', name), steps, {
      leaseMs: lease,
      keepMs: keep,
      timers: this.#settings.runtime.timers,
    })
  }

  watermark(name: string, options: WatermarkOptions = {}): Watermark {
    const { allowVolatile = false } = readPrimitiveOptions('watermark', name, options)
    const { shared, durable } = this.#store.capabilities
    if (!shared && !durable && !allowVolatile)
      throw new ConfigError(
        `Watermark \`${name}\` would be forgotten when this process ends: give \`createCoordination\` a store that is kept, or say \`allowVolatile: true\`.`,
        { code: 'ERR_CACHE_CONFIG' },
      )
    return new StoredWatermark(new Keys('watermark', name), this.#stepsOf('watermark', name, 'closed'))
  }

  channel<V = unknown>(name: string, options: PrimitiveOptions = {}): Channel<V> {
    const { failure } = readPrimitiveOptions('channel', name, options)
    const onError = (error: unknown): void => this.#tell({ type: 'listener-failed', name, error })
    return new StoredChannel<V>(new Keys('channel', name), this.#stepsOf('channel', name, failure), onError)
  }

  lock(name: string, options: LockOptions = {}): Lock {
    const { failure, ttl = 30_000, wait = 10_000 } = readPrimitiveOptions('lock', name, options)
    return new StoredLock({
      keys: new Keys('lock', name),
      steps: this.#stepsOf('lock', name, failure),
      settings: { ttlMs: ttl, waitMs: wait },
      ...this.#settings.runtime,
      held: this.#held,
      onLost: (id) => this.#tell({ type: 'lock-lost', name, id }),
    })
  }

  rateLimiter(name: string, options: RateLimiterOptions): RateLimiter {
    const settings = readLimiterOptions(options, `limiter ${name}`, this.#settings.failure)
    const steps = this.#stepsOf('limiter', name, settings.failure)
    return new StoredRateLimiter({ keys: new Keys('limiter', name), steps, settings, ...this.#settings.runtime })
  }

  stats(): CoordinationStats {
    return { store: this.#store.name, breaker: this.#guard.state, primitives: [...this.#tallies.values()].map(copyOf) }
  }

  async start(): Promise<void> {
    try {
      await this.#store.open()
    } catch (error) {
      if (error instanceof CacheError && error.code !== 'ERR_CACHE_TIER_READ') throw error
      throw new TierError(`Coordination store \`${this.#store.name}\` could not be opened.`, {
        code: 'ERR_CACHE_TIER_OPEN',
        tier: this.#store.name,
        operation: 'open',
        retryable: true,
        cause: error,
      })
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#held].map((lock) => lock.release()))
    this.#guard.close()
    await Promise.all([this.#store.close(), this.#local?.close()])
  }

  #stepsOf(primitive: PrimitiveKind, name: string, own: CoordinationFailure | undefined): Steps {
    return new Steps({
      guard: this.#guard,
      local: () => (this.#local ??= memoryCoordination({ name: 'local', runtime: this.#settings.runtime })),
      failure: own ?? this.#standardFor(primitive),
      onDegraded: (step) => this.#tell({ type: 'degraded', primitive, name, ...step }),
      tally: this.#tallyOf(primitive, name),
    })
  }

  /** Names are chosen in code; one who makes them of ids must not fill the memory. */
  #tallyOf(primitive: PrimitiveKind, asked: string): StepTally {
    const isKnown = this.#tallies.has(`${primitive}:${asked}`) || this.#tallies.size < mostNames
    const name = isKnown ? asked : otherNames
    const id = `${primitive}:${name}`
    const tally = this.#tallies.get(id) ?? { primitive, name, calls: 0, unavailable: 0, local: 0, assumed: 0 }
    this.#tallies.set(id, tally)
    return tally
  }

  /** Primitives that cannot go on without their store stay closed when all others are open. */
  #standardFor(primitive: PrimitiveKind): CoordinationFailure {
    const { failure } = this.#settings
    return failure === 'open' && (primitive === 'lock' || primitive === 'counter') ? 'closed' : failure
  }

  #tell(event: CoordinationEvent): void {
    try {
      this.#settings.onEvent?.(event)
    } catch {
      // Who listens must not change what happens.
    }
  }
}

function copyOf(tally: PrimitiveStats): PrimitiveStats {
  return { ...tally }
}
