/**
 * Everything the engine tells the outside, as one union. Counters are always kept; event objects are made only while
 * somebody listens. No event carries a value or a credential.
 */
export type CacheEvent =
  | HitEvent
  | MissEvent
  | LoadEvent
  | WriteEvent
  | InvalidateEvent
  | RefreshEvent
  | TierEvent
  | LifecycleEvent
  | BackgroundErrorEvent

export interface HitEvent {
  readonly type: 'hit'
  readonly namespace: string
  readonly key: string
  readonly tier: string
  readonly stale: boolean
}

export interface MissEvent {
  readonly type: 'miss'
  readonly namespace: string
  readonly key: string
}

export interface LoadEvent {
  readonly type: 'load'
  readonly namespace: string
  readonly key: string
  readonly outcome: 'stored' | 'skipped' | 'rejected' | 'failed' | 'not-modified' | 'cancelled'
  readonly durationMs: number
  /** Callers that shared this load, the first included. */
  readonly callers: number
  readonly error?: unknown
}

export interface RefreshEvent {
  readonly type: 'refresh'
  readonly namespace: string
  readonly key: string
  readonly reason: 'ahead' | 'early' | 'stale'
  /** `dropped`: too many refreshes were running in this process. */
  readonly outcome: 'started' | 'dropped'
}

export interface WriteEvent {
  readonly type: 'write'
  readonly namespace: string
  readonly key: string
  readonly version: number
  readonly tiers: Readonly<Record<string, TierWriteState>>
}

export type TierWriteState = 'applied' | 'pending' | 'failed' | 'skipped'

export interface InvalidateEvent {
  readonly type: 'invalidate'
  readonly namespace: string
  readonly scope: 'key' | 'keys' | 'pattern' | 'tags' | 'namespace' | 'expire'
  /** Keys, tags or the pattern; empty for a namespace. */
  readonly targets: readonly string[]
  readonly count: number
}

/** What tiers and the guards around them report. */
export type TierEvent =
  | { readonly type: 'tier-error'; readonly tier: string; readonly operation: TierOperation; readonly error: unknown }
  | { readonly type: 'breaker'; readonly tier: string; readonly state: BreakerState }
  | { readonly type: 'evict'; readonly tier: string; readonly namespace: string; readonly reason: EvictReason; readonly count: number }
  /** A record that could not be used: it counts as a miss. */
  | { readonly type: 'bad-record'; readonly tier: string; readonly key: string; readonly reason: BadRecordReason; readonly error?: unknown }
  /** An invalidation that a tier could not take (`kept`), took later (`replayed`), or that became a clear (`overflowed`). */
  | { readonly type: 'intent'; readonly tier: string; readonly state: 'kept' | 'replayed' | 'overflowed'; readonly pending: number }
  | { readonly type: 'tier-notice'; readonly tier: string; readonly notice: string; readonly detail: string }

export type TierOperation = 'open' | 'close' | 'get' | 'set' | 'delete' | 'scan' | 'clear' | 'usage' | 'tags'
export type BreakerState = 'closed' | 'half-open' | 'open'
export type EvictReason = 'capacity' | 'quota' | 'expired' | 'too-large'
export type BadRecordReason = 'damaged' | 'foreign' | 'newer-format' | 'wrong-key' | 'schema'

export interface LifecycleEvent {
  readonly type: 'lifecycle'
  readonly state: 'starting' | 'started' | 'stopping' | 'stopped'
}

/** Work nobody awaits failed: a refresh, a promotion, a write-behind. */
export interface BackgroundErrorEvent {
  readonly type: 'background-error'
  readonly work: string
  readonly error: unknown
}

export type CacheEventType = CacheEvent['type']
export type CacheEventOf<T extends CacheEventType> = Extract<CacheEvent, { readonly type: T }>
