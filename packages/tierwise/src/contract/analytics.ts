import type { BreakerState, GuardedKind, TierOperation } from './events.ts'
import type { Coherence } from './options.ts'
import type { TierUsage } from './tier.ts'

/** Counters of a namespace since the manager was created. They are always kept. */
export interface NamespaceStats {
  /** Reads that a tier answered with a fresh value. */
  readonly hits: number
  /** Reads that were answered with a value in grace. */
  readonly staleHits: number
  /** Reads that no tier could answer. */
  readonly misses: number
  /** `hits`, by the tier that answered. */
  readonly hitsByTier: Readonly<Record<string, number>>
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
  /** Calls that invalidated something: deletions, patterns, tags, clears, `expire`. */
  readonly invalidations: number
  /** Entries copied from a slower tier to a faster one. */
  readonly promotions: number
  /** Loads whose result was not stored because the key was invalidated meanwhile. */
  readonly rejectedFills: number
  /** Changes made by other processes that made something held in memory older. */
  readonly foreignChanges: number
}

/** The counters of a manager. */
export interface Analytics {
  /** Sums over all namespaces. */
  readonly overall: NamespaceStats
  /** By name, for the namespaces that were used. */
  readonly namespaces: Readonly<Record<string, NamespaceStats>>
  /** Hits of any tier by gets; undefined before the first get. */
  readonly hitRate: number | undefined
  /** What instances promise each other, by namespace; `off` also where no tier is shared. */
  readonly coherence: Readonly<Record<string, Coherence>>
  /** What was asked of each tier behind memory, by its name and the operation; operations that were never asked are left out. */
  readonly tiers: Readonly<Record<string, Readonly<Partial<Record<TierOperation, OperationStats>>>>>
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
}

/** How a tier is. */
export interface TierHealth {
  readonly name: string
  /** Its breakers are closed, nothing waits for it, and with `deep` it answered. */
  readonly healthy: boolean
  /** The worst of its breakers; `open`: it is left alone for a while. */
  readonly breaker: BreakerState
  /** Where each of its breakers stands; absent for memory, which has none. */
  readonly breakers?: Readonly<Record<GuardedKind, BreakerState>>
  /** Invalidations waiting to reach this tier. */
  readonly intents: number
  /** What it holds; tiers behind memory are asked only with `deep`. */
  readonly usage: TierUsage | undefined
  /** Milliseconds of a round trip; only with `deep`. */
  readonly latencyMs?: number
  readonly error?: string
}

/** How this instance hears of what others change. */
export interface BusHealth {
  /** The tier whose bus it is; undefined for one that belongs to no tier. */
  readonly tier: string | undefined
  /** Everything has been heard that was changed up to so many milliseconds ago; undefined while that is not known. */
  readonly confirmedAgoMs: number | undefined
}

/** How a manager is. */
export interface Health {
  /** False when a tier is unhealthy, or it is not known what others have changed; reads go on without it. */
  readonly healthy: boolean
  readonly state: 'new' | 'started' | 'stopped'
  readonly tiers: readonly TierHealth[]
  /** How this instance hears of what others change; undefined where no tier tells. */
  readonly bus: BusHealth | undefined
  /** Writes that were acknowledged and have not reached their tiers yet. */
  readonly pendingWrites: number
}
