import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import type { CacheManager } from '../../../../src/contract/cache.ts'
import { fakeRuntime, type FakeRuntime } from '../../../../src/testing/index.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import {
  postgresViews,
  postgresViewsSql,
  type PostgresViewOptions,
  type PostgresViews,
} from '../../../../src/tiers/postgres/views/index.ts'
import {
  closePglite,
  factorsSql,
  kinds,
  openDatabase,
  serverKinds,
  until,
  type TestDatabase,
  startPglite,
} from './databases.ts'

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

const factors: PostgresViewOptions = { view: 'factors_mv', key: ['product', 'region', 'year'], value: 'factor' }

interface Instance {
  readonly manager: CacheManager
  readonly views: PostgresViews
  readonly notices: readonly { readonly notice: string; readonly detail: string }[]
  readonly runtime: FakeRuntime
  readonly factor: () => Promise<unknown>
  readonly seen: (notice: string) => number
}

async function prepare(kind: (typeof kinds)[number], sql = factorsSql): Promise<TestDatabase> {
  const database = await openDatabase(kind, server)
  ends.push(() => database.end())
  await database.run(sql)
  return database
}

/** One instance of an application; its timers fire when a test says so. */
async function start(
  database: Pick<TestDatabase, 'connection'>,
  view: Partial<PostgresViewOptions> = {},
  more: { readonly refreshTimeout?: '200ms'; readonly seed?: number } = {},
): Promise<Instance> {
  const { seed = 1, ...rest } = more
  const runtime = fakeRuntime({ seed })
  const views = postgresViews({ ...database.connection, ...rest, views: { factors: { ...factors, ...view } } })
  // The clock of the test stands still, so a deadline never fires unless the test moves it.
  // Timers tell whether the views are looked at; those of statistics would only be in the way.
  const manager = createCacheManager({ tiers: [views], statistics: false, runtime })
  const notices: { notice: string; detail: string }[] = []
  manager.on('tier-notice', (event) => notices.push(event))
  ends.push(() => runtime.until(manager.stop()))
  await manager.start()
  return {
    manager,
    views,
    notices,
    runtime,
    factor: () => manager.namespace('factors').get('steel:EU:2024'),
    seen: (name) => notices.filter(({ notice }) => notice === name).length,
  }
}

const raise = `update factors set factor = factor + 1`
const age = (by: string): string => `update tierwise.tierwise_views set refreshed_at = refreshed_at - interval '${by}'`
const refreshTime = async (database: TestDatabase): Promise<unknown> =>
  (await database.run('select refreshed_at::text as at from tierwise.tierwise_views'))[0]?.['at']

/** Makes the view slow enough for a test to act meanwhile. */
const slowSql = `${factorsSql}
create materialized view slow_mv as
  select 'steel'::text as product, 'EU'::text as region, 2024 as year,
    (select max(factor) from factors) as factor, pg_sleep(0.4)::text as slept;
create unique index on slow_mv (product, region, year);`

describe.each(kinds)('refreshing a view over %s', (kind) => {
  it('brings the rows of now and writes down when', async () => {
    const database = await prepare(kind)
    const { views, factor, notices } = await start(database)
    await database.run(raise)
    expect(await factor()).toBe('1.85')
    const refresh = await views.refresh('factors')
    expect(refresh).toMatchObject({ view: 'public.factors_mv', isOwn: true, isConcurrent: true })
    expect(await factor()).toBe('2.85')
    expect(notices.map(({ notice }) => notice)).toEqual(['view-refreshing', 'view-refreshed'])
    const [record] = await database.run('select view_name, refreshed_at from tierwise.tierwise_views')
    expect(record?.['view_name']).toBe('public.factors_mv')
    expect(Math.abs(Number(record?.['refreshed_at']) - refresh.refreshedAt.getTime())).toBeLessThan(2)
  })

  it('refreshes plainly, and says so, where no unique index allows more', async () => {
    const partly = `${factorsSql} drop index factors_mv_product_region_year_idx;
      create unique index on factors_mv (product, region, year) where year > 2000;
      create unique index on factors_mv ((product || region || year))`
    const database = await prepare(kind, partly)
    const { views, seen } = await start(database)
    expect(await views.refresh('factors')).toMatchObject({ isConcurrent: false })
    expect(seen('view-refresh-blocks')).toBe(1)
  })

  it('shares one refresh among calls that come while another runs', async () => {
    const database = await prepare(kind)
    const { views, seen } = await start(database)
    const all = await Promise.all(Array.from({ length: 8 }, () => views.refresh('factors')))
    expect(seen('view-refreshed')).toBe(2)
    const [first, ...others] = all.map(({ refreshedAt }) => refreshedAt.getTime())
    expect(new Set(others).size).toBe(1)
    expect(others[0]).toBeGreaterThanOrEqual(first ?? Infinity)
  })

  it('refreshes on schedule once the last refresh is long ago, whoever did it', async () => {
    const database = await prepare(kind)
    const { runtime, seen } = await start(database, { refreshEvery: '5m' })
    await until(() => seen('view-refreshed') === 1, 'a view that was never refreshed is refreshed at the start')
    await until(() => runtime.pendingTimers.length > 0, 'the next look is planned')
    // Another instance has refreshed in between: at the time planned here the view is not due.
    await runtime.advance(330_000)
    await until(() => runtime.pendingTimers.length > 0, 'the next look is planned')
    expect(seen('view-refreshing')).toBe(1)
    await database.run(age('6 minutes'))
    await runtime.advance(330_000)
    await until(() => seen('view-refreshed') === 2, 'it is refreshed again')
  })

  it('tells a failing refresh, tries again, and keeps no value in the message', async () => {
    const database = await prepare(kind)
    await database.run(`create or replace view numbers as select 'secret-77'::text as t;
      create materialized view failing_mv as select 'steel'::text as product, 'EU'::text as region, 2024 as year,
        case when t = 'secret-77' then 1 else t::int end as factor from numbers`)
    const { views, notices, seen, runtime } = await start(database, { view: 'failing_mv', refreshEvery: '5m' })
    await until(() => seen('view-refreshed') === 1, 'it works at first')
    await database.run(`create or replace view numbers as select 'secret-88'::text as t; ${age('6 minutes')}`)
    await expect(views.refresh('factors')).rejects.toMatchObject({
      code: 'ERR_CACHE_VIEW_REFRESH',
      tier: 'postgres-views',
      message: 'Refreshing public.failing_mv failed (22P02).',
      cause: { code: '22P02' },
    })
    await until(() => runtime.pendingTimers.length > 0, 'the next look is planned')
    await runtime.advance(330_000)
    await until(() => seen('view-refresh-failed') > 0, 'the schedule fails')
    expect(JSON.stringify(notices)).not.toContain('secret')
    await database.run(`create or replace view numbers as select '9'::text as t`)
    await until(() => runtime.pendingTimers.length > 0, 'the next try is planned')
    await runtime.advance(33_000)
    await until(() => seen('view-refreshed') === 2, 'the next try succeeds')
  })
})

describe.each(serverKinds)('refreshing a view from several instances over %s', (kind) => {
  it('is done by one of them, and the others see that it is done', async () => {
    const database = await prepare(kind)
    const url = database.url ?? ''
    const instances = await Promise.all(
      [1, 2, 3].map((seed) => start({ connection: { url } }, { refreshEvery: '1h' }, { seed })),
    )
    const refreshed = (): number => instances.reduce((sum, { seen }) => sum + seen('view-refreshed'), 0)
    await until(() => instances.every(({ runtime }) => runtime.pendingTimers.length > 0), 'all have looked')
    expect(refreshed()).toBe(1)
    await database.run(`${raise}; ${age('2 hours')}`)
    await Promise.all(instances.map(({ runtime }) => runtime.advance(66 * 60_000)))
    await until(() => instances.every(({ runtime }) => runtime.pendingTimers.length > 0), 'all have looked again')
    expect(refreshed()).toBe(2)
    expect(await Promise.all(instances.map(({ factor }) => factor()))).toEqual(['2.85', '2.85', '2.85'])
  })

  it('asked for at once is done at most once after all have asked', async () => {
    const database = await prepare(kind)
    const instances = await Promise.all([1, 2, 3, 4].map((seed) => start(database, {}, { seed })))
    const results = await Promise.all(instances.map(({ views }) => views.refresh('factors')))
    const own = results.filter(({ isOwn }) => isOwn).length
    expect(own).toBeGreaterThanOrEqual(1)
    expect(own).toBe(instances.reduce((sum, { seen }) => sum + seen('view-refreshed'), 0))
    expect(own + results.filter(({ isOwn }) => !isOwn).length).toBe(4)
  })

  it('makes what one of them was told to forget count again at the others too', async () => {
    const database = await prepare(kind)
    const [one, other] = [await start(database), await start(database)]
    await one.manager.namespace('factors').delete('steel:EU:2024')
    expect(await one.factor()).toBeUndefined()
    await database.run(raise)
    await other.views.refresh('factors')
    expect(await one.factor()).toBe('2.85')
  })
})

describe('an instance that reads nothing', () => {
  it('learns when it was told to forget, so that the next refresh of another one counts', async () => {
    const database = await prepare('pg')
    const [one, other] = [await start(database), await start(database)]
    const [before] = await database.run('select clock_timestamp()::text as at')
    await one.manager.namespace('factors').delete('steel:EU:2024')
    await one.runtime.advance(100)
    const hasAsked = async (): Promise<boolean> => {
      const asked = `select from pg_stat_activity where query like 'select (extract(epoch from clock%' and query_start > $1 and state = 'idle'`
      return (await database.run(asked, [before?.['at']])).length > 0
    }
    await until(hasAsked, 'it asks for the time of the server')
    await other.views.refresh('factors')
    expect(await one.factor()).toBe('1.85')
  })
})

describe('a slow refresh', () => {
  it('lets reads go on, is not cut by deadlines of a read, and never runs twice at once', async () => {
    const database = await prepare('pg', slowSql)
    const pool = new pg.Pool({ connectionString: database.url, statement_timeout: 200 })
    ends.push(() => pool.end())
    const one = await start({ connection: { pool } }, { view: 'slow_mv' })
    const other = await start({ connection: { pool } }, { view: 'slow_mv' })
    await database.run(raise)
    let isDone = false
    const refreshes = Promise.all([one.views.refresh('factors'), other.views.refresh('factors')])
    void refreshes.finally(() => (isDone = true))
    let reads = 0
    let atOnce = 0
    while (!isDone) {
      expect(await one.factor()).toMatch(/^(2\.1|3\.1)$/)
      const [row] = await database.run(
        `select count(*)::int as n from pg_stat_activity where query like 'refresh mat%' and state = 'active' and wait_event is distinct from 'advisory'`,
      )
      atOnce = Math.max(atOnce, Number(row?.['n']))
      reads++
    }
    expect(atOnce).toBe(1)
    expect(reads).toBeGreaterThan(3)
    expect((await refreshes).some(({ isOwn }) => isOwn)).toBe(true)
    expect(await one.factor()).toBe('3.1')
  })

  it('does not make rows count that it began to read before an invalidation', async () => {
    const database = await prepare('pg', slowSql)
    const { views, manager, factor, runtime } = await start(database, { view: 'slow_mv' })
    const refresh = views.refresh('factors')
    const isRunning = async (): Promise<boolean> =>
      (await database.run(`select from pg_stat_activity where query like 'refresh mat%' and state = 'active'`)).length >
      0
    await until(isRunning, 'the refresh runs')
    await database.run(raise)
    await manager.namespace('factors').delete('steel:EU:2024')
    await runtime.advance(100)
    await refresh
    expect(await factor()).toBeUndefined()
    await views.refresh('factors')
    expect(await factor()).toBe('3.1')
  })

  it('ends when the manager stops, and leaves no lock', async () => {
    const database = await prepare(
      'pg',
      slowSql.replace('0.4', '30 * (select count(*) from factors where factor > 50)'),
    )
    const one = await start(database, { view: 'slow_mv' })
    await database.run(`update factors set factor = 100`)
    const refresh = expect(one.views.refresh('factors')).rejects.toMatchObject({ code: 'ERR_CACHE_VIEW_REFRESH' })
    const isRunning = async (): Promise<boolean> =>
      (await database.run(`select from pg_stat_activity where query like 'refresh mat%' and state = 'active'`)).length >
      0
    await until(isRunning, 'the refresh runs')
    await one.manager.stop()
    await refresh
    expect(await isRunning()).toBe(false)
    await database.run(`update factors set factor = 7`)
    const other = await start(database, { view: 'slow_mv' })
    expect(await other.views.refresh('factors')).toMatchObject({ isOwn: true })
    expect(await other.factor()).toBe('7')
  })

  it('is given up after its own timeout', async () => {
    const database = await prepare('pg', slowSql)
    const { views } = await start(database, { view: 'slow_mv' }, { refreshTimeout: '200ms' })
    await expect(views.refresh('factors')).rejects.toMatchObject({ cause: { code: '57014' } })
    expect(await refreshTime(database)).toBeUndefined()
  })
})

describe('rights', () => {
  it('a role that may only select reads, and cannot refresh', async () => {
    const database = await prepare('pg')
    const role = `reader_${process.pid}`
    await database.run(postgresViewsSql({ schema: 'cache' }))
    await database.run(`create role ${role} login; grant usage on schema cache to ${role};
      grant select on cache.tierwise_views, factors_mv to ${role}`)
    ends.push(() => database.run(`drop owned by ${role}; drop role ${role}`))
    const url = new URL(database.url ?? '')
    url.username = role
    const runtime = fakeRuntime()
    const views = postgresViews({ url: url.href, schema: 'cache', views: { factors } })
    const manager = createCacheManager({ tiers: [views], runtime })
    ends.push(() => runtime.until(manager.stop()))
    await manager.start()
    expect(await manager.namespace('factors').get('steel:EU:2024')).toBe('1.85')
    await expect(views.refresh('factors')).rejects.toThrow(/Only its owner may refresh it/)
  })

  it('eight instances that start at once create the table once', async () => {
    const database = await prepare('pg')
    const url = database.url ?? ''
    await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => start({ connection: { url, maxConnections: 2 } }, {}, { seed })),
    )
    expect(await database.run('select count(*)::int as n from tierwise.tierwise_views')).toEqual([{ n: 0 }])
  })
})

describe('refresh of a tier', () => {
  it('says what it needs', async () => {
    const views = postgresViews({ url: 'postgres://nobody@127.0.0.1:1/none', views: { factors } })
    await expect(views.refresh('factors')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_CLOSED' })
    await expect(views.refresh('facors')).rejects.toThrow('Did you mean `factors`?')
  })
})
