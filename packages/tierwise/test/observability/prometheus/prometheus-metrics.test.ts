import { Counter, Registry } from 'prom-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { metrics } from '../../../src/observability/metrics/list.ts'
import { prometheusMetrics } from '../../../src/observability/prometheus/index.ts'
import { runProgram } from '../../../src/testing/servers/program.ts'
import { promtool } from '../../../src/testing/servers/prometheus-server.ts'
import { testCache } from '../../../src/testing/test-cache.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops) await stop()
  stops = []
})

function service() {
  const made = testCache().memory().faulty('store').namespace('factors').build()
  stops.push(made.stop)
  return made
}

type Made = ReturnType<typeof service>

async function traffic({ cache, faults, runtime }: Made): Promise<void> {
  await cache.set('steel', 1.85)
  await cache.get('steel')
  await cache.get('copper')
  await cache.getOrSet('zinc', () => 3)
  await cache.getOrSet('lead', () => Promise.reject(new Error('no'))).catch(() => {})
  faults.store.fail('get')
  await cache.get('tin')
  faults.store.clear()
  await runtime.settle()
}

const linesOf = async (register: Registry, name: string): Promise<string[]> =>
  (await register.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))

describe('prometheusMetrics', () => {
  test('exports what analytics() counts', async () => {
    const made = service()
    const register = new Registry()
    prometheusMetrics(made.manager, { register })
    await traffic(made)
    const { hits, staleHits, misses } = made.manager.analytics().overall
    expect(await linesOf(register, 'tierwise_gets_total')).toEqual([
      `tierwise_gets_total{namespace="factors",outcome="hit"} ${hits}`,
      `tierwise_gets_total{namespace="factors",outcome="stale"} ${staleHits}`,
      `tierwise_gets_total{namespace="factors",outcome="miss"} ${misses}`,
    ])
    expect(hits).toBe(1)
    expect(await linesOf(register, 'tierwise_loads_total')).toEqual(['tierwise_loads_total{namespace="factors"} 2'])
    expect(await linesOf(register, 'tierwise_load_failures_total')).toEqual([
      'tierwise_load_failures_total{namespace="factors"} 1',
    ])
    expect(await linesOf(register, 'tierwise_tier_operation_failures_total')).toContain(
      'tierwise_tier_operation_failures_total{tier="store",operation="get",reason="error"} 1',
    )
    expect(await linesOf(register, 'tierwise_load_duration_seconds_count')).toContain(
      'tierwise_load_duration_seconds_count{namespace="factors",outcome="failed"} 1',
    )
  })

  test('tells operations that failed from those that were late', async () => {
    const made = service()
    const register = new Registry()
    prometheusMetrics(made.manager, { register })
    await made.cache.get('opens the tier')
    made.faults.store.hang('get')
    await made.runtime.until(made.cache.get('slow'))
    made.faults.store.clear()
    made.faults.store.fail('set')
    await made.cache.set('steel', 1).catch(() => {})
    const failures = await linesOf(register, 'tierwise_tier_operation_failures_total')
    const of = (operation: string, reason: string): string | undefined =>
      failures.find((line) => line.includes(`operation="${operation}",reason="${reason}"`))?.split(' ')[1]
    expect([of('get', 'error'), of('get', 'timeout')]).toEqual(['0', '1'])
    expect([of('set', 'error'), of('set', 'timeout')]).toEqual(['1', '0'])
  })

  test('gives promtool nothing to complain about', async () => {
    const made = service()
    const register = new Registry()
    prometheusMetrics(made.manager, { register })
    await traffic(made)
    expect(await runProgram(promtool(), ['check', 'metrics'], { input: await register.metrics() })).toBe('')
  })

  test('counts once for a scrape, however many metrics there are', async () => {
    const { manager } = service()
    const register = new Registry()
    prometheusMetrics(manager, { register })
    const analytics = vi.spyOn(manager, 'analytics')
    await register.metrics()
    expect(analytics).toHaveBeenCalledTimes(1)
    await register.metrics()
    expect(analytics).toHaveBeenCalledTimes(2)
  })

  test('does not listen to hits', () => {
    const { manager } = service()
    const on = vi.spyOn(manager, 'on')
    prometheusMetrics(manager, { register: new Registry() })
    expect(on.mock.calls.map(([type]) => type)).toEqual(['tier-operation', 'load'])
  })

  test('takes everything out of the registry when it is stopped, and can be started again', async () => {
    const made = service()
    const register = new Registry()
    const first = prometheusMetrics(made.manager, { register })
    first.stop()
    expect((await register.metrics()).trim()).toBe('')
    const second = prometheusMetrics(made.manager, { register })
    first.stop()
    expect(register.getMetricsAsArray()).toHaveLength(metrics.length)
    second.stop()
    await traffic(made)
    expect(register.getMetricsAsArray()).toEqual([])
  })

  test('is scraped also once the manager is stopped', async () => {
    const made = service()
    const register = new Registry()
    prometheusMetrics(made.manager, { register })
    await traffic(made)
    await made.runtime.until(made.manager.stop())
    expect(await linesOf(register, 'tierwise_up')).toEqual(['tierwise_up 0'])
    expect(await linesOf(register, 'tierwise_loads_total')).toEqual(['tierwise_loads_total{namespace="factors"} 2'])
  })

  test('sums up the namespaces beyond the limit, and each keeps its place', async () => {
    const made = service()
    const register = new Registry()
    prometheusMetrics(made.manager, { register, maxNamespaces: 2 })
    await made.manager.namespace('a').get('k')
    await register.metrics()
    for (const name of ['b', 'c', 'd']) await made.manager.namespace(name).getOrSet('k', () => 1)
    const loads = await linesOf(register, 'tierwise_loads_total')
    expect(loads).toHaveLength(3)
    expect(loads).toContain('tierwise_loads_total{namespace="other"} 3')
    expect(await linesOf(register, 'tierwise_load_duration_seconds_count')).toEqual([
      'tierwise_load_duration_seconds_count{namespace="other",outcome="stored"} 3',
    ])
  })

  test('has a name for each thing, with the prefix that is asked for', async () => {
    const { manager } = service()
    const register = new Registry()
    prometheusMetrics(manager, { register, prefix: 'shop_cache_' })
    expect(await linesOf(register, 'shop_cache_up')).toEqual(['shop_cache_up 1'])
    expect(register.getSingleMetric('tierwise_up')).toBeUndefined()
  })
})

describe('several managers in one registry', () => {
  test('are told apart by a label', async () => {
    const [orders, prices] = [service(), service()]
    const register = new Registry()
    const first = prometheusMetrics(orders.manager, { register, labels: { manager: 'orders' } })
    prometheusMetrics(prices.manager, { register, labels: { manager: 'prices' } })
    await orders.cache.set('k', 1)
    expect(await linesOf(register, 'tierwise_sets_total')).toEqual([
      'tierwise_sets_total{manager="orders",namespace="factors"} 1',
      'tierwise_sets_total{manager="prices",namespace="factors"} 0',
    ])
    first.stop()
    expect(await linesOf(register, 'tierwise_sets_total')).toEqual([
      'tierwise_sets_total{manager="prices",namespace="factors"} 0',
    ])
    await orders.cache.getOrSet('zinc', () => 1)
    expect(await linesOf(register, 'tierwise_load_duration_seconds_count')).toEqual([])
  })

  test('are refused when nothing tells them apart', () => {
    const [orders, prices] = [service(), service()]
    const register = new Registry()
    prometheusMetrics(orders.manager, { register })
    expect(() => prometheusMetrics(prices.manager, { register })).toThrow(/Tell them apart.*manager: 'orders'/)
    expect(() => prometheusMetrics(prices.manager, { register, labels: { manager: 'b' } })).toThrow(
      'this one has manager, the others have none',
    )
  })

  test('are exported each to a registry of its own', async () => {
    const [orders, prices] = [service(), service()]
    const registers = [new Registry(), new Registry()]
    prometheusMetrics(orders.manager, { register: registers[0]! })
    prometheusMetrics(prices.manager, { register: registers[1]! })
    await orders.cache.set('k', 1)
    expect(await linesOf(registers[1]!, 'tierwise_sets_total')).toEqual(['tierwise_sets_total{namespace="factors"} 0'])
  })
})

describe('the options', () => {
  test.each([
    [{ prefix: '1' }, '`prometheusMetrics.prefix`'],
    [{ labels: { tier: 'x' } }, '`prometheusMetrics.labels`'],
    [{ labels: { 'a-b': 'x' } }, '`prometheusMetrics.labels`'],
    [{ maxNamespaces: 0 }, '`prometheusMetrics.maxNamespaces`'],
    [{ maxNamespace: 5 }, 'Did you mean `maxNamespaces`?'],
  ])('%j is refused', (options, message) => {
    expect(() => prometheusMetrics(service().manager, { register: new Registry(), ...options })).toThrow(message)
  })

  test('say when a name is taken', () => {
    const register = new Registry()
    new Counter({ name: 'tierwise_sets_total', help: 'mine', registers: [register] })
    expect(() => prometheusMetrics(service().manager, { register })).toThrow(
      'The registry has a metric `tierwise_sets_total` already',
    )
  })
})
