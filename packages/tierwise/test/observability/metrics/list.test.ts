import { afterEach, describe, expect, test } from 'vitest'
import { MetricSource } from '../../../src/observability/metrics/metric-source.ts'
import { metrics, readMetrics } from '../../../src/observability/metrics/list.ts'
import { testCache } from '../../../src/testing/test-cache.ts'

let stop = async (): Promise<void> => undefined
afterEach(() => stop())

describe('the list of metrics', () => {
  test('names each thing once, in the way of Prometheus', () => {
    const names = metrics.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, type, unit, help } of metrics) {
      expect(name, name).toMatch(/^[a-z][a-z_]*$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (unit !== undefined) expect(name.replace(/_total$/, ''), name).toMatch(new RegExp(`_${unit}$`))
      expect(help, name).toMatch(/^[A-Z0-9].*\.$/)
    }
  })

  test('has no label that has keys for values', () => {
    const labels = new Set(metrics.flatMap((metric) => metric.labels))
    expect([...labels].toSorted()).toEqual(
      'coherence kind name namespace operation outcome percentile primitive reason rule severity tier'.split(' '),
    )
  })

  test('gives samples the labels that are announced, and finite values', async () => {
    const made = testCache().memory().faulty('store').namespace('factors', { maxEntries: 10 }).build()
    stop = made.stop
    await made.cache.set('steel', 1)
    await made.cache.get('steel')
    const source = new MetricSource(made.manager, {
      auditor: {
        report: () => ({
          checked: 5,
          unknown: 1,
          suspected: 2,
          inconsistent: 1,
          consistency: 0.8,
          nines: 0.7,
          inconsistencies: [],
        }),
      },
      coordination: {
        stats: () => ({
          store: 'redis',
          breaker: 'open',
          primitives: [{ primitive: 'lock', name: 'reports', calls: 9, unavailable: 6, local: 1, assumed: 2 }],
        }),
      },
    })
    const snapshot = await source.snapshot()
    for (const metric of readMetrics) {
      for (const { labels, value } of source.read(metric, snapshot)) {
        expect(Object.keys(labels), metric.name).toEqual(metric.labels)
        expect(Number.isFinite(value), metric.name).toBe(true)
      }
    }
    const audited = readMetrics.filter(({ name }) => name.startsWith('audit_'))
    expect(audited.map((metric) => source.read(metric, snapshot)[0]?.value)).toEqual([5, 1, 1, 2])
    const coordinated = readMetrics.filter(({ name }) => name.startsWith('coordination_'))
    expect(coordinated.map((metric) => source.read(metric, snapshot).map(({ value }) => value))).toEqual([
      [3, 3, 1, 2],
      [2],
    ])
  })

  test('reads every field of the contract, but for those that have a reason', async () => {
    const made = testCache().memory().faulty('store').namespace('factors', { maxEntries: 10 }).build()
    stop = made.stop
    await made.cache.set('steel', 1)
    await made.cache.get('steel')
    const source = new MetricSource(made.manager)
    const snapshot = await source.snapshot()
    const read = new Set<string>()
    const watched = { ...snapshot, ...watch({ ...snapshot }, '', read) }
    for (const metric of readMetrics) metric.read(watched)
    const all = new Set<string>()
    fields({ analytics: snapshot.analytics, health: snapshot.health, governance: snapshot.governance }, '', all)
    const left = [...all].filter((path) => !read.has(path) && !(path in withReason) && !isInside(path))
    expect(left).toEqual([])
    expect(Object.keys(withReason).filter((path) => read.has(path))).toEqual([])
  })
})

/** What is not exported, and why. */
const withReason: Readonly<Record<string, string>> = {
  'analytics.at': 'a scrape has its own time',
  'analytics.overall': 'a sum over namespaces',
  'analytics.hitRate': 'a ratio, which PromQL makes from counters',
  'analytics.loadLatency': 'the histogram load_duration_seconds',
  'analytics.windows': 'a range of PromQL',
  'analytics.hotKeys': 'has keys',
  'analytics.keyFamilies': 'has parts of keys',
  'analytics.namespaces.*.gets': 'the sum of outcomes',
  'analytics.namespaces.*.lookups.*.lookups': 'the sum of outcomes',
  'analytics.tiers.*.lookups': 'the sum over namespaces',
  'analytics.tiers.*.hits': 'the sum over namespaces',
  'analytics.tiers.*.staleHits': 'the sum over namespaces',
  'analytics.tiers.*.misses': 'the sum over namespaces',
  'analytics.tiers.*.hitShareOfGets': 'a ratio, which PromQL makes from counters',
  'analytics.tiers.*.hitShareOfHits': 'a ratio, which PromQL makes from counters',
  'analytics.tiers.*.tierHitRatio': 'a ratio, which PromQL makes from counters',
  'analytics.tiers.*.operations.*.latency': 'the histogram tier_operation_duration_seconds',
  'analytics.tiers.*.hitLatency.count': 'the times are a sample',
  'analytics.tiers.*.hitLatency.meanMs': 'percentiles say it',
  'analytics.tiers.*.hitLatency.maxMs': 'percentiles say it',
  'analytics.tiers.*.compression.ratio': 'a ratio, which PromQL makes from counters',
  'health.live': 'a manager that is stopped is taken out',
  'health.tiers.*.breaker': 'tier_breaker_state, by kind',
  'health.tiers.*.breakers': 'tier_breaker_state, by kind',
  'health.tiers.*.intents': 'tier_intents',
  'health.tiers.*.usage': 'tier_bytes and tier_entries',
  'governance.at': 'a scrape has its own time',
  'governance.operations': 'the sum over namespaces',
  'governance.violations': 'the sum over namespaces',
  'governance.ttlOverrides': 'the sum over namespaces',
  'governance.immortalEntries': 'the sum over namespaces',
  'governance.worstOffenders': 'has parts of keys',
  'governance.namespaces.*.mode': 'configuration',
  'governance.namespaces.*.dataClass': 'configuration',
  'governance.namespaces.*.license': 'configuration',
  'governance.namespaces.*.maxTtlMs': 'configuration',
  'governance.namespaces.*.ttlMs': 'configuration',
}

function isInside(path: string): boolean {
  return Object.keys(withReason).some((each) => path.startsWith(`${each}.`))
}

/** Names of namespaces, tiers, operations, and positions in lists are `*`. */
function step(path: string, name: string): string {
  const isNamed =
    /(\.namespaces|\.tiers|\.operations|\.lookups|\.coherence|\.hitsByTier|\.evictions|\.outcomes|s\.\*\.breakers|Keys|Families|Offenders|\.recommendations)$/.test(
      path,
    )
  return path === '' ? name : `${path}.${isNamed ? '*' : name}`
}

function fields(value: unknown, path: string, into: Set<string>): void {
  if (path !== '') into.add(path)
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) fields(inner, step(path, name), into)
}

/** The same, writing down what is read of it. */
function watch<T extends object>(value: T, path: string, read: Set<string>): T {
  return new Proxy(value, {
    get(target, name, receiver) {
      const inner: unknown = Reflect.get(target, name, receiver)
      if (typeof name !== 'string' || !Object.hasOwn(target, name) || name === 'length') return inner
      const place = step(path, name)
      read.add(place)
      return typeof inner === 'object' && inner !== null ? watch(inner, place, read) : inner
    },
  })
}

test('tiers behind memory are asked what they hold once a minute, and nobody waits for it', async () => {
  const made = testCache().memory().faulty('store').build()
  stop = made.stop
  const source = new MetricSource(made.manager)
  await source.snapshot()
  expect(made.faults.store.callsOf('usage')).toHaveLength(0)
  await made.runtime.until(made.cache.set('steel', 1))
  const entries = async (): Promise<number | undefined> => (await source.snapshot()).analytics.tiers['store']?.entries
  expect(await entries()).toBeUndefined()
  await made.runtime.settle()
  expect(await entries()).toBe(1)
  await made.runtime.advance(50_000)
  expect(await entries()).toBe(1)
  expect(made.faults.store.callsOf('usage')).toHaveLength(1)
  await made.runtime.advance(10_000)
  await entries()
  expect(made.faults.store.callsOf('usage')).toHaveLength(2)
})
