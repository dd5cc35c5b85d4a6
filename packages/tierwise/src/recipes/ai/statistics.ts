import type { TextTier } from './operations.ts'

/** What a call has used up. */
export interface ModelUsage {
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  /** In a currency of your choice. */
  readonly cost?: number | undefined
}

/** Counters of an operation since the cache was made. */
export interface OperationCounters {
  /** Requests that were answered. */
  readonly requests: number
  /** Answered from the cache, older entries included. */
  readonly hits: number
  /** Answered by a call that another caller of this process had made already, or a process that was faster. */
  readonly shared: number
  /** Answered by an own call. */
  readonly misses: number
  /** Answered from entries of the older cache; counted among the hits too. */
  readonly legacyHits: number
  /** Requests that failed. */
  readonly failures: number
  /** Share of the requests that made no call, 0 to 1. */
  readonly hitRate: number
  /** Time of calls that were not made. */
  readonly savedMs: number
  readonly savedInputTokens: number
  readonly savedOutputTokens: number
  readonly savedCost: number
  /** What the calls that were made have cost. */
  readonly spentCost: number
  /** Requests by the length of their texts. */
  readonly textTiers: Readonly<Record<TextTier, number>>
}

/** Where an answer came from: an own call, the call of somebody else, the cache, the older cache. */
export type AnswerSource = 'call' | 'shared' | 'cache' | 'legacy'

/** One request, as it is counted. */
export interface Answered {
  readonly operation: string
  readonly source: AnswerSource
  readonly textTier: TextTier
  /** How long the call took. */
  readonly ms: number
  readonly usage: ModelUsage | undefined
}

type Tally = { -readonly [name in keyof Omit<OperationCounters, 'hitRate' | 'textTiers'>]: OperationCounters[name] } & {
  readonly textTiers: Record<TextTier, number>
}

/** Operations that have counters of their own; the rest share those of `other`. */
const mostOperations = 64

/** Counters by operation, in fixed memory. */
export class OperationStatistics {
  readonly #tallies = new Map<string, Tally>()

  answered({ operation, source, textTier, ms, usage }: Answered): void {
    const tally = this.#of(operation)
    tally.requests++
    tally.textTiers[textTier]++
    if (source === 'call') {
      tally.misses++
      tally.spentCost += usage?.cost ?? 0
      return
    }
    if (source === 'shared') tally.shared++
    else tally.hits++
    if (source === 'legacy') tally.legacyHits++
    tally.savedMs += ms
    tally.savedInputTokens += usage?.inputTokens ?? 0
    tally.savedOutputTokens += usage?.outputTokens ?? 0
    tally.savedCost += usage?.cost ?? 0
  }

  failed(operation: string): void {
    this.#of(operation).failures++
  }

  read(): Readonly<Record<string, OperationCounters>> {
    return Object.fromEntries([...this.#tallies].map(([operation, tally]) => [operation, withRate(tally)]))
  }

  #of(operation: string): Tally {
    const name = this.#tallies.has(operation) || this.#tallies.size < mostOperations ? operation : 'other'
    const held = this.#tallies.get(name)
    if (held !== undefined) return held
    const tally = emptyTally()
    this.#tallies.set(name, tally)
    return tally
  }
}

function withRate(tally: Tally): OperationCounters {
  const { requests, misses } = tally
  return { ...tally, textTiers: { ...tally.textTiers }, hitRate: requests === 0 ? 0 : (requests - misses) / requests }
}

function emptyTally(): Tally {
  return {
    requests: 0,
    hits: 0,
    shared: 0,
    misses: 0,
    legacyHits: 0,
    failures: 0,
    savedMs: 0,
    savedInputTokens: 0,
    savedOutputTokens: 0,
    savedCost: 0,
    spentCost: 0,
    textTiers: { small: 0, medium: 0, large: 0, xlarge: 0 },
  }
}
