import type { LatencySummary, OperationStats, TierStats } from '../../contract/analytics.ts'
import type { BreakerState } from '../../contract/events.ts'
import type { MetricLabel, MetricSample, ReadMetric } from './metric.ts'

/** Numbers for Prometheus, which has no texts for values. */
export const breakerNumbers: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }

const percentiles: readonly (readonly [string, keyof LatencySummary])[] = [
  ['50', 'p50Ms'],
  ['95', 'p95Ms'],
  ['99', 'p99Ms'],
  ['99.9', 'p999Ms'],
]

/** What is known of each tier. */
export const tierMetrics: readonly ReadMetric[] = [
  {
    ...gauge('tier_position', 'Where the tier stands in the chain: 1 is the fastest.'),
    read: ({ analytics }) =>
      Object.keys(analytics.tiers).map((tier, index) => ({ labels: { tier }, value: index + 1 })),
  },
  {
    ...gauge('tier_breaker_state', 'Breakers of the tier: 0 closed, 1 half-open, 2 open.', ['kind']),
    read: ({ analytics }) =>
      perTier(analytics.tiers, ({ breakers = {} }) =>
        Object.entries(breakers).map(([kind, state]) => ({ labels: { kind }, value: breakerNumbers[state] })),
      ),
  },
  {
    ...counter('tier_operations_total', 'Operations that were sent to the tier; tries of one count once.', [
      'operation',
    ]),
    read: ({ analytics }) => perOperation(analytics.tiers, ({ calls }) => [{ labels: {}, value: calls }]),
  },
  {
    ...counter('tier_operation_failures_total', 'Operations that failed, or missed their deadline (timeout).', [
      'operation',
      'reason',
    ]),
    read: ({ analytics }) =>
      perOperation(analytics.tiers, ({ failures, timeouts }) => [
        { labels: { reason: 'error' }, value: failures - timeouts },
        { labels: { reason: 'timeout' }, value: timeouts },
      ]),
  },
  {
    ...counter('tier_operation_retries_total', 'Further tries of reads.', ['operation']),
    read: ({ analytics }) => perOperation(analytics.tiers, ({ retries }) => [{ labels: {}, value: retries }]),
  },
  {
    ...counter(
      'tier_operations_unsent_total',
      'Operations that were not sent: a breaker was open or the tier was not (refused), too many were under way (rejected).',
      ['operation', 'reason'],
    ),
    read: ({ analytics }) =>
      perOperation(analytics.tiers, ({ refused, rejected }) => [
        { labels: { reason: 'refused' }, value: refused },
        { labels: { reason: 'rejected' }, value: rejected },
      ]),
  },
  {
    ...gauge(
      'tier_hit_duration_seconds',
      'Times of hits in memory since the start, from one hit of about a thousand.',
      ['percentile'],
    ),
    unit: 'seconds',
    read: ({ analytics }) => perTier(analytics.tiers, ({ hitLatency }) => percentilesOf(hitLatency)),
  },
  {
    ...counter('tier_evictions_total', 'Entries that left the tier by its own decision.', ['reason']),
    read: ({ analytics }) =>
      perTier(analytics.tiers, ({ evictions }) =>
        Object.entries(evictions).map(([reason, value]) => ({ labels: { reason }, value })),
      ),
  },
  {
    ...counter('tier_bad_records_total', 'Records that could not be used; each counts as a miss.'),
    read: ({ analytics }) => perTier(analytics.tiers, ({ badRecords }) => [{ labels: {}, value: badRecords }]),
  },
  {
    ...gauge('tier_intents', 'Invalidations that wait to reach the tier.'),
    read: ({ analytics }) => perTier(analytics.tiers, ({ intents }) => [{ labels: {}, value: intents }]),
  },
  ...contents(
    'tier_entries',
    'entries',
    'Entries in the tier: now for memory, at the last deep health check for others.',
  ),
  ...contents('tier_bytes', 'bytes', 'Bytes that the tier takes, as of the same time as its entries.'),
  ...contents('tier_max_bytes', 'maxBytes', 'Bytes that the tier may take.'),
  ...store('bytes', 'tier_store_bytes', 'Bytes that the server behind the tier takes as a whole, as of the same time.'),
  ...store(
    'maxBytes',
    'tier_store_max_bytes',
    'Bytes that the server behind the tier may take; absent without a limit.',
  ),
  ...compression('values', 'tier_compressed_values_total', 'Values that were framed for the tier.'),
  ...compression('rawBytes', 'tier_compression_raw_bytes_total', 'Bytes of values before compression.'),
  ...compression('storedBytes', 'tier_compression_stored_bytes_total', 'Bytes of the same values as they were stored.'),
]

type Described = Pick<ReadMetric, 'name' | 'type' | 'unit' | 'labels' | 'help'>

function counter(name: string, help: string, labels: readonly MetricLabel[] = []): Described {
  return { name, type: 'counter', unit: undefined, labels: ['tier', ...labels], help }
}

function gauge(name: string, help: string, labels: readonly MetricLabel[] = []): Described {
  return { ...counter(name, help, labels), type: 'gauge' }
}

function contents(name: string, field: 'entries' | 'bytes' | 'maxBytes', help: string): readonly ReadMetric[] {
  return [
    {
      ...gauge(name, help),
      unit: field === 'entries' ? undefined : 'bytes',
      read: ({ analytics }) => perTier(analytics.tiers, (tier) => known(tier[field])),
    },
  ]
}

function store(field: 'bytes' | 'maxBytes', name: string, help: string): readonly ReadMetric[] {
  return [
    {
      ...gauge(name, help),
      unit: 'bytes',
      read: ({ analytics }) => perTier(analytics.tiers, (tier) => known(tier.store?.[field])),
    },
  ]
}

function compression(field: 'values' | 'rawBytes' | 'storedBytes', name: string, help: string): readonly ReadMetric[] {
  return [
    {
      ...counter(name, help),
      unit: field === 'values' ? undefined : 'bytes',
      read: ({ analytics }) => perTier(analytics.tiers, (tier) => known(tier.compression?.[field])),
    },
  ]
}

/** A value that is not known is left out: 0 would be a claim. */
export function known(value: number | undefined): MetricSample[] {
  return value === undefined ? [] : [{ labels: {}, value }]
}

function percentilesOf(latency: LatencySummary | undefined): MetricSample[] {
  if (latency === undefined) return []
  return percentiles.map(([percentile, field]) => ({ labels: { percentile }, value: latency[field] / 1000 }))
}

function perTier(
  tiers: Readonly<Record<string, TierStats>>,
  read: (stats: TierStats) => readonly MetricSample[],
): MetricSample[] {
  return Object.entries(tiers).flatMap(([tier, stats]) =>
    read(stats).map(({ labels, value }) => ({ labels: { tier, ...labels }, value })),
  )
}

function perOperation(
  tiers: Readonly<Record<string, TierStats>>,
  read: (stats: OperationStats) => readonly MetricSample[],
): MetricSample[] {
  return perTier(tiers, ({ operations }) =>
    Object.entries(operations).flatMap(([operation, stats]) =>
      read(stats).map(({ labels, value }) => ({ labels: { operation, ...labels }, value })),
    ),
  )
}
