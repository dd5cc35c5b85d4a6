import type { Analytics, NamespaceStats, TierLookups, TierStats } from '../contract/analytics.ts'
import type { Chain } from './chain.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import { recommend } from '../statistics/recommendations.ts'
import type { Statistics } from './statistics.ts'
import { sumStats } from './stats.ts'
import type { TierTally } from './tier-tally.ts'

export interface Observed {
  readonly chain: Chain
  readonly namespaces: readonly Namespace[]
  readonly tally: TierTally
  /** Undefined when they are not kept. */
  readonly statistics: Statistics | undefined
  readonly since: number
  readonly now: number
}

/** Everything that is counted, as of now. */
export function analyse({ chain, namespaces, tally, statistics, since, now }: Observed): Analytics {
  const byName = Object.fromEntries(namespaces.map((ns) => [ns.name, statsOf(ns)]))
  const overall = sumStats(Object.values(byName))
  const counted = {
    at: now,
    since,
    overall,
    namespaces: byName,
    hitRate: share(overall.hits + overall.staleHits, overall.gets),
    coherence: Object.fromEntries(namespaces.map((ns) => [ns.name, ns.coherence])),
    tiers: tiersOf({ chain, tally, statistics }, overall),
    loadLatency: statistics?.loadLatency ?? {},
    windows: statistics?.windows,
    hotKeys: statistics?.hotKeys ?? [],
    keyFamilies: statistics?.keyFamilies ?? [],
  }
  return { ...counted, recommendations: recommend(counted) }
}

export function statsOf({ stats, local }: Namespace): NamespaceStats {
  return stats.snapshot(local && { name: local.name, hits: local.space.hits })
}

function tiersOf(
  { chain, tally, statistics }: Pick<Observed, 'chain' | 'tally' | 'statistics'>,
  overall: NamespaceStats,
): Readonly<Record<string, TierStats>> {
  const { local } = chain
  const ofMemory = (name: string): TierStats => ({
    ...readsOf(name, overall),
    operations: {},
    hitLatency: statistics?.memoryHits.summary,
    evictions: tally.evictions(name),
    badRecords: 0,
    breakers: undefined,
    intents: 0,
    ...usageOf(local?.tier.usage()),
    compression: undefined,
  })
  const below = chain.tiers.map((tier): [string, TierStats] => [
    tier.name,
    {
      ...readsOf(tier.name, overall),
      operations: tier.stats,
      hitLatency: undefined,
      evictions: tally.evictions(tier.name),
      badRecords: tally.badRecords(tier.name),
      breakers: tier.breakerStates,
      intents: tier.owed,
      ...usageOf(tier.lastUsage),
      compression: compressionOf(tier),
    },
  ])
  return Object.fromEntries(local === undefined ? below : [[local.name, ofMemory(local.name)], ...below])
}

function usageOf(usage: GuardedTier['lastUsage']): Pick<TierStats, 'entries' | 'bytes' | 'maxBytes' | 'store'> {
  return { entries: usage?.entries, bytes: usage?.bytes, maxBytes: usage?.maxBytes, store: usage?.store }
}

function compressionOf(tier: GuardedTier): TierStats['compression'] {
  const { values, rawBytes, storedBytes } = tier.written ?? { values: 0, rawBytes: 0, storedBytes: 0 }
  return { values, rawBytes, storedBytes, ratio: share(rawBytes, storedBytes) }
}

function readsOf(
  tier: string,
  { gets, hits, hitsByTier, lookups }: NamespaceStats,
): TierLookups & Pick<TierStats, 'hitShareOfGets' | 'hitShareOfHits' | 'tierHitRatio'> {
  const asked = lookups[tier] ?? { lookups: 0, hits: 0, staleHits: 0, misses: 0 }
  const own = hitsByTier[tier] ?? 0
  return {
    ...asked,
    hitShareOfGets: share(own, gets),
    hitShareOfHits: share(own, hits),
    tierHitRatio: share(asked.hits, asked.lookups),
  }
}

function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}
