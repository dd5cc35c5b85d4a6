import { coordinationMetrics } from './coordination-metrics.ts'
import { durationMetrics } from './duration-metrics.ts'
import { governanceMetrics } from './governance-metrics.ts'
import { healthMetrics } from './health-metrics.ts'
import type { Metric, ReadMetric } from './metric.ts'
import { namespaceMetrics } from './namespace-metrics.ts'
import { tierMetrics } from './tier-metrics.ts'

/** The metrics that are read when somebody asks. */
export const readMetrics: readonly ReadMetric[] = [
  ...namespaceMetrics,
  ...tierMetrics,
  ...healthMetrics,
  ...governanceMetrics,
  ...coordinationMetrics,
]

/** Everything that is exported, the same to Prometheus, OpenTelemetry, alerts and dashboards. */
export const metrics: readonly Metric[] = [...readMetrics, ...durationMetrics]

/** What names begin with when nothing else is asked for. */
export const defaultPrefix = 'tierwise_'
