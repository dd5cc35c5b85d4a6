import type { BreakerState, EvictReason, GuardedKind, TierOperation } from './events.ts'
import type { Coherence } from './options.ts'
import type { StoreUsage } from './tier.ts'

/** Counters of a namespace since the manager was created. They are always kept. */
export interface NamespaceStats {
  /** Reads by callers: `hits`, `staleHits` and `misses` together. */
  readonly gets: number
  /** Reads that a tier answered with a fresh value. */
  readonly hits: number
  /** Reads that were answered with a value in grace. */
  readonly staleHits: number
  /** Reads that no tier could answer. */
  readonly misses: number
  /** `hits`, by the tier that answered. */
  readonly hitsByTier: Readonly<Record<string, number>>
  /**
   * Keys that tiers were asked for, by tier: by reads, and by `has`, `ttl`, `touch` and `expire`. Callers that ask a tier
   * behind memory together count once.
   */
  readonly lookups: Readonly<Record<string, TierLookups>>
  /** Runs of loaders; a batch counts each of its keys. */
  readonly loads: number
  /** Loads that failed, those included that a stale value stood in for. */
  readonly loadFailures: number
  /** Callers that were answered by somebody else's load. */
  readonly loadsSaved: number
  /** Loads in the background, while the present value was served. */
  readonly refreshes: number
  /** Values set by hand. */
  readonly sets: number
  /** Keys that were held and removed. */
  readonly deletes: number
  /** Calls that invalidated something: deletions, patterns, tags, clears, `expire`. What this process told others. */
  readonly invalidations: number
  /** Entries copied from a slower tier to a faster one. */
  readonly promotions: number
  /** Entries that left a tier by its own decision: it had no room, they were too large, or past their life. */
  readonly evictions: number
  /** Entries that memory evicted and that went on to the next tier, see `demotion`. */
  readonly demotions: number
  /** Loads whose result was not stored because the key was invalidated meanwhile. */
  readonly rejectedFills: number
  /** Changes made by other processes that made something held in memory older: invalidations that were applied here. */
  readonly foreignChanges: number
}

/** What became of the keys that a tier behind memory was asked for. `lookups` is the sum of the others. */
export interface TierLookups {
  /** Keys it was asked for. */
  readonly lookups: number
  /** Fresh, and of use. */
  readonly hits: number
  /** In grace, or not proved to be current. */
  readonly staleHits: number
  /** Absent, unusable, or the tier could not answer. */
  readonly misses: number
}

/** Times of operations, from a histogram with two significant digits: a percentile is at most 1 % off. */
export interface LatencySummary {
  /** Operations that were timed. */
  readonly count: number
  /** Exact. */
  readonly meanMs: number
  /** Half of them took at most this long. */
  readonly p50Ms: number
  /** 95 of 100 took at most this long. */
  readonly p95Ms: number
  /** 99 of 100 took at most this long. */
  readonly p99Ms: number
  /** 999 of 1000 took at most this long. */
  readonly p999Ms: number
  /** The longest, as a percentile 1 % off. */
  readonly maxMs: number
}

/** The three hit rates that are called so, each with its own denominator; undefined where that is 0. */
export interface TierHitRates {
  /** Hits of the tier by all gets of callers. */
  readonly hitShareOfGets: number | undefined
  /** Hits of the tier by the hits of all tiers. */
  readonly hitShareOfHits: number | undefined
  /** Hits of the tier by what the tier itself was asked for. */
  readonly tierHitRatio: number | undefined
}

/** What became of the operations of one kind on one tier, since the manager was created. */
export interface OperationStats {
  /** Sent to the tier; tries of one operation count once. */
  readonly calls: number
  /** Of those sent, how many failed, the late ones included. */
  readonly failures: number
  /** Of those sent, how many missed their deadline. */
  readonly timeouts: number
  /** Further tries of reads. */
  readonly retries: number
  /** Not sent, because a breaker was open or the tier was not. */
  readonly refused: number
  /** Not sent, because too many were under way. */
  readonly rejected: number
  /** How long those took that the tier answered; undefined before the first, and without `statistics`. */
  readonly latency: LatencySummary | undefined
}

/** What values became in the bytes of a tier. */
export interface CompressionStats {
  /** Values framed. */
  readonly values: number
  /** Bytes before compression. */
  readonly rawBytes: number
  /** Bytes after it. */
  readonly storedBytes: number
  /** `rawBytes` by `storedBytes`; undefined before the first. */
  readonly ratio: number | undefined
}

/** What a tier did since the manager was created. */
export interface TierStats extends TierLookups, TierHitRates {
  /** How long its operations took, and what became of them. Empty for memory, which does not fail. */
  readonly operations: Readonly<Partial<Record<TierOperation, OperationStats>>>
  /** A memory hit, of every 1024 or so one; undefined for other tiers. */
  readonly hitLatency: LatencySummary | undefined
  /** Entries that left by its own decision. */
  readonly evictions: Readonly<Record<EvictReason, number>>
  /** Records that could not be used. */
  readonly badRecords: number
  /** Its breakers; undefined for memory, which has none. */
  readonly breakers: Readonly<Record<GuardedKind, BreakerState>> | undefined
  /** Invalidations that wait to reach it. */
  readonly intents: number
  /** What it held when it was last asked: now for memory, with the last deep health check for others; else undefined. */
  readonly entries: number | undefined
  /** As `entries`; undefined too where the tier cannot tell. */
  readonly bytes: number | undefined
  /** Its budget; undefined where it has none or was not asked. */
  readonly maxBytes: number | undefined
  /** The server behind it as a whole, others' data included, as of the same time; undefined where the tier cannot tell. */
  readonly store: StoreUsage | undefined
  /** Undefined for memory. */
  readonly compression: CompressionStats | undefined
}

/** The stretches of time that are looked back on. */
export type WindowName = '1m' | '15m' | '1h' | '24h'

/** What happened in the last stretch of time, over all namespaces. */
export interface WindowStats {
  /** How much of the stretch is covered: less after a start. A window is exact to a twelfth of its length. */
  readonly coveredMs: number
  /** Sums over all namespaces. */
  readonly overall: WindowCounters
  /** For the namespaces that were used in it. */
  readonly namespaces: Readonly<Record<string, WindowCounters>>
}

/** Counters of a stretch of time. */
export interface WindowCounters extends Pick<
  NamespaceStats,
  | 'gets'
  | 'hits'
  | 'staleHits'
  | 'misses'
  | 'loads'
  | 'loadFailures'
  | 'loadsSaved'
  | 'sets'
  | 'deletes'
  | 'invalidations'
  | 'foreignChanges'
> {
  /** Hits, stale ones included, by gets; undefined without gets. */
  readonly hitRate: number | undefined
}

/** A key that is read much. */
export interface HotKey {
  /** Where it is. */
  readonly namespace: string
  /** With its tenant before it, where there are tenants. */
  readonly key: string
  /** Reads since the start, estimated from samples; older ones count less, half after ten minutes. */
  readonly reads: number
  /** Of the reads of its namespace, 0 to 1. */
  readonly share: number
}

/** Keys that begin alike: their parts before the first that looks like an id or is the last, and `*`. */
export interface KeyFamily {
  /** Where they are. */
  readonly namespace: string
  /** For example `user:*` for `user:4711:profile`. */
  readonly family: string
  /** Estimated from samples, as those of hot keys. */
  readonly hits: number
  /** Estimated too. */
  readonly misses: number
}

/** Something an operator could do, and why. */
export interface Recommendation {
  /** Stable name of the rule. */
  readonly rule: string
  /** Whether it hurts, or is worth a thought. */
  readonly severity: 'info' | 'warning'
  /** The one it is about; absent where it is about all. */
  readonly namespace?: string
  /** The one it is about; absent where it is about all. */
  readonly tier?: string
  /** What to do. */
  readonly advice: string
  /** The figures it follows from. */
  readonly reason: string
}

/** The counters of a manager. */
export interface Analytics {
  /** When this was counted, in epoch milliseconds. */
  readonly at: number
  /** When the manager was created, in epoch milliseconds. */
  readonly since: number
  /** Sums over all namespaces. */
  readonly overall: NamespaceStats
  /** By name, for the namespaces that were used. */
  readonly namespaces: Readonly<Record<string, NamespaceStats>>
  /** Hits of any tier, stale ones included, by gets; undefined before the first get. */
  readonly hitRate: number | undefined
  /** What instances promise each other, by namespace; `off` also where no tier is shared. */
  readonly coherence: Readonly<Record<string, Coherence>>
  /** By name, in the order of the chain. */
  readonly tiers: Readonly<Record<string, TierStats>>
  /** How long loaders took, by namespace. Empty without `statistics`. */
  readonly loadLatency: Readonly<Record<string, LatencySummary>>
  /** The last minute, quarter of an hour, hour and day; without `statistics` undefined. */
  readonly windows: Readonly<Record<WindowName, WindowStats>> | undefined
  /** Most read first, at most 50. Empty without `statistics`. */
  readonly hotKeys: readonly HotKey[]
  /** Most read first, at most 50. Empty without `statistics`. */
  readonly keyFamilies: readonly KeyFamily[]
  /** What could be better, and why. */
  readonly recommendations: readonly Recommendation[]
}
