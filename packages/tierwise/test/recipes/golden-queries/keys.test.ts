import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { goldenQueries } from '../../../src/recipes/golden-queries/index.ts'
import type { GoldenQuery, QueryPattern } from '../../../src/recipes/golden-queries/index.ts'
import { testCache } from '../../../src/testing/index.ts'
import { curveOf, curvesByDate, opener } from './open.ts'

const open = opener()

/** Patterns that throw away most of what makes a query this one, as people write them. */
const greedy: readonly QueryPattern[] = [
  { name: 'same', match: /from a/, template: 'same' },
  { name: 'value', match: /v = '(?<v>.*)'/, template: '{v}' },
  { name: 'param', match: /\$1/, template: '{$1}:{:n}' },
  { name: 'data', match: (query) => (typeof query === 'string' ? undefined : { v: 'x' }), template: '{v}' },
]

const piece = fc.constantFrom(
  'select',
  'from a',
  ' ',
  '  ',
  '\n',
  '\t',
  "v = '",
  "'",
  '"',
  ':',
  '{v}',
  '%',
  '/',
  '--',
  '/*',
  '*/',
  '$1',
  '$$',
  '\\',
  'acme:',
  '~',
  ',',
  'a',
  '\u00A0',
  '\uD800',
)
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
const scalar = fc.oneof(
  text,
  fc.integer({ min: -1, max: 2 }),
  fc.constantFrom(
    null,
    undefined,
    true,
    1n,
    -0,
    NaN,
    '1',
    'null',
    'undefined',
    '1n',
    new Date(1),
    new Date(NaN),
    new Uint8Array([1]),
  ),
)
const params = fc.option(
  fc.oneof(
    fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('n', 'm', '1', '__proto__'), scalar, { maxKeys: 2 }),
  ),
  { nil: undefined },
)
const query = fc.oneof(text, fc.record({ name: text, n: scalar }, { requiredKeys: [] }))
const tenant = fc.constantFrom('acme', 'bell', 'acme.x', '__proto__', 'constructor')
const golden: fc.Arbitrary<GoldenQuery> = fc.record({ tenant, query, params })

/** What makes a query this one, written down another way than keys are. */
function meaning({ tenant, query, params }: GoldenQuery): string {
  const isPlain = typeof query === 'string' && !/['"`\\[#]|--|\/\*|\$\$/.test(query)
  const text = typeof query === 'string' ? query.replace(/^[ \t\n]+|[ \t\n]+$/g, '') : query
  const shape = isPlain ? (text as string).split(/[ \t\n]+/).join(' ') : text
  return JSON.stringify([tenant, typed(shape), typed(params)])
}

function typed(value: unknown): unknown {
  if (value instanceof Date) return ['date', String(value.getTime())]
  if (value instanceof Uint8Array) return ['bytes', [...value]]
  if (Array.isArray(value)) return ['list', ...value.map(typed)]
  if (typeof value !== 'object' || value === null) return [typeof value, Object.is(value, -0) ? '-0' : String(value)]
  return [
    'record',
    Object.keys(value)
      .sort()
      .map((name) => [name, typed((value as Record<string, unknown>)[name])]),
  ]
}

describe('keys of golden queries', () => {
  test('can be read', () => {
    const { queries } = open()
    expect(queries.keyOf({ tenant: 'acme', query: curveOf('PJM') })).toMatch(
      /^curve_data:curves_by_date:PJM\/2026-01-31:[0-9a-f]{32}$/,
    )
    expect(queries.keyOf({ tenant: 'acme', query: 'select 1' })).toMatch(/^query:[0-9a-f]{32}$/)
  })

  test('have escaped values, and no long ones', () => {
    const { queries } = open()
    const shown = (iso: string): string | undefined =>
      /^curve_data:curves_by_date:(.*)\/2026-01-31:[0-9a-f]{32}$/s.exec(
        queries.keyOf({ tenant: 'acme', query: curveOf(iso) }),
      )?.[1]
    expect([shown('a:b/c'), shown('*~%'), shown(''), shown('x'.repeat(100)), shown('\uD800')]).toEqual([
      'a%3Ab%2Fc',
      '%2A%7E%25',
      '~',
      '~',
      '%EF%BF%BD',
    ])
  })

  test('show parameters, by position and by name', () => {
    const { queries } = open({
      patterns: [
        { name: 'by_place', match: /\$1/, template: '{$1}-{$2}-{$3}' },
        { name: 'by_name', match: /:iso/, template: '{:iso}-{:toString}' },
      ],
    })
    expect(queries.keyOf({ tenant: 'a', query: 'x = $1', params: ['PJM', 7] })).toMatch(/^custom:by_place:PJM-7-~:/)
    expect(queries.keyOf({ tenant: 'a', query: 'x = :iso', params: { iso: 'PJM' } })).toMatch(/^custom:by_name:PJM-~:/)
  })

  test('are the same for a text with other blanks, unless it has quotes or comments', () => {
    const { queries } = open({})
    const keyOf = (query: string): string => queries.keyOf({ tenant: 'acme', query })
    expect(keyOf(' select a,\n\t b from c where d = $1 ')).toBe(keyOf('select a, b from c where d = $1'))
    const different = [
      ["select 'a  b'", "select 'a b'"],
      ['select 1 -- x\n+ 1', 'select 1 -- x + 1'],
      ['select $$a  b$$', 'select $$a b$$'],
      ['select $t$a  b$t$', 'select $t$a b$t$'],
      ['select "a  b"', 'select "a b"'],
      ['select [a  b]', 'select [a b]'],
      ['select `a  b`', 'select `a b`'],
      ['select a\u00A0b', 'select a b'],
      ['select A', 'select a'],
    ]
    for (const [one, other] of different) expect(keyOf(one!)).not.toBe(keyOf(other!))
  })

  test('are those of another query, or tenant, only if both mean the same', async () => {
    const { cache, stop } = testCache().namespace('golden', { tenant: 'required' }).build()
    const queries = goldenQueries(cache, { patterns: greedy })
    const whole = (request: GoldenQuery): string => `${request.tenant}:${queries.keyOf(request)}`
    fc.assert(
      fc.property(golden, golden, (one, other) => {
        expect(whole(one) === whole(other)).toBe(meaning(one) === meaning(other))
      }),
      { numRuns: 5000 },
    )
    await stop()
  })

  test('tell parameters apart by their types and their places, and not by the order of their names', () => {
    const { queries } = open({})
    const keyOf = (params: GoldenQuery['params']): string => queries.keyOf({ tenant: 'acme', query: 'select', params })
    const few = [
      '1',
      1,
      1n,
      'true',
      true,
      'null',
      null,
      'undefined',
      undefined,
      0,
      -0,
      NaN,
      'NaN',
      '',
      'a',
      'a","b',
      '[]',
      [],
    ]
    const lists: GoldenQuery['params'][] = [undefined, [], {}]
    for (const one of few) {
      lists.push([one], [[one]], { one }, { one: [one] }, { [String(one)]: 1, other: one })
      for (const other of few) lists.push([one, other])
    }
    const distinct = new Set(lists.map((list) => JSON.stringify(typed(list))))
    expect(new Set(lists.map(keyOf)).size).toBe(distinct.size)
    expect(keyOf({ a: 1, b: { c: 2, d: 3 } })).toBe(keyOf({ b: { d: 3, c: 2 }, a: 1 }))
  })

  test('bring no result of another query or tenant', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(golden, { minLength: 2, maxLength: 12 }), async (requests) => {
        const { cache, stop } = testCache().namespace('golden', { tenant: 'required' }).build()
        const queries = goldenQueries(cache, { patterns: greedy })
        for (const request of [...requests, ...requests.toReversed()])
          expect(await queries.query(request, () => meaning(request))).toBe(meaning(request))
        await stop()
      }),
      { numRuns: 200 },
    )
  })

  test.each(['acme:x', '', '*', 'a/b', 'a b', '../acme', '~acme', 'é', 'x'.repeat(65), undefined, 1, ['acme']])(
    'are made for no tenant that is called %j',
    async (name) => {
      const { queries } = open()
      const asked = queries.query({ tenant: name as string, query: 'select 1' }, () => 'never')
      await expect(asked).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
      await expect(queries.invalidateTenant(name as string)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    },
  )

  test.each([[() => 1], [Symbol('s')], [new (class Own {})()]])('are not made of %s', async (value) => {
    const { queries } = open()
    const asked = queries.query({ tenant: 'acme', query: 'select $1', params: [value] }, () => 'never')
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
  })

  test('are not made of what contains itself', () => {
    const { queries } = open()
    const round: unknown[] = []
    round.push(round)
    expect(() => queries.keyOf({ tenant: 'acme', query: 'select $1', params: round })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_KEY' }),
    )
  })

  test('of long texts are made without trying expressions', async () => {
    const { queries } = open({
      patterns: [{ ...curvesByDate, match: /^(a+)+$/, template: 'x', asOf: '$1' }],
      maxQueryLength: 100,
    })
    const query = `${'a'.repeat(100_000)}b`
    expect(await queries.query({ tenant: 'acme', query }, () => 1)).toBe(1)
    expect(queries.keyOf({ tenant: 'acme', query })).toMatch(/^query:/)
    expect(queries.stats()).toMatchObject({ tooLong: 1, unmatched: { matched: 1 } })
  })

  test('of long texts take a time that grows with the text', () => {
    const { queries } = open({})
    const startedAt = process.hrtime.bigint()
    queries.keyOf({ tenant: 'acme', query: `a${' '.repeat(500_000)}b` })
    expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(2000)
  })
})
