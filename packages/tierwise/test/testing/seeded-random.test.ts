import { describe, expect, it } from 'vitest'

import { seededRandom, zipf } from '../../src/testing/seeded-random.ts'

const draws = (seed: number, count: number): number[] => Array.from({ length: count }, seededRandom(seed))

describe('seededRandom', () => {
  it('repeats its numbers for the same seed and tells the seed', () => {
    expect(draws(7, 50)).toEqual(draws(7, 50))
    expect(draws(7, 50)).not.toEqual(draws(8, 50))
    expect(seededRandom(7).seed).toBe(7)
  })

  it('keeps its numbers for ever, so that a printed seed stays useful', () => {
    expect(draws(1, 4).map((drawn) => Math.floor(drawn * 2 ** 32))).toMatchInlineSnapshot(`
      [
        2442144158,
        3238099751,
        3819917871,
        2104621829,
      ]
    `)
  })

  it('tells seeds beyond 32 bits apart', () => {
    expect(draws(2 ** 40, 5)).not.toEqual(draws(2 ** 41, 5))
    expect(draws(Date.UTC(2026, 0, 1), 5)).not.toEqual(draws(Date.UTC(2026, 0, 2), 5))
  })

  it('spreads evenly over [0, 1)', () => {
    const buckets = Array.from({ length: 10 }, () => 0)
    for (const drawn of draws(3, 100_000)) {
      expect(drawn >= 0 && drawn < 1).toBe(true)
      buckets[Math.floor(drawn * 10)]! += 1
    }
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it('draws whole numbers, picks and shuffles', () => {
    const random = seededRandom(5)
    const list = [1, 2, 3, 4, 5, 6, 7, 8]
    expect(new Set(Array.from({ length: 200 }, () => random.int(3)))).toEqual(new Set([0, 1, 2]))
    expect(list).toContain(random.pick(list))
    const shuffled = random.shuffle(list)
    expect(shuffled).not.toEqual(list)
    expect(shuffled.toSorted()).toEqual(list)
    expect(list[0]).toBe(1)
    expect(() => random.pick([])).toThrow(RangeError)
  })
})

describe('zipf', () => {
  it('draws low ranks as often as the law says', () => {
    const draw = zipf(seededRandom(11), 100, 1)
    const counts = Array.from({ length: 100 }, () => 0)
    for (let i = 0; i < 100_000; i++) counts[draw()]! += 1
    const harmonic = Array.from({ length: 100 }, (_, rank) => 1 / (rank + 1)).reduce((sum, part) => sum + part)
    expect(counts[0]! / 100_000).toBeCloseTo(1 / harmonic, 2)
    expect(counts[9]! / 100_000).toBeCloseTo(0.1 / harmonic, 2)
  })

  it('is even when the exponent is zero', () => {
    const draw = zipf(seededRandom(12), 4, 0)
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 40_000; i++) counts[draw()]! += 1
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })
})
