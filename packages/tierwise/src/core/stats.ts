import type { NamespaceStats } from '../contract/analytics.ts'

/** The counters of a namespace. Memory hits are counted by the memory tier itself and added when read. */
export class Stats {
  staleHits = 0
  misses = 0
  /** Fresh hits that needed a second look, or came through a watched path. */
  memoryHits = 0
  loads = 0
  loadFailures = 0
  loadsSaved = 0
  refreshes = 0
  sets = 0
  deletes = 0
  invalidations = 0
  promotions = 0
  rejectedFills = 0
  foreignChanges = 0
  readonly #hitsByTier = new Map<string, number>()

  hit(tier: string): void {
    this.#hitsByTier.set(tier, (this.#hitsByTier.get(tier) ?? 0) + 1)
  }

  snapshot(memory: { readonly name: string; readonly hits: number } | undefined): NamespaceStats {
    const hitsByTier = Object.fromEntries(this.#hitsByTier)
    if (memory !== undefined) hitsByTier[memory.name] = memory.hits + this.memoryHits
    const {
      staleHits,
      misses,
      loads,
      loadFailures,
      loadsSaved,
      refreshes,
      sets,
      deletes,
      invalidations,
      promotions,
      rejectedFills,
      foreignChanges,
    } = this
    const hits = Object.values(hitsByTier).reduce((sum, count) => sum + count, 0)
    return {
      hits,
      staleHits,
      misses,
      hitsByTier,
      loads,
      loadFailures,
      loadsSaved,
      refreshes,
      sets,
      deletes,
      invalidations,
      promotions,
      rejectedFills,
      foreignChanges,
    }
  }
}

/** Adds statistics up, field by field. */
export function sumStats(all: readonly NamespaceStats[]): NamespaceStats {
  const total = new Stats().snapshot(undefined) as { -readonly [K in keyof NamespaceStats]: NamespaceStats[K] }
  const hitsByTier: Record<string, number> = {}
  for (const stats of all) {
    for (const [name, value] of Object.entries(stats)) {
      if (typeof value === 'number') total[name as Exclude<keyof NamespaceStats, 'hitsByTier'>] += value
    }
    for (const [tier, hits] of Object.entries(stats.hitsByTier)) hitsByTier[tier] = (hitsByTier[tier] ?? 0) + hits
  }
  return { ...total, hitsByTier }
}
