import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { postgres, postgresMigrations } from '../../../src/tiers/postgres/index.ts'
import { sharedServer, serverUrl } from '../../clients/postgres/server.ts'
import { createdTier, openedTier, readText, record } from './opened-tier.ts'

let url: string
let pool: pg.Pool
beforeAll(async () => {
  url = await serverUrl()
  pool = new pg.Pool({ connectionString: url })
})
afterAll(() => pool.end())

/** A role that may log in and nothing else, with its URL. */
async function freshRole(name: string): Promise<string> {
  await pool.query(`create role ${name} login password 'secret'`)
  const role = new URL(url)
  role.username = name
  role.password = 'secret'
  return role.href
}

async function grantUse(role: string, schema: string): Promise<void> {
  await pool.query(`grant usage on schema ${schema} to ${role}`)
  await pool.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
}

describe('migrations', () => {
  it('are applied once by eight that start together', async () => {
    const pools = Array.from({ length: 8 }, () => new pg.Pool({ connectionString: url, max: 2 }))
    const tiers = await Promise.all(pools.map((each) => openedTier({ pool: each, schema: 'together' })))
    expect((await pool.query('select number from together.entries_migrations')).rows).toEqual([{ number: 1 }])
    await tiers[0]?.tier.set([record('tw:a', 1)])
    expect(await readText(tiers[7]?.tier as never, 'tw:a')).toBe('text of tw:a')
    for (const { tier } of tiers) await tier.close()
    for (const each of pools) await each.end()
  })

  it('refuse tables that a newer release has changed beyond use, and take those it has only added to', async () => {
    const { tier } = await openedTier({ pool, schema: 'newer' })
    await tier.close()
    await pool.query('insert into newer.entries_migrations (number, is_breaking) values (1000, false)')
    const lenient = await openedTier({ pool, schema: 'newer' })
    await lenient.tier.close()
    await pool.query('insert into newer.entries_migrations (number, is_breaking) values (1001, true)')
    await expect(createdTier({ pool, schema: 'newer' }).tier.open()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringMatching(/at migration 1001, this release knows 1: upgrade/),
    })
  })

  it('are left to others when they are switched off', async () => {
    const { tier } = createdTier({ pool, schema: 'by_hand', migrate: false })
    await expect(tier.open()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('postgresMigrations()'),
    })
    await pool.query(postgresMigrations({ schema: 'by_hand' }))
    await pool.query(postgresMigrations({ schema: 'by_hand' }))
    await tier.open()
    expect(await tier.set([record('tw:a', 1)])).toEqual(['applied'])
    await tier.close()
  })

  it('make the same tables as text and by the tier', async () => {
    await pool.query(postgresMigrations({ schema: 'as_text', table: 'cache', logged: true }))
    const { tier, events } = await openedTier({ pool, schema: 'as_code', table: 'cache', logged: true })
    await tier.close()
    const columns = async (schema: string): Promise<unknown> =>
      (
        await pool.query(
          `select table_name, column_name, data_type from information_schema.columns where table_schema = $1 order by 1, 2`,
          [schema],
        )
      ).rows
    expect(await columns('as_text')).toEqual(await columns('as_code'))
    expect(events).toEqual([])
  })

  it('of a table of the other kind are not undone, but reported', async () => {
    await (await openedTier({ pool, schema: 'kind' })).tier.close()
    const { tier, events } = await openedTier({ pool, schema: 'kind', logged: true })
    expect(events).toEqual([
      {
        type: 'tier-notice',
        tier: 'postgres',
        notice: 'table-kind',
        detail: 'The table "kind"."entries" is not logged; to change it run: alter table "kind"."entries" set logged',
      },
    ])
    await tier.close()
  })
})

describe('a role', () => {
  it('with the use of the tables and nothing else can do all that the tier does', async () => {
    const role = await freshRole('least')
    await pool.query(postgresMigrations({ schema: 'granted' }))
    await grantUse('least', 'granted')
    const { tier, events } = await openedTier({ url: role, schema: 'granted', maxBytes: '1mb', sweepInterval: '20ms' })
    const records = Array.from({ length: 300 }, (_, index) => record(`tw:1:n:${index}`, 1, { text: 'x'.repeat(5000) }))
    await tier.set(records)
    await tier.delete(['tw:1:n:1'], 2)
    await tier.tags?.invalidate(['red'], 0)
    await tier.clear('tw:1:n:2', 2)
    await expect.poll(async () => (await tier.usage()).bytes).toBeLessThan(1.1 * 2 ** 20)
    for await (const length of tier.scan('tw:', (bytes) => bytes.length)) expect(length).toBe(5000)
    await tier.close()
    expect(events.filter(({ type }) => type === 'tier-error')).toEqual([])
  })

  it('that may create tables in a schema needs no right to create schemas', async () => {
    const role = await freshRole('builder')
    await pool.query('create schema prepared')
    await pool.query('grant usage, create on schema prepared to builder')
    const { tier } = await openedTier({ url: role, schema: 'prepared' })
    expect(await tier.set([record('tw:a', 1)])).toEqual(['applied'])
    await tier.close()
  })

  it('without the right to create tables is told so, without its password', async () => {
    const role = await freshRole('poor')
    const error = await createdTier({ url: role, schema: 'forbidden' })
      .tier.open()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', cause: { code: '42501' } })
    expect(JSON.stringify(error) + String(error)).not.toContain('secret')
    const server = await sharedServer()
    expect(await server.query(`select count(*) from pg_namespace where nspname = 'forbidden'`)).toContain('0')
  })
})

describe('identity', () => {
  it('tells two tiers on the same table from others, without credentials', () => {
    const places = [
      postgres({ url: 'postgres://me:secret@db:5432/app' }),
      postgres({ url: 'postgres://other@db/app' }),
      postgres({ url: 'postgres://me@db/app', table: 'more' }),
      postgres({ pool: new pg.Pool({ connectionString: 'postgres://me:secret@db/app' }) }),
    ].map(({ identity }) => identity)
    expect(places).toEqual([
      'postgres db:5432/app "tierwise"."entries"',
      'postgres db:5432/app "tierwise"."entries"',
      'postgres db:5432/app "tierwise"."more"',
      'postgres db:5432/app "tierwise"."entries"',
    ])
  })
})
