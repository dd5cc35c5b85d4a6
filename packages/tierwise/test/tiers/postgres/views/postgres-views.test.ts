import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import type { CacheManager } from '../../../../src/contract/cache.ts'
import type { CacheEvent } from '../../../../src/contract/events.ts'
import type { CacheManagerOptions } from '../../../../src/contract/options.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import {
  postgresViews,
  type PostgresViewOptions,
  type PostgresViews,
} from '../../../../src/tiers/postgres/views/index.ts'
import { closePglite, factorsSql, kinds, openDatabase, type TestDatabase, startPglite } from './databases.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
  await startPglite()
}, 60_000)
afterAll(async () => {
  await closePglite()
  await server.stop()
})

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const factors: PostgresViewOptions = { view: 'factors_mv', key: ['product', 'region', 'year'] }

describe.each(kinds)('postgresViews over %s', (kind) => {
  let database: TestDatabase

  async function prepare(sql = factorsSql): Promise<void> {
    database = await openDatabase(kind, server)
    ends.push(() => database.end())
    await database.run(sql)
  }

  function open(
    views: Record<string, PostgresViewOptions> = { factors },
    options: Partial<CacheManagerOptions> = {},
  ): { manager: CacheManager; views: PostgresViews; notices: string[]; errors: CacheEvent[] } {
    const tier = postgresViews({ ...database.connection, views })
    const tiers = [...(options.tiers ?? [memory()]), tier]
    const manager = createCacheManager({ tierTimeout: '5s', defaults: { ttl: '1h' }, ...options, tiers })
    ends.push(() => manager.stop())
    const notices: string[] = []
    const errors: CacheEvent[] = []
    manager.on('tier-notice', ({ notice }) => notices.push(notice))
    manager.on('tier-error', (event) => errors.push(event))
    manager.on('bad-record', (event) => errors.push(event))
    return { manager, views: tier, notices, errors }
  }

  it('answers rows by keys made of several columns, the same values with every client', async () => {
    await prepare()
    const { manager, errors } = open()
    const cache = manager.namespace('factors')
    expect(await cache.get('steel:EU:2024')).toEqual({
      factor: '1.85',
      measured: '2024-05-01',
      unit: { per: 'kg' },
      note: null,
    })
    const odd = String.raw`a\:b:c\\d:2020`
    const many = await cache.getMany(['steel:US:2024', odd, 'steel:US:1999'])
    expect([...many.keys()]).toEqual(['steel:US:2024', odd])
    expect(many.get(odd)).toMatchObject({ factor: '0.125', unit: [1, 2] })
    expect(errors).toEqual([])
  })

  it('reads types faithfully', async () => {
    await prepare(`create materialized view types_mv as select 'k'::text as key, 1::int2 as i2, 9007199254740993::int8 as i8,
      0.1::float8 as f8, true as b, 'x'::varchar(3) as v, '\\x00ff'::bytea as bytes, '2024-02-03 04:05:06+00'::timestamptz as at,
      null::text as nothing, array[1,2]::int[] as list, '{"a":[null]}'::json as j, 1.10::numeric(10,2) as n,
      'd9428888-122b-11e1-b85c-61cd3cbb3210'::uuid as u, '__proto__'::text as "__proto__", int4range(1,3) as span`)
    const { manager } = open({ types: { view: 'types_mv', key: 'key' } })
    const value = await manager.namespace<Record<string, unknown>>('types').get('k')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.entries(value ?? {}).filter(([name]) => name !== '__proto__' && name !== 'bytes')).toEqual([
      ['i2', 1],
      ['i8', '9007199254740993'],
      ['f8', 0.1],
      ['b', true],
      ['v', 'x'],
      ['at', new Date('2024-02-03T04:05:06Z')],
      ['nothing', null],
      ['list', [1, 2]],
      ['j', { a: [null] }],
      ['n', '1.10'],
      ['u', 'd9428888-122b-11e1-b85c-61cd3cbb3210'],
      ['span', '[1,3)'],
    ])
    expect([...((value ?? {})['bytes'] as Uint8Array)]).toEqual([0, 255])
  })

  it('makes values of a column or by a function, and keys by a mapping', async () => {
    await prepare()
    const { manager, errors } = open({
      numbers: { ...factors, value: 'factor' },
      mapped: {
        view: 'public.factors_mv',
        key: {
          columns: ['year', 'product', 'region'],
          parse: (key) => key.split('/'),
          format: (parts) => parts.join('/'),
        },
        value: (row) => {
          if (row['note'] === 'old') throw new Error('not this one')
          return row['region'] === 'EU' ? Number(row['factor']) : undefined
        },
      },
    })
    expect(await manager.namespace('numbers').get('steel:US:2024')).toBe('2.1')
    const mapped = manager.namespace('mapped')
    expect(await mapped.get('2024/steel/EU')).toBe(1.85)
    expect(await mapped.get(String.raw`2020/a:b/c\d`)).toBeUndefined()
    expect(errors).toEqual([])
    expect(await mapped.get('2024/steel/US')).toBeUndefined()
    expect(errors).toMatchObject([{ type: 'bad-record', key: 'tw:1:mapped:2024/steel/US' }])
  })

  it('finds no row for keys that are none, and does not let them spoil the reads of others', async () => {
    await prepare()
    const { manager, errors } = open()
    const cache = manager.namespace('factors')
    const wrong = [
      'steel',
      'steel:EU',
      'steel:EU:2024:1',
      'steel:EU:02024',
      'steel:EU: 2024',
      'steel:EU:abc',
      'steel:EU:99999999999',
      'steel:E\0U:2024',
      "steel:EU:2024' or '1'='1",
      String.raw`steel:EU:\2024`,
      'STEEL:EU:2024',
    ]
    const [right, ...others] = await Promise.all(['steel:EU:2024', ...wrong].map((key) => cache.get(key)))
    expect(errors).toEqual([])
    expect(right).toMatchObject({ factor: '1.85' })
    expect(others).toEqual(wrong.map(() => undefined))
  })

  it('sends the reads of one tick as one statement', async () => {
    await prepare()
    const texts: string[] = []
    const { manager } = open({ factors }, { tiers: [memory()] })
    await manager.start()
    ends.push(watchStatements(database, texts))
    const cache = manager.namespace('factors')
    await Promise.all([cache.get('steel:EU:2024'), cache.get('steel:US:2024'), cache.getMany(['x:y:1', 'x:y:2'])])
    expect(texts.filter((text) => text.includes('factors_mv'))).toHaveLength(1)
  })

  it('lists the keys of the view, page by page, and what was invalidated is not among them', async () => {
    await prepare(`create table parts (a text, b int, v int);
      insert into parts select 'p' || (i % 7), i, i from generate_series(1, 1203) i;
      insert into parts values (null, 5, 5), ('p', null, 6);
      create materialized view parts_mv as select * from parts;
      create unique index on parts_mv (a, b)`)
    const { manager } = open({ parts: { view: 'parts_mv', key: ['a', 'b'] } })
    const cache = manager.namespace('parts')
    const keys = await listed(cache.keys())
    expect(keys).toHaveLength(1203)
    expect(new Set(keys)).toContain('p1:8')
    expect(await listed(cache.keys('p1:1?'))).toEqual(['p1:15'])
    await cache.delete('p1:8')
    expect(new Set(await listed(cache.keys()))).not.toContain('p1:8')
  })

  it('tells how old a row is, and ends its freshness by the time of the refresh', async () => {
    await prepare()
    const { manager, views } = open({ factors: { ...factors, ttl: '1h', grace: '1d' } })
    const cache = manager.namespace('factors')
    await manager.start()
    const { refreshedAt } = await views.refresh('factors')
    const entry = await cache.getEntry('steel:EU:2024')
    expect(entry).toMatchObject({ tier: 'postgres-views', stale: false, tags: [] })
    expect(Math.abs(Number(entry?.createdAt) - refreshedAt.getTime())).toBeLessThan(1000)
    expect(Number(entry?.expiresAt) - Number(entry?.createdAt)).toBe(3_600_000)
    await database.run(`update tierwise.tierwise_views set refreshed_at = refreshed_at - interval '2 hours'`)
    expect(await cache.get('steel:US:2024')).toBeUndefined()
    const stale = await cache.getEntry('steel:US:2024')
    expect(stale).toMatchObject({ stale: true })
    const failing = (): never => {
      throw new Error('the source is down')
    }
    expect(await cache.getOrSet('steel:US:2024', failing)).toMatchObject({ factor: '2.1' })
  })

  it('fills memory with the life that a row has left', async () => {
    await prepare()
    const { manager, views } = open({ factors: { ...factors, ttl: '1h' } })
    const cache = manager.namespace('factors')
    await manager.start()
    await views.refresh('factors')
    await cache.get('steel:EU:2024')
    expect(cache.peek('steel:EU:2024')).toMatchObject({ factor: '1.85' })
    const left = (await cache.ttl('steel:EU:2024')) ?? 0
    expect(left).toBeGreaterThan(3_500_000)
    expect(left).toBeLessThanOrEqual(3_600_000)
  })

  it('does not answer a deleted key until a refresh that started later', async () => {
    await prepare()
    const { manager, views } = open()
    const cache = manager.namespace('factors')
    await cache.get('steel:EU:2024')
    await database.run(`update factors set factor = 3 where region = 'EU'`)
    expect(await cache.delete('steel:EU:2024')).toBe(true)
    expect(await cache.get('steel:EU:2024')).toBeUndefined()
    expect(await cache.get('steel:US:2024')).toBeDefined()
    expect(await cache.getOrSet('steel:EU:2024', () => ({ factor: 'loaded' }))).toEqual({ factor: 'loaded' })
    await views.refresh('factors')
    const below = { tiers: ['postgres-views'] }
    expect(await cache.get('steel:EU:2024', below)).toMatchObject({ factor: '3' })
  })

  it('takes no values, and a key that was set is newer than its row', async () => {
    await prepare()
    const { manager, views } = open({ factors }, { tiers: [memory({ maxEntries: 1 })] })
    const cache = manager.namespace('factors')
    const { tiers } = await cache.set('steel:EU:2024', 'mine')
    expect(tiers).toEqual({ memory: 'applied', 'postgres-views': 'skipped' })
    await cache.set('another:key:1', 1)
    expect(await cache.get('steel:EU:2024', { tiers: ['postgres-views'] })).toBeUndefined()
    await views.refresh('factors')
    expect(await cache.get('steel:EU:2024', { tiers: ['postgres-views'] })).toMatchObject({ factor: '1.85' })
    const health = await manager.health({ deep: true })
    expect(health.tiers.find(({ name }) => name === 'postgres-views')).toMatchObject({ healthy: true, intents: 0 })
  })

  it('does not answer anything of a cleared namespace until a refresh that started later', async () => {
    await prepare()
    const { manager, views } = open({ factors, others: { ...factors, value: 'factor' } })
    const cache = manager.namespace('factors')
    await cache.get('steel:EU:2024')
    await cache.clear()
    expect(await cache.getMany(['steel:EU:2024', 'steel:US:2024'])).toEqual(new Map())
    expect(await manager.namespace('others').get('steel:EU:2024')).toBe('1.85')
    await manager.clear()
    expect(await manager.namespace('others').get('steel:EU:2024')).toBeUndefined()
    await views.refresh('factors')
    expect(await cache.get('steel:EU:2024')).toBeDefined()
    expect(await manager.namespace('others').get('steel:EU:2024')).toBe('1.85')
  })

  it('counts several rows of one key as none and says so', async () => {
    await prepare(`create materialized view twice_mv as select k, v from (values ('a', 1), ('a', 2), ('b', 3)) t(k, v)`)
    const { manager, notices } = open({ twice: { view: 'twice_mv', key: 'k', value: 'v' } })
    expect(await manager.namespace('twice').getMany(['a', 'b'])).toEqual(new Map([['b', 3]]))
    expect(notices).toEqual(['view-not-unique'])
  })

  it('reads with encryption and another codec configured for the other tiers', async () => {
    await prepare()
    const encryption = { keys: [{ id: 1, secret: Buffer.alloc(32, 7) }] }
    const { manager, errors } = open({ factors: { ...factors, value: 'factor' } }, { encryption, codec: 'json' })
    expect(await manager.namespace('factors').get('steel:EU:2024')).toBe('1.85')
    expect(errors).toEqual([])
  })

  it('goes on after the view was made anew with other columns', async () => {
    await prepare()
    const { manager } = open()
    const cache = manager.namespace('factors')
    await cache.get('steel:EU:2024')
    await database.run(`drop materialized view factors_mv;
      create materialized view factors_mv as select product, region, year::bigint as year, factor::float8 as factor from factors`)
    const below = { tiers: ['postgres-views'] }
    await cache.get('steel:EU:2024', below)
    expect(await cache.get('steel:EU:2024', below)).toEqual({ factor: 1.85 })
  })

  it('takes any names of schemas, views and columns', async () => {
    const evil = 'we"ird; drop table factors; --'
    const quoted = `"${evil.replaceAll('"', '""')}"`
    await prepare(`${factorsSql} create schema ${quoted};
      create materialized view ${quoted}.${quoted} as select product as ${quoted}, factor as "va'l$1ue" from factors where region = 'EU';
      create unique index on ${quoted}.${quoted} (${quoted})`)
    const tier = postgresViews({
      ...database.connection,
      schema: evil,
      views: { odd: { view: { schema: evil, name: evil }, key: evil } },
    })
    const manager = createCacheManager({ tiers: [tier], tierTimeout: '5s' })
    ends.push(() => manager.stop())
    await manager.start()
    expect(await tier.refresh('odd')).toMatchObject({ isOwn: true, isConcurrent: true })
    expect(await manager.namespace('odd').get('steel')).toEqual({ "va'l$1ue": '1.85' })
    expect(await database.run('select count(*)::int as count from factors')).toEqual([{ count: 3 }])
  })

  it('says at start which view or column is missing', async () => {
    await prepare()
    const start = (options: PostgresViewOptions): Promise<void> => open({ factors: options }).manager.start()
    await expect(start({ view: 'nowhere', key: 'a' })).rejects.toThrow('there is no "nowhere"')
    await expect(start({ view: 'factors', key: 'product' })).rejects.toThrow(
      'public.factors is not a materialized view',
    )
    await expect(start({ view: 'factors_mv', key: 'produkt' })).rejects.toThrow(
      'has no column `produkt`; it has product,',
    )
    await expect(start({ ...factors, value: 'x' })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })

  it('has no rows before its first refresh when it was created with no data', async () => {
    await prepare(`${factorsSql} create materialized view later_mv as select * from factors with no data`)
    const { manager, views, errors } = open({ later: { ...factors, view: 'later_mv' } })
    const cache = manager.namespace('later')
    expect(await cache.get('steel:EU:2024')).toBeUndefined()
    expect(errors).toEqual([])
    expect(await views.refresh('later')).toMatchObject({ isConcurrent: false })
    expect(await cache.get('steel:EU:2024')).toBeDefined()
  })
})

async function listed(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = []
  for await (const key of keys) all.push(key)
  return all
}

/** Counts what the client sends, by the one method that each of them has for it. */
function watchStatements(database: TestDatabase, texts: string[]): () => Promise<void> {
  const { pool, sql, pglite } = database.connection
  const target = (pool ?? pglite ?? sql) as unknown as Record<string, (...args: unknown[]) => unknown>
  const method = sql === undefined ? 'query' : 'unsafe'
  const original = target[method]?.bind(target)
  target[method] = (...args) => {
    const [query] = args as [string | { readonly text: string }]
    texts.push(typeof query === 'string' ? query : query.text)
    return original?.(...args)
  }
  return async () => {
    if (original !== undefined) target[method] = original
  }
}
