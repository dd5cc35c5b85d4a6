import { Breaker } from '../../base/breaker.ts'
import type { BreakerListener } from '../../base/breaker.ts'
import { withDeadline } from '../../base/deadline.ts'
import type { BreakerState } from '../../contract/events.ts'
import { nextTurn } from '../../base/runtime.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { CacheError, TierError, TimeoutError } from '../../errors.ts'
import type { GuardSettings } from './guard-options.ts'

export interface OpeningParts {
  readonly name: string
  readonly runtime: Runtime
  readonly settings: GuardSettings
  /** Opens the tier and makes it ready for use. */
  readonly open: () => Promise<void>
  readonly onChange: BreakerListener
  readonly onFailure: (error: unknown) => void
}

/**
 * Opens a tier that may be down. An attempt may take `connectTimeout`, but operations wait for it no longer than the
 * deadline of one operation, counted from the beginning of the attempt and not from their own: after that they go on
 * without the tier at once. Further attempts are made by later operations, when the breaker lets them.
 */
export class TierOpening {
  readonly #parts: OpeningParts
  readonly #breaker: Breaker
  #attempt: Promise<void> | undefined
  #startedAt = 0
  #waitUntil = 0
  #isOpen = false
  #abandon: () => void = () => undefined
  #wasTried = false
  #isClosed = false

  constructor(parts: OpeningParts) {
    this.#parts = parts
    this.#breaker = new Breaker({ ...parts.settings.breaker, probes: 1 }, parts.runtime.clock, parts.onChange)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get wasTried(): boolean {
    return this.#wasTried
  }

  get breakerState(): BreakerState {
    return this.#breaker.state
  }

  /** Joins the attempt under way or makes one, whatever the breaker says. Rejects with a `TierError`. */
  open(): Promise<void> {
    if (this.#isOpen) return Promise.resolve()
    return this.#attempt ?? this.#begin(this.#breaker.admit())
  }

  /** Whether the tier is open, after a short wait at most. Never rejects. A patient caller waits as long as for an operation. */
  async soon(isPatient: boolean): Promise<boolean> {
    if (this.#isOpen) return true
    if (this.#attempt === undefined) {
      const pass = this.#breaker.admit()
      if (pass === 0) return false
      void this.#begin(pass).catch(() => undefined)
    }
    const { runtime, settings } = this.#parts
    const waitMs = isPatient ? settings.timeoutMs : this.#waitUntil - runtime.clock.now()
    if (this.#attempt === undefined) return this.#isOpen
    if (waitMs <= 0) return this.#afterTurn()
    await withDeadline(this.#attempt, waitMs, { timers: runtime.timers, error: () => this.#late(waitMs) }).catch(
      () => undefined,
    )
    return this.#isOpen
  }

  /** A loop of awaited calls that are all answered at once would never let the attempt hear its server. */
  async #afterTurn(): Promise<boolean> {
    await nextTurn()
    return this.#isOpen
  }

  /** Ends the attempt under way: nobody waits for it any more, and no timer is left. */
  close(): void {
    this.#isClosed = true
    this.#isOpen = false
    this.#abandon()
  }

  #begin(pass: number): Promise<void> {
    const { runtime, settings } = this.#parts
    this.#startedAt = runtime.clock.now()
    // Nobody waits for a tier that could not be opened for a while.
    this.#waitUntil = this.#breaker.isUnproven ? this.#startedAt : this.#startedAt + settings.timeoutMs
    this.#wasTried = true
    const attempt = this.#try(pass).finally(() => {
      this.#attempt = undefined
    })
    this.#attempt = attempt
    return attempt
  }

  async #try(pass: number): Promise<void> {
    const { runtime, settings, onFailure } = this.#parts
    const { connectTimeoutMs } = settings
    try {
      await withDeadline(this.#unlessClosed(this.#openTier()), connectTimeoutMs, {
        timers: runtime.timers,
        error: () => this.#late(connectTimeoutMs),
      })
    } catch (error) {
      // A tier may have a deadline of its own for this: whatever takes longer than an operation may is silence.
      const isSilence = runtime.clock.now() - this.#startedAt >= settings.timeoutMs
      this.#breaker.failed(pass, isSilence ? this.#startedAt : undefined)
      if (!this.#isClosed) onFailure(error)
      throw this.#failure(error)
    }
  }

  /** What succeeds after its deadline has succeeded too. */
  async #openTier(): Promise<void> {
    await this.#parts.open()
    if (this.#isClosed) return
    this.#isOpen = true
    this.#breaker.close()
  }

  #unlessClosed(work: Promise<void>): Promise<void> {
    const abandoned = new Promise<void>((_, reject) => {
      this.#abandon = () =>
        reject(
          new TierError(`Tier \`${this.#parts.name}\` was closed while it was being opened.`, {
            code: 'ERR_CACHE_TIER_CLOSED',
            tier: this.#parts.name,
            operation: 'open',
          }),
        )
    })
    return Promise.race([work, abandoned])
  }

  #late(ms: number): TimeoutError {
    return new TimeoutError(
      `Tier \`${this.#parts.name}\` did not open within ${ms} ms. Raise \`connectTimeout\` if this is normal for it.`,
      { code: 'ERR_CACHE_TIER_TIMEOUT', tier: this.#parts.name, operation: 'open', retryable: true },
    )
  }

  #failure(cause: unknown): CacheError {
    const { name } = this.#parts
    if (cause instanceof CacheError && cause.tier === name && !(cause instanceof TimeoutError)) return cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new TierError(`Tier \`${name}\` failed to open: ${reason}`, {
      code: 'ERR_CACHE_TIER_OPEN',
      tier: name,
      operation: 'open',
      cause,
      retryable: true,
    })
  }
}
