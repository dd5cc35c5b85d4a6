import type { Analytics } from '../../contract/analytics.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { GovernanceReport } from '../../contract/governance.ts'
import type { Health } from '../../contract/health.ts'
import type { CoordinationStats } from '../../coordination/index.ts'
import type { AuditReport } from '../auditor/report.ts'

/** What values of a metric are told apart by. None of them has keys for values. */
export type MetricLabel =
  | 'namespace'
  | 'tier'
  | 'operation'
  | 'outcome'
  | 'reason'
  | 'kind'
  | 'rule'
  | 'severity'
  | 'coherence'
  | 'percentile'
  | 'primitive'
  | 'name'

/** The values of labels. */
export type MetricLabels = Readonly<Partial<Record<MetricLabel, string>>>

/** One value of a metric. */
export interface MetricSample {
  readonly labels: MetricLabels
  readonly value: number
}

/** The parts that metrics are read from, all taken at one time. */
export interface MetricSnapshot {
  readonly analytics: Analytics
  readonly health: Health
  readonly governance: GovernanceReport
  /** Undefined without an auditor. */
  readonly audit: AuditReport | undefined
  /** Undefined without a coordination. */
  readonly coordination: CoordinationStats | undefined
}

interface MetricDescription {
  /** Without the prefix, as Prometheus wants it: with the unit, and `_total` on counters. */
  readonly name: string
  /** One sentence. */
  readonly help: string
  /** Undefined for plain numbers. */
  readonly unit: 'seconds' | 'bytes' | undefined
  readonly labels: readonly MetricLabel[]
}

/** A metric that is read when somebody asks. */
export interface ReadMetric extends MetricDescription {
  readonly type: 'counter' | 'gauge'
  read(snapshot: MetricSnapshot): readonly MetricSample[]
}

/** Takes a duration of a metric. */
export type ObserveDuration = (labels: MetricLabels, seconds: number) => void

/** A metric of durations, which are told as they come. */
export interface DurationMetric extends MetricDescription {
  readonly type: 'histogram'
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[]
  /** Returns the function that ends it. */
  watch(manager: CacheManager, observe: ObserveDuration): () => void
}

/** Something that is measured. */
export type Metric = ReadMetric | DurationMetric
