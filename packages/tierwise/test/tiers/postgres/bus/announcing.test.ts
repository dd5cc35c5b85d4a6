import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Tier } from '../../../../src/contract/tier.ts'
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { startPostgres, type PostgresServer } from '../../../../src/testing/servers/index.ts'
import { Announcer } from '../../../../src/tiers/postgres/bus/announcement.ts'
import { postgres, type PostgresOptions } from '../../../../src/tiers/postgres/index.ts'
import { tablesOf } from '../../../../src/tiers/postgres/tables.ts'
import { record } from '../opened-tier.ts'
import { Heard } from './heard.ts'

let server: PostgresServer
let pool: pg.Pool
beforeAll(async () => {
  server = await startPostgres({ dedicated: true })
  pool = new pg.Pool({ connectionString: server.url })
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

let schemas = 0
async function opened({ bus, prefix = 'tw' }: { bus?: boolean; prefix?: string } = {}) {
  const schema = `announcing ${schemas++}`
  const tier = await openTier(pool, { schema, prefix, ...(bus === undefined ? {} : { bus }) })
  const heard = await Heard.on(server.url, schema, prefix)
  const end = async (): Promise<void> => {
    await tier.close()
    await heard.end()
  }
  return { tier, heard, schema, end }
}

async function openTier(
  connected: pg.Pool,
  { prefix, ...options }: { schema: string; prefix: string; bus?: boolean },
): Promise<Tier> {
  const tier = postgres({ pool: connected, ...options }).create({
    name: 'postgres',
    prefix,
    report: () => undefined,
    ...systemRuntime(),
  })
  if (tier.sync) throw new Error('a byte tier was expected')
  await tier.open()
  return tier
}

describe('a tier of PostgreSQL announces', () => {
  it('what is set and deleted, in one message a statement, and tags with their clock', async () => {
    const { tier, heard, end } = await opened()
    await tier.set([record('tw:1:a:one', 1), record('tw:1:a:other', 2)])
    await tier.delete(['tw:1:a:one', 'tw:1:a:nowhere'], 3)
    const clock = await tier.tags?.invalidate(['a:red', 'a'], 0)
    const changes = [
      ['S', 'tw:1:a:one', 1],
      ['S', 'tw:1:a:other', 2],
    ]
    const deletions = [
      ['D', 'tw:1:a:one', 3],
      ['D', 'tw:1:a:nowhere', 3],
    ]
    await heard.until(3)
    expect(await heard.bodies()).toEqual([
      ['C', changes],
      ['C', deletions],
      ['C', [['T', clock, ['a:red', 'a']]]],
    ])
    await end()
  })

  it('no load, no promotion, nothing that was refused, and no bare raise of the clock', async () => {
    const { tier, heard, end } = await opened()
    await tier.set([record('tw:1:a:loaded', 5, { ifNotAfter: 4 })])
    expect(await tier.set([record('tw:1:a:loaded', 4)])).toEqual(['superseded'])
    expect(await tier.delete(['tw:1:a:loaded'], 4)).toEqual([false])
    await tier.tags?.invalidate([], 100)
    await tier.set([record('tw:1:a:another', 6, { ifNotAfter: 5 }), record('tw:1:a:last', 7)])
    await heard.until(1)
    expect(await heard.bodies()).toEqual([['C', [['S', 'tw:1:a:last', 7]]]])
    await end()
  })

  it('nothing when it is told not to', async () => {
    const { tier, heard, end } = await opened({ bus: false })
    expect(tier.bus).toBeUndefined()
    await tier.set([record('tw:1:a:one', 1)])
    await tier.delete(['tw:1:a:one'], 2)
    await tier.tags?.invalidate(['a'], 0)
    expect(await heard.bodies()).toEqual([])
    await end()
  })

  it('where other processes can hear it, unless it is told otherwise', async () => {
    const context = { name: 'postgres', prefix: 'tw', report: () => undefined, ...systemRuntime() }
    // PGlite is not loaded before the tier is opened.
    const dataDir = 'nowhere'
    const hasBus = (options: PostgresOptions): boolean => (postgres(options).create(context) as Tier).bus !== undefined
    expect([{ pool }, { pool, bus: false }, { dataDir }, { dataDir, bus: true }].map(hasBus)).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  it('changes that fit into no message as a loss of everything, without failing', async () => {
    const { tier, heard, end } = await opened()
    const long = `tw:1:a:${'\u{1f9ca}'.repeat(2048)}`
    expect(await tier.set([record('tw:1:a:short', 1), record(long, 2)])).toEqual(['applied', 'applied'])
    await tier.tags?.invalidate(['a', 'é'.repeat(4096)], 0)
    await heard.until(2)
    expect(await heard.bodies()).toEqual([['L'], ['L']])
    await end()
  })

  it('to nobody with another prefix', async () => {
    const { tier, heard, schema, end } = await opened()
    const other = await openTier(pool, { schema, prefix: 'other' })
    await other.set([record('other:1:a:one', 1)])
    await other.tags?.invalidate(['a'], 0)
    await tier.set([record('tw:1:a:one', 1)])
    await heard.until(1)
    expect(await heard.bodies()).toEqual([['C', [['S', 'tw:1:a:one', 1]]]])
    await other.close()
    await end()
  })

  it('keys that the encoding of the database does not have', async () => {
    await server.query(`create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`)
    const url = server.url.replace(/\/[^/]*$/, '/latin')
    const latin = new pg.Pool({ connectionString: url })
    const tier = await openTier(latin, { schema: 'latin', prefix: 'tw' })
    const heard = await Heard.on(url, 'latin')
    expect(await tier.set([record('tw:1:a:\u{1f9ca}\0', 1)])).toEqual(['applied'])
    await heard.until(1)
    expect(await heard.bodies()).toEqual([['C', [['S', 'tw:1:a:\u{1f9ca}\0', 1]]]])
    await tier.close()
    await heard.end()
    await latin.end()
  })
})

describe('Announcer', () => {
  const announcer = new Announcer({ tables: tablesOf('s', 't'), scope: 'tw', source: 'me' })

  it('fills messages up to what NOTIFY takes, and loses nothing between them', () => {
    for (const length of [1, 10, 100, 1000, 3900, 7800]) {
      const keys = Array.from({ length: 300 }, (_, index) => `${index}`.padStart(length, 'k'))
      const messages = announcer.changes(
        keys.map((key) => ({ kind: 'key', operation: 'set', key, version: 2 ** 53 - 1 })),
      )
      expect(messages.flatMap((text) => (JSON.parse(text)[3] as string[][]).map(([, key]) => key))).toEqual(keys)
      for (const text of messages) expect(Buffer.byteLength(text)).toBeLessThan(8000)
      if (length <= 100) for (const text of messages.slice(0, -1)) expect(text.length).toBeGreaterThan(7700)
      const { before, after } = announcer.tags(keys)
      const texts = after.map((part) => before + (2 ** 53 - 1) + part)
      expect(texts.flatMap((text) => JSON.parse(text)[3][0][2] as string[])).toEqual(keys)
      for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThan(8000)
    }
  })

  it('has a channel for each table and prefix, with a name that PostgreSQL takes', () => {
    const names = [
      ['s', 't', 'tw'],
      ['s', 't2', 'tw'],
      ['s2', 't', 'tw'],
      ['s', 't', 'tw2'],
    ].map(
      ([schema = '', table = '', scope = '']) =>
        new Announcer({ tables: tablesOf(schema, table), scope, source: '' }).channel,
    )
    expect(new Set(names).size).toBe(4)
    for (const name of names) expect(name).toMatch(/^[a-z0-9_]{1,63}$/)
  })
})
