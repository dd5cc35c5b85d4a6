import { describe, expect, test } from 'vitest'
import { perSecond, quantile } from '../../../src/observability/alerts/expression.ts'
import { History } from '../../../src/observability/alerts/history.ts'
import { gather, type LabelledValue } from '../../../src/observability/alerts/vector.ts'

const minute = 60_000
const valueOf = (vector: ReadonlyMap<string, LabelledValue>): number | undefined => [...vector.values()][0]?.value

/** A counter that grows by 60 a minute for ten minutes, and then no more. */
function halted(longestMs: number, minutes: number) {
  const { series } = perSecond('gets_total', 5 * minute)
  const history = new History(series, longestMs)
  for (let now = 0; now <= minutes; now++)
    history.add(now * minute, () => gather([{ labels: {}, value: 60 * Math.min(now, 10) }], [], Math.max))
  return { history, counter: series[0]! }
}

describe('a rate', () => {
  test('is of its own window, however much is kept', () => {
    const { history, counter } = halted(15 * minute, 13)
    expect(valueOf(history.perSecond(counter, 5 * minute))).toBeCloseTo(2 / 5)
    expect(valueOf(history.perSecond(counter, 10 * minute))).toBeCloseTo(7 / 10)
  })

  test('has as much behind it as is asked for, and no more', () => {
    const { history, counter } = halted(15 * minute, 20)
    expect(valueOf(history.perSecond(counter, 15 * minute))).toBeCloseTo(5 / 15)
    expect(valueOf(history.perSecond(counter, 60 * minute))).toBeCloseTo(5 / 15)
  })

  test('is not known from one reading', () => {
    const { history, counter } = halted(15 * minute, 0)
    expect(history.perSecond(counter, 5 * minute).size).toBe(0)
  })
})

describe('a quantile', () => {
  const counts = { '0.1': 50, '0.2': 90, '+Inf': 100 }

  function quantileOf(share: number, of: Readonly<Record<string, number>> = counts): number | undefined {
    const expression = quantile(share, 'load_duration_seconds', { windowMs: 5 * minute })
    const history = new History(expression.series, 5 * minute)
    for (let now = 0; now <= 5; now++) {
      const buckets = Object.entries(of).map(([le, count]) => ({ labels: { le }, value: count * now }))
      history.add(now * minute, () => gather(buckets, ['le'], Math.max))
    }
    return valueOf(expression.evaluate(history))
  }

  test('is interpolated within its bucket', () => {
    expect(quantileOf(0.25)).toBeCloseTo(0.05)
    expect(quantileOf(0.5)).toBeCloseTo(0.1)
    expect(quantileOf(0.7)).toBeCloseTo(0.15)
  })

  test('is the last bound where it is beyond all of them', () => {
    expect(quantileOf(0.99)).toBe(0.2)
  })

  test('is not known without a duration', () => {
    expect(quantileOf(0.5, { '0.1': 0, '+Inf': 0 })).toBeUndefined()
  })
})
