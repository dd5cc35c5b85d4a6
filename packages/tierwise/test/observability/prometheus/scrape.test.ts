import { afterEach, expect, test } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { startPrometheus } from '../../../src/testing/servers/prometheus-server.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { quickRules } from '../quick-rules.ts'
import { scrapedService } from '../scraped-service.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

test('a Prometheus that scrapes a service sees the counts of analytics()', async () => {
  const server = await startRedis({ config: { maxmemory: '100mb' } })
  stops.push(() => server.stop())
  const manager = createCacheManager({ tiers: [memory(), redis({ url: server.url })], defaults: { ttl: '1m' } })
  stops.push(() => manager.stop())
  const service = await scrapedService(manager)
  stops.push(() => service.stop())
  const prometheus = await startPrometheus({ targets: { orders: [service.address] }, intervalMs: 250 })
  stops.push(() => prometheus.stop())

  const factors = manager.namespace<number>('factors')
  for (let turn = 0; turn < 40; turn++) await factors.getOrSet(`k${turn % 10}`, () => turn)
  await factors.getMany(['k1', 'k2', 'absent'])
  await factors.delete('k3')

  await manager.health({ deep: true })

  const { overall, tiers } = manager.analytics()
  const valueOf = async (expression: string): Promise<number | undefined> =>
    (await prometheus.query(expression))[0]?.value
  await until(async () => (await valueOf('sum(tierwise_gets_total)')) === overall.gets, {
    what: 'a scrape after the traffic',
  })
  expect(overall.gets).toBe(43)
  expect(await valueOf('sum(tierwise_gets_total{outcome="hit"})')).toBe(overall.hits)
  expect(await valueOf('sum(tierwise_loads_total)')).toBe(overall.loads)
  expect(await valueOf('sum(tierwise_deletes_total)')).toBe(1)
  const { calls } = tiers['redis']!.operations.get!
  expect(await valueOf('sum(tierwise_tier_operations_total{tier="redis",operation="get"})')).toBe(calls)
  const timed = 'sum(tierwise_tier_operation_duration_seconds_count{tier="redis",operation="get"})'
  expect(await valueOf(timed)).toBe(calls)

  expect(await valueOf('tierwise_tier_store_max_bytes{tier="redis"}')).toBe(100 * 1024 ** 2)
  expect(await valueOf('tierwise_tier_store_bytes{tier="redis"}')).toBeGreaterThan(100_000)

  // The three hit rates, as the guide says them.
  const hits = 'sum(tierwise_hits_total{tier="memory"})'
  expect(await valueOf(`${hits} / sum(tierwise_gets_total)`)).toBeCloseTo(tiers['memory']!.hitShareOfGets!, 10)
  expect(await valueOf(`${hits} / sum(tierwise_hits_total)`)).toBeCloseTo(tiers['memory']!.hitShareOfHits!, 10)
  const asked = 'sum(tierwise_tier_lookups_total{tier="redis"})'
  expect(await valueOf(`sum(tierwise_tier_lookups_total{tier="redis",outcome="hit"}) / ${asked}`)).toBeCloseTo(
    tiers['redis']!.tierHitRatio!,
    10,
  )
})

test('a Redis that is killed fires the alert for its breaker, and a restart resolves it', async () => {
  const server = await startRedis({ dedicated: true })
  stops.push(() => server.stop())
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    tierTimeout: '200ms',
    breaker: { openFor: '500ms' },
  })
  stops.push(() => manager.stop())
  const service = await scrapedService(manager)
  stops.push(() => service.stop())
  const prometheus = await startPrometheus({
    targets: { orders: [service.address] },
    rules: [quickRules({ windowMs: 3000, holdMs: 2000 })],
    intervalMs: 500,
  })
  stops.push(() => prometheus.stop())
  await manager.start()
  let asked = 0
  const reads = setInterval(() => void manager.namespace('factors').get(`k${asked++}`), 20)
  stops.push(async () => clearInterval(reads))

  const states = async (): Promise<readonly string[]> =>
    (await prometheus.alerts())
      .filter(({ labels }) => labels['alertname'] === 'CacheTierUnavailable' && labels['tier'] === 'redis')
      .map(({ labels, state }) => `${labels['kind']} ${state} ${labels['severity']}`)
  const isAmong = async (state: string): Promise<boolean> => (await states()).includes(state)
  await until(async () => (await prometheus.query('tierwise_ready')).length === 1, { what: 'the first scrape' })
  expect(await states()).toEqual([])

  await server.kill()
  await until(() => isAmong('read pending critical'), { what: 'a pending alert', everyMs: 50 })
  await until(() => isAmong('read firing critical'), { what: 'a firing alert', everyMs: 50 })
  expect((await prometheus.query('max(tierwise_tier_breaker_state{tier="redis"})'))[0]?.value).toBeGreaterThan(0)

  await server.restart()
  await until(async () => (await states()).length === 0, { what: 'the end of the alert', everyMs: 50 })
}, 60_000)
