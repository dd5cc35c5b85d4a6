import type { NamespaceStats, TierLookups } from '../contract/analytics.ts'

/** What became of the keys a tier was asked for. */
type LookupCounts = { -readonly [K in keyof TierLookups]: TierLookups[K] }

/** The counters of a namespace. Memory hits are counted by the memory tier itself and added when read. */
export class Stats {
  staleHits = 0
  misses = 0
  /** Fresh hits that needed a second look, or came through a watched path. */
  memoryHits = 0
  /** Stale values that memory stood in with. */
  staleMemoryHits = 0
  loads = 0
  loadFailures = 0
  loadsSaved = 0
  refreshes = 0
  sets = 0
  deletes = 0
  invalidations = 0
  promotions = 0
  evictions = 0
  demotions = 0
  rejectedFills = 0
  foreignChanges = 0
  readonly #hitsByTier = new Map<string, number>()
  readonly #lookups = new Map<string, LookupCounts>()

  hit(tier: string): void {
    this.#hitsByTier.set(tier, (this.#hitsByTier.get(tier) ?? 0) + 1)
  }

  /** A tier behind memory was asked for keys. */
  lookedUp(tier: string, answers: readonly ({ readonly isFresh: boolean } | undefined)[]): void {
    let counts = this.#lookups.get(tier)
    if (counts === undefined) {
      counts = { lookups: 0, hits: 0, staleHits: 0, misses: 0 }
      this.#lookups.set(tier, counts)
    }
    counts.lookups += answers.length
    for (const answer of answers) {
      if (answer === undefined) counts.misses++
      else if (answer.isFresh) counts.hits++
      else counts.staleHits++
    }
  }

  snapshot(memory: { readonly name: string; readonly hits: number } | undefined): NamespaceStats {
    const hitsByTier = Object.fromEntries(this.#hitsByTier)
    if (memory !== undefined) hitsByTier[memory.name] = memory.hits + this.memoryHits
    const hits = Object.values(hitsByTier).reduce((sum, count) => sum + count, 0)
    const { staleHits, misses, loads, loadFailures, loadsSaved, refreshes, sets } = this
    const { deletes, invalidations, promotions, evictions, demotions, rejectedFills, foreignChanges } = this
    return {
      gets: hits + staleHits + misses,
      hits,
      staleHits,
      misses,
      hitsByTier,
      lookups: this.#allLookups(memory?.name, hitsByTier),
      loads,
      loadFailures,
      loadsSaved,
      refreshes,
      sets,
      deletes,
      invalidations,
      promotions,
      evictions,
      demotions,
      rejectedFills,
      foreignChanges,
    }
  }

  /** Memory is asked first by every read, and in the same call: what it was asked for need not be counted. */
  #allLookups(memory: string | undefined, hitsByTier: Readonly<Record<string, number>>): Record<string, TierLookups> {
    const lookups = Object.fromEntries([...this.#lookups].map(([tier, counts]) => [tier, { ...counts }]))
    if (memory === undefined) return lookups
    const hits = hitsByTier[memory] ?? 0
    const below = Object.values(hitsByTier).reduce((sum, count) => sum + count, 0) - hits
    const misses = below + this.staleHits - this.staleMemoryHits + this.misses
    const staleHits = this.staleMemoryHits
    return { [memory]: { lookups: hits + staleHits + misses, hits, staleHits, misses }, ...lookups }
  }
}

/** Adds statistics up, field by field. */
export function sumStats(all: readonly NamespaceStats[]): NamespaceStats {
  const total: Record<string, number> = { ...numbersOf(new Stats().snapshot(undefined)) }
  const hitsByTier: Record<string, number> = {}
  const lookups: Record<string, LookupCounts> = {}
  for (const stats of all) {
    for (const [name, value] of Object.entries(numbersOf(stats))) total[name] = (total[name] ?? 0) + value
    for (const [tier, hits] of Object.entries(stats.hitsByTier)) hitsByTier[tier] = (hitsByTier[tier] ?? 0) + hits
    for (const [tier, counts] of Object.entries(stats.lookups)) lookups[tier] = sumLookups(lookups[tier], counts)
  }
  return { ...(total as unknown as NamespaceStats), hitsByTier, lookups }
}

function numbersOf({ hitsByTier: _, lookups: __, ...numbers }: NamespaceStats): Record<string, number> {
  return numbers
}

function sumLookups(sum: TierLookups | undefined, more: TierLookups): LookupCounts {
  if (sum === undefined) return { ...more }
  return {
    lookups: sum.lookups + more.lookups,
    hits: sum.hits + more.hits,
    staleHits: sum.staleHits + more.staleHits,
    misses: sum.misses + more.misses,
  }
}
