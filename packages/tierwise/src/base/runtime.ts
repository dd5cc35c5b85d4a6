import type { Clock, Runtime, Timer, Timers } from '../contract/runtime.ts'

/** Readings of one burst are at most this far apart on average; a slower rhythm reads the clock every time. */
const burstMs = 0.02
const longestBurst = 31

/**
 * Epoch milliseconds from the monotonic clock, so a step of the wall clock moves nothing.
 *
 * Reading the clock costs about as much as a look-up. `burstNow` therefore lets up to 31 calls share one reading, but
 * only after a whole run of calls was seen to fit into 20 microseconds; whenever a run took longer, the next call reads
 * the clock. Ordinary traffic gets an exact reading each time, a tight loop one that is microseconds old. A timer
 * alone could not do this: a loop of awaited hits never lets one run.
 *
 * What is left of a run would be out of date after a pause, so it ends with the turn of the event loop; and with every
 * exact reading, because what was ended at that instant must have ended for a burst too.
 */
export class SteadyClock implements Clock {
  #last = 0
  #burst = 0
  #left = 0
  #endsWithTurn = false
  /**
   * The last one is kept: V8 forgets the shape of objects of which none is left, and after a full collection would throw
   * away the machine code of all that this is inlined into, which is the whole path of a hit.
   */
  // oxlint-disable-next-line no-unused-private-class-members -- it is kept alive, and never read
  #endOfTurn: NodeJS.Immediate | undefined
  readonly #endRun = (): void => {
    this.#left = 0
    this.#endsWithTurn = false
  }

  now(): number {
    this.#left = 0
    return performance.timeOrigin + performance.now()
  }

  burstNow(): number {
    if (this.#left > 0) {
      this.#left--
      return this.#last
    }
    const now = performance.timeOrigin + performance.now()
    this.#burst = now - this.#last < burstMs ? Math.min(this.#burst * 2 + 1, longestBurst) : 0
    this.#left = this.#burst
    this.#last = now
    if (this.#left > 0 && !this.#endsWithTurn) {
      this.#endsWithTurn = true
      this.#endOfTurn = setImmediate(this.#endRun).unref()
    }
    return now
  }
}

/** Node caps a timer at 2^31 - 1 ms and fires longer ones at once, so long waits are cut into laps. */
const longestLapMs = 2 ** 31 - 1

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | undefined

  start(ms: number, run: () => void): this {
    const lap = Math.min(ms, longestLapMs)
    this.#handle = setTimeout(() => (ms > lap ? this.start(ms - lap, run) : run()), lap)
    this.#handle.unref()
    return this
  }

  repeat(ms: number, run: () => void): this {
    if (ms > longestLapMs) return this.start(ms, () => (this.repeat(ms, run), run()))
    this.#handle = setInterval(run, ms)
    this.#handle.unref()
    return this
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }
}

class SystemTimers implements Timers {
  after(ms: number, run: () => void): Timer {
    return new SystemTimer().start(ms, run)
  }

  every(ms: number, run: () => void): Timer {
    return new SystemTimer().repeat(ms, run)
  }
}

/** Resolves after the event loop has turned once: sockets have been heard. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** The real clock, timers that never keep the process alive, and the engine's random numbers. */
export function systemRuntime(): Runtime {
  return { clock: new SteadyClock(), timers: new SystemTimers(), random: Math.random }
}

/**
 * Epoch milliseconds of the wall clock, steps and all: for comparing with times that other machines wrote, as in tokens and
 * signed requests. Everything that measures uses the `Clock` of the runtime.
 */
export function wallClock(): number {
  return Date.now()
}
