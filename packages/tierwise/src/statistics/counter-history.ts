import type { WindowName } from '../contract/analytics.ts'

/** Slices a window is made of, so it is exact to a twelfth of its length. */
const slices = 12

/** How often the shortest window moves on: whoever keeps histories has to note them so often. */
export const noteMs = 5000

const lengthsMs: Readonly<Record<WindowName, number>> = {
  '1m': 60_000,
  '15m': 15 * 60_000,
  '1h': 3_600_000,
  '24h': 24 * 3_600_000,
}

/** The windows, shortest first. */
export const windowNames: readonly WindowName[] = ['1m', '15m', '1h', '24h']

/** What counters have grown by in a stretch of time. */
export interface Growth {
  readonly coveredMs: number
  /** In the order of the counters. */
  readonly counts: readonly number[]
}

/** Values of all counters at the end of each slice of a window; the oldest is overwritten. */
class Ring {
  readonly #sliceMs: number
  readonly #width: number
  readonly #values: Float64Array
  readonly #times: Float64Array
  #next = 0
  #held = 0
  #slice: number

  constructor(lengthMs: number, width: number, now: number) {
    this.#sliceMs = lengthMs / slices
    this.#width = width
    this.#values = new Float64Array((slices + 1) * width)
    this.#times = new Float64Array(slices + 1)
    this.#slice = Math.floor(now / this.#sliceMs)
  }

  note(now: number, counters: readonly number[]): void {
    const slice = Math.floor(now / this.#sliceMs)
    if (slice <= this.#slice && this.#held > 0) return
    this.#slice = slice
    this.#values.set(counters, this.#next * this.#width)
    this.#times[this.#next] = now
    this.#next = (this.#next + 1) % (slices + 1)
    this.#held = Math.min(this.#held + 1, slices + 1)
  }

  /** Since the oldest note that is not older than the window, to a slice. */
  growth(now: number, counters: readonly number[]): Growth {
    const oldest = now - this.#sliceMs * (slices + 0.5)
    for (let age = this.#held; age > 0; age--) {
      const at = (this.#next - age + slices + 1) % (slices + 1)
      const time = this.#times[at] as number
      if (time < oldest) continue
      const from = at * this.#width
      return {
        coveredMs: now - time,
        counts: counters.map((count, index) => count - (this.#values[from + index] as number)),
      }
    }
    return { coveredMs: 0, counts: counters.map(() => 0) }
  }
}

/**
 * How counters have grown in the last minute, quarter of an hour, hour and day: a ring of thirteen notes for each, taken by
 * whoever calls `note` every `noteMs`. Fixed memory: 52 numbers a counter.
 */
export class CounterHistory {
  readonly #rings: Readonly<Record<WindowName, Ring>>

  constructor(counters: readonly number[], now: number) {
    const ring = (name: WindowName): Ring => new Ring(lengthsMs[name], counters.length, now)
    this.#rings = { '1m': ring('1m'), '15m': ring('15m'), '1h': ring('1h'), '24h': ring('24h') }
    this.note(now, counters)
  }

  note(now: number, counters: readonly number[]): void {
    for (const name of windowNames) this.#rings[name].note(now, counters)
  }

  growth(window: WindowName, now: number, counters: readonly number[]): Growth {
    return this.#rings[window].growth(now, counters)
  }
}
