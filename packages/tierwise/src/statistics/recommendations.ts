import type { Analytics, NamespaceStats, Recommendation, TierStats, WindowCounters } from '../contract/analytics.ts'

/** What the rules look at. */
export type Advised = Omit<Analytics, 'recommendations'>

/** Below so many reads a rate says nothing. */
const fewReads = 200
/** Where advice begins. */
const limits = {
  lowHitRate: 0.5,
  fullHitRate: 0.999,
  lowTierHitRatio: 0.05,
  dominantShare: 0.5,
  staleShare: 0.05,
  loadFailureRate: 0.05,
  fullMemory: 0.95,
  evictionsPerHit: 0.5,
  slowLoadMs: 1000,
  incompressible: 1.05,
}

type NamespaceRule = (name: string, seen: SeenNamespace) => Recommendation | undefined
type TierRule = (tier: string, stats: TierStats, all: Advised) => Recommendation | undefined

interface SeenNamespace {
  /** The last hour where it is known, else since the start. */
  readonly recent: WindowCounters | NamespaceStats
  readonly all: Advised
}

/** What an operator could do better, with the figures it follows from. Rules without enough reads say nothing. */
export function recommend(analytics: Advised): readonly Recommendation[] {
  const ofNamespaces = Object.entries(analytics.namespaces).flatMap(([name, since]) => {
    const recent = analytics.windows?.['1h'].namespaces[name] ?? since
    if (recent.gets < fewReads) return []
    return namespaceRules.flatMap((rule) => rule(name, { recent, all: analytics }) ?? [])
  })
  const ofTiers = Object.entries(analytics.tiers).flatMap(([tier, stats]) =>
    tierRules.flatMap((rule) => rule(tier, stats, analytics) ?? []),
  )
  return [...ofTiers, ...ofNamespaces]
}

const namespaceRules: readonly NamespaceRule[] = [
  (namespace, { recent }) => {
    const rate = (recent.hits + recent.staleHits) / recent.gets
    if (rate >= limits.lowHitRate) return undefined
    return {
      rule: 'low-hit-rate',
      severity: 'warning',
      namespace,
      advice:
        'Look at its key families: a longer `ttl`, coarser keys or warming may help; if nothing does, do not cache it.',
      reason: `${percent(rate)} of ${recent.gets} reads were hits, ${recent.misses} were not.`,
    }
  },
  (namespace, { recent }) => {
    const rate = recent.hits / recent.gets
    if (rate <= limits.fullHitRate || recent.loads > 0 || recent.sets > 0) return undefined
    return {
      rule: 'never-renewed',
      severity: 'info',
      namespace,
      advice:
        'Check that its `ttl` is as short as the source asks for, or that it is invalidated when the source changes.',
      reason: `All but ${percent(1 - rate)} of ${recent.gets} reads were hits, and nothing was loaded or set.`,
    }
  },
  (namespace, { recent }) => {
    const share = recent.staleHits / recent.gets
    if (share <= limits.staleShare) return undefined
    return {
      rule: 'stale-serves',
      severity: 'warning',
      namespace,
      advice: 'Its source is slow or failing. Look at the loads, and use `refreshAhead` so that callers need not wait.',
      reason: `${percent(share)} of ${recent.gets} reads were answered with a stale value.`,
    }
  },
  (namespace, { recent }) => {
    const rate = recent.loads === 0 ? 0 : recent.loadFailures / recent.loads
    if (rate <= limits.loadFailureRate) return undefined
    return {
      rule: 'failing-loads',
      severity: 'warning',
      namespace,
      advice:
        'Its source is failing. With `grace` an older value stands in; with `negativeTtl` a failure is not repeated for each caller.',
      reason: `${recent.loadFailures} of ${recent.loads} loads failed.`,
    }
  },
  (namespace, { all }) => {
    const latency = all.loadLatency[namespace]
    if (latency === undefined || latency.p95Ms < limits.slowLoadMs) return undefined
    return {
      rule: 'slow-loads',
      severity: 'info',
      namespace,
      advice: 'Spare callers the wait: `refreshAhead`, a `softTimeout` with `grace`, or a longer `ttl`.',
      reason: `A load takes ${Math.round(latency.p95Ms)} ms or more in 5 of 100 cases, over ${latency.count} loads.`,
    }
  },
  (namespace, { all }) => {
    const hot = all.hotKeys.find((each) => each.namespace === namespace)
    if (hot === undefined || hot.share <= limits.dominantShare) return undefined
    return {
      rule: 'dominant-key',
      severity: 'info',
      namespace,
      advice: 'Keep it in memory everywhere (`reservedBytes`) and refresh it ahead, so that its end is no stampede.',
      reason: `One key is ${percent(hot.share)} of the reads.`,
    }
  },
  (namespace, { all }) => {
    const family = all.keyFamilies.find((each) => each.namespace === namespace && each.misses > each.hits)
    if (family === undefined || family.hits + family.misses < fewReads) return undefined
    return {
      rule: 'missing-family',
      severity: 'info',
      namespace,
      advice: `Look at the keys of \`${family.family}\`: they may be too fine, expire too soon, or be warmed.`,
      reason: `About ${Math.round(family.misses)} misses and ${Math.round(family.hits)} hits.`,
    }
  },
]

const tierRules: readonly TierRule[] = [
  (tier, { bytes, maxBytes, evictions, hits }) => {
    if (bytes === undefined || maxBytes === undefined || bytes < maxBytes * limits.fullMemory) return undefined
    const evicted = evictions.capacity + evictions.quota
    if (evicted < fewReads || evicted < hits * limits.evictionsPerHit) return undefined
    return {
      rule: 'too-small',
      severity: 'warning',
      tier,
      advice: 'Give it more `maxBytes`, or keep large and rarely read namespaces out of it with `tiers`.',
      reason: `It is ${percent(bytes / maxBytes)} full and gave up ${evicted} entries for ${hits} hits.`,
    }
  },
  (tier, { lookups, tierHitRatio, breakers }) => {
    // Nobody waits for memory.
    if (
      breakers === undefined ||
      lookups < fewReads ||
      tierHitRatio === undefined ||
      tierHitRatio >= limits.lowTierHitRatio
    )
      return undefined
    return {
      rule: 'useless-tier',
      severity: 'info',
      tier,
      advice: 'Every miss waits for it and hardly ever finds anything: leave it out, or fill it by warming.',
      reason: `It answered ${percent(tierHitRatio)} of ${lookups} look-ups.`,
    }
  },
  (tier, { evictions }) => {
    if (evictions['too-large'] === 0) return undefined
    return {
      rule: 'too-large-values',
      severity: 'warning',
      tier,
      advice: 'Store less in one value, compress it, or give the tier a larger budget.',
      reason: `${evictions['too-large']} values were larger than it takes, and were not kept.`,
    }
  },
  (tier, { badRecords }) => {
    if (badRecords === 0) return undefined
    return {
      rule: 'bad-records',
      severity: 'warning',
      tier,
      advice:
        'After a change of the shape of values, raise the `version` of the namespace; otherwise see who else writes there.',
      reason: `${badRecords} records could not be used; each was a miss.`,
    }
  },
  (tier, { compression }) => {
    const ratio = compression?.ratio
    if (ratio === undefined || ratio === 1 || ratio > limits.incompressible || (compression?.values ?? 0) < fewReads)
      return undefined
    return {
      rule: 'incompressible',
      severity: 'info',
      tier,
      advice: 'Compression hardly saves anything here: switch it off, or raise its `threshold`.',
      reason: `${compression?.values} values became ${ratio.toFixed(2)} times smaller.`,
    }
  },
]

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`
}
