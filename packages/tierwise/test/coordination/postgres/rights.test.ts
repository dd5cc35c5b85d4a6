import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  postgresCoordination,
  postgresCoordinationSql,
  type PostgresCoordinationOptions,
} from '../../../src/coordination/postgres/index.ts'
import { serverUrl } from '../../clients/postgres/server.ts'

let url: string
let pool: pg.Pool
beforeAll(async () => {
  url = await serverUrl()
  pool = new pg.Pool({ connectionString: url })
})
afterAll(() => pool.end())

async function freshRole(name: string, settings = ''): Promise<string> {
  await pool.query(`create role ${name} login password 'secret'`)
  if (settings !== '') await pool.query(`alter role ${name} ${settings}`)
  const role = new URL(url)
  role.username = name
  role.password = 'secret'
  return role.href
}

async function grantUse(role: string, schema: string): Promise<void> {
  await pool.query(`grant usage on schema ${schema} to ${role}`)
  await pool.query(`grant usage on all sequences in schema ${schema} to ${role}`)
  await pool.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
}

/** A step of each group. */
async function allWorks(options: PostgresCoordinationOptions): Promise<void> {
  const store = postgresCoordination(options)
  expect(await store.write('text', 'x', { onlyIf: 'absent' })).toMatchObject({ written: true })
  expect(await store.enter('set', [{ member: 'x' }])).toEqual([true])
  await store.setFields('fields', { x: '1' })
  await store.rank('ranked', [{ member: 'x', score: 1 }], { keep: 1 })
  expect(await store.acquire('lock', 'x', { ttlMs: 600_000 })).toMatchObject({ kind: 'granted' })
  expect(await store.acquire('lock', 'y', { ttlMs: 600_000, waitMs: 600_000 })).toMatchObject({ kind: 'busy' })
  expect(await store.release('lock', 'x')).toBe(true)
  const rule = { kind: 'sliding-window', limit: 1, periodMs: 600_000 } as const
  const { at, allowed } = await store.take('limit', rule, { cost: 1 })
  expect(allowed).toBe(true)
  await store.giveBack('limit', rule, { units: 1, at })
  await store.publish('news', 'x')
  for (const key of ['text', 'set', 'fields', 'ranked', 'lock', 'limit'])
    expect(await store.remove(key)).toMatchObject({ removed: true })
  await store.close()
}

describe('a role', () => {
  it('with the use of what is there and nothing else can take all steps', async () => {
    const role = await freshRole('least')
    await pool.query(postgresCoordinationSql({ schema: 'granted' }))
    await pool.query(postgresCoordinationSql({ schema: 'granted' }))
    await grantUse('least', 'granted')
    await allWorks({ url: role, schema: 'granted', migrate: false, sweepInterval: 10 })
    await allWorks({ url: role, schema: 'granted' })
  })

  it('without the right to create tables is told what to do, without its password', async () => {
    const role = await freshRole('poor')
    const store = postgresCoordination({ url: role, schema: 'forbidden', migrate: false })
    await expect(store.open()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('postgresCoordinationSql()'),
    })
    await expect(store.add('a', 1)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    await store.close()
    const migrating = postgresCoordination({ url: role, schema: 'forbidden' })
    const error = await migrating.open().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', retryable: false, cause: { code: '42501' } })
    expect(JSON.stringify(error) + String(error)).not.toContain('secret')
    await migrating.close()
  })

  it('whose transactions see an old snapshot is refused instead of answered wrongly', async () => {
    const role = await freshRole('strict', "set default_transaction_isolation = 'repeatable read'")
    await pool.query(postgresCoordinationSql({ schema: 'strictly' }))
    await grantUse('strict', 'strictly')
    const store = postgresCoordination({ url: role, schema: 'strictly' })
    await expect(store.add('a', 1)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_WRITE',
      retryable: false,
      message: expect.stringContaining('READ COMMITTED'),
    })
    await store.close()
  })
})

describe('migrations', () => {
  it('are applied once by eight that start together, and refuse a newer layout', async () => {
    const stores = Array.from({ length: 8 }, () => postgresCoordination({ url, schema: 'together', maxConnections: 2 }))
    const sums = await Promise.all(stores.map((store) => store.add('sum', 1)))
    expect(sums.map(({ value }) => value).toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect((await pool.query('select number from together.coordination_migrations')).rows).toEqual([{ number: 1 }])
    for (const store of stores) await store.close()
    await pool.query('insert into together.coordination_migrations (number, is_breaking) values (1000, true)')
    await expect(postgresCoordination({ url, schema: 'together' }).open()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringMatching(/at migration 1000, this release knows 1: upgrade/),
    })
  })

  it('take any names, and keep tables with different names apart', async () => {
    const odd = { url, schema: `odd "schema" o'clock`, table: `a "table" o'clock é` }
    await allWorks(odd)
    const [one, two] = [postgresCoordination(odd), postgresCoordination({ ...odd, table: 'other' })]
    await one.add('a', 1)
    expect(await two.read('a')).toBeUndefined()
    const heard: string[] = []
    await two.subscribe('news', (text) => void heard.push(text))
    await one.publish('news', 'of one')
    await two.publish('news', 'of two')
    await expect.poll(() => heard).toEqual(['of two'])
    await one.close()
    await two.close()
  })
})

describe('options', () => {
  it('are refused when they are wrong', () => {
    expect(() => postgresCoordination({ url, table: 'x'.repeat(41) })).toThrow(/postgresCoordination\.table/)
    expect(() => postgresCoordination({ url, tabel: 'x' } as never)).toThrow(/Did you mean `table`/)
    expect(() => postgresCoordination({ url, dataDir: 'x' })).toThrow(/several connections/)
    expect(() => postgresCoordination({ url, sweepInterval: 0 })).toThrow(/sweepInterval/)
    expect(() => postgresCoordinationSql({ schema: '' })).toThrow(/postgresCoordinationSql\.schema/)
  })

  it('say what the store can do', () => {
    const all = [{ url }, { pool }, { dataDir: 'folder' }].map(
      (options) => postgresCoordination({ ...options, name: 'mine' }).capabilities,
    )
    expect(all).toEqual([
      { shared: true, durable: true },
      { shared: true, durable: true },
      { shared: false, durable: true },
    ])
  })
})
