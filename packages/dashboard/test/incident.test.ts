import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Registry } from 'prom-client'
import { createCacheManager, type CacheManager, type Health } from 'tierwise'
import { alertRules, prometheusRules, watchAlerts, type AlertRule, type AlertWatcher } from 'tierwise/alerts'
import { endpoints, nodeHandler } from 'tierwise/endpoints'
import { memory } from 'tierwise/memory'
import { prometheusMetrics } from 'tierwise/prometheus'
import { redis } from 'tierwise/redis'
import { startPrometheus, startRedis, type PrometheusServer, type RedisServer } from 'tierwise/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { startBrowser } from './browser.ts'
import { served } from './stage.ts'

/** The published rules hold for minutes; here all of them hold for this long. */
const holdMs = 2000
/** Between two scrapes, and between two looks at the rules. */
const intervalMs = 500
/** A Redis that does not answer costs one deadline, then its breaker opens. */
const noticedMs = 2000
/** From the open breaker to the alert: a scrape, the time of the rule, a look at it; and once more as much for a slow machine. */
const firedMs = 2 * (2 * intervalMs + holdMs)
/** The longest pause before a probe, some answers to it, and the look back of the rule. */
const greenMs = 15_000

let browser: Awaited<ReturnType<typeof startBrowser>>
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

/** Everything a team has in front of it, over a service that is being used. */
interface Scene {
  readonly server: RedisServer
  readonly manager: CacheManager
  readonly prometheus: PrometheusServer
  readonly watcher: AlertWatcher
  readonly traffic: Traffic
  readonly page: Page
  readonly complaints: readonly string[]
  probe(path: string): Promise<number>
}

interface Traffic {
  readonly answered: () => number
  readonly failures: unknown[]
  readonly slowestMs: () => number
}

test('Redis dies under traffic: everybody sees it, nobody is hurt, and all is well again by itself', async () => {
  const scene = await setScene()
  await expectGreen(scene)

  const killedAt = performance.now()
  await scene.server.kill()
  await within(noticedMs, 'health says degraded', async () => (await scene.manager.health()).status === 'degraded')
  await within(noticedMs, 'the page shows it', async () => !(await isWell(scene.page)))
  expect(await scene.probe('/livez')).toBe(200)
  expect(await scene.probe('/readyz')).toBe(200)
  await within(firedMs, 'Prometheus fires', async () => (await fired(scene)).includes('CacheTierUnavailable'))
  await within(firedMs, 'the watcher in process fires', async () => stateOf(scene.watcher) === 'firing')
  await within(noticedMs, 'the page lists the alert', async () =>
    (await alertsOnPage(scene.page)).includes('CacheTierUnavailable'),
  )
  expect(performance.now() - killedAt).toBeLessThan(2 * noticedMs + 2 * firedMs)
  expect(await deepHealth(scene)).toMatchObject({ status: 'degraded', live: true, ready: true })

  // What is changed meanwhile is kept for it.
  await scene.manager.namespace('factors').delete('key-1')
  expect((await scene.manager.health()).tiers.find(({ name }) => name === 'redis')?.intents).toBeGreaterThan(0)

  await scene.server.restart()
  await within(greenMs, 'health is up', async () => (await scene.manager.health()).status === 'up')
  await within(greenMs, 'Prometheus resolves', async () => (await fired(scene)).length === 0)
  await within(greenMs, 'the page is calm', () => isWell(scene.page))
  await expectGreen(scene)
  expect(scene.traffic.failures).toEqual([])
  expect(scene.traffic.slowestMs()).toBeLessThan(2000)
  expect(scene.complaints).toEqual([])
}, 90_000)

async function expectGreen(scene: Scene): Promise<void> {
  const before = scene.traffic.answered()
  await within(noticedMs, 'callers are answered', async () => scene.traffic.answered() > before)
  await within(
    greenMs,
    'Prometheus has scraped',
    async () => (await scene.prometheus.query('tierwise_healthy == 1')).length > 0,
  )
  expect(await deepHealth(scene)).toMatchObject({ status: 'up', healthy: true, live: true, ready: true })
  await within(greenMs, 'the page says so', () => isWell(scene.page))
  expect(await fired(scene)).toEqual([])
}

async function setScene(): Promise<Scene> {
  const server = await startRedis({ dedicated: true })
  onTestFinished(() => server.stop())
  const manager = createCacheManager({
    tiers: [memory({ maxEntries: 100 }), redis({ url: server.url })],
    defaults: { ttl: '1s', grace: '1m' },
    breaker: { openFor: '1s' },
  })
  onTestFinished(() => manager.stop())
  await manager.start()
  const traffic = startTraffic(manager)
  const rules = quickRules()
  const watcher = watchAlerts(manager, { rules, interval: intervalMs, onAlert: () => undefined })
  const origin = await serveProbes(manager)
  const prometheus = await startPrometheus({
    targets: { orders: [new URL(origin).host] },
    rules: [JSON.stringify(prometheusRules(rules))],
    intervalMs,
  })
  onTestFinished(() => prometheus.stop())
  const dashboard = await served(manager, { alerts: watcher })
  const { page, complaints } = await browser.open(dashboard.url)
  const probe = async (path: string): Promise<number> => (await fetch(origin + path)).status
  return { server, manager, prometheus, watcher, traffic, page, complaints, probe }
}

/** Those about Redis, with times for a test. */
function quickRules(): readonly AlertRule[] {
  const holds = alertRules().map(({ name }) => [name, holdMs] as const)
  const rules = alertRules({ window: 3000, for: Object.fromEntries(holds) })
  return rules.filter(({ name }) => name === 'CacheTierUnavailable' || name === 'CacheBusSilent')
}

async function serveProbes(manager: CacheManager): Promise<string> {
  const register = new Registry()
  const metrics = prometheusMetrics(manager, { register })
  const server = createServer(nodeHandler(endpoints(manager, { metrics: register })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    metrics.stop()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Reads that go down to Redis and to a source, all the time, until the test ends. */
function startTraffic(manager: CacheManager): Traffic {
  const cache = manager.namespace<number>('factors')
  const failures: unknown[] = []
  let answered = 0
  let slowestMs = 0
  const ask = async (turn: number): Promise<void> => {
    const startedAt = performance.now()
    await cache
      .getOrSet(`key-${turn % 200}`, () => turn)
      .then(
        () => answered++,
        (error: unknown) => failures.push(error),
      )
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
  }
  let turn = 0
  const timer = setInterval(() => void ask(turn++), 5)
  onTestFinished(() => clearInterval(timer))
  return { answered: () => answered, failures, slowestMs: () => slowestMs }
}

async function fired({ prometheus }: Scene): Promise<readonly string[]> {
  const firing = (await prometheus.alerts()).filter(({ state }) => state === 'firing')
  return [...new Set(firing.map(({ labels }) => labels['alertname'] ?? ''))]
}

function stateOf({ alerts }: AlertWatcher): string | undefined {
  return alerts.find(({ rule }) => rule.name === 'CacheTierUnavailable')?.state
}

function deepHealth({ manager }: Scene): Promise<Health> {
  return manager.health({ deep: true })
}

async function isWell(page: Page): Promise<boolean> {
  return ((await page.locator('[data-stage="redis"] .badge').first().textContent()) ?? '').endsWith('Well')
}

async function alertsOnPage(page: Page): Promise<string> {
  return (await page.locator('#alerts').textContent()) ?? ''
}

async function within(ms: number, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > endsAt) throw new Error(`Within ${ms} ms it did not come about that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
