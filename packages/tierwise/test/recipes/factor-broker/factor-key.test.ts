import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { factorBroker } from '../../../src/recipes/factor-broker.ts'
import type { FactorRequest } from '../../../src/recipes/factor-broker.ts'
import { testCache } from '../../../src/testing/index.ts'
import { cement, steel } from './source.ts'

const broker = factorBroker(testCache().build().cache, { source: () => undefined })
const keyOf = (request: object): string => broker.keyOf(request as FactorRequest)

/** Texts that are made of what has a meaning in keys. */
const name = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        'a',
        'A',
        ':',
        '_',
        '%',
        '/',
        ' ',
        '~',
        '*',
        '5',
        'F',
        '2',
        '0',
        'default',
        'latest',
        '_per_',
        'é',
      ),
      { minLength: 1, maxLength: 6 },
    )
    .map((parts) => parts.join('')),
  fc.string({ minLength: 1, unit: 'grapheme' }),
)
const requests = fc.record(
  {
    product: fc.oneof(name, fc.string({ minLength: 60, maxLength: 80 })),
    region: name,
    gwp: name,
    unit: name,
    year: fc.integer({ min: 0, max: 3 }),
  },
  { requiredKeys: ['product', 'region', 'gwp'] },
)

/** What makes two requests one. */
const meaning = ({ product, region, gwp, unit, year }: FactorRequest): string =>
  JSON.stringify([product.toLowerCase(), region.toUpperCase(), gwp, unit ?? null, year ?? null])

describe('the key of a factor', () => {
  test('can be read', () => {
    expect(keyOf(steel)).toBe('factor:hot_rolled_steel:US:AR5:kg:2024')
    expect(keyOf({ ...steel, unit: 'kg/m3' })).toBe('factor:hot_rolled_steel:US:AR5:kg_per_m3:2024')
    expect(keyOf(cement)).toBe('factor:cement:DE:AR6:default:latest')
  })

  test('is short for long names', () => {
    const long = 'x'.repeat(4000)
    expect(keyOf({ ...steel, product: long })).toMatch(/^factor:~[0-9a-f]{64}:US:AR5:kg:2024$/)
    expect(keyOf({ ...steel, product: long })).toBe(keyOf({ ...steel, product: long.toUpperCase() }))
    expect(keyOf({ ...steel, product: long })).not.toBe(keyOf({ ...steel, product: `${long}x` }))
  })

  test('is that of another request only if both mean the same', () => {
    fc.assert(
      fc.property(requests, requests, (one, other) => {
        expect(keyOf(one) === keyOf(other)).toBe(meaning(one) === meaning(other))
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    [{ product: 'a_b' }, { product: 'a b' }],
    [{ unit: 'kg/m2' }, { unit: 'kg_per_m2' }],
    [{ unit: 'kg/m2' }, { unit: 'kg per m2' }],
    [{ unit: 'default' }, { unit: undefined }],
    [{ unit: 'kg' }, { unit: 'KG' }],
    [
      { product: 'a:US', region: 'x' },
      { product: 'a', region: 'US:x' },
    ],
    [{ product: '~' + '0'.repeat(64) }, { product: '0'.repeat(64) }],
  ])('keeps apart %j and %j', (one, other) => {
    expect(keyOf({ ...steel, ...one })).not.toBe(keyOf({ ...steel, ...other }))
  })

  test.each([
    [{ product: '' }, 'product'],
    [{ region: undefined }, 'region'],
    [{ gwp: 5 }, 'gwp'],
    [{ year: '2024' }, 'year'],
    [{ year: 2024.5 }, 'year'],
    [{ product: '\uD800' }, 'product'],
    [{ dataset: 'ecoinvent' }, 'dataset'],
  ])('is refused for %j', (wrong, field) => {
    expect(() => keyOf({ ...steel, ...wrong })).toThrow(expect.objectContaining({ code: 'ERR_CACHE_KEY' }))
    expect(() => keyOf({ ...steel, ...wrong })).toThrow(`\`${field}\``)
  })
})
