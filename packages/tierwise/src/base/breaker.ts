import type { BreakerReason, BreakerState } from '../contract/events.ts'
import type { Clock } from '../contract/runtime.ts'
import { RollingCount } from './rolling-count.ts'

export interface BreakerSettings {
  /** Failures in a row, within the window, that open it. */
  readonly failures: number
  /** Share of failures in the window that opens it, once the window has `minCalls`. */
  readonly failureRate: number
  readonly minCalls: number
  readonly windowMs: number
  /** The longest pause. The first is a tenth of it. */
  readonly openForMs: number
  /** Probes that have to be answered before it closes. */
  readonly probes: number
}

export type BreakerListener = (state: BreakerState, reason: BreakerReason) => void

const firstPauseShare = 0.1

/**
 * Keeps callers away from something that fails.
 *
 * Closed, everything passes and is counted; a success ends a row of failures. It opens for a row of failures, for their
 * share in a rolling window, and for silence: a call that missed its deadline while nothing else was answered since it
 * was sent. Silence needs no second proof, because every proof costs somebody a whole deadline; an answer that comes
 * after all ends it.
 *
 * Open, nothing passes until the pause is over. Half-open, one probe goes alone, and once it was answered further ones
 * together, up to the number that has to be answered. A failed probe opens it again, for twice as long up to a limit.
 *
 * A call belongs to the state it was admitted in: its result says nothing about any later state. Nothing is allocated
 * for a call, and there are no timers: who asks drives it.
 */
export class Breaker {
  readonly #settings: BreakerSettings
  readonly #clock: Clock
  readonly #onChange: BreakerListener
  readonly #window: RollingCount
  #state: BreakerState = 'closed'
  /** The number of the state; passes carry it. Never 0. */
  #generation = 1
  #row = 0
  #rowSince = 0
  #answeredAt = -Infinity
  #openedFor: BreakerReason = 'failures'
  #pauseMs = 0
  #pauseUntil = 0
  #probing = 0
  #answered = 0

  constructor(settings: BreakerSettings, clock: Clock, onChange: BreakerListener) {
    this.#settings = settings
    this.#clock = clock
    this.#onChange = onChange
    this.#window = new RollingCount(settings.windowMs)
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Whether `admit` would refuse because the pause is not over. */
  get isShut(): boolean {
    return this.#state === 'open' && this.#clock.now() < this.#pauseUntil
  }

  /** Half-open, and no probe has been answered yet. */
  get isUnproven(): boolean {
    return this.#state === 'half-open' && this.#answered === 0
  }

  /** A pass for one call, or 0 when none may go out. Each pass must be handed to `succeeded` or `failed`. */
  admit(): number {
    if (this.#state === 'closed') return this.#generation
    if (this.isShut) return 0
    if (this.#state === 'open') this.#become('half-open', 'pause-over')
    if (this.#probing > this.#answered || this.#probing + this.#answered >= this.#settings.probes) return 0
    this.#probing++
    return this.#generation
  }

  succeeded(pass: number): void {
    if (pass !== this.#generation) return
    this.#answeredAt = this.#clock.now()
    if (this.#state === 'half-open') {
      this.#probing--
      this.#answered++
      if (this.#answered >= this.#settings.probes) this.close()
      return
    }
    this.#row = 0
    this.#window.add(this.#answeredAt, false)
  }

  /** `sentAt`: when the call was sent, if nothing came back at all. */
  failed(pass: number, sentAt?: number): void {
    if (pass !== this.#generation) return
    const now = this.#clock.now()
    if (this.#state === 'half-open') return this.#open(now, 'probe-failed')
    this.#window.add(now, true)
    this.#row = now - this.#rowSince > this.#settings.windowMs ? 1 : this.#row + 1
    if (this.#row === 1) this.#rowSince = now
    const reason = this.#reasonToOpen(sentAt)
    if (sentAt === undefined) this.#answeredAt = now
    if (reason !== undefined) this.#open(now, reason)
  }

  /** The answer to a call that was given up as late: it was slow, not silent. The failure still counts. */
  answeredLate(): void {
    if (this.#state !== 'open' || this.#openedFor !== 'silence') return
    this.#answeredAt = this.#clock.now()
    this.#pauseMs = 0
    this.#become('closed', 'answered')
  }

  /** Known to answer, from elsewhere. */
  close(): void {
    if (this.#state === 'closed') return
    this.#pauseMs = 0
    this.#row = 0
    this.#window.clear()
    this.#become('closed', 'answered')
  }

  #reasonToOpen(sentAt: number | undefined): BreakerReason | undefined {
    const { failures, failureRate, minCalls } = this.#settings
    if (sentAt !== undefined && sentAt > this.#answeredAt) return 'silence'
    if (this.#row >= failures) return 'failures'
    const { calls } = this.#window
    return calls >= minCalls && this.#window.failures >= calls * failureRate ? 'failure-rate' : undefined
  }

  #open(now: number, reason: BreakerReason): void {
    const { openForMs } = this.#settings
    this.#pauseMs = this.#pauseMs === 0 ? openForMs * firstPauseShare : Math.min(this.#pauseMs * 2, openForMs)
    this.#pauseUntil = now + this.#pauseMs
    this.#openedFor = reason
    this.#become('open', reason)
  }

  #become(state: BreakerState, reason: BreakerReason): void {
    this.#state = state
    this.#generation++
    this.#probing = 0
    this.#answered = 0
    this.#onChange(state, reason)
  }
}
