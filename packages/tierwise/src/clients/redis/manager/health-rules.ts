import type { RedisNodeHealth } from './node-health.ts'

export type RedisStatus = 'healthy' | 'degraded' | 'unhealthy'

export type HealthCode =
  | 'unreachable'
  | 'facts-hidden'
  | 'latency-high'
  | 'hit-rate-low'
  | 'memory-high'
  | 'memory-full'
  | 'memory-unlimited'
  | 'clients-high'
  | 'read-only'
  | 'replica-link-down'
  | 'replication-late'
  | 'loading'
  | 'snapshot-failed'
  | 'append-only-failed'
  | 'cluster-down'
  | 'restarted'

/** One thing that a check found. */
export interface HealthFinding {
  readonly code: HealthCode
  /** `critical` makes the status unhealthy, `warning` degraded, `info` changes nothing. */
  readonly severity: 'info' | 'warning' | 'critical'
  /** `host:port`; undefined for the deployment as a whole. */
  readonly address: string | undefined
  /** What is so. */
  readonly message: string
  /** What to do. */
  readonly advice: string
}

/** From where on something is a finding. */
export interface HealthLimits {
  readonly latencyMs: number
  /** Share of `maxmemory`. */
  readonly memory: number
  /** Smallest hit rate, judged from `lookups` look-ups on. */
  readonly hitRate: number
  readonly lookups: number
  /** Share of `maxclients`. */
  readonly clients: number
  readonly replicationLagMs: number
}

type Judgement = Omit<HealthFinding, 'address'>
type Rule = (node: RedisNodeHealth, limits: HealthLimits) => Judgement | undefined

/** Everything that is to be said of one server that answered. */
export function judgeNode(node: RedisNodeHealth, limits: HealthLimits): readonly HealthFinding[] {
  return rules.flatMap((rule) => {
    const found = rule(node, limits)
    return found === undefined ? [] : [{ ...found, address: node.address }]
  })
}

/** The worst finding decides. */
export function statusOf(findings: readonly HealthFinding[]): RedisStatus {
  if (findings.some(({ severity }) => severity === 'critical')) return 'unhealthy'
  return findings.some(({ severity }) => severity === 'warning') ? 'degraded' : 'healthy'
}

/** Hits as a share of all look-ups; undefined without any. */
export function hitRateOf({ hits, misses }: { readonly hits: number; readonly misses: number }): number | undefined {
  return hits + misses === 0 ? undefined : hits / (hits + misses)
}

/** Judged over the whole deployment: on a cluster one server alone may see few look-ups. */
export function judgeHitRate(
  lookups: { readonly hits: number; readonly misses: number },
  limits: HealthLimits,
): readonly HealthFinding[] {
  const rate = hitRateOf(lookups)
  if (rate === undefined || lookups.hits + lookups.misses <= limits.lookups || rate >= limits.hitRate) return []
  const message = `${percent(rate)} of ${lookups.hits + lookups.misses} look-ups since the last check were hits`
  const advice =
    'Look for short lives, keys that are never asked for again, and evictions; all clients of the server count'
  return [{ code: 'hit-rate-low', severity: 'warning', address: undefined, message, advice }]
}

const rules: readonly Rule[] = [
  function loading({ persistence }) {
    if (!persistence.loading) return undefined
    const advice = 'Wait: commands are refused until the data has been read'
    return { code: 'loading', severity: 'critical', message: 'The server is reading its data from disk', advice }
  },

  function latency({ latencyMs }, limits) {
    if (latencyMs === undefined || latencyMs <= limits.latencyMs) return undefined
    const message = `PING took ${latencyMs.toFixed(1)} ms, more than ${limits.latencyMs} ms`
    const advice = 'Look at SLOWLOG, at the network between, and at the event loop of this process'
    return { code: 'latency-high', severity: 'warning', message, advice }
  },

  function memory({ memory: { usedBytes, maxBytes, evictionPolicy } }, limits) {
    if (usedBytes === undefined || maxBytes === undefined || usedBytes <= maxBytes * limits.memory) return undefined
    const used = `${percent(usedBytes / maxBytes)} of maxmemory are used`
    // A cache that may evict everything is meant to be full.
    if (evictionPolicy.startsWith('allkeys-')) {
      const advice = 'Nothing if the hit rate is good; otherwise raise maxmemory'
      return { code: 'memory-full', severity: 'info', message: `${used}; ${evictionPolicy} makes room`, advice }
    }
    const refuses = usedBytes >= maxBytes && evictionPolicy === 'noeviction'
    const advice =
      'Raise maxmemory, or set maxmemory-policy to allkeys-lru or allkeys-lfu if the server is only a cache'
    const severity = refuses ? 'critical' : 'warning'
    const message = `${used} and the policy is ${evictionPolicy}${refuses ? ': writes are refused' : ''}`
    return { code: 'memory-high', severity, message, advice }
  },

  function limit({ memory: { usedBytes, maxBytes } }) {
    if (usedBytes === undefined || maxBytes !== undefined) return undefined
    const advice = 'Set maxmemory, so that a full cache evicts instead of exhausting the host'
    return { code: 'memory-unlimited', severity: 'info', message: 'maxmemory is not set', advice }
  },

  function clients({ clients: { connected, max } }, limits) {
    if (connected === undefined || max === undefined || connected <= max * limits.clients) return undefined
    const message = `${connected} of ${max} clients are connected`
    const advice = 'Look for connections that are not closed (CLIENT LIST), or raise maxclients'
    return { code: 'clients-high', severity: 'warning', message, advice }
  },

  function role(node) {
    if (node.role !== 'replica') return undefined
    const advice = 'Connect to the primary, by Sentinel or Cluster where there is a failover'
    return { code: 'read-only', severity: 'critical', message: 'The server is a replica: writes are refused', advice }
  },

  function link({ replication }) {
    if (replication.link !== 'down') return undefined
    const advice = 'Look at the log of the replica; what it answers is growing old'
    return { code: 'replica-link-down', severity: 'warning', message: 'The replica does not hear its primary', advice }
  },

  function lag({ role: own, replication: { lagSeconds } }, limits) {
    if (lagSeconds === undefined || lagSeconds * 1000 <= limits.replicationLagMs) return undefined
    const who = own === 'replica' ? 'This replica last heard its primary' : 'The slowest replica was last heard'
    const advice = 'Look at the network between them and the load of the replica; a failover now loses writes'
    return { code: 'replication-late', severity: 'warning', message: `${who} ${lagSeconds} s ago`, advice }
  },

  function snapshot({ persistence: { snapshot: state, snapshotRules, refusesWritesAfterFailure } }) {
    if (state !== 'failed') return undefined
    const refuses = refusesWritesAfterFailure === 'yes' && snapshotRules !== '' && snapshotRules !== 'unknown'
    const message = `The last RDB snapshot failed${refuses ? ': writes are refused' : ''}`
    const advice = 'Look at the log of the server: disk full, folder not writable, or no memory to fork'
    return { code: 'snapshot-failed', severity: refuses ? 'critical' : 'warning', message, advice }
  },

  function appendOnly({ persistence: { appendOnly: on, appendOnlyWrite } }) {
    if (on !== 'on' || appendOnlyWrite !== 'failed') return undefined
    const advice = 'Look at the log of the server: the disk is full or fails'
    const message = 'The append-only file cannot be written: writes are refused'
    return { code: 'append-only-failed', severity: 'critical', message, advice }
  },

  function rewrite({ persistence: { appendOnly: on, appendOnlyRewrite } }) {
    if (on !== 'on' || appendOnlyRewrite !== 'failed') return undefined
    const advice = 'Look at the log of the server: disk full, or no memory to fork; the file grows without bound'
    const message = 'The last rewrite of the append-only file failed'
    return { code: 'append-only-failed', severity: 'warning', message, advice }
  },

  function cluster({ cluster: state }) {
    if (state !== 'fail') return undefined
    const advice = 'Look at CLUSTER NODES: slots without a primary, or no majority of primaries'
    return { code: 'cluster-down', severity: 'critical', message: 'The cluster does not serve all slots', advice }
  },
]

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
