import type { BreakerState, GuardedKind } from './events.ts'
import type { TierUsage } from './tier.ts'

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
  /** `up`: all is well. `degraded`: something is not, and callers are served. `down`: stopped, or a required tier cannot be used. */
  readonly status: 'up' | 'degraded' | 'down'
  /** Whether the process should go on: false once the manager is stopped, never because of a tier. For a liveness probe. */
  readonly live: boolean
  /**
   * Whether traffic should come here: the required tiers were opened and can be used. For a readiness probe; with
   * `requiredTiers`, call `start()`, for nothing is opened before.
   */
  readonly ready: boolean
  readonly state: 'new' | 'started' | 'stopped'
  readonly tiers: readonly TierHealth[]
  /** How this instance hears of what others change; undefined where no tier tells. */
  readonly bus: BusHealth | undefined
  /** Writes that were acknowledged and have not reached their tiers yet. */
  readonly pendingWrites: number
}
