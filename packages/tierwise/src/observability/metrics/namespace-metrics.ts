import type { NamespaceStats, Recommendation } from '../../contract/analytics.ts'
import type { MetricSample, ReadMetric } from './metric.ts'

type CounterName = { [K in keyof NamespaceStats]: NamespaceStats[K] extends number ? K : never }[keyof NamespaceStats]

const plainCounters: readonly (readonly [CounterName, string, string])[] = [
  ['loads', 'loads_total', 'Runs of loaders; a batch counts each of its keys.'],
  ['loadFailures', 'load_failures_total', 'Loads that failed, those included that a stale value stood in for.'],
  ['loadsSaved', 'loads_saved_total', "Callers that were answered by somebody else's load."],
  ['refreshes', 'refreshes_total', 'Loads in the background, while the present value was served.'],
  ['sets', 'sets_total', 'Values set by hand.'],
  ['deletes', 'deletes_total', 'Keys that were held and removed.'],
  ['invalidations', 'invalidations_total', 'Calls that invalidated something.'],
  ['promotions', 'promotions_total', 'Entries copied from a slower tier to a faster one.'],
  ['evictions', 'evictions_total', 'Entries that left a tier by its own decision.'],
  ['demotions', 'demotions_total', 'Entries that memory evicted and that went on to the next tier.'],
  ['rejectedFills', 'rejected_fills_total', 'Loads that were not stored because the key was invalidated meanwhile.'],
  ['foreignChanges', 'foreign_changes_total', 'Changes by other processes that were applied here.'],
]

/** What is counted for each namespace. */
export const namespaceMetrics: readonly ReadMetric[] = [
  {
    name: 'gets_total',
    type: 'counter',
    unit: undefined,
    labels: ['namespace', 'outcome'],
    help: 'Reads by callers: answered fresh (hit), with a value in grace (stale), or by no tier (miss).',
    read: ({ analytics }) =>
      perNamespace(analytics.namespaces, ({ hits, staleHits, misses }) =>
        outcomes({ hit: hits, stale: staleHits, miss: misses }),
      ),
  },
  {
    name: 'hits_total',
    type: 'counter',
    unit: undefined,
    labels: ['namespace', 'tier'],
    help: 'Reads that were answered fresh, by the tier that answered.',
    read: ({ analytics }) =>
      perNamespace(analytics.namespaces, ({ hitsByTier }) =>
        Object.entries(hitsByTier).map(([tier, value]) => ({ labels: { tier }, value })),
      ),
  },
  {
    name: 'tier_lookups_total',
    type: 'counter',
    unit: undefined,
    labels: ['namespace', 'tier', 'outcome'],
    help: 'Keys that a tier was asked for: fresh (hit), in grace or not proved to be current (stale), not there (miss).',
    read: ({ analytics }) =>
      perNamespace(analytics.namespaces, ({ lookups }) =>
        Object.entries(lookups).flatMap(([tier, { hits, staleHits, misses }]) =>
          outcomes({ hit: hits, stale: staleHits, miss: misses }).map(({ labels, value }) => ({
            labels: { tier, ...labels },
            value,
          })),
        ),
      ),
  },
  ...plainCounters.map(([field, name, help]): ReadMetric => ({
    name,
    type: 'counter',
    unit: undefined,
    labels: ['namespace'],
    help,
    read: ({ analytics }) => perNamespace(analytics.namespaces, (stats) => [{ labels: {}, value: stats[field] }]),
  })),
  {
    name: 'namespace_coherence',
    type: 'gauge',
    unit: undefined,
    labels: ['namespace', 'coherence'],
    help: 'What instances promise each other about a namespace: 1 for the promise in force.',
    read: ({ analytics }) =>
      Object.entries(analytics.coherence).map(([namespace, coherence]) => ({
        labels: { namespace, coherence },
        value: 1,
      })),
  },
  {
    name: 'start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When the manager was created, in seconds since 1970.',
    read: ({ analytics }) => [{ labels: {}, value: analytics.since / 1000 }],
  },
  {
    name: 'recommendations',
    type: 'gauge',
    unit: undefined,
    labels: ['rule', 'severity'],
    help: 'What the analytics recommend at the moment, by rule.',
    read: ({ analytics }) =>
      [...new Set(analytics.recommendations.map(({ rule }) => rule))].map((rule) =>
        countOf(analytics.recommendations, rule),
      ),
  },
]

function countOf(all: readonly Recommendation[], rule: string): MetricSample {
  const alike = all.filter((each) => each.rule === rule)
  return { labels: { rule, severity: alike[0]?.severity ?? 'info' }, value: alike.length }
}

function outcomes(counts: Readonly<Record<string, number>>): MetricSample[] {
  return Object.entries(counts).map(([outcome, value]) => ({ labels: { outcome }, value }))
}

/** The samples of each namespace, with its name. */
export function perNamespace<T>(
  namespaces: Readonly<Record<string, T>>,
  read: (of: T) => readonly MetricSample[],
): MetricSample[] {
  return Object.entries(namespaces).flatMap(([namespace, of]) =>
    read(of).map(({ labels, value }) => ({ labels: { namespace, ...labels }, value })),
  )
}
