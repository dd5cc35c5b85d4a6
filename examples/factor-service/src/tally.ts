import { Latency } from './latency.ts'
import { placeOf } from './provenance.ts'
import type { Answer } from './traffic.ts'

/** A part of the demo, from its first request up to that of the next. */
export interface Act {
  readonly title: string
  readonly from: number
}

export interface ActResult {
  readonly title: string
  readonly requests: number
  readonly errors: number
  readonly stale: number
  /** Under `all`. */
  readonly latency: Latency
}

export interface TallyResult {
  readonly requests: number
  readonly errors: number
  /** As clients saw it, by the place that answered. */
  readonly latency: Latency
  readonly acts: readonly ActResult[]
  /** The first requests, one a factor, by the tier that answered; what the source answered is under `source`. */
  readonly opening: { readonly requests: number; readonly byTier: ReadonlyMap<string, number> }
}

/** Counts answers, in all and by act. */
export class Tally {
  readonly #latency = new Latency()
  readonly #acts: readonly (Act & { -readonly [K in keyof ActResult]: ActResult[K] })[]
  readonly #openingRequests: number
  readonly #openingByTier = new Map<string, number>()

  constructor(acts: readonly Act[], openingRequests: number) {
    this.#acts = acts.map(({ title, from }) => ({
      title,
      from,
      requests: 0,
      errors: 0,
      stale: 0,
      latency: new Latency(),
    }))
    this.#openingRequests = openingRequests
  }

  add({ index, status, ms, provenance }: Answer): void {
    const act = this.#acts.findLast(({ from }) => from <= index)
    if (act === undefined) return
    act.requests++
    if (status !== 200 || provenance === undefined) {
      act.errors++
      return
    }
    if (provenance.stale) act.stale++
    if (index < this.#openingRequests) {
      const { tier } = provenance
      this.#openingByTier.set(tier, (this.#openingByTier.get(tier) ?? 0) + 1)
    }
    act.latency.record('all', ms)
    this.#latency.record(placeOf(provenance), ms)
  }

  result(): TallyResult {
    const played = this.#acts.filter(({ requests }) => requests > 0)
    const sum = (count: (act: ActResult) => number): number => played.reduce((total, act) => total + count(act), 0)
    return {
      requests: sum((act) => act.requests),
      errors: sum((act) => act.errors),
      latency: this.#latency,
      acts: played,
      opening: { requests: this.#openingRequests, byTier: this.#openingByTier },
    }
  }
}
