/** One look at a key. */
export interface Sighting {
  /** Epoch milliseconds. */
  readonly at: number
  /** Version in memory; undefined when memory did not hold it. */
  readonly memory: number | undefined
  /** Version in the tier that instances share. */
  readonly shared: number | undefined
  /** How long ago everything had been heard of others, in milliseconds. */
  readonly confirmedAgoMs: number | undefined
}

/** A key that was seen to be wrong for longer than is tolerated. */
export interface Inconsistency {
  /** `memory`: older than the shared tier. `source`: the shared tier has another value than the source. */
  readonly kind: 'memory' | 'source'
  readonly namespace: string
  readonly key: string
  /** Every look at it, the first one included. No values. */
  readonly trace: readonly Sighting[]
}

/** What an auditor has found since it was started. */
export interface AuditReport {
  /** Comparisons that came to a result. */
  readonly checked: number
  /** Comparisons without a result: one of both sides did not hold the key, or did not answer. */
  readonly unknown: number
  /** Keys that differ and are looked at again. */
  readonly suspected: number
  readonly inconsistent: number
  /** `checked` without `inconsistent`, as a share; undefined before the first result. */
  readonly consistency: number | undefined
  /** The share in nines: 4 is 99.99 %. `Infinity` while nothing was inconsistent. */
  readonly nines: number | undefined
  /** The latest of them. */
  readonly inconsistencies: readonly Inconsistency[]
}

/** How many nines a share of `wrong` in `all` leaves. */
export function ninesOf(wrong: number, all: number): number | undefined {
  if (all === 0) return undefined
  return wrong === 0 ? Infinity : -Math.log10(wrong / all)
}
