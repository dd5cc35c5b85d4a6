import type { Clock, Timer, Timers } from '../../contract/runtime.ts'
import { CoordinationError } from '../../errors.ts'
import { isUnavailable } from '../store-guard.ts'

/** A lock that is held. */
export interface HeldLock extends AsyncDisposable {
  /**
   * Grows with every holder. Give it to what the lock protects, and let that refuse a smaller one than it has seen: only
   * this keeps a holder that stood still for too long from writing over the next one.
   */
  readonly fence: number
  /** Aborted with ERR_CACHE_LOCK_LOST when the lock is lost: it could not be renewed in time, or somebody else holds it. */
  readonly signal: AbortSignal
  /** Whether it was still held. Idempotent. */
  release(): Promise<boolean>
}

export interface HoldingParts {
  readonly fence: number
  readonly ttlMs: number
  readonly clock: Clock
  readonly timers: Timers
  readonly renew: () => Promise<boolean>
  readonly release: () => Promise<boolean>
  readonly onLost: () => void
  /** Released or lost. */
  readonly onEnd: () => void
}

/** Of the ttl, after which it is renewed. */
const renewalShare = 1 / 3
/** Of the ttl, after which a renewal that the store did not answer is tried again. */
const retryShare = 1 / 9

/** Renews a lock until it is released, and says when it was lost: at the latest when its time is over by the clock of this process. */
export class Holding implements HeldLock {
  readonly #parts: HoldingParts
  readonly #lost = new AbortController()
  #renewal: Timer
  #end: Timer
  #hasEnded = false

  /** `askedAt`: before it was granted, so its time here is over before it is over in the store. */
  constructor(parts: HoldingParts, askedAt: number) {
    this.#parts = parts
    this.#end = this.#endAt(askedAt + parts.ttlMs)
    this.#renewal = this.#planRenewal(renewalShare)
  }

  get fence(): number {
    return this.#parts.fence
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async release(): Promise<boolean> {
    if (this.#hasEnded) return false
    this.#finish()
    return this.#parts.release()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  #planRenewal(share: number): Timer {
    return this.#parts.timers.after(this.#parts.ttlMs * share, () => void this.#renew())
  }

  #endAt(instant: number): Timer {
    return this.#parts.timers.after(Math.max(0, instant - this.#parts.clock.now()), () => this.#lose())
  }

  async #renew(): Promise<void> {
    const askedAt = this.#parts.clock.now()
    const isHeld = await this.#parts.renew().catch((error: unknown) => (isUnavailable(error) ? undefined : false))
    if (this.#hasEnded) return
    if (isHeld === false) return this.#lose()
    // A store that cannot be asked has not said that it is lost: tried again until the time is over.
    if (isHeld === undefined) {
      this.#renewal = this.#planRenewal(retryShare)
      return
    }
    this.#end.cancel()
    this.#end = this.#endAt(askedAt + this.#parts.ttlMs)
    this.#renewal = this.#planRenewal(renewalShare)
  }

  #lose(): void {
    if (this.#hasEnded) return
    this.#finish()
    this.#parts.onLost()
    this.#lost.abort(
      new CoordinationError('The lock was lost: it was not renewed in time, or somebody else holds it.', {
        code: 'ERR_CACHE_LOCK_LOST',
        operation: 'lock',
      }),
    )
  }

  #finish(): void {
    this.#hasEnded = true
    this.#renewal.cancel()
    this.#end.cancel()
    this.#parts.onEnd()
  }
}
