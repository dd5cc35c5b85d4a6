import type { BarrierResult } from '../../contract/bus.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import { TimeoutError } from '../../errors.ts'

const askAgainMs = 250

export interface BarrierOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
  /** How long after the instant of a confirmation an instance may serve from memory, at most. */
  readonly maxStalenessMs: number
  /** Sends a question that comes back to this instance too. */
  readonly ask: (number: number) => void
}

interface Barrier {
  readonly number: number
  readonly answered: Set<string>
  /** The question came back: everything that was sent before it has been heard. */
  isHeard: boolean
  readonly end: (result: BarrierResult | Error) => void
}

/**
 * Who else is there, and who has applied what.
 *
 * Whoever may serve from memory owes this to a ping of at most `maxStalenessMs` ago, and everybody hears every ping. So
 * an instance that listened for that long, and then hears its own question, knows everybody that matters: each of them
 * either answers, after all that came before the question, or is not heard of until its right has run out. One that
 * comes later is confirmed by a ping behind the question, and so was told what came before.
 */
export class Barriers {
  readonly #options: BarrierOptions
  /** When each of the others was last heard to ping. */
  readonly #heardAt = new Map<string, number>()
  readonly #waiting = new Set<Barrier>()
  #listensSince = Infinity
  #count = 0

  constructor(options: BarrierOptions) {
    this.#options = options
  }

  /** The channel was opened: those who pinged before may not be known. */
  opened(): void {
    this.#listensSince = this.#options.runtime.clock.now()
  }

  pinged(source: string): void {
    const now = this.#options.runtime.clock.now()
    this.#heardAt.set(source, now)
    if (this.#waiting.size > 0) return
    for (const [other, heardAt] of this.#heardAt) if (!this.#mayServe(heardAt, now)) this.#heardAt.delete(other)
  }

  left(source: string): void {
    this.#heardAt.delete(source)
    this.#checkAll()
  }

  /** A question of this instance came back. */
  asked(number: number): void {
    for (const barrier of this.#waiting) if (barrier.number === number) barrier.isHeard = true
    this.#checkAll()
  }

  answered(number: number, source: string): void {
    for (const barrier of this.#waiting) if (barrier.number === number) barrier.answered.add(source)
    this.#checkAll()
  }

  wait(timeoutMs: number): Promise<BarrierResult> {
    const { timers } = this.#options.runtime
    return new Promise((resolve, reject) => {
      const clocks: Timer[] = []
      const end = (result: BarrierResult | Error): void => {
        for (const timer of clocks) timer.cancel()
        this.#waiting.delete(barrier)
        if (result instanceof Error) reject(result)
        else resolve(result)
      }
      const barrier: Barrier = { number: ++this.#count, answered: new Set(), isHeard: false, end }
      this.#waiting.add(barrier)
      clocks.push(
        timers.after(timeoutMs, () => end(failure(`was not known within ${timeoutMs} ms`))),
        timers.every(askAgainMs, () => this.#askAgain(barrier)),
      )
      this.#options.ask(barrier.number)
    })
  }

  /** Nobody is asked any more. */
  stop(): void {
    this.#listensSince = Infinity
    this.#heardAt.clear()
    for (const { end } of this.#waiting) end(failure('is not known, because the bus was stopped'))
  }

  #askAgain(barrier: Barrier): void {
    this.#check(barrier)
    if (this.#waiting.has(barrier)) this.#options.ask(barrier.number)
  }

  #checkAll(): void {
    for (const barrier of this.#waiting) this.#check(barrier)
  }

  #check({ isHeard, answered, end }: Barrier): void {
    const now = this.#options.runtime.clock.now()
    if (!isHeard || this.#mayServe(this.#listensSince, now)) return
    const lapsed: string[] = []
    for (const [source, heardAt] of this.#heardAt) {
      if (answered.has(source)) continue
      if (this.#mayServe(heardAt, now)) return
      lapsed.push(source)
    }
    end({ acknowledged: [...answered], lapsed })
  }

  #mayServe(heardAt: number, now: number): boolean {
    return now < heardAt + this.#options.maxStalenessMs
  }
}

function failure(what: string): TimeoutError {
  return new TimeoutError(`Whether all instances have applied a change ${what}`, {
    code: 'ERR_CACHE_TIER_TIMEOUT',
    operation: 'barrier',
    retryable: true,
  })
}
