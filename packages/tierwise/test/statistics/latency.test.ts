import { describe, expect, test } from 'vitest'

import { Latency } from '../../src/statistics/latency.ts'
import { seededRandom } from '../../src/testing/index.ts'

/** How times are spread that the percentiles are tried with. */
const spreads: Readonly<Record<string, (uniform: number) => number>> = {
  'all alike': () => 0.25,
  uniform: (uniform) => 0.05 + uniform * 100,
  'with a long tail': (uniform) => 0.2 / (1 - uniform) ** 1.5,
  'of two kinds': (uniform) => (uniform < 0.97 ? 0.3 + uniform : 250 + uniform),
}

function exact(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((percent * sorted.length) / 100 - 1e-9) - 1)]!
}

describe.each(Object.keys(spreads))('percentiles of times %s', (name) => {
  test.each([10, 1000, 50_000])('are at most one percent off, over %i times', (count) => {
    const random = seededRandom(Number(process.env['SEED'] ?? 7))
    const latency = Latency.ofOperations()
    const times = Array.from({ length: count }, () => Math.min(3_600_000, spreads[name]!(random())))
    for (const ms of times) latency.record(ms)
    const sorted = times.toSorted((a, b) => a - b)
    const summary = latency.summary!
    const told = { 50: summary.p50Ms, 95: summary.p95Ms, 99: summary.p99Ms, 99.9: summary.p999Ms, 100: summary.maxMs }
    for (const [percent, ms] of Object.entries(told)) {
      const wanted = exact(sorted, Number(percent))
      // A microsecond is the unit: half of one is lost to rounding.
      expect(Math.abs(ms - wanted), `p${percent}, seed ${random.seed}`).toBeLessThanOrEqual(wanted * 0.01 + 0.001)
    }
    expect(summary.count).toBe(count)
    const mean = times.reduce((sum, ms) => sum + ms, 0) / count
    expect(Math.abs(summary.meanMs - mean)).toBeLessThanOrEqual(mean * 0.01 + 0.001)
  })
})

test('there is no summary before the first time', () => {
  expect(Latency.ofOperations().summary).toBeUndefined()
})

test('times out of bounds count as the nearest bound, and break nothing', () => {
  const latency = Latency.ofOperations()
  for (const ms of [-5, 0, 1e-9, 1e12, Infinity]) latency.record(ms)
  expect(latency.summary).toMatchObject({ count: 5, p50Ms: 0.001 })
  expect(latency.summary!.maxMs).toBeGreaterThan(3_500_000)
})

test('times of memory are told in nanoseconds', () => {
  const latency = Latency.ofMemory()
  for (const ns of [80, 90, 100, 110, 5000]) latency.record(ns * 1e-6)
  const { p50Ms, maxMs } = latency.summary!
  expect(p50Ms * 1e6).toBeCloseTo(100, 0)
  expect(maxMs * 1e6).toBeGreaterThan(4950)
})
