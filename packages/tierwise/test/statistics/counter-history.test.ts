import { describe, expect, test } from 'vitest'

import type { WindowName } from '../../src/contract/analytics.ts'
import { CounterHistory, noteMs, windowNames } from '../../src/statistics/counter-history.ts'
import { seededRandom } from '../../src/testing/index.ts'

const lengthMs: Readonly<Record<WindowName, number>> = {
  '1m': 60_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
}
const start = 1_767_225_600_000

describe('the growth of counters', () => {
  test('begins with what was there', () => {
    const history = new CounterHistory([100], start)
    expect(history.growth('1m', start, [100])).toEqual({ coveredMs: 0, counts: [0] })
    expect(history.growth('1m', start + 2000, [107])).toEqual({ coveredMs: 2000, counts: [7] })
  })

  test.each(windowNames)('over %s is that of the last stretch of that length, to a twelfth', (window) => {
    const random = seededRandom(Number(process.env['SEED'] ?? 3))
    const slice = lengthMs[window] / 12
    const history = new CounterHistory([0], start)
    const step = Math.max(noteMs, slice / 5)
    const seen: { readonly at: number; readonly count: number }[] = [{ at: start, count: 0 }]
    let count = 0
    for (let now = start + step; now < start + 4 * lengthMs[window]; now += step) {
      count += random.int(1000)
      history.note(now, [count])
      seen.push({ at: now, count })
      const { coveredMs, counts } = history.growth(window, now, [count])
      const from = seen.find(({ at }) => at === now - coveredMs)
      expect(counts[0], `seed ${random.seed}`).toBe(count - (from?.count ?? Number.NaN))
      const wanted = Math.min(now - start, lengthMs[window])
      expect(Math.abs(coveredMs - wanted)).toBeLessThanOrEqual(slice + step)
    }
  })

  test('is not that of long ago when nobody has noted anything for a while', () => {
    const history = new CounterHistory([0], start)
    history.note(start + 60_000, [50])
    const later = start + 10 * lengthMs['1m']
    expect(history.growth('1m', later, [60])).toEqual({ coveredMs: 0, counts: [0] })
    history.note(later, [60])
    expect(history.growth('1m', later + 1000, [61])).toEqual({ coveredMs: 1000, counts: [1] })
  })
})
