import { Breaker, type BreakerSettings } from '../base/breaker.ts'
import { withDeadline } from '../base/deadline.ts'
import { SharedTimers } from '../base/shared-timers.ts'
import type { CoordinationStore } from '../contract/coordination.ts'
import type { BreakerReason, BreakerState } from '../contract/events.ts'
import type { Clock, Timers } from '../contract/runtime.ts'
import { CacheError, TierError, TimeoutError } from '../errors.ts'

export interface StoreGuardParts {
  readonly store: CoordinationStore
  readonly clock: Clock
  readonly timers: Timers
  readonly timeoutMs: number
  readonly breaker: BreakerSettings
  readonly onBreaker: (state: BreakerState, reason: BreakerReason) => void
}

/** One step of a store; `isLocal` when it is one in this process that stands in. */
export type Step<T> = (store: CoordinationStore, isLocal: boolean) => Promise<T>

/** A key that no primitive has: reading it changes nothing. */
const probeKey = 'probe'

/**
 * What stands between the primitives and their store: a deadline for each step, and a breaker, so that a store that is dead
 * costs one deadline and not one for each call.
 *
 * A step is never the probe that finds out whether the store is back: a step that was taken although its caller was told
 * otherwise would be an increment or a claim that nobody knows of. The probe reads a key that does not exist.
 */
export class StoreGuard {
  readonly #parts: StoreGuardParts
  readonly #breaker: Breaker
  readonly #deadlines: SharedTimers
  #isClosed = false

  constructor(parts: StoreGuardParts) {
    this.#parts = parts
    this.#breaker = new Breaker({ ...parts.breaker, probes: 1 }, parts.clock, parts.onBreaker)
    this.#deadlines = new SharedTimers(parts)
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  /** @throws TierError ERR_CACHE_UNAVAILABLE when the store could not be asked in time; what the store refuses is passed on */
  async run<T>(operation: string, step: Step<T>): Promise<T> {
    if (this.#isClosed) throw this.#stopped(operation)
    if (this.#breaker.state !== 'closed') {
      this.#probe()
      throw this.#unavailable(operation)
    }
    return this.#send(operation, step, this.#breaker.admit())
  }

  /** From here on every step is refused. */
  close(): void {
    this.#isClosed = true
    this.#deadlines.close()
  }

  async #send<T>(operation: string, step: Step<T>, pass: number): Promise<T> {
    const { store, clock, timeoutMs } = this.#parts
    const sentAt = clock.now()
    const running = begun(step, store)
    try {
      const error = (): Error => this.#late(operation)
      const answer = await withDeadline(running, timeoutMs, { timers: this.#deadlines, error })
      this.#breaker.succeeded(pass)
      return answer
    } catch (error) {
      if (isRefusal(error)) {
        this.#breaker.succeeded(pass)
        throw error
      }
      const isLate = error instanceof TimeoutError
      this.#breaker.failed(pass, isLate ? sentAt : undefined)
      if (isLate) void running.then(() => this.#breaker.answeredLate()).catch(() => {})
      throw this.#isClosed ? this.#stopped(operation) : this.#unavailable(operation, error)
    }
  }

  #probe(): void {
    if (this.#breaker.isShut) return
    const pass = this.#breaker.admit()
    if (pass === 0) return
    this.#send('probe', (store) => store.read(probeKey), pass).catch(() => {})
  }

  #late(operation: string): TimeoutError {
    const { store, timeoutMs } = this.#parts
    return new TimeoutError(`Coordination store \`${store.name}\` did not answer within ${timeoutMs} ms.`, {
      code: 'ERR_CACHE_TIER_TIMEOUT',
      tier: store.name,
      operation,
      retryable: true,
    })
  }

  #unavailable(operation: string, cause?: unknown): TierError {
    const { name } = this.#parts.store
    const why = cause === undefined ? 'failed before and is left alone for a moment' : 'could not be asked'
    return new TierError(`Coordination store \`${name}\` ${why}.`, {
      code: 'ERR_CACHE_UNAVAILABLE',
      tier: name,
      operation,
      retryable: true,
      cause,
    })
  }

  #stopped(operation: string): CacheError {
    return new CacheError('This coordination was stopped.', { code: 'ERR_CACHE_STOPPED', operation })
  }
}

/** A store that throws instead of rejecting has failed like any other: the breaker has to hear of it. */
async function begun<T>(step: Step<T>, store: CoordinationStore): Promise<T> {
  return step(store, false)
}

/** The store has answered, and the answer is no: another kind of state, no number, out of range. */
function isRefusal(error: unknown): boolean {
  return error instanceof CacheError && !error.retryable && !(error instanceof TimeoutError)
}

/** Whether an error says that the store could not be asked. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE'
}
