import { setImmediate as macrotask } from 'node:timers/promises'

import type { Clock, Runtime, Timer, Timers } from '../contract/runtime.ts'
import { seededRandom, type SeededRandom } from './seeded-random.ts'

/**
 * Time that moves only when a test says so.
 *
 * `advance` fires what is due in the order of the deadlines, and between two firings lets promises settle and two
 * rounds of the event loop pass, so work that hops through microtasks or `setImmediate` is done before the next timer.
 * Work that waits for a disk or a socket is not: await that work itself. @sinonjs/fake-timers is not used because it
 * replaces globals, and this library takes its clock as an argument.
 */
export interface FakeRuntime extends Runtime {
  readonly random: SeededRandom
  /** Timers that would still fire, soonest first. */
  readonly pendingTimers: readonly PendingTimer[]
  /** Moves the clock by `ms`, firing the timers that come due, those started meanwhile included. */
  advance(ms: number): Promise<void>
  /** Moves the clock to an instant in epoch milliseconds. Rejects when it has passed. */
  advanceTo(instant: number): Promise<void>
  /** Lets pending promises and `setImmediate` work run without moving the clock. */
  settle(): Promise<void>
  /**
   * The result of the work, advancing from timer to timer while it needs them. Rejects when the work is still not done
   * after an hour of fake time, or waits for something that no timer brings.
   */
  until<T>(work: Promise<T>): Promise<T>
}

export interface PendingTimer {
  /** Epoch milliseconds of the next firing. */
  readonly dueAt: number
  /** Set for a timer that repeats. */
  readonly everyMs: number | undefined
  /** When it fires, and the line that started it. */
  readonly description: string
}

export interface FakeRuntimeOptions {
  /** Where the clock starts, in epoch milliseconds. @default 2026-01-01T00:00:00Z */
  readonly now?: number
  /** Seed of `random`. @default 1 */
  readonly seed?: number
}

const longestWorkMs = 3_600_000
/** Rounds of the event loop without a timer, a second or so: real input and output may take that long. */
const longestIdleRounds = 200_000

/** A runtime for tests whose time stands still. */
export function fakeRuntime(options: FakeRuntimeOptions = {}): FakeRuntime {
  return new ManualRuntime(options.now ?? Date.UTC(2026, 0, 1), seededRandom(options.seed ?? 1))
}

class ManualRuntime implements FakeRuntime {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: SeededRandom
  #now: number
  #isAdvancing = false
  readonly #pending = new Set<ManualTimer>()

  constructor(now: number, random: SeededRandom) {
    this.#now = now
    this.random = random
    this.clock = { now: () => this.#now, burstNow: () => this.#now }
    this.timers = {
      after: (ms, run) => this.#start(ms > 0 ? ms : 0, undefined, run),
      // A period of zero would never let `advance` end.
      every: (ms, run) => this.#start(ms > 1 ? ms : 1, ms > 1 ? ms : 1, run),
    }
  }

  get pendingTimers(): readonly PendingTimer[] {
    return [...this.#pending].sort((one, other) => one.dueAt - other.dueAt)
  }

  async advance(ms: number): Promise<void> {
    await this.advanceTo(this.#now + ms)
  }

  async advanceTo(instant: number): Promise<void> {
    if (!(instant >= this.#now)) throw new RangeError(`The clock stands at ${this.#now} and cannot go to ${instant}`)
    if (this.#isAdvancing) throw new Error('The clock is being advanced already: await the first call')
    this.#isAdvancing = true
    try {
      await this.settle()
      for (let timer = this.#nextDue(instant); timer !== undefined; timer = this.#nextDue(instant)) {
        this.#now = Math.max(this.#now, timer.dueAt)
        this.#fire(timer)
        await this.settle()
      }
      this.#now = instant
    } finally {
      this.#isAdvancing = false
    }
  }

  async settle(): Promise<void> {
    await macrotask()
    await macrotask()
  }

  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const end = (): void => void (isDone = true)
    work.then(end, end)
    const latest = this.#now + longestWorkMs
    await this.settle()
    for (let idle = 0; !isDone;) {
      const next = this.#nextDue(latest)
      if (next === undefined && ++idle > longestIdleRounds) throw this.#stuck()
      await (next === undefined ? macrotask() : this.advanceTo(Math.max(next.dueAt, this.#now)))
    }
    return work
  }

  #stuck(): Error {
    const timers = this.pendingTimers.map((timer) => `\n  ${timer.description}`)
    return new Error(
      `The work is not done and no timer within an hour ends it. Pending timers: ${timers.join('') || 'none'}`,
    )
  }

  #start(ms: number, everyMs: number | undefined, run: () => void): Timer {
    const timer = new ManualTimer(this.#now + ms, everyMs, run)
    timer.cancel = () => void this.#pending.delete(timer)
    this.#pending.add(timer)
    return timer
  }

  #nextDue(instant: number): ManualTimer | undefined {
    let next: ManualTimer | undefined
    // Timers of one deadline keep the order in which they were started.
    for (const timer of this.#pending) {
      if (timer.dueAt <= instant && (next === undefined || timer.dueAt < next.dueAt)) next = timer
    }
    return next
  }

  #fire(timer: ManualTimer): void {
    this.#pending.delete(timer)
    if (timer.everyMs !== undefined) {
      timer.dueAt += timer.everyMs
      this.#pending.add(timer)
    }
    timer.run()
  }
}

class ManualTimer implements Timer, PendingTimer {
  dueAt: number
  readonly everyMs: number | undefined
  readonly run: () => void
  cancel!: () => void
  readonly #origin = new Error('origin')

  constructor(dueAt: number, everyMs: number | undefined, run: () => void) {
    this.dueAt = dueAt
    this.everyMs = everyMs
    this.run = run
  }

  get description(): string {
    const callers = (this.#origin.stack ?? '').split('\n').slice(1)
    const origin = callers.find((line) => !/fake-runtime\.[jt]s/.test(line))?.trim() ?? 'at an unknown place'
    const rhythm = this.everyMs === undefined ? 'once' : `every ${this.everyMs} ms`
    return `${rhythm}, due at ${new Date(this.dueAt).toISOString()}, started ${origin}`
  }
}
