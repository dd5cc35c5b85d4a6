import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/index.ts'
import { alertRules, alertsFromConfig, watchAlerts } from '../../../src/observability/alerts/index.ts'
import type { Alert, WatchAlertsOptions } from '../../../src/observability/alerts/index.ts'
import { mapTier } from '../../../src/testing/map-tier.ts'
import { testCache } from '../../../src/testing/test-cache.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
  stops = []
})

function watched(options: Partial<WatchAlertsOptions> = {}) {
  const made = testCache().memory().faulty('redis').namespace('factors').build()
  const told: string[] = []
  const alerts: Alert[] = []
  const watcher = watchAlerts(made.manager, {
    runtime: made.runtime,
    onAlert: (alert) => {
      alerts.push(alert)
      told.push([alert.rule.name, alert.state, ...Object.values(alert.labels)].join(' '))
    },
    ...options,
  })
  stops.push(async () => {
    watcher.stop()
    await made.stop()
  })
  return { ...made, watcher, told, alerts }
}

/** Reads that miss, many a second: a first look, traffic, a second look. */
async function misses(made: ReturnType<typeof watched>, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await made.cache.get(`absent ${turn}`)
}

describe('watchAlerts', () => {
  test('tells that a breaker is open once it has been so for two minutes, and once that it is closed again', async () => {
    const { cache, faults, runtime, told, alerts, watcher } = watched()
    await cache.get('opens the tier')
    faults.redis.fail('get')
    for (let turn = 0; turn < 20; turn++) await cache.get(`k${turn}`)
    await runtime.advance(15_000)
    expect(watcher.alerts.map(({ rule, state }) => `${rule.name} ${state}`)).toContain('CacheTierUnavailable pending')
    expect(told).toEqual([])
    for (let turn = 0; turn < 12; turn++) {
      await runtime.advance(15_000)
      await cache.get(`more ${turn}`)
    }
    expect(told).toEqual(['CacheTierUnavailable firing redis read'])
    expect(alerts[0]).toMatchObject({ value: 2, rule: { severity: 'critical' } })
    expect(alerts[0]!.at - alerts[0]!.since).toBeGreaterThanOrEqual(120_000)

    faults.redis.clear()
    for (let turn = 0; turn < 20; turn++) {
      await runtime.advance(15_000)
      await cache.get(`again ${turn}`)
    }
    expect(told).toEqual(['CacheTierUnavailable firing redis read', 'CacheTierUnavailable resolved redis read'])
    expect(watcher.alerts).toEqual([])
  })

  test('says nothing of a breaker that opens for a short while', async () => {
    const { cache, faults, runtime, told } = watched()
    faults.redis.fail('get')
    for (let turn = 0; turn < 20; turn++) await cache.get(`k${turn}`)
    await runtime.advance(30_000)
    faults.redis.clear()
    for (let turn = 0; turn < 20; turn++) {
      await runtime.advance(15_000)
      await cache.get(`again ${turn}`)
    }
    expect(told).toEqual([])
  })

  test('compares the hit rate of the window, and only where there is traffic', async () => {
    const made = watched({ rules: alertRules({ for: { HighCacheMissRate: 1 } }) })
    await made.runtime.advance(15_000)
    await misses(made, 10)
    await made.runtime.advance(15_000)
    expect(made.told).toEqual([])
    for (let turn = 0; turn < 5; turn++) {
      await misses(made, 100)
      await made.runtime.advance(15_000)
    }
    expect(made.told).toContain('HighCacheMissRate firing')
    expect(made.alerts.find(({ rule }) => rule.name === 'HighCacheMissRate')?.value).toBe(0)
    await made.cache.set('present', 1, { ttl: '1h' })
    for (let turn = 0; turn < 30; turn++) {
      for (let each = 0; each < 100; each++) await made.cache.get('present')
      await made.runtime.advance(15_000)
    }
    expect(made.told.filter((line) => line.startsWith('HighCacheMissRate'))).toEqual([
      'HighCacheMissRate firing',
      'HighCacheMissRate resolved',
    ])
  })

  test('sees slow reads of the second tier', async () => {
    const made = watched({ rules: alertRules({ for: { SlowCacheTier: 1 } }), interval: '10s' })
    made.faults.redis.delay('get', 50)
    for (let turn = 0; turn < 4; turn++) {
      for (let each = 0; each < 15; each++) await made.runtime.until(made.cache.get(`${turn} ${each}`))
      await made.runtime.advance(10_000)
    }
    const slow = made.alerts.find(({ rule }) => rule.name === 'SlowCacheTier')
    expect(slow?.labels).toEqual({ tier: 'redis' })
    expect(slow?.value).toBeGreaterThan(0.025)
    expect(slow?.value).toBeLessThanOrEqual(0.1)
  })

  test('hears what an auditor finds', async () => {
    let inconsistent = 0
    const auditor = {
      report: () => ({
        checked: 10,
        unknown: 0,
        suspected: 0,
        inconsistent,
        consistency: 1,
        nines: 1,
        inconsistencies: [],
      }),
    }
    const { runtime, told } = watched({ auditor })
    await runtime.advance(15_000)
    expect(told).toEqual([])
    inconsistent = 1
    await runtime.advance(15_000)
    expect(told).toEqual(['CacheInconsistent firing'])
  })

  test('ends with the manager, and keeps silent about a stop that was asked for', async () => {
    const { manager, runtime, told, watcher } = watched({ rules: alertRules({ for: { CacheNotReady: 1 } }) })
    await runtime.until(manager.stop())
    await runtime.advance(120_000)
    expect(told).toEqual([])
    expect(watcher.alerts).toEqual([])
    expect(runtime.pendingTimers).toEqual([])
  })

  test('goes on when the one who is told throws', async () => {
    const warnings: unknown[] = []
    const heard = (warning: unknown): unknown => warnings.push(warning)
    process.on('warning', heard)
    const { cache, faults, runtime, watcher } = watched({
      rules: alertRules({ for: { CacheTierUnavailable: 0 } }),
      onAlert: () => {
        throw new Error('no pager')
      },
    })
    faults.redis.fail('get')
    for (let turn = 0; turn < 20; turn++) await cache.get(`k${turn}`)
    await runtime.advance(15_000)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', heard)
    expect(warnings).toMatchObject([{ message: 'no pager' }])
    expect(watcher.alerts.map(({ state }) => state)).toContain('firing')
  })
})

describe('the rules', () => {
  test.each([
    [{ thresholds: { hitRate: 60 } }, '`alertRules.thresholds.hitRate`'],
    [{ thresholds: { hitrate: 0.6 } }, 'Did you mean `hitRate`?'],
    [{ for: { CacheTierUnavailabel: 1 } }, 'Did you mean `CacheTierUnavailable`?'],
    [{ window: 'soon' }, '`alertRules.window`'],
  ])('%j are refused', (options, message) => {
    expect(() => alertRules(options as never)).toThrow(message)
  })

  test('take thresholds, windows and times', () => {
    const rules = alertRules({
      thresholds: { hitRate: 0.8 },
      window: '30s',
      for: { HighCacheMissRate: '2s', CacheNotReady: 0 },
    })
    const promql = rules[0]!.condition.promql('x_')
    expect(promql).toContain('x_gets_total[30s])) < 0.8)')
    expect(rules.find(({ name }) => name === 'HighCacheMissRate')?.forMs).toBe(2000)
    expect(rules.find(({ name }) => name === 'CacheNotReady')?.forMs).toBe(0)
  })
})

describe('alertsFromConfig', () => {
  test('carries out what documents ask for: the hit rate of the first tier, and the memory of Redis', async () => {
    const { rules, interval } = alertsFromConfig({
      interval: '10s',
      thresholds: [
        { metric: 'hitRate', tier: 'memory', below: 0.7 },
        { metric: 'memoryPercent', tier: 'redis', above: 90, severity: 'critical' },
      ],
    })
    const full = { ...mapTier(), name: 'redis' }
    const made = testCache()
      .memory()
      .tier({
        ...full,
        create: (context) => {
          const tier = full.create(context)
          return Object.assign(tier, {
            usage: async () => ({
              entries: 1,
              bytes: undefined,
              maxBytes: undefined,
              store: { bytes: 95, maxBytes: 100 },
            }),
          })
        },
      })
      .build()
    const told: string[] = []
    const { clock, timers } = made.runtime
    const watcher = watchAlerts(made.manager, {
      rules,
      interval,
      runtime: { clock, timers },
      onAlert: ({ rule, state, value }) => told.push(`${rule.severity}: ${rule.summary} ${state} ${value}`),
    })
    stops.push(async () => {
      watcher.stop()
      await made.stop()
    })
    await made.cache.set('k', 1)
    await made.runtime.advance(10_000)
    for (let turn = 0; turn < 10; turn++) await made.cache.get(turn < 5 ? 'k' : `absent ${turn}`)
    await made.manager.health({ deep: true })
    await made.runtime.advance(10_000)
    expect(told).toEqual([
      'warning: hitRate of memory is below 0.7 firing 0.5',
      'critical: memoryPercent of redis is above 90 firing 0.95',
    ])
  })

  test('takes the section of a file as it was read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tierwise-monitoring-'))
    const file = join(folder, 'tierwise.config.yaml')
    await writeFile(
      file,
      [
        'tiers: { memory: { type: memory } }',
        'monitoring:',
        '  interval: 30s',
        '  thresholds: [{ metric: hitRate, tier: memory, below: 0.7 }]',
      ].join('\n'),
    )
    const { config } = await loadConfig({ file, env: {} })
    await rm(folder, { recursive: true })
    const { rules, interval } = alertsFromConfig(config.monitoring)
    expect(interval).toBe('30s')
    expect(rules.map(({ summary }) => summary)).toEqual(['hitRate of memory is below 0.7'])
    expect(alertsFromConfig().rules).toEqual([])
  })

  test('is of all tiers together where none is named', () => {
    const { rules } = alertsFromConfig({
      thresholds: [
        { metric: 'hitRate', below: 0.6 },
        { metric: 'latencyMs', above: 10 },
        { metric: 'errorRate', above: 0.01 },
      ],
    })
    expect(rules.map(({ name, condition }) => [name, condition.by])).toEqual([
      ['HitRateBelow', []],
      ['LatencyMsAbove', []],
      ['ErrorRateAbove', []],
    ])
    expect(rules[1]!.condition.promql('')).toContain('> 0.01')
  })

  test('takes the name of a tier as it is', () => {
    const { rules } = alertsFromConfig({ thresholds: [{ metric: 'errorRate', tier: 'redis.eu', above: 0.01 }] })
    expect(rules[0]!.condition.series[0]!.match).toEqual({ tier: String.raw`redis\.eu` })
  })

  test('refuses a threshold without a limit', () => {
    expect(() => alertsFromConfig({ thresholds: [{ metric: 'hitRate' }] })).toThrow(
      '`monitoring.thresholds[0]` has no limit',
    )
  })
})
