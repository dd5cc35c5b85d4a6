import pg from 'pg'
import postgres from 'postgres'
import { generationOf, valueOf } from '../lib/payload.mjs'

/** @typedef {import('@electric-sql/pglite').PGlite} PGlite */
/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */

/** Connections of each contestant. */
export const poolSize = 10

/** What the raw stores keep: a table as one would make it by hand, values as JSON in text. */
export const createRawTable = `create unlogged table if not exists bench_raw
  (key text primary key, value text not null, expires_at bigint not null)`

const selectOne = 'select value from bench_raw where key = $1 and expires_at > $2'
const selectMany = 'select key, value from bench_raw where key = any($1::text[]) and expires_at > $2'
const upsertOne = `insert into bench_raw (key, value, expires_at) values ($1, $2, $3)
  on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`
const upsertMany = `insert into bench_raw (key, value, expires_at) select * from unnest($1::text[], $2::text[], $3::bigint[])
  on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`

const hourMs = 3_600_000

/** @typedef {{ readonly key: string, readonly value: string }} Row */
/** @typedef {{ readonly name: string, readonly text: string, readonly values: readonly any[] }} Query */
/** @typedef {(query: Query) => Promise<readonly Row[]>} RunQuery */

/** @param {string} url @param {{ parses?: boolean }} [options] @returns {Promise<RemoteStore[]>} */
export async function pgStores(url) {
  const pool = new pg.Pool({ connectionString: url, max: poolSize })
  await pool.query(createRawTable)
  /** @type {RunQuery} */
  const run = async ({ name, text, values }) => (await pool.query({ name, text, values: [...values] })).rows
  return storesOver('pg', run, () => pool.end())
}

/** @param {string} url @returns {Promise<RemoteStore[]>} */
export async function postgresStores(url) {
  const sql = postgres(url, { max: poolSize, onnotice: () => {} })
  await sql.unsafe(createRawTable)
  /** @type {RunQuery} */
  const run = ({ text, values }) => sql.unsafe(text, [...values], { prepare: true })
  return storesOver('postgres', run, () => sql.end())
}

/** @param {PGlite} database Stays open. @returns {Promise<RemoteStore[]>} */
export async function pgliteStores(database) {
  await database.exec(createRawTable)
  /** @type {RunQuery} */
  const run = async ({ text, values }) => /** @type {any} */ ((await database.query(text, [...values])).rows)
  return storesOver('PGlite', run, () => {})
}

/**
 * One row a statement, and many rows a statement, each prepared once a connection where the package does so.
 *
 * @param {string} client @param {RunQuery} run @param {() => unknown} close @returns {RemoteStore[]}
 */
function storesOver(client, run, close) {
  return [
    { ...singles(run), name: `${client}, one row`, generationOf, close },
    { ...batches(run), name: `${client}, any($1)`, generationOf, close: () => {} },
    {
      name: `${client}, any($1), unparsed`,
      getMany: (keys) => readMany(run, keys, (text) => text),
      generationOf: (text) => (typeof text === 'string' && text.length > 0 ? 1 : NaN),
      close: () => {},
    },
  ]
}

/** @param {RunQuery} run @returns {Pick<RemoteStore, 'get' | 'set'>} */
function singles(run) {
  return {
    get: async (key) => {
      const [row] = await run({ name: 'bench_get', text: selectOne, values: [key, Date.now()] })
      return row && JSON.parse(row.value)
    },
    set: (key, generation) => {
      const text = JSON.stringify(valueOf(key, generation))
      return run({ name: 'bench_set', text: upsertOne, values: [key, text, Date.now() + hourMs] })
    },
  }
}

/** @param {RunQuery} run @returns {Pick<RemoteStore, 'getMany' | 'setMany'>} */
function batches(run) {
  return {
    getMany: (keys) => readMany(run, keys, JSON.parse),
    setMany: (keys, generation) => {
      // In one order for everybody: two statements that lock the same rows in different orders may block each other.
      const sorted = keys.toSorted()
      const texts = sorted.map((key) => JSON.stringify(valueOf(key, generation)))
      const ends = sorted.map(() => Date.now() + hourMs)
      return run({ name: 'bench_set_many', text: upsertMany, values: [sorted, texts, ends] })
    },
  }
}

/** @param {RunQuery} run @param {readonly string[]} keys @param {(text: string) => unknown} read */
async function readMany(run, keys, read) {
  const rows = await run({ name: 'bench_get_many', text: selectMany, values: [keys, Date.now()] })
  const values = new Map(rows.map(({ key, value }) => [key, read(value)]))
  return keys.map((key) => values.get(key))
}
