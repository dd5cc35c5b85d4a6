import type { SourceName } from './factor-source.ts'

/** How an answer came about: what an auditor asks for. */
export interface Provenance {
  readonly source: SourceName
  readonly datasetYear: number | 'latest'
  /** `memory`, `redis`, `disk`, `postgres`, or `source` when it was read for this request. */
  readonly tier: string
  readonly cacheHit: boolean
  /** Past its ttl and served because the source was slow or down. */
  readonly stale: boolean
  /** Since the source gave it. */
  readonly ageMs: number
}

/** The place an answer came from: its tier, or `stale` when it was only a stand-in. */
export function placeOf(provenance: Pick<Provenance, 'tier' | 'stale'>): string {
  return provenance.stale ? 'stale' : provenance.tier
}
