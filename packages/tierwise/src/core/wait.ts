import type { Timer } from '../contract/runtime.ts'
import { AbortedError, TimeoutError } from '../errors.ts'
import type { Flight, Landing } from './flight.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'

export interface Caller {
  readonly policy: Policy
  readonly signal: AbortSignal | undefined
}

/**
 * How one caller waits for a flight: at most `softTimeout` while a stale value is at hand, at most `hardTimeout` in any
 * case, and no longer than its own signal lets it. Leaving does not disturb the others; the load is aborted when every
 * caller has aborted.
 */
export function awaitLanding(ns: Namespace, flight: Flight, caller: Caller): Promise<Landing> {
  const { policy, signal } = caller
  flight.join()
  const isPlain = policy.softTimeoutMs === Infinity && policy.hardTimeoutMs === Infinity && signal === undefined
  return isPlain ? flight.landing : new Wait(ns, flight, policy).until(signal)
}

class Wait {
  readonly #ns: Namespace
  readonly #flight: Flight
  readonly #policy: Policy
  readonly #timers: Timer[] = []

  constructor(ns: Namespace, flight: Flight, policy: Policy) {
    this.#ns = ns
    this.#flight = flight
    this.#policy = policy
  }

  until(signal: AbortSignal | undefined): Promise<Landing> {
    return new Promise<Landing>((resolve, reject) => {
      const onAbort = (): void => {
        this.#flight.leave(signal?.reason)
        reject(this.#aborted(signal?.reason))
      }
      if (signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#after(this.#policy.softTimeoutMs, () => void this.#flight.lookedUp.then(() => this.#serveStale(resolve)))
      this.#after(this.#policy.hardTimeoutMs, () => this.#serveStale(resolve) || reject(this.#late()))
      const done = (): void => {
        for (const timer of this.#timers) timer.cancel()
        signal?.removeEventListener('abort', onAbort)
      }
      this.#flight.landing.then(resolve, reject)
      this.#flight.landing.then(done, done)
    })
  }

  #after(ms: number, run: () => void): void {
    if (ms !== Infinity) this.#timers.push(this.#ns.engine.runtime.timers.after(ms, run))
  }

  #serveStale(resolve: (landing: Landing) => void): boolean {
    const landing = staleLanding(this.#ns, this.#flight)
    if (landing === undefined) return false
    resolve(landing)
    return true
  }

  #late(): TimeoutError {
    return new TimeoutError(
      `The loader of \`${this.#flight.key}\` in namespace \`${this.#ns.name}\` did not answer within ${this.#policy.hardTimeoutMs} ms, and there is no stale value. ` +
        'Raise `hardTimeout`, or set `grace` so that an older value can stand in.',
      {
        code: 'ERR_CACHE_LOADER_TIMEOUT',
        operation: 'getOrSet',
        namespace: this.#ns.name,
        key: this.#flight.key,
        retryable: true,
      },
    )
  }

  #aborted(reason: unknown): AbortedError {
    return new AbortedError(`The caller's signal ended the wait for \`${this.#flight.key}\`.`, {
      code: 'ERR_CACHE_ABORTED',
      operation: 'getOrSet',
      namespace: this.#ns.name,
      key: this.#flight.key,
      cause: reason,
    })
  }
}

/** The value the cache still holds for the flight's key, if it may still be used. */
export function staleLanding(ns: Namespace, flight: Flight): Landing | undefined {
  const { previous, previousTier } = flight
  if (previous === undefined || ns.now() >= previous.usableUntil || !ns.tags.accepts(previous)) return undefined
  return { value: previous.value, stale: true, tier: previousTier, tags: previous.tags, tagClock: previous.tagClock }
}
