import type { DurationMetric } from './metric.ts'

/** From a local disk to a query of a database that is slow. */
const buckets: readonly number[] = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** How long things took, told as they end. A hit in memory is not among them: it is to cost nothing. */
export const durationMetrics: readonly DurationMetric[] = [
  {
    name: 'tier_operation_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['tier', 'operation', 'outcome'],
    help: 'How long operations of tiers took: answered, failed, or ended after their deadline (late).',
    buckets,
    watch: (manager, observe) =>
      manager.on('tier-operation', ({ tier, operation, outcome, durationMs }) =>
        observe({ tier, operation, outcome }, durationMs / 1000),
      ),
  },
  {
    name: 'load_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['namespace', 'outcome'],
    help: 'How long loads took, the look into lower tiers included.',
    buckets: buckets.filter((bound) => bound >= 0.001),
    watch: (manager, observe) =>
      manager.on('load', ({ namespace, outcome, durationMs }) => observe({ namespace, outcome }, durationMs / 1000)),
  },
]
