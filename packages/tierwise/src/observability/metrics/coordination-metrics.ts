import type { CoordinationStats, PrimitiveStats } from '../../coordination/index.ts'
import type { MetricSample, ReadMetric } from './metric.ts'
import { breakerNumbers } from './tier-metrics.ts'

/** What became of the steps of a coordination; none without one. */
export const coordinationMetrics: readonly ReadMetric[] = [
  {
    name: 'coordination_steps_total',
    type: 'counter',
    unit: undefined,
    labels: ['primitive', 'name', 'outcome'],
    help: 'Steps by what they were answered by: the store, nobody (denied), this process (local), or as if allowed (assumed).',
    read: ({ coordination }) => coordination?.primitives.flatMap(stepsOf) ?? [],
  },
  {
    name: 'coordination_breaker_state',
    type: 'gauge',
    unit: undefined,
    labels: [],
    help: 'Whether the store of a coordination is asked: 0 closed, 1 half-open, 2 open.',
    read: ({ coordination }) => breakerOf(coordination),
  },
]

function stepsOf({ primitive, name, calls, unavailable, local, assumed }: PrimitiveStats): readonly MetricSample[] {
  const outcomes = { store: calls - unavailable, denied: unavailable - local - assumed, local, assumed }
  return Object.entries(outcomes).map(([outcome, value]) => ({ labels: { primitive, name, outcome }, value }))
}

function breakerOf(coordination: CoordinationStats | undefined): readonly MetricSample[] {
  return coordination === undefined ? [] : [{ labels: {}, value: breakerNumbers[coordination.breaker] }]
}
