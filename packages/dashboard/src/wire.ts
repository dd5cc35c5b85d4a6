import type {
  Analytics,
  GovernanceReport,
  Health,
  NamespaceGovernance,
  NamespaceStats,
  WindowCounters,
  WindowName,
} from 'tierwise'
import type { ConsistencySource, ShownAlert } from './sources.ts'

/** What the page and its server say to each other, as JSON. */

/** Rates between two pictures, each by second. */
export interface Point {
  /** Epoch milliseconds. */
  readonly at: number
  readonly gets: number
  readonly hits: number
  readonly staleHits: number
  readonly misses: number
  readonly loads: number
  readonly loadFailures: number
  readonly loadsSaved: number
  readonly tiers: Readonly<Record<string, TierPoint>>
}

export interface TierPoint {
  readonly lookups: number
  readonly hits: number
  /** Milliseconds of a read, of those since the last picture; null without any. */
  readonly readMs: number | null
}

export interface FeedItem {
  /** Ascending. */
  readonly id: number
  readonly at: number
  readonly type: string
  /** `good`: something is well again. */
  readonly severity: 'info' | 'good' | 'warning' | 'bad'
  readonly text: string
  /** How many of the kind it stands for. */
  readonly count: number
}

/** The first message of a stream: what happened while others looked. */
export interface Hello {
  readonly history: readonly Point[]
  readonly feed: readonly FeedItem[]
}

export interface NamespaceView {
  readonly name: string
  readonly coherence: Analytics['coherence'][string] | undefined
  readonly stats: NamespaceStats | undefined
  readonly governance: NamespaceGovernance | undefined
  readonly windows: Readonly<Partial<Record<WindowName, WindowCounters>>>
}

export interface WindowView {
  readonly coveredMs: number
  readonly overall: WindowCounters
}

export type Consistency = Omit<ReturnType<ConsistencySource['report']>, 'nines' | 'inconsistencies'> & {
  /** Null while nothing was inconsistent, JSON has no infinity. */
  readonly nines: number | null | undefined
  readonly inconsistencies: ReturnType<ConsistencySource['report']>['inconsistencies']
}

/** How everything is, once an interval. */
export interface Picture {
  readonly at: number
  readonly since: number
  readonly intervalMs: number
  readonly pid: number
  /** Absent in the first after a pause. */
  readonly point?: Point
  readonly health: Health
  readonly overall: NamespaceStats
  readonly hitRate: number | undefined
  readonly tiers: Analytics['tiers']
  readonly loadLatency: Analytics['loadLatency']
  readonly windows: Readonly<Record<WindowName, WindowView>> | undefined
  readonly hotKeys: Analytics['hotKeys']
  readonly keyFamilies: Analytics['keyFamilies']
  readonly recommendations: Analytics['recommendations']
  /** The busiest first. */
  readonly namespaces: readonly NamespaceView[]
  /** Namespaces there was no room for. */
  readonly otherNamespaces: number
  readonly governance: Pick<
    GovernanceReport,
    'operations' | 'violations' | 'ttlOverrides' | 'immortalEntries' | 'worstOffenders'
  >
  /** Undefined without an auditor. */
  readonly consistency: Consistency | undefined
  /** Undefined without a source of alerts. */
  readonly alerts: readonly ShownAlert[] | undefined
  /** What happened since the last picture. */
  readonly feed: readonly FeedItem[]
}

export interface Session {
  readonly authorized: boolean
  /** Who decides: a token that is asked for, or the application. */
  readonly by: 'token' | 'application'
  readonly allowWrites: boolean
  readonly showValues: boolean
}

export interface InspectRequest {
  readonly namespace: string
  readonly key: string
  readonly tenant?: string
}

export interface InspectedTier {
  readonly tier: string
  readonly state: 'fresh' | 'stale' | 'dead' | 'absent' | 'unknown'
  /** Epoch milliseconds. */
  readonly createdAt?: number
  readonly expiresAt?: number
  readonly usableUntil?: number
  readonly sizeBytes?: number
  readonly version?: number
  readonly tags?: readonly string[]
  /** Only with `showValues`. */
  readonly value?: string
}

export interface InspectAnswer {
  readonly at: number
  readonly tiers: readonly InspectedTier[]
}

export type InvalidateRequest =
  | { readonly what: 'key'; readonly namespace: string; readonly key: string; readonly tenant?: string }
  | { readonly what: 'tag'; readonly namespace: string; readonly tag: string; readonly tenant?: string }
  | { readonly what: 'namespace'; readonly namespace: string; readonly tenant?: string }

export interface InvalidateAnswer {
  /** What was done, as a sentence. */
  readonly done: string
}

/** What went wrong, for people. */
export interface Failure {
  readonly error: string
  readonly code?: string
}
