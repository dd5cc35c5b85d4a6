import type { Clock } from '../contract/runtime.ts'

/**
 * What became of the last load of a key. `backoff`: it failed while a stale value was at hand, which is served without
 * another try. `failed`: it failed, and the error is repeated. `absent`: the source has no such value.
 */
export type Failure = { readonly kind: 'backoff' | 'failed'; readonly error: unknown } | { readonly kind: 'absent' }

interface Remembered {
  readonly failure: Failure
  readonly until: number
}

/** Oldest first out; a memory of failures must not become a leak of its own. */
const most = 10_000

/** Failed loads, kept for a while (`graceBackoff`, `negativeTtl`). Only in this process, never in a tier. */
export class Failures {
  readonly #clock: Clock
  readonly #byKey = new Map<string, Remembered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#byKey.size
  }

  remember(key: string, failure: Failure, forMs: number): void {
    this.#byKey.delete(key)
    if (forMs <= 0) return
    if (this.#byKey.size >= most) this.#dropOldest()
    this.#byKey.set(key, { failure, until: this.#clock.now() + forMs })
  }

  recall(key: string): Failure | undefined {
    if (this.#byKey.size === 0) return undefined
    const remembered = this.#byKey.get(key)
    if (remembered === undefined) return undefined
    if (this.#clock.now() < remembered.until) return remembered.failure
    this.#byKey.delete(key)
    return undefined
  }

  forget(key: string): void {
    this.#byKey.delete(key)
  }

  /** Forgets the keys that fit. */
  forgetAll(fits: (key: string) => boolean): void {
    for (const key of this.#byKey.keys()) if (fits(key)) this.#byKey.delete(key)
  }

  clear(): void {
    this.#byKey.clear()
  }

  #dropOldest(): void {
    const oldest = this.#byKey.keys().next()
    if (!oldest.done) this.#byKey.delete(oldest.value)
  }
}
