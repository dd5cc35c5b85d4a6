import { duration } from '../../base/option-reader.ts'
import type { LimitAnswer, LimitRule } from '../../contract/coordination.ts'
import type { Duration } from '../../contract/options.ts'
import type { Clock, Timers } from '../../contract/runtime.ts'
import { AbortedError, CoordinationError } from '../../errors.ts'
import type { Keys } from '../keys.ts'
import type { AnswerSource, Steps } from '../steps.ts'
import type { LimiterSettings } from './limit-options.ts'
import { Wakeups } from './wakeups.ts'

/** What a limiter says to a request. */
export interface LimitDecision {
  /** Whether it was taken, or would have been. */
  readonly allowed: boolean
  /** Units in a period. */
  readonly limit: number
  /** The stretch of time that the limit is for, in milliseconds. */
  readonly periodMs: number
  /** Whole units that could be taken now. */
  readonly remaining: number
  /** When as much as was asked for can be taken: 0 when allowed, `Infinity` for never. */
  readonly retryAfterMs: number
  /** When all of it can be taken again. */
  readonly resetAfterMs: number
  /** The store was not asked: it was counted in this process (`local`) or not at all (`open`). */
  readonly assumed: boolean
}

/** How much a call takes. */
export interface ConsumeOptions {
  /** Whole units. @default 1 */
  readonly cost?: number
}

/** How to wait for room. */
export interface LimitWaitOptions extends ConsumeOptions {
  /** The longest wait. @default '60s' */
  readonly timeout?: Duration
  /** Ends the wait. */
  readonly signal?: AbortSignal
}

/** Units that were taken ahead of work whose cost is not known yet. */
export interface Reservation extends AsyncDisposable {
  /** What was said when it was taken. */
  readonly decision: LimitDecision
  /** Keeps what was used and gives the rest back; when it was more, takes as much of that as there is. Once. */
  settle(used: number): Promise<void>
  /** Gives all of it back. Once. Disposing cancels what was not settled. */
  cancel(): Promise<void>
}

/** Takes units from a limit that all processes share, by the clock of the store. */
export interface RateLimiter {
  /** Takes units if there is room for all of them. @throws TierError ERR_CACHE_UNAVAILABLE with `closed` */
  consume(id: string, options?: ConsumeOptions): Promise<LimitDecision>
  /** What `consume` would say; takes nothing. */
  peek(id: string, options?: ConsumeOptions): Promise<LimitDecision>
  /** As if nothing had been taken. */
  reset(id: string): Promise<void>
  /**
   * Waits until there is room, and takes it.
   *
   * @throws CoordinationError ERR_CACHE_LIMIT_EXCEEDED at once when there will be none within `timeout`
   * @throws AbortedError ERR_CACHE_ABORTED
   */
  waitIfNeeded(id: string, options?: LimitWaitOptions): Promise<LimitDecision>
  /** Takes an estimate, to be settled when the cost is known; undefined when there is no room. */
  reserve(id: string, options: { readonly cost: number }): Promise<Reservation | undefined>
}

export interface RateLimiterParts {
  readonly keys: Keys
  readonly steps: Steps
  readonly settings: LimiterSettings
  readonly clock: Clock
  readonly timers: Timers
}

const standardWaitMs = 60_000

export class StoredRateLimiter implements RateLimiter {
  readonly #parts: RateLimiterParts

  constructor(parts: RateLimiterParts) {
    this.#parts = parts
  }

  async consume(id: string, { cost = 1 }: ConsumeOptions = {}): Promise<LimitDecision> {
    return this.#decision(await this.#take(id, { operation: 'consume', cost }))
  }

  async peek(id: string, { cost = 1 }: ConsumeOptions = {}): Promise<LimitDecision> {
    return this.#decision(await this.#take(id, { operation: 'peek', cost }))
  }

  async reset(id: string): Promise<void> {
    const key = this.#parts.keys.of(id, 'reset')
    await this.#parts.steps.take('reset', (store) => store.remove(key))
  }

  async waitIfNeeded(id: string, { cost = 1, timeout, signal }: LimitWaitOptions = {}): Promise<LimitDecision> {
    const { clock, timers } = this.#parts
    const endsAt = clock.now() + (timeout === undefined ? standardWaitMs : duration(timeout, 'timeout'))
    const pause = new Wakeups(timers)
    for (;;) {
      throwIfAborted(signal)
      const decision = await this.consume(id, { cost })
      if (decision.allowed) return decision
      if (clock.now() + decision.retryAfterMs > endsAt) throw noRoom(decision)
      await pause.next(decision.retryAfterMs, signal)
    }
  }

  async reserve(id: string, { cost }: { readonly cost: number }): Promise<Reservation | undefined> {
    const taken = await this.#take(id, { operation: 'reserve', cost })
    if (!taken.answer.allowed) return undefined
    return new Reserved(this.#decision(taken), {
      cost,
      giveBack: (units) => this.#giveBack(id, taken, units),
      takeMore: (units) => this.#takeMore(id, units),
    })
  }

  async #take(
    id: string,
    { operation, cost }: { readonly operation: 'consume' | 'peek' | 'reserve'; readonly cost: number },
  ): Promise<Taken> {
    if (!Number.isSafeInteger(cost) || cost < 1)
      throw new RangeError(`\`cost\` is ${cost}; it must be a positive whole number.`)
    const { keys, steps, settings } = this.#parts
    const key = keys.of(id, operation)
    const isPeek = operation === 'peek'
    return steps.takeFrom(
      operation,
      (store, isLocal) => store.take(key, this.#ruleOf(isLocal), { cost, isPeek }),
      () => assumedAnswer(settings.rule),
    )
  }

  async #giveBack(id: string, { answer, source }: Taken, units: number): Promise<void> {
    if (source === 'assumed') return
    const { keys, steps } = this.#parts
    const key = keys.of(id, 'giveBack')
    await steps.follow(source, 'giveBack', (store, isLocal) =>
      store.giveBack(key, this.#ruleOf(isLocal), { units, at: answer.at }),
    )
  }

  async #takeMore(id: string, units: number): Promise<void> {
    const { allowed, remaining } = await this.consume(id, { cost: units })
    if (!allowed && remaining > 0) await this.consume(id, { cost: Math.min(units, remaining) })
  }

  #ruleOf(isLocal: boolean): LimitRule {
    const { rule, localRule } = this.#parts.settings
    return isLocal ? localRule : rule
  }

  #decision({ answer, source }: Taken): LimitDecision {
    const { limit, periodMs } = this.#ruleOf(source === 'local')
    const { at: _, ...said } = answer
    return { ...said, limit, periodMs, assumed: source !== 'store' }
  }
}

interface Taken {
  readonly answer: LimitAnswer
  readonly source: AnswerSource
}

interface ReservedParts {
  readonly cost: number
  readonly giveBack: (units: number) => Promise<void>
  readonly takeMore: (units: number) => Promise<void>
}

class Reserved implements Reservation {
  readonly decision: LimitDecision
  readonly #parts: ReservedParts
  #isSettled = false

  constructor(decision: LimitDecision, parts: ReservedParts) {
    this.decision = decision
    this.#parts = parts
  }

  async settle(used: number): Promise<void> {
    if (!Number.isSafeInteger(used) || used < 0)
      throw new RangeError(`\`used\` is ${used}; it must be a whole number from 0 on.`)
    if (this.#isSettled) return
    this.#isSettled = true
    const { cost, giveBack, takeMore } = this.#parts
    if (used < cost) await giveBack(cost - used)
    else if (used > cost) await takeMore(used - cost)
  }

  cancel(): Promise<void> {
    return this.settle(0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel()
  }
}

function assumedAnswer({ limit }: LimitRule): LimitAnswer {
  return { allowed: true, remaining: limit, retryAfterMs: 0, resetAfterMs: 0, at: 0 }
}

function noRoom({ retryAfterMs }: LimitDecision): CoordinationError {
  const when =
    retryAfterMs === Infinity ? 'It asks for more than there ever is.' : `There is room in ${retryAfterMs} ms.`
  return new CoordinationError(`The limit is used up, and the wait would be too long. ${when}`, {
    code: 'ERR_CACHE_LIMIT_EXCEEDED',
    operation: 'waitIfNeeded',
    retryable: retryAfterMs !== Infinity,
    retryAfterMs,
  })
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new AbortedError('The wait for a limit was aborted.', {
    code: 'ERR_CACHE_ABORTED',
    operation: 'waitIfNeeded',
    cause: signal.reason,
  })
}
