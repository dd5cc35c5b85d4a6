import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { parseDuration, parseLifetime, parseSize } from '../../src/base/duration.ts'
import type { Duration, Lifetime, Size } from '../../src/contract/options.ts'

describe('a duration', () => {
  test.each([
    [250, 250],
    [0.5, 0.5],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5h', 5_400_000],
    ['100d', 8_640_000_000],
  ])('of %j is %d ms', (given, ms) => {
    expect(parseDuration(given as Duration)).toBe(ms)
  })

  test.each([
    0,
    -1,
    NaN,
    Infinity,
    '0s',
    '',
    '5',
    '5 s',
    '-5s',
    '+5s',
    '5S',
    '5sec',
    '1e3s',
    '.5s',
    '5.s',
    '1w',
    'forever',
    null,
    undefined,
    {},
    [5],
    true,
  ])('is not %j', (given) => {
    expect(parseDuration(given as Duration)).toBeUndefined()
  })

  test('reads back what was written in any unit', () => {
    const units = fc.constantFrom(
      ['ms', 1],
      ['s', 1000],
      ['m', 60_000],
      ['h', 3_600_000],
      ['d', 86_400_000],
    ) as fc.Arbitrary<[string, number]>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), units, (count, [unit, factor]) => {
        expect(parseDuration(`${count}${unit}` as Duration)).toBe(count * factor)
      }),
    )
  })
})

describe('a lifetime', () => {
  test('may be endless, said out loud only', () => {
    expect(parseLifetime('forever')).toBe(Infinity)
    expect(parseLifetime('5m')).toBe(300_000)
    for (const given of [Infinity, 'Forever', 'never', 0]) expect(parseLifetime(given as Lifetime)).toBeUndefined()
  })
})

describe('a size', () => {
  test('is in powers of 1024', () => {
    expect(['512b', '64kb', '1.5mb', '1gb', 100].map((given) => parseSize(given as Size))).toEqual([
      512, 65_536, 1_572_864, 1_073_741_824, 100,
    ])
  })

  test.each([0, -1, '64', '64 kb', '64KB', '1tb', '64mib', '0b', NaN, null])('is not %j', (given) => {
    expect(parseSize(given as Size)).toBeUndefined()
  })
})
