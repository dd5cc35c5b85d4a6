import type { RingEvent, Seen, Wrong } from '../calls.ts'

const mostEvents = 120

/** One answer, or one event of another kind; without a number nothing was answered. */
export interface Observation {
  readonly what: string
  readonly begin: number
  readonly end: number
  readonly number: number | undefined
}

/** What may be wrong with an answer, as far as the process can tell by itself. */
export interface Expectation {
  /** The number that its own changes had reached before it asked. */
  readonly floor: number
  readonly isLenient: boolean
}

/**
 * What one process saw of each key. Answers that said the same are summed up, so that hundreds of thousands a second
 * cost little: which of them was asked for last is all that the judge has to know.
 */
export class Observations {
  readonly #last: (Seen | undefined)[]
  readonly #rings: RingEvent[][]
  readonly #untold = new Set<Seen>()
  readonly #tiers: (string | undefined)[] = []
  readonly #accuse: (wrong: Wrong) => void

  constructor(keys: number, accuse: (wrong: Wrong) => void) {
    this.#last = Array.from({ length: 2 * keys })
    this.#rings = Array.from({ length: keys }, () => [])
    this.#accuse = accuse
  }

  answer(key: number, observation: Observation, expected: Expectation): void {
    const { what, begin, end, number } = observation
    const tier = this.#tiers[key]
    this.#tiers[key] = undefined
    this.note(key, tier === undefined ? observation : { ...observation, what: `${what} in ${tier}` })
    if (number === undefined) return
    const slot = 2 * key + Number(expected.isLenient)
    const last = this.#last[slot]
    if (last?.number === number) {
      last.count++
      if (begin > last.lastBegin) last.lastBegin = begin
      this.#untold.add(last)
    } else {
      const seen: Seen = {
        key,
        number,
        isLenient: expected.isLenient,
        count: 1,
        firstEnd: end,
        lastBegin: begin,
      }
      this.#last[slot] = seen
      this.#untold.add(seen)
    }
    if (number < expected.floor)
      this.#accuse({
        key,
        number,
        begin,
        end,
        ...expected,
        what: `${what} answered ${number}, older than its own change ${expected.floor} (P4)`,
      })
  }

  /** The tier that gives the next answer for the key. */
  hit(key: number, tier: string): void {
    this.#tiers[key] = tier
  }

  /** Keeps the event for the report of a violation. */
  note(key: number, { what, begin, end, number }: Observation): void {
    const ring = this.#rings[key]!
    const last = ring[ring.length - 1]
    if (last !== undefined && last.what === what && last.number === (number ?? null)) {
      last.end = end
      last.count++
      return
    }
    ring.push({ what, begin, end, number: number ?? null, count: 1 })
    if (ring.length > 2 * mostEvents) ring.splice(0, mostEvents)
  }

  noteAll(what: string, at: number): void {
    for (let key = 0; key < this.#rings.length; key++) this.note(key, { what, begin: at, end: at, number: undefined })
  }

  ring(key: number): readonly RingEvent[] {
    return this.#rings[key] ?? []
  }

  /** What has not been told yet. */
  take(): readonly Seen[] {
    const seen = [...this.#untold].map((each) => ({ ...each }))
    for (const each of this.#untold) each.count = 0
    this.#untold.clear()
    return seen
  }
}
