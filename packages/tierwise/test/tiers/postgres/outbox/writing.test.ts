import pg from 'pg'
import postgres from 'postgres'
import { beforeAll, describe, expect, it } from 'vitest'

import {
  createInvalidationOutbox,
  invalidationOutboxSql,
  postgres as postgresTier,
} from '../../../../src/tiers/postgres/index.ts'
import { serverUrl } from '../../../clients/postgres/server.ts'
import { openedTier } from '../opened-tier.ts'
import { endLater, isEmpty, kinds, managerOf, openDatabase, sharedPglite, until } from './outbox-database.ts'

beforeAll(sharedPglite)

const oddKeys = ['a', 'é"\\{},', ' spaced ', 'NULL', "it's", '$1', 'x'.repeat(4096)]

describe.each(kinds)('a transaction of %s', (kind) => {
  it('leaves nothing when it is rolled back', async () => {
    const { outbox, transaction } = await openDatabase(kind)
    const failed = transaction(async (tx) => {
      await outbox.invalidateInTx(tx, 'factors', ['steel'])
      throw new Error('no stock')
    })
    await expect(failed).rejects.toThrow('no stock')
    expect(await outbox.backlog()).toEqual({ pending: 0, oldestMs: undefined, setAside: 0 })
  })

  it('delivers exactly its keys and tags once it is committed', async () => {
    const database = await openDatabase(kind)
    const { outbox, transaction } = database
    const { manager, invalidated } = managerOf()
    await manager.namespace('factors').set('steel', 1)
    await manager.namespace('factors').set('glass', 2)
    const relay = await outbox.relay(manager)
    await transaction(async (tx) => {
      await outbox.invalidateInTx(tx, 'factors', ['steel', 'steel'])
      await outbox.invalidateInTx(tx, 'odd', new Set(oddKeys))
      await outbox.invalidateInTx(tx, 'odd', { keys: 'one', fence: Number.MAX_SAFE_INTEGER })
      await outbox.invalidateInTx(tx, 'odd', { tags: ['red', 'a,"b"'] })
      await outbox.invalidateInTx(tx, 'odd', [])
      await outbox.invalidateInTx(tx, 'odd', { tags: [] })
    })
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated.toSorted()).toEqual(
      ['factors/steel', ...oddKeys.map((key) => `odd/${key}`), 'odd/one', 'odd#a,"b"', 'odd#red'].toSorted(),
    )
    expect([...(await manager.namespace('factors').getMany(['steel', 'glass'])).keys()]).toEqual(['glass'])
    expect(await relay.stats()).toEqual({ pending: 0, oldestMs: undefined, setAside: 0, delivered: 4, failed: 0 })
  })

  it('tells how far the relays are behind', async () => {
    const { outbox, transaction, run, table } = await openDatabase(kind)
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'steel'))
    await run(`update ${table} set created_at = created_at - interval '5 seconds'`)
    await transaction((tx) => outbox.invalidateInTx(tx, 'factors', 'glass'))
    const { pending, oldestMs } = await outbox.backlog()
    expect(pending).toBe(2)
    expect(oldestMs).toBeGreaterThanOrEqual(5000)
    expect(oldestMs).toBeLessThan(15_000)
  })
})

describe('an outbox', () => {
  it('gives its statement to other clients, and takes rows of plain SQL', async () => {
    const database = await openDatabase('pg')
    const { outbox, run, table } = database
    const { manager, invalidated } = managerOf()
    const { text, values } = outbox.statement('factors', { keys: ['steel'], fence: 7 }) ?? { text: '', values: [] }
    const pool = new pg.Pool({ connectionString: await serverUrl() })
    endLater(() => pool.end())
    await pool.query(text, [...values])
    expect(outbox.statement('factors', [])).toBeUndefined()
    await run(`insert into ${table} (namespace, keys) values ('factors', array['glass', 'wood'])`)
    await run(`insert into ${table} (namespace, tags) values ('factors', array['metals'])`)
    await outbox.relay(manager)
    await until(() => isEmpty(database), 'the outbox is empty')
    expect(invalidated.toSorted()).toEqual(['factors#metals', 'factors/glass', 'factors/steel', 'factors/wood'])
  })

  it.each([
    [`(namespace) values ('n')`],
    [`(namespace, keys, tags) values ('n', '{a}', '{b}')`],
    [`(namespace, tags, fence) values ('n', '{a}', 1)`],
    [`(namespace, keys, fence) values ('n', '{a}', -1)`],
    [`(keys) values ('{a}')`],
  ])('refuses in the transaction of the writer a row %s', async (row) => {
    const { run, table } = await openDatabase('pg')
    await expect(run(`insert into ${table} ${row}`)).rejects.toMatchObject({ code: /^235/ })
  })

  it('refuses before anything is sent what no relay could deliver', async () => {
    const { outbox, transaction } = await openDatabase('PGlite')
    const attempt = (namespace: string, change: unknown): Promise<unknown> =>
      transaction(async (tx) => {
        const refused = await outbox.invalidateInTx(tx, namespace, change as string).catch((error: unknown) => error)
        // A statement that failed would have ended the transaction.
        await outbox.invalidateInTx(tx, 'n', 'fine')
        expect(refused).toMatchObject({ code: expect.stringMatching(/^ERR_CACHE_(OPTION|KEY)$/) })
      })
    for (const key of ['', 'x'.repeat(4097), 'a\0b', '\ud800', 7]) await attempt('n', [key])
    for (const name of ['', 'a:b', 'a b', 'x'.repeat(129)]) await attempt(name, 'k')
    for (const tags of [[''], ['a\0'], 'red', ['\udc00']]) await attempt('n', { tags })
    for (const fence of [-1, 1.5, 2 ** 53, '7']) await attempt('n', { keys: 'k', fence })
    for (const change of [undefined, null, 7, {}, { keys: 'k', tags: ['t'] }, { tags: ['t'], fence: 1 }, { key: 'k' }])
      await attempt('n', change)
    expect((await outbox.backlog()).pending).toBe(5 + 4 + 4 + 4 + 7)
  })

  it('refuses what runs each statement in a transaction of its own', async () => {
    const { outbox } = await openDatabase('PGlite')
    const pool = new pg.Pool()
    const sql = postgres('postgres://nobody@127.0.0.1:1/none')
    const pglite = await sharedPglite()
    for (const handle of [pool, sql, pglite, undefined, null, {}, 'tx'])
      await expect(outbox.invalidateInTx(handle as typeof pool, 'n', 'k')).rejects.toMatchObject({
        code: 'ERR_CACHE_OPTION',
      })
  })

  it('writes without a connection of its own, and asks for one when it needs it', async () => {
    const saved = process.env['DATABASE_URL']
    delete process.env['DATABASE_URL']
    try {
      const outbox = createInvalidationOutbox()
      expect(outbox.statement('n', 'k')?.values).toEqual(['n', '{"k"}', null, null])
      await expect(outbox.backlog()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
      await outbox.close()
    } finally {
      if (saved !== undefined) process.env['DATABASE_URL'] = saved
    }
  })
})

describe('the table of an outbox', () => {
  const names = (url: string): { query: (sql: string) => Promise<Record<string, unknown>[]>; pool: pg.Pool } => {
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    endLater(() => pool.end())
    return { pool, query: async (sql) => (await pool.query(sql)).rows as Record<string, unknown>[] }
  }

  it('is created once by outboxes and tiers that start together', async () => {
    const url = await serverUrl()
    const { query } = names(url)
    const outboxes = Array.from({ length: 6 }, () => createInvalidationOutbox({ url, schema: 'all at once' }))
    const tiers = Array.from({ length: 6 }, () => openedTier({ url, schema: 'all at once', bus: false }))
    await Promise.all([...outboxes.map((outbox) => outbox.migrate()), ...tiers])
    expect(await query('select number from "all at once".outbox_migrations')).toEqual([{ number: 1 }])
    for (const outbox of outboxes) await outbox.close()
    for (const opened of tiers) await (await opened).tier.close()
    expect(postgresTier({ url, schema: 'all at once' }).name).toBe('postgres')
  })

  it('is the same by text, which may be run again, and left to others when that is asked for', async () => {
    const url = await serverUrl()
    const { pool } = names(url)
    const options = { schema: 'by "hand"', table: 'my "out"' }
    const outbox = createInvalidationOutbox({ pool, ...options, migrate: false })
    const { manager, invalidated } = managerOf()
    await expect(outbox.relay(manager)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('invalidationOutboxSql()'),
    })
    await pool.query(invalidationOutboxSql(options))
    await pool.query(invalidationOutboxSql(options))
    await outbox.relay(manager, { pollInterval: '1h' })
    const { text, values } = outbox.statement('factors', 'steel') ?? { text: '', values: [] }
    await pool.query(text, [...values])
    await until(() => invalidated.length > 0, 'the row is delivered')
    expect(invalidated).toEqual(['factors/steel'])
    await outbox.close()
  })

  it('of a newer release is refused', async () => {
    const { outbox, options, run, schema } = await openDatabase('pg')
    await run(`insert into "${schema.replaceAll('"', '""')}".outbox_migrations values (1000, true)`)
    const late = createInvalidationOutbox(options)
    await expect(late.migrate()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    await late.close()
    await outbox.close()
  })

  it('needs the right to insert of writers, and to select, update and delete of relays', async () => {
    const url = await serverUrl()
    const { pool } = names(url)
    const schema = 'granted_outbox'
    await pool.query(invalidationOutboxSql({ schema }))
    await pool.query(`create role writer login; create role relay login; grant usage on schema ${schema} to writer, relay;
grant insert on ${schema}.outbox to writer; grant select, update, delete on ${schema}.outbox to relay;
grant select on ${schema}.outbox_migrations to relay`)
    const as = (role: string): string => url.replace(/\/\/[^@]*@/, `//${role}@`)
    const writer = names(as('writer'))
    const outbox = createInvalidationOutbox({ url: as('relay'), schema, migrate: false })
    endLater(() => outbox.close())
    const { manager, invalidated } = managerOf({ namespaces: { known: {} }, strictNamespaces: true })
    const relay = await outbox.relay(manager, { pollInterval: '1h', maxAttempts: 1 })
    const rows = [outbox.statement('known', 'k'), outbox.statement('unknown', 'k')]
    for (const statement of rows) await writer.pool.query(statement?.text ?? '', [...(statement?.values ?? [])])
    await until(async () => (await relay.stats()).setAside === 1, 'both rows are dealt with')
    expect(invalidated).toEqual(['known/k'])
    expect(await outbox.retrySetAside()).toBe(1)
    await expect(writer.query(`select from ${schema}.outbox`)).rejects.toMatchObject({ code: '42501' })
  })
})
