import type { Duration } from '../../contract/options.ts'
import type { Expression } from './expression.ts'

/** How bad it is. `critical`: somebody should look now. */
export type AlertSeverity = 'warning' | 'critical'

/** When somebody is told. */
export interface AlertRule {
  readonly name: string
  readonly severity: AlertSeverity
  /** One sentence for people. */
  readonly summary: string
  /** For how long the condition has to hold; 0 for at once. */
  readonly forMs: number
  /** Holds for each value it has. */
  readonly condition: Expression
  /** Where it is said what to do: a page of the guide, and the place in it. */
  readonly runbook: string
}

/** Where the rules draw the line. Shares are from 0 to 1. */
export interface AlertThresholds {
  /** Reads answered by any tier, by all reads, at least. @default 0.6 */
  readonly hitRate?: number
  /** Hits of the first tier, by what it was asked for, at least. @default 0.7 */
  readonly firstTierHitRatio?: number
  /** Hits of the first tier, by the hits of all tiers, at least. @default 0.6 */
  readonly firstTierShareOfHits?: number
  /** Hits of a third or later tier, by the hits of all tiers, at most. @default 0.3 */
  readonly thirdTierShareOfHits?: number
  /** The 99th percentile of reads from the second tier, at most. @default '10ms' */
  readonly latency?: Duration
  /** Bytes of the server behind a tier by those it may take, at most. @default 0.9 */
  readonly memory?: number
  /** Operations of a tier that failed, at most. @default 0.05 */
  readonly errorRate?: number
  /** Loads that failed, at most. @default 0.1 */
  readonly loadFailures?: number
  /** Reads that were answered with a stale value, at most. @default 0.1 */
  readonly staleReads?: number
  /** For how long nothing may be heard of what others change. @default '30s' */
  readonly busSilence?: Duration
  /** Writes on their way to their tiers, at most. @default 1000 */
  readonly pendingWrites?: number
  /** Shares are looked at from so many operations a second on: of few, chance decides. @default 1 */
  readonly minPerSecond?: number
}

/** What `alertRules` takes. */
export interface AlertRuleOptions {
  /** Where the rules draw the line. @default those of AlertThresholds */
  readonly thresholds?: AlertThresholds
  /** The stretch of time that shares and rates are of. @default '5m' */
  readonly window?: Duration
  /** For how long conditions have to hold, by the name of the rule; `0` for at once. @default those of the rules */
  readonly for?: Readonly<Partial<Record<string, Duration>>>
}
