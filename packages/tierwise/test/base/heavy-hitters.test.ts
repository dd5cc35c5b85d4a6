import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeavyHitters } from '../../src/base/heavy-hitters.ts'

describe('the most frequent items', () => {
  test('are exact while they fit', () => {
    const table = new HeavyHitters(3)
    for (const item of ['a', 'b', 'a', 'c', 'a', 'b']) table.add(item)
    expect(table.top(2)).toEqual([
      { item: 'a', count: 3, error: 0 },
      { item: 'b', count: 2, error: 0 },
    ])
  })

  test('are never counted too low, and at most their error too high', () => {
    const stream = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 300 })
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 8 }), (items, capacity) => {
        const table = new HeavyHitters(capacity)
        const exact = new Map<string, number>()
        for (const item of items.map(String)) {
          table.add(item)
          exact.set(item, (exact.get(item) ?? 0) + 1)
        }
        const top = table.top(capacity)
        expect(top.length).toBeLessThanOrEqual(capacity)
        for (const { item, count, error } of top) {
          expect(count).toBeGreaterThanOrEqual(exact.get(item) ?? 0)
          expect(count - error).toBeLessThanOrEqual(exact.get(item) ?? 0)
        }
        for (const [item, count] of exact)
          if (count > items.length / capacity) expect(top.map((each) => each.item)).toContain(item)
      }),
    )
  })
})
