import type { BreakerState } from '../contract/events.ts'
import type { Clock } from '../contract/runtime.ts'

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number
  readonly openForMs: number
}

/**
 * Keeps callers away from something that fails. Closed: everything passes. Open: nothing passes for `openForMs`.
 * Then one call at a time is let through as a probe; its success closes the breaker, its failure opens it again.
 */
export class Breaker {
  readonly #settings: BreakerSettings
  readonly #clock: Clock
  readonly #onChange: (state: BreakerState) => void
  #state: BreakerState = 'closed'
  #failures = 0
  #reopensAt = 0
  #probing = false

  constructor(settings: BreakerSettings, clock: Clock, onChange: (state: BreakerState) => void) {
    this.#settings = settings
    this.#clock = clock
    this.#onChange = onChange
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Whether a call may go out now. Each true must be followed by `succeeded` or `failed`. */
  admits(): boolean {
    if (this.#state === 'closed') return true
    if (this.#state === 'open' && this.#clock.now() >= this.#reopensAt) this.#become('half-open')
    if (this.#state === 'open' || this.#probing) return false
    this.#probing = true
    return true
  }

  succeeded(): void {
    this.#failures = 0
    this.#probing = false
    // A call that was sent before the breaker opened says nothing about now.
    if (this.#state === 'half-open') this.#become('closed')
  }

  failed(): void {
    this.#failures++
    this.#probing = false
    const opens = this.#state === 'half-open' || (this.#state === 'closed' && this.#failures >= this.#settings.failures)
    if (!opens) return
    this.#reopensAt = this.#clock.now() + this.#settings.openForMs
    this.#become('open')
  }

  #become(state: BreakerState): void {
    this.#state = state
    this.#onChange(state)
  }
}
