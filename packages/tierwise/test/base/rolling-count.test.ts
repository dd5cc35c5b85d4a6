import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { RollingCount } from '../../src/base/rolling-count.ts'

describe('a rolling count', () => {
  test('forgets slice by slice what is older than its window', () => {
    const count = new RollingCount(1000)
    count.add(0, true)
    count.add(550, false)
    expect([count.calls, count.failures]).toEqual([2, 1])
    count.add(999, false)
    expect([count.calls, count.failures]).toEqual([3, 1])
    count.add(1000, false)
    expect([count.calls, count.failures]).toEqual([3, 0])
    count.add(10_000, true)
    expect([count.calls, count.failures]).toEqual([1, 1])
  })

  test('agrees with a list of all calls', () => {
    const call = fc.record({ gap: fc.integer({ min: 0, max: 400 }), hasFailed: fc.boolean() })
    const property = fc.property(fc.array(call, { maxLength: 60 }), (calls) => {
      const count = new RollingCount(1000)
      const seen: { slice: number; hasFailed: boolean }[] = []
      let now = 5000
      for (const { gap, hasFailed } of calls) {
        now += gap
        count.add(now, hasFailed)
        seen.push({ slice: Math.floor(now / 100), hasFailed })
        const kept = seen.filter(({ slice }) => slice > Math.floor(now / 100) - 10)
        expect(count.calls).toBe(kept.length)
        expect(count.failures).toBe(kept.filter((one) => one.hasFailed).length)
      }
    })
    fc.assert(property)
  })
})
