import { describe, expect, test } from 'vitest'

import { goldenQueries, queryTtlsFromEnvironment } from '../../../src/recipes/golden-queries/index.ts'
import type {
  GoldenQueries,
  GoldenQueriesOptions,
  GoldenQueryOptions,
  QueryPattern,
} from '../../../src/recipes/golden-queries/index.ts'
import { testCache } from '../../../src/testing/index.ts'
import { curveOf, curvesByDate, opener } from './open.ts'

const open = opener()
const minute = 60_000

/** How often a query was run that tells a number each time. */
function counter(): { runs: number; run: () => number } {
  const counted = { runs: 0, run: () => ++counted.runs }
  return counted
}

describe('golden queries', () => {
  test('are run once for callers of a tenant that come together, and by each tenant', async () => {
    const { queries } = open()
    const db = counter()
    const ask = (tenant: string): Promise<number> => queries.query({ tenant, query: curveOf('PJM') }, db.run)
    expect(await Promise.all([ask('acme'), ask('acme'), ask('bell')])).toEqual([1, 1, 2])
    expect([await ask('acme'), await ask('bell')]).toEqual([1, 2])
    expect(queries.stats()).toEqual({
      patterns: { curves_by_date: { matched: 5, hits: 2, misses: 3, hitRate: 0.4 } },
      unmatched: { matched: 0, hits: 0, misses: 0, hitRate: undefined },
      tooLong: 0,
    })
  })

  test('that no pattern fits are cached too, and counted apart', async () => {
    const { queries, runtime } = open()
    const db = counter()
    for (const name of ['a', 'b', 'a']) await queries.query({ tenant: 'acme', query: { report: name } }, db.run)
    expect(db.runs).toBe(2)
    await runtime.advance(5 * minute)
    await queries.query({ tenant: 'acme', query: { report: 'a' } }, db.run)
    expect(db.runs).toBe(3)
    expect(queries.stats().unmatched).toEqual({ matched: 4, hits: 1, misses: 3, hitRate: 0.25 })
  })

  test('fit the first pattern that fits, by expression or by function', async () => {
    const patterns: QueryPattern[] = [
      {
        name: 'data',
        match: (query) => (typeof query === 'object' ? { id: String(query['id']) } : undefined),
        template: '{id}',
      },
      // What `g` remembers of the last time must not count.
      { name: 'any', match: /^select/g, template: 'x' },
      curvesByDate,
    ]
    const { queries } = open({ patterns })
    for (let times = 0; times < 3; times++)
      expect(queries.keyOf({ tenant: 'a', query: curveOf('PJM') })).toMatch(/^custom:any:x:/)
    expect(queries.keyOf({ tenant: 'a', query: { id: 7 } })).toMatch(/^custom:data:7:/)
  })

  test('are run again when the caller wants that, and their failures reach the callers', async () => {
    const { queries } = open()
    const db = counter()
    const request = { tenant: 'acme', query: curveOf('PJM') }
    await queries.query(request, db.run)
    expect(await queries.query(request, db.run, { forceFresh: true })).toBe(2)
    const failed = queries.query({ ...request, query: curveOf('NYISO') }, () =>
      Promise.reject(new Error('no database')),
    )
    await expect(failed).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER' })
    const aborted = queries.query(request, db.run, { forceFresh: true, signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' })
    expect(queries.stats().patterns['curves_by_date']).toMatchObject({ hits: 0, misses: 4 })
  })

  test.each([
    [{ patterns: [curvesByDate, curvesByDate] }, 'curves_by_date'],
    [{ patterns: [{ ...curvesByDate, name: 'a:b' }] }, 'name'],
    [{ patterns: [{ ...curvesByDate, template: '{market}' }] }, 'market'],
    [{ patterns: [{ ...curvesByDate, asOf: 'date' }] }, 'date'],
    [{ patterns: [{ ...curvesByDate, strategy: 'sometimes' }] }, 'strategy'],
    [{ patterns: [{ ...curvesByDate, ttl: '0s' }] }, 'curves_by_date.ttl'],
    [{ patterns: [{ ...curvesByDate, match: 'select' }] }, 'match'],
    [{ overrides: { other: '5m' } }, 'other'],
    [{ patterns: [curvesByDate], overrides: { curves_by_date: -1 } }, 'overrides.curves_by_date'],
    [{ ttls: { frequencies: { daily: '1d' } } }, 'ttls.frequencies.daily'],
    [{ maxQueryLength: -1 }, 'maxQueryLength'],
  ])('are refused with %j', (options, what) => {
    const { cache } = open()
    const make = (): GoldenQueries => goldenQueries(cache, options as GoldenQueriesOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CACHE_OPTION' }))
    expect(make).toThrow(what)
  })

  test('need a namespace with tenants', () => {
    expect(() => goldenQueries(testCache().build().cache)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
  })
})

describe('the ttl of a result', () => {
  async function ttlOf(
    pattern: Partial<QueryPattern>,
    more: Omit<GoldenQueriesOptions, 'patterns'> = {},
    options: GoldenQueryOptions = {},
  ): Promise<number | undefined> {
    const { queries, cache } = open({ ...more, patterns: [{ ...curvesByDate, ...pattern }] })
    const request = { tenant: 'acme', query: curveOf('PJM') }
    await queries.query(request, () => 1, options)
    return ((await cache.forTenant('acme').ttl(queries.keyOf(request))) ?? 0) / 1000
  }

  test.each([
    ['curve_data', 300],
    ['curve_diff', 300],
    ['curve_strips', 300],
    ['metadata_dimensions', 7200],
    ['scenario_outputs', 300],
    ['scenario_metrics', 300],
    ['aggregation', 150],
    ['custom', 3600],
  ] as const)('is by default that of its type: %s', async (type, seconds) => {
    expect(await ttlOf({ type })).toBe(seconds)
  })

  test.each([
    ['high', 60],
    ['medium', 300],
    ['low', 3600],
    ['static', 7200],
  ] as const)('is that of its frequency: %s', async (frequency, seconds) => {
    expect(await ttlOf({ frequency })).toBe(seconds)
  })

  test('is shorter for ranges and aggregations, and at least a minute', async () => {
    expect(await ttlOf({ span: 'range' })).toBe(225)
    expect(await ttlOf({ span: 'aggregation' })).toBe(150)
    expect(await ttlOf({ type: 'aggregation', span: 'point' })).toBe(300)
    expect(await ttlOf({ span: 'aggregation', frequency: 'high' })).toBe(60)
    expect(await ttlOf({ ttl: '1s' })).toBe(60)
  })

  test('is what goes before: override, call, pattern, default', async () => {
    const overrides = { overrides: { curves_by_date: '10m' } } as const
    const call = { ttl: '9m' } as const
    const pattern = { ttl: '8m', span: 'range' } as const
    expect(await ttlOf(pattern, overrides, call)).toBe(600)
    expect(await ttlOf(pattern, {}, call)).toBe(540)
    expect(await ttlOf(pattern)).toBe(480)
    expect(await ttlOf({}, { ttls: { types: { curve_data: '7m' } } })).toBe(420)
    expect(await ttlOf({}, { ttls: { frequencies: { medium: '6m' } } })).toBe(360)
  })

  test('can be overridden while it runs', async () => {
    const { queries, cache } = open()
    const ttl = async (iso: string): Promise<number | undefined> => {
      await queries.query({ tenant: 'acme', query: curveOf(iso) }, () => 1, { ttl: '9m' })
      return cache.forTenant('acme').ttl(queries.keyOf({ tenant: 'acme', query: curveOf(iso) }))
    }
    queries.overrideTtl('curves_by_date', '2m')
    expect(await ttl('A')).toBe(2 * minute)
    queries.overrideTtl('curves_by_date', undefined)
    expect(await ttl('B')).toBe(9 * minute)
    expect(() => queries.overrideTtl('other', '2m')).toThrow('other')
  })

  test('of queries that no pattern fits is their own', async () => {
    const { queries, cache } = open({ ttls: { unmatched: '20m' } })
    await queries.query({ tenant: 'acme', query: 'select 1' }, () => 1)
    expect(await cache.forTenant('acme').ttl(queries.keyOf({ tenant: 'acme', query: 'select 1' }))).toBe(20 * minute)
  })

  test('is taken from the environment of the founding platform', async () => {
    const env = {
      AURUM_API_CACHE_TTL_MEDIUM_FREQUENCY: '400',
      AURUM_API_CACHE_TTL_METADATA: '500',
      AURUM_API_CACHE_TTL_STATIC: '',
    }
    const ttls = queryTtlsFromEnvironment(env)
    expect(ttls).toEqual({ frequencies: { medium: 400_000 }, types: { metadata_dimensions: 500_000 } })
    expect(await ttlOf({}, { ttls })).toBe(400)
    expect(await ttlOf({ type: 'aggregation' }, { ttls })).toBe(200)
    expect(await ttlOf({ type: 'metadata_dimensions' }, { ttls })).toBe(500)
    expect(await ttlOf({ frequency: 'static' }, { ttls })).toBe(7200)
    const all = Object.fromEntries(
      [
        'CACHE_TTL_HIGH_FREQUENCY',
        'CACHE_TTL_MEDIUM_FREQUENCY',
        'CACHE_TTL_LOW_FREQUENCY',
        'CACHE_TTL_STATIC',
        'CACHE_TTL_CURVE_DATA',
        'CURVE_DIFF_TTL',
        'CURVE_STRIP_TTL',
        'CACHE_TTL_METADATA',
        'CACHE_TTL_SCENARIO_DATA',
      ].map((name, at) => [`AURUM_API_${name}`, String(at + 1)]),
    )
    expect(queryTtlsFromEnvironment(all)).toEqual({
      frequencies: { high: 1000, medium: 2000, low: 3000, static: 4000 },
      types: {
        curve_data: 5000,
        curve_diff: 6000,
        curve_strips: 7000,
        metadata_dimensions: 8000,
        scenario_outputs: 9000,
        scenario_metrics: 9000,
      },
    })
    for (const wrong of ['0', '-5', '5m', '1.5'])
      expect(() => queryTtlsFromEnvironment({ AURUM_API_CACHE_TTL_STATIC: wrong })).toThrow(
        'AURUM_API_CACHE_TTL_STATIC',
      )
  })
})

describe('results end', () => {
  let runs = 0
  /** Results that are there after something was told, by what was asked. */
  async function left(
    queries: GoldenQueries,
    told: () => Promise<void>,
    asked: readonly { tenant?: string; query: string; tables?: string[] }[],
  ): Promise<boolean[]> {
    const askAll = async (): Promise<string[]> => {
      const found: string[] = []
      for (const { tenant = 'acme', query, tables = [] } of asked)
        found.push(await queries.query({ tenant, query }, () => `run ${++runs}`, { tables }))
      return found
    }
    const before = await askAll()
    await told()
    const after = await askAll()
    return after.map((found, at) => found === before[at])
  }
  const pattern = (name: string, rest: Partial<QueryPattern>): QueryPattern => ({
    name,
    match: new RegExp(`^${name}(?: of (?<date>\\S+))?`),
    template: '{date}',
    asOf: 'date',
    ...rest,
  })
  const patterns = [
    pattern('ttl', { strategy: 'ttl_only', tables: ['curves'] }),
    pattern('bust', { strategy: 'bust_on_write', tables: ['market.Curves'] }),
    pattern('all', { strategy: 'bust_on_write' }),
    pattern('pattern', { strategy: 'pattern_based', tables: ['curves'] }),
    pattern('wide', { strategy: 'pattern_based' }),
    pattern('own', { strategy: 'dependency_based', tables: ({ date }) => (date === undefined ? [] : [`t${date}`]) }),
  ]
  const asked = ['ttl', 'bust', 'all', 'pattern', 'wide', 'own', 'own of 1', 'other'].map((query) => ({ query }))

  test('as the strategy of their pattern says, when a table is written', async () => {
    const write = (table: string) => {
      const { queries } = open({ patterns })
      return left(queries, () => queries.invalidateOnWrite(table), asked)
    }
    expect(await write('"Public".CURVES')).toEqual([true, false, false, false, false, false, true, false])
    expect(await write('t1')).toEqual([true, true, false, true, false, false, false, false])
    expect(await write('elsewhere')).toEqual([true, true, false, true, false, false, true, false])
  })

  test('by the tables that a call names', async () => {
    const { queries } = open({ patterns })
    const calls = [
      { query: 'other', tables: ['prices'] },
      { query: 'own of 1', tables: ['prices'] },
      { query: 'own of 2' },
      { query: 'ttl', tables: ['prices'] },
    ]
    expect(await left(queries, () => queries.invalidateOnWrite('prices'), calls)).toEqual([false, false, true, true])
  })

  test('of one tenant only, if that is said', async () => {
    const { queries } = open({ patterns })
    const calls = [
      { tenant: 'acme', query: 'bust' },
      { tenant: 'bell', query: 'bust' },
    ]
    expect(await left(queries, () => queries.invalidateOnWrite('curves', { tenant: 'bell' }), calls)).toEqual([
      true,
      false,
    ])
    expect(await left(queries, () => queries.invalidatePattern('bust', { tenant: 'acme' }), calls)).toEqual([
      false,
      true,
    ])
    expect(await left(queries, () => queries.invalidateTenant('acme'), calls)).toEqual([false, true])
    expect(await left(queries, () => queries.invalidateOnWrite('curves'), calls)).toEqual([false, false])
  })

  test('when their date is published, and those as of the latest with them', async () => {
    const { queries } = open({ patterns })
    const dated = [
      'ttl of 2',
      'bust of 1',
      'bust of 2',
      'bust',
      'pattern of 1',
      'pattern of 2',
      'all of 2',
      'wide of 1',
    ].map((query) => ({ query }))
    const published = await left(queries, () => queries.invalidateOnPublication('curves', '2'), dated)
    expect(published).toEqual([true, true, false, false, true, false, false, true])
    expect(await left(queries, () => queries.invalidateOnPublication('prices', '1'), dated)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
    ])
    const tenants = [
      { tenant: 'acme', query: 'bust of 2' },
      { tenant: 'bell', query: 'bust of 2' },
    ]
    expect(
      await left(queries, () => queries.invalidateOnPublication('curves', '2', { tenant: 'acme' }), tenants),
    ).toEqual([false, true])
  })

  test('when the date of a parameter is published', async () => {
    const { queries } = open({
      patterns: [
        { name: 'p', match: /asof = \$1/, template: '{$1}', asOf: '$1', strategy: 'bust_on_write', tables: ['curves'] },
      ],
    })
    const ask = (date: unknown, run: () => string): Promise<string> =>
      queries.query({ tenant: 'a', query: 'asof = $1', params: [date] }, run)
    const dates = [new Date('2026-01-31'), '2026-01-31', new Date('2026-02-28'), new Date(NaN), 7, 'x'.repeat(65)]
    for (const date of dates) await ask(date, () => 'before')
    await queries.invalidateOnPublication('curves', '2026-01-31')
    const found: string[] = []
    for (const date of dates) found.push(await ask(date, () => 'after'))
    expect(found).toEqual(['after', 'after', 'before', 'after', 'after', 'after'])
  })

  test('of a pattern, whatever its strategy', async () => {
    const { queries } = open({ patterns })
    expect(await left(queries, () => queries.invalidatePattern('ttl'), asked)).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
    ])
    await expect(queries.invalidatePattern('nothing')).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    await expect(queries.invalidateOnWrite('')).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
  })

  test('that were under way when their table was written', async () => {
    const { queries } = open({ patterns })
    let release = (): void => undefined
    let begin = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const slow = queries.query({ tenant: 'a', query: 'bust' }, async () => {
      begin()
      await held
      return 'before'
    })
    await begun
    await queries.invalidateOnWrite('curves')
    release()
    expect(await slow).toBe('before')
    expect(await queries.query({ tenant: 'a', query: 'bust' }, () => 'after')).toBe('after')
  })
})
