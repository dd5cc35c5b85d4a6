import { perSecond, ratio, type Expression } from './expression.ts'

/** Milliseconds that a rate is of. */
export type Window = number

const ofJob = { scope: 'job' } as const
const byTier = { by: ['tier'], scope: 'job' } as const

/** Reads with an outcome, by all reads. `hit|stale` is the hit rate over all tiers. */
export function getRate(outcome: string, window: Window): Expression {
  return ratio(
    perSecond('gets_total', window, { ...ofJob, match: { outcome } }),
    perSecond('gets_total', window, ofJob),
  )
}

/** Hits of each tier, by all reads of callers. */
export function shareOfGets(window: Window): Expression {
  return ratio(perSecond('hits_total', window, byTier), perSecond('gets_total', window, ofJob))
}

/** Hits of each tier, by the hits of all tiers. */
export function shareOfHits(window: Window): Expression {
  return ratio(perSecond('hits_total', window, byTier), perSecond('hits_total', window, ofJob))
}

/** Hits of each tier, or of the ones that fit a pattern, by the keys that it was asked for. */
export function tierRatio(window: Window, tier?: string): Expression {
  const match = tier === undefined ? {} : { tier }
  return ratio(
    perSecond('tier_lookups_total', window, { ...byTier, match: { ...match, outcome: 'hit' } }),
    perSecond('tier_lookups_total', window, { ...byTier, match }),
  )
}
