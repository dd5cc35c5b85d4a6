import type { GovernanceRule, ViolationOutcome } from './governance.ts'
import type { WarmingOutcome, WarmingProgress } from './warming.ts'

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
  | BusEvent
  | LifecycleEvent
  | PolicyViolationEvent
  | LeaseEvent
  | TierOperationEvent
  | WarmingEvent
  | BackgroundErrorEvent

/** A caller got a value from a tier. */
export interface HitEvent {
  readonly type: 'hit'
  readonly namespace: string
  readonly key: string
  /** The tier that answered. */
  readonly tier: string
  /** Served after its ttl, in grace. */
  readonly stale: boolean
}

/** No tier had a fresh value, and no stale one was served. */
export interface MissEvent {
  readonly type: 'miss'
  readonly namespace: string
  readonly key: string
}

/** A loader ended, once for each key. */
export interface LoadEvent {
  readonly type: 'load'
  readonly namespace: string
  readonly key: string
  /** `skipped`: the loader asked for it or had no value. `rejected`: the key was invalidated meanwhile. */
  readonly outcome: 'stored' | 'skipped' | 'rejected' | 'failed' | 'not-modified' | 'cancelled'
  /** Milliseconds, the look into lower tiers included. */
  readonly durationMs: number
  /** Callers that shared this load, the first included. */
  readonly callers: number
  /** Why it failed or was cancelled. */
  readonly error?: unknown
}

/** A background refresh was due. */
export interface RefreshEvent {
  readonly type: 'refresh'
  readonly namespace: string
  readonly key: string
  /** Which option asked for it. */
  readonly reason: 'ahead' | 'early'
  /** `dropped`: too many refreshes were running in this process. */
  readonly outcome: 'started' | 'dropped'
}

/** A write by a caller ended: `set`, `touch` or `expire`. */
export interface WriteEvent {
  readonly type: 'write'
  readonly namespace: string
  readonly key: string
  /** The version the write got. */
  readonly version: number
  /** What became of it, by tier. */
  readonly tiers: Readonly<Record<string, TierWriteState>>
}

/** `pending`: acknowledged, on its way. `skipped`: the tier does not hold the value, nor an older one. */
export type TierWriteState = 'applied' | 'pending' | 'failed' | 'skipped'

/** Something was invalidated by a caller. The namespace is `*` when it was done for all. */
export interface InvalidateEvent {
  readonly type: 'invalidate'
  readonly namespace: string
  /** What was invalidated. */
  readonly scope: 'key' | 'keys' | 'pattern' | 'tags' | 'namespace' | 'expire'
  /** Keys, tags or the pattern; empty for a namespace. */
  readonly targets: readonly string[]
  /** Keys that were held somewhere; 0 for tags and namespaces, which are not visited. */
  readonly count: number
}

/** What tiers and the guards around them report. */
export type TierEvent =
  /** An operation of a tier failed or came too late; the engine goes on without it. */
  | { readonly type: 'tier-error'; readonly tier: string; readonly operation: TierOperation; readonly error: unknown }
  /** A tier is left alone (`open`), probed (`half-open`) or used again (`closed`), for one kind of operations. */
  | {
      readonly type: 'breaker'
      readonly tier: string
      /** Which operations it is about. */
      readonly kind: GuardedKind
      readonly state: BreakerState
      readonly reason: BreakerReason
    }
  /** A read that failed is tried again. */
  | {
      readonly type: 'tier-retry'
      readonly tier: string
      readonly operation: TierOperation
      /** How often it has failed so far. */
      readonly attempt: number
      readonly error: unknown
    }
  /** Entries left a tier by its own decision; reported in sums, about once a second. */
  | {
      readonly type: 'evict'
      readonly tier: string
      readonly namespace: string
      readonly reason: EvictReason
      readonly count: number
    }
  /** A record that could not be used: it counts as a miss. */
  | {
      readonly type: 'bad-record'
      readonly tier: string
      readonly key: string
      readonly reason: BadRecordReason
      readonly error?: unknown
    }
  /** An invalidation that a tier could not take (`kept`), took later (`replayed`), or that became a clear (`overflowed`). */
  | {
      readonly type: 'intent'
      readonly tier: string
      readonly state: 'kept' | 'replayed' | 'overflowed'
      readonly pending: number
    }
  /** Something a tier wants an operator to know. */
  | { readonly type: 'tier-notice'; readonly tier: string; readonly notice: string; readonly detail: string }

/**
 * What this instance has heard of others. `lost`: changes of a lane may have been missed, so nothing of it is served
 * from memory that was there before. `confirmed`: from now on everything has been heard again.
 */
export interface BusEvent {
  readonly type: 'bus'
  /** The tier whose bus it is; undefined for one that belongs to no tier. */
  readonly tier: string | undefined
  readonly state: 'lost' | 'confirmed'
  /** A part of the keys; on one server there is one, number 0. */
  readonly lane: number
}

/** The operations of a tier. */
export type TierOperation =
  | 'open'
  | 'close'
  | 'get'
  | 'set'
  | 'delete'
  | 'scan'
  | 'clear'
  | 'usage'
  | 'tags'
  | 'notes'
  | 'lease'
  | 'bus'
/** Where the breaker of a tier stands. */
export type BreakerState = 'closed' | 'half-open' | 'open'
/** Operations that share a breaker. `read`: `get` and `usage`. `write`: `set` and `lease`. `remove`: `delete`, `clear`, `tags` and `notes`. `open`: opening the tier. */
export type GuardedKind = 'open' | 'read' | 'write' | 'remove'
/** Opened for `failures` in a row, for its `failure-rate`, for `silence` or because a `probe-failed`; half-open when the `pause-over`; closed when `answered`. */
export type BreakerReason = 'failures' | 'failure-rate' | 'silence' | 'probe-failed' | 'pause-over' | 'answered'
/** Over the budget of the tier, over the quota of the namespace, past its life, or too large to be held. */
export type EvictReason = 'capacity' | 'quota' | 'expired' | 'too-large'
/** Why a record could not be used. */
export type BadRecordReason = 'damaged' | 'newer-format' | 'schema'

/** A call or a loader broke a rule of its namespace. */
export interface PolicyViolationEvent {
  readonly type: 'policy-violation'
  readonly namespace: string
  readonly key: string
  /** Which rule it broke. */
  readonly rule: GovernanceRule
  /** What was done about it. */
  readonly outcome: ViolationOutcome
  /** What was asked for and what is allowed; no value. */
  readonly detail: string
}

/** The right to load a key was asked for; see `lease`. */
export interface LeaseEvent {
  readonly type: 'lease'
  readonly namespace: string
  readonly key: string
  /**
   * `granted`: this process loads. `busy`: another one does. `held`: a guarded write holds the key, so what is loaded is not
   * stored. `fresh`: there is a fresh value already. `unproved`: the store could not be asked.
   */
  readonly answer: 'granted' | 'busy' | 'held' | 'fresh' | 'unproved'
}

/** An operation that was sent to a tier has ended; tries of one operation are told once. */
export interface TierOperationEvent {
  readonly type: 'tier-operation'
  readonly tier: string
  readonly operation: TierOperation
  /** Milliseconds, further tries included. */
  readonly durationMs: number
  /** `late`: it missed its deadline. */
  readonly outcome: 'answered' | 'failed' | 'late'
}

/** The manager started or stopped. */
export interface LifecycleEvent {
  readonly type: 'lifecycle'
  /** `starting` and `started` come from `start()` only, not from a first use. */
  readonly state: 'starting' | 'started' | 'stopping' | 'stopped'
}

/** A warming has begun, gone on or ended; told at most four times a second. */
export interface WarmingEvent extends Omit<WarmingProgress, 'state'> {
  readonly type: 'warming'
  readonly state: 'started' | 'progress' | 'finished'
  /** With `finished`: how it ended. */
  readonly outcome?: WarmingOutcome
}

/** Work nobody awaits failed: a refresh, a promotion, a write-behind. */
export interface BackgroundErrorEvent {
  readonly type: 'background-error'
  /** What kind of work it was. */
  readonly work: string
  /** What it failed with. */
  readonly error: unknown
}

/** The name of an event, as `on` takes it. */
export type CacheEventType = CacheEvent['type']
/** The event of a name. */
export type CacheEventOf<T extends CacheEventType> = Extract<CacheEvent, { readonly type: T }>
