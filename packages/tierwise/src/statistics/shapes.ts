import type { Analytics, NamespaceStats } from '../contract/analytics.ts'
import type { GovernanceReport } from '../contract/governance.ts'

/** Counters of one namespace, as the founding platform named them. */
export interface NamespaceHits {
  readonly hits: number
  readonly misses: number
  /** 0 before the first read. */
  readonly hit_rate: number
}

/** The JSON that the founding platform's monitoring reads. */
export interface UnifiedCacheStats {
  readonly unified_cache: NamespaceHits & {
    readonly total_requests: number
    /** Of all reads, estimated from what memory, tiers and loaders took. */
    readonly average_response_time_ms: number
    readonly namespace_stats: Readonly<Record<string, NamespaceHits>>
  }
  readonly governance: {
    readonly total_operations: number
    readonly policy_violations: number
    readonly ttl_overrides: number
  }
}

/** What the founding factor cache gave as its detailed statistics. */
export interface DetailedStats {
  readonly hit_count: number
  readonly miss_count: number
  /** 0 before the first read. */
  readonly hit_rate: number
  readonly cache_manager: {
    /** Hits of the first, second and third tier of the chain. */
    readonly l1_hits: number
    readonly l2_hits: number
    readonly l3_hits: number
    readonly overall_hit_rate: number
    readonly total_sets: number
  }
}

/**
 * The counters in the shape that the founding platform's monitoring reads.
 *
 * @example
 * console.log(JSON.stringify(unifiedCacheStats(manager.analytics(), manager.governanceReport())))
 */
export function unifiedCacheStats(analytics: Analytics, governance: GovernanceReport): UnifiedCacheStats {
  const { overall, namespaces } = analytics
  return {
    unified_cache: {
      total_requests: overall.gets,
      ...hitsOf(overall),
      average_response_time_ms: meanReadMs(analytics),
      namespace_stats: Object.fromEntries(Object.entries(namespaces).map(([name, stats]) => [name, hitsOf(stats)])),
    },
    governance: {
      total_operations: overall.gets + overall.sets + overall.invalidations,
      policy_violations: Object.values(governance.violations).reduce((sum, count) => sum + count, 0),
      ttl_overrides: governance.ttlOverrides,
    },
  }
}

/** The counters in the shape of the founding factor cache. */
export function detailedStats({ overall, tiers }: Analytics): DetailedStats {
  const [first = '', second = '', third = ''] = Object.keys(tiers)
  const { hits, misses, hit_rate } = hitsOf(overall)
  return {
    hit_count: hits,
    miss_count: misses,
    hit_rate,
    cache_manager: {
      l1_hits: overall.hitsByTier[first] ?? 0,
      l2_hits: overall.hitsByTier[second] ?? 0,
      l3_hits: overall.hitsByTier[third] ?? 0,
      overall_hit_rate: hit_rate,
      total_sets: overall.sets,
    },
  }
}

function hitsOf({ gets, hits, staleHits, misses }: NamespaceStats): NamespaceHits {
  return { hits: hits + staleHits, misses, hit_rate: gets === 0 ? 0 : (hits + staleHits) / gets }
}

/** Reads wait for memory, then for tiers, then for loaders; callers that wait together wait once. */
function meanReadMs({ overall, tiers, loadLatency }: Analytics): number {
  if (overall.gets === 0) return 0
  const memory = Object.values(tiers).reduce((sum, { hits, hitLatency }) => sum + hits * (hitLatency?.meanMs ?? 0), 0)
  const below = Object.values(tiers).reduce((sum, { operations: { get } }) => sum + timeOf(get?.latency), 0)
  const loads = Object.values(loadLatency).reduce((sum, latency) => sum + timeOf(latency), 0)
  return (memory + below + loads) / overall.gets
}

function timeOf(latency: { readonly count: number; readonly meanMs: number } | undefined): number {
  return latency === undefined ? 0 : latency.count * latency.meanMs
}
