import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import type { CacheManager } from '../../../../src/contract/cache.ts'
import type { CacheEventOf } from '../../../../src/contract/events.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import {
  installInvalidationTriggers,
  invalidationTriggersSql,
  listenForInvalidations,
  postgresViews,
  removeInvalidationTriggers,
  type InvalidationListener,
  type InvalidationNotice,
  type InvalidationTriggers,
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

const onFactors: InvalidationTriggers = { table: 'factors', namespace: 'factors', key: ['product', 'region', 'year'] }

async function prepare(kind: (typeof kinds)[number], sql = factorsSql): Promise<TestDatabase> {
  const database = await openDatabase(kind, server)
  ends.push(() => database.end())
  await database.run(sql)
  return database
}

interface Listening {
  readonly manager: CacheManager
  readonly listener: InvalidationListener
  readonly notices: InvalidationNotice[]
  /** What callers of the manager would see as invalidated, in order. */
  readonly invalidated: CacheEventOf<'invalidate'>[]
}

async function listen(
  database: Pick<TestDatabase, 'connection'>,
  namespaces: readonly string[] = ['factors'],
): Promise<Listening> {
  const manager = createCacheManager({ tiers: [memory()], defaults: { ttl: 'forever' } })
  ends.push(() => manager.stop())
  const invalidated: CacheEventOf<'invalidate'>[] = []
  manager.on('invalidate', (event) => invalidated.push(event))
  const notices: InvalidationNotice[] = []
  const onNotice = (notice: InvalidationNotice): void => void notices.push(notice)
  const listener = await listenForInvalidations(manager, { ...database.connection, namespaces, onNotice })
  ends.push(() => listener.close())
  return { manager, listener, notices, invalidated }
}

/** Everything that was told so far has been heard and applied once a message of our own has come back. */
async function told({ run }: TestDatabase, { listener }: Listening): Promise<void> {
  const { ignored } = listener.counts
  await run(`select pg_notify('tierwise', 'end ${ignored}')`)
  await until(() => listener.counts.ignored > ignored, 'the last message arrives')
  await listener.settled()
}

const keysOf = (invalidated: readonly CacheEventOf<'invalidate'>[]): string[] =>
  invalidated.flatMap(({ scope, targets }) => (scope === 'namespace' ? ['everything'] : targets)).sort()

describe.each(kinds)('invalidation by triggers over %s', (kind) => {
  it('removes exactly the keys that a statement changed, of before and after it', async () => {
    const database = await prepare(kind)
    expect(await installInvalidationTriggers(database.connection, onFactors)).toBe(true)
    const listening = await listen(database)
    const cache = listening.manager.namespace('factors')
    await cache.setMany([
      ['steel:EU:2024', 1],
      ['steel:US:2024', 2],
    ])
    await database.run(`update factors set factor = 9 where region = 'EU'`)
    await told(database, listening)
    expect(await cache.getMany(['steel:EU:2024', 'steel:US:2024'])).toEqual(new Map([['steel:US:2024', 2]]))
    listening.invalidated.length = 0

    await database.run(`insert into factors values ('glass', 'EU', 2024, 1), ('wood', 'EU', 2024, 1)`)
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual(['glass:EU:2024', 'wood:EU:2024'])
    listening.invalidated.length = 0
    await database.run(`update factors set year = 2025 where product = 'glass'`)
    await database.run(String.raw`delete from factors where product in ('wood', 'a:b')`)
    await told(database, listening)
    expect(new Set(keysOf(listening.invalidated))).toEqual(
      new Set(['glass:EU:2024', 'glass:EU:2025', 'wood:EU:2024', String.raw`a\:b:c\\d:2020`]),
    )
    listening.invalidated.length = 0

    await database.run(`update factors set factor = 1 where product = 'nothing'`)
    await told(database, listening)
    expect(listening.invalidated).toEqual([])
    await database.run('truncate factors')
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual(['everything'])
  })

  it('tells nothing of a transaction that is rolled back', async () => {
    const database = await prepare(kind)
    await installInvalidationTriggers(database.connection, onFactors)
    const listening = await listen(database)
    await database.run(`begin; update factors set factor = 0; rollback`)
    await told(database, listening)
    expect(listening.invalidated).toEqual([])
  })

  it('splits many keys into messages that fit, and clears the namespace beyond a thousand', async () => {
    const database = await prepare(kind, 'create table things (id text primary key, v int)')
    await installInvalidationTriggers(database.connection, { table: 'things', namespace: 'factors', key: 'id' })
    const listening = await listen(database)
    const long = `'é"\\' || repeat('ü', 40) || i`
    await database.run(`insert into things select ${long}, i from generate_series(1, 1000) i`)
    await told(database, listening)
    const rows = await database.run('select id from things order by id')
    expect(new Set(keysOf(listening.invalidated))).toEqual(new Set(rows.map(({ id }) => id)))
    expect(listening.listener.counts.messages - listening.listener.counts.ignored).toBeGreaterThan(10)
    listening.invalidated.length = 0
    await database.run(`insert into things select 'x' || i, i from generate_series(1, 1001) i`)
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual(['everything'])
    listening.invalidated.length = 0
    await database.run(`insert into things values (repeat('ü', 4000), 1)`)
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual(['everything'])
    listening.invalidated.length = 0
    // Longer than any key of the cache.
    await database.run(`insert into things values (repeat('z', 5000), 1)`)
    await told(database, listening)
    expect(listening.invalidated).toEqual([])
  })

  it('invalidates by tags', async () => {
    const database = await prepare(kind)
    await installInvalidationTriggers(database.connection, {
      table: 'factors',
      namespace: 'factors',
      tags: ['product', 'region'],
    })
    const listening = await listen(database)
    const cache = listening.manager.namespace('factors')
    await cache.set('one', 1, { tags: ['steel'] })
    await cache.set('two', 2, { tags: ['EU'] })
    await cache.set('three', 3, { tags: ['US'] })
    await database.run(`update factors set factor = 9 where region = 'EU'`)
    await told(database, listening)
    expect(await cache.getMany(['one', 'two', 'three'])).toEqual(new Map([['three', 3]]))
  })

  it('installs once, replaces other options, and is removed without a trace', async () => {
    const database = await prepare(kind)
    const { connection } = database
    const triggers = `select count(*)::int as n from pg_trigger where tgname like 'tierwise%'`
    const functions = `select count(*)::int as n from pg_proc where proname = 'tierwise_notify'`
    expect(await installInvalidationTriggers(connection, onFactors)).toBe(true)
    expect(await installInvalidationTriggers(connection, onFactors)).toBe(false)
    expect(await installInvalidationTriggers(connection, { ...onFactors, channel: 'other' })).toBe(true)
    expect(await database.run(triggers)).toEqual([{ n: 4 }])
    expect(await installInvalidationTriggers(connection, { ...onFactors, namespace: 'second' })).toBe(true)
    expect(await database.run(triggers)).toEqual([{ n: 8 }])
    expect(await removeInvalidationTriggers(connection, { table: 'factors', namespace: 'second' })).toBe(true)
    expect(await database.run(functions)).toEqual([{ n: 1 }])
    expect(await removeInvalidationTriggers(connection, { table: 'factors', namespace: 'factors' })).toBe(true)
    expect(await removeInvalidationTriggers(connection, { table: 'factors', namespace: 'factors' })).toBe(false)
    expect(await database.run(triggers)).toEqual([{ n: 0 }])
    expect(await database.run(functions)).toEqual([{ n: 0 }])
  })

  it('takes any names of tables, columns, channels and schemas', async () => {
    const evil = `we"ird'; drop table factors; -- \\`
    const quoted = `"${evil.replaceAll('"', '""')}"`
    const database = await prepare(
      kind,
      `${factorsSql} create schema ${quoted}; create table ${quoted}.${quoted} (${quoted} text, "b%s" text)`,
    )
    const table = { schema: evil, name: evil }
    const options = { table, namespace: 'factors', key: [evil, 'b%s'], channel: evil, schema: evil }
    await installInvalidationTriggers(database.connection, options)
    const manager = createCacheManager({ tiers: [memory()] })
    ends.push(() => manager.stop())
    const invalidated: CacheEventOf<'invalidate'>[] = []
    manager.on('invalidate', (event) => invalidated.push(event))
    const listener = await listenForInvalidations(manager, {
      ...database.connection,
      namespaces: ['factors'],
      channel: evil,
    })
    ends.push(() => listener.close())
    await database.run(`insert into ${quoted}.${quoted} values ('x''; drop table factors', 'y')`)
    await until(() => invalidated.length > 0, 'the change is told')
    expect(keysOf(invalidated)).toEqual([`x'; drop table factors:y`])
    expect(await database.run('select count(*)::int as n from factors')).toEqual([{ n: 3 }])
    expect(await removeInvalidationTriggers(database.connection, options)).toBe(true)
  })

  it('does not fail the statement of the application when a column is gone, and tells of it all the same', async () => {
    const database = await prepare(kind)
    await installInvalidationTriggers(database.connection, onFactors)
    const listening = await listen(database)
    await database.run('drop materialized view factors_mv; alter table factors rename column region to place')
    await database.run(`update factors set factor = 5`)
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual(['everything'])
  })

  it('ignores messages that are not ours, and says so without repeating them', async () => {
    const database = await prepare(kind)
    const listening = await listen(database)
    const strange = [
      '',
      'secret',
      'null',
      '[]',
      '{}',
      '{"tierwise":2,"namespace":"factors","all":true}',
      '{"tierwise":1,"namespace":"factors","keys":"steel"}',
      '{"tierwise":1,"namespace":"factors","keys":[]}',
      '{"tierwise":1,"namespace":"factors","keys":[1]}',
      '{"tierwise":1,"namespace":"factors","keys":["ok",""]}',
      String.raw`{"tierwise":1,"namespace":"factors","keys":["\ud800"]}`,
      `{"tierwise":1,"namespace":"factors","keys":["${'x'.repeat(5000)}"]}`,
      '{"tierwise":1,"namespace":"others","all":true}',
      '{"tierwise":1,"namespace":"__proto__","all":true}',
      '{"tierwise":1,"namespace":{},"all":true}',
      '{"tierwise":1,"namespace":"factors","tags":[""]}',
      '{"tierwise":1,"namespace":"factors","__proto__":{"all":true}}',
    ]
    for (const payload of strange) await database.run(`select pg_notify('tierwise', $1)`, [payload])
    await until(() => listening.listener.counts.messages === strange.length, 'all have arrived')
    expect(listening.listener.counts).toEqual({ messages: strange.length, ignored: strange.length, gaps: 0 })
    expect(listening.notices.every(({ notice }) => notice === 'ignored')).toBe(true)
    expect(JSON.stringify(listening.notices)).not.toMatch(/secret|steel|xxx/)
    expect(listening.invalidated).toEqual([])
  })
})

describe.each(serverKinds)('listening for changes over %s', (kind) => {
  it('reaches a chain of memory and a view from psql, and the view counts again after a refresh', async () => {
    const database = await prepare(kind)
    await installInvalidationTriggers(database.connection, onFactors)
    const views = postgresViews({
      ...database.connection,
      views: { factors: { view: 'factors_mv', key: ['product', 'region', 'year'], value: 'factor' } },
    })
    const manager = createCacheManager({ tiers: [memory(), views], tierTimeout: '5s' })
    ends.push(() => manager.stop())
    const listener = await listenForInvalidations(manager, { ...database.connection, namespaces: ['factors'] })
    ends.push(() => listener.close())
    const cache = manager.namespace('factors')
    expect(await cache.get('steel:EU:2024')).toBe('1.85')
    const name = new URL(database.url ?? '').pathname.slice(1)
    await server.query(`update factors set factor = 4.5 where region = 'EU'`, name)
    await until(() => cache.peek('steel:EU:2024') === undefined, 'memory forgets the key')
    expect(await cache.get('steel:EU:2024')).toBeUndefined()
    expect(await cache.get('steel:US:2024')).toBe('2.1')
    await views.refresh('factors')
    expect(await cache.get('steel:EU:2024')).toBe('4.5')
  })

  it('clears its namespaces after the connection was lost, and hears again', async () => {
    const database = await prepare(kind)
    await installInvalidationTriggers(database.connection, onFactors)
    const listening = await listen(database, ['factors', 'second'])
    const { manager, listener, notices } = listening
    await manager.namespace('factors').set('steel:EU:2024', 1)
    await manager.namespace('second').set('a', 1)
    await manager.namespace('third').set('a', 1)
    await database.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%' and datname = current_database()`,
    )
    await database.run(`update factors set factor = 0`)
    await until(() => listener.counts.gaps > 0, 'the connection is made again')
    await listener.settled()
    expect(notices[0]).toMatchObject({ notice: 'gap', detail: expect.stringContaining('factors, second') })
    expect(await manager.namespace('factors').get('steel:EU:2024')).toBeUndefined()
    expect(await manager.namespace('second').get('a')).toBeUndefined()
    expect(await manager.namespace('third').get('a')).toBe(1)
    await manager.namespace('factors').set('steel:EU:2024', 1)
    await database.run(`update factors set factor = 0.5`)
    await until(() => manager.namespace('factors').peek('steel:EU:2024') === undefined, 'changes are heard again')
  })

  it('ends with the manager and leaves no connection', async () => {
    const database = await prepare(kind)
    const { manager } = await listen(database)
    const listeners = `select count(*)::int as n from pg_stat_activity where query ilike 'listen%' and datname = current_database()`
    expect(await database.run(listeners)).toEqual([{ n: 1 }])
    await manager.stop()
    await until(async () => (await database.run(listeners))[0]?.['n'] === 0, 'the connection is closed')
  })

  it('clears the namespace when more keys wait than it holds', async () => {
    const database = await prepare(kind)
    const listening = await listen(database)
    const message = `'{"tierwise":1,"namespace":"factors","keys":["' || i || '"]}'`
    // One transaction, so that they arrive in one go.
    await database.run(`select pg_notify('tierwise', ${message}) from generate_series(1, 30000) i`)
    await told(database, listening)
    const applied = listening.invalidated.reduce((sum, { targets }) => sum + targets.length, 0)
    const isCleared = listening.invalidated.some(({ scope }) => scope === 'namespace')
    expect(isCleared ? listening.notices.some(({ notice }) => notice === 'overflow') : applied === 30_000).toBe(true)
    expect(listening.invalidated.length).toBeLessThan(1000)
  })
})

describe('rights', () => {
  it('a writer needs no right but to write, and a listener none but to connect', async () => {
    const database = await prepare('pg')
    const role = `writer_${process.pid}`
    await database.run(`create schema hidden; revoke all on schema public from public`)
    await installInvalidationTriggers(database.connection, {
      ...onFactors,
      key: ['product', 'region', 'measured'],
      schema: 'hidden',
    })
    await database.run(`create role ${role} login; grant usage on schema public to ${role};
      grant select, insert, update, delete on factors to ${role}`)
    ends.push(() => database.run(`drop owned by ${role}; drop role ${role}`))
    const url = new URL(database.url ?? '')
    url.username = role
    const listening = await listen({ connection: { url: url.href } })
    const writer = new pg.Client({ connectionString: url.href })
    await writer.connect()
    ends.push(() => writer.end())
    // Whatever the writer's session says, the key is written alike.
    await writer.query(`set datestyle = 'German'; set standard_conforming_strings = off; set search_path = pg_temp`)
    await writer.query(`insert into public.factors values ('a\\\\b:c', 'EU', 2024, 1, '31.01.2024')`)
    await told(database, listening)
    expect(keysOf(listening.invalidated)).toEqual([String.raw`a\\b\:c:EU:2024-01-31`])
  })

  it('gives the statements as text for a migration', async () => {
    const database = await prepare('pg')
    await database.run(invalidationTriggersSql(onFactors))
    expect(await installInvalidationTriggers(database.connection, onFactors)).toBe(false)
  })
})

describe('options of triggers and listeners', () => {
  it.each([
    [{ ...onFactors, tags: ['a'] }, 'either `key` or `tags`'],
    [{ table: 'a', namespace: 'n' }, 'either `key` or `tags`'],
    [{ ...onFactors, table: 'a.b.c' }, 'installInvalidationTriggers.table'],
    [{ ...onFactors, table: { name: '' } }, 'installInvalidationTriggers.table.name'],
    [{ ...onFactors, namespace: 'a:b' }, 'the name of a namespace'],
    [{ ...onFactors, key: [] }, 'at least one column'],
    [{ ...onFactors, channel: 'x'.repeat(64) }, 'at most 63 bytes'],
    [{ ...onFactors, keys: 'a' }, 'Did you mean `key`?'],
  ])('refuses %o', async (options, complaint) => {
    const connection = { url: 'postgres://nobody@127.0.0.1:1/none' }
    await expect(installInvalidationTriggers(connection, options as InvalidationTriggers)).rejects.toThrow(complaint)
  })

  it('refuses a listener without namespaces', async () => {
    const manager = createCacheManager({ tiers: [memory()] })
    ends.push(() => manager.stop())
    const options = { url: 'postgres://nobody@127.0.0.1:1/none', namespaces: [] }
    await expect(listenForInvalidations(manager, options)).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    const refused = { ...options, namespaces: ['a'] }
    await expect(listenForInvalidations(manager, refused)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
