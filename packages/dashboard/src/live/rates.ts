import type { Analytics, LatencySummary, TierStats } from 'tierwise'
import type { Point, TierPoint } from '../wire.ts'

/** Turns counters into rates. */
export class Rates {
  readonly #longestMs: number
  #before: Analytics | undefined

  /** @param longestMs two pictures that are farther apart give no rates: nobody looked between them */
  constructor(longestMs: number) {
    this.#longestMs = longestMs
  }

  forget(): void {
    this.#before = undefined
  }

  next(now: Analytics): Point | undefined {
    const before = this.#before
    this.#before = now
    if (before === undefined || now.at <= before.at || now.at - before.at > this.#longestMs) return undefined
    const seconds = (now.at - before.at) / 1000
    const rate = (later: number, earlier: number): number => rounded(Math.max(0, later - earlier) / seconds)
    const of = (name: 'gets' | 'hits' | 'staleHits' | 'misses' | 'loads' | 'loadFailures' | 'loadsSaved'): number =>
      rate(now.overall[name], before.overall[name])
    return {
      at: Math.round(now.at),
      gets: of('gets'),
      hits: of('hits'),
      staleHits: of('staleHits'),
      misses: of('misses'),
      loads: of('loads'),
      loadFailures: of('loadFailures'),
      loadsSaved: of('loadsSaved'),
      tiers: Object.fromEntries(
        Object.entries(now.tiers).map(([name, tier]): [string, TierPoint] => {
          const earlier = before.tiers[name]
          return [
            name,
            {
              lookups: rate(tier.lookups, earlier?.lookups ?? 0),
              // Of callers: a tier is asked once for callers that ask together.
              hits: rate(now.overall.hitsByTier[name] ?? 0, before.overall.hitsByTier[name] ?? 0),
              readMs: meanBetween(readsOf(tier), earlier && readsOf(earlier)),
            },
          ]
        }),
      ),
    }
  }
}

function readsOf(tier: TierStats): LatencySummary | undefined {
  return tier.operations.get?.latency ?? tier.hitLatency
}

/** The mean of what came between two summaries. */
function meanBetween(later: LatencySummary | undefined, earlier: LatencySummary | undefined): number | null {
  if (later === undefined || later.count <= (earlier?.count ?? 0)) return null
  const total = later.count * later.meanMs - (earlier === undefined ? 0 : earlier.count * earlier.meanMs)
  return rounded(Math.max(0, total) / (later.count - (earlier?.count ?? 0)))
}

/** Four digits, which is more than a plot shows and half of what JSON would take. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
