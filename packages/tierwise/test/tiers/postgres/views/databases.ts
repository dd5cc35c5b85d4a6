import { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import postgres from 'postgres'

import type { PostgresConnectionOptions } from '../../../../src/clients/postgres/connection-options.ts'
import type { PostgresServer } from '../../../../src/testing/servers/index.ts'

/** A fresh database, how the library is connected to it, and SQL behind its back. */
export interface TestDatabase {
  readonly connection: PostgresConnectionOptions
  /** Runs statements, several at a time without parameters. */
  readonly run: (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>
  /** The URL of the database; none for PGlite. */
  readonly url: string | undefined
  readonly end: () => Promise<void>
}

export type Kind = 'pg' | 'postgres' | 'PGlite'
export const kinds: readonly Kind[] = ['pg', 'postgres', 'PGlite']
export const serverKinds: readonly Kind[] = ['pg', 'postgres']

const emptySql = `do $$ declare name text; begin
  for name in select nspname from pg_namespace where nspname !~ '^(pg_|information_schema)' loop
    execute format('drop schema %I cascade', name);
  end loop;
end $$; create schema public; grant usage on schema public to public`

/** Creating one takes long, so the tests of a file share a database, emptied. */
let sharedUrl: Promise<string> | undefined

export async function openDatabase(kind: Kind, server: PostgresServer): Promise<TestDatabase> {
  if (kind === 'PGlite') return openPglite()
  sharedUrl ??= server.createDatabase('views')
  const url = await sharedUrl
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  const run: TestDatabase['run'] = async (sql, values) => {
    const result: { readonly rows?: unknown } = await admin.query(sql, values as unknown[])
    return (result.rows ?? []) as Record<string, unknown>[]
  }
  await run(emptySql)
  if (kind === 'pg') {
    const pool = new pg.Pool({ connectionString: url, max: 6 })
    return { connection: { pool }, run, url, end: async () => void (await Promise.all([pool.end(), admin.end()])) }
  }
  const sql = postgres(url, { onnotice: () => undefined, max: 6 })
  return { connection: { sql }, run, url, end: async () => void (await Promise.all([sql.end(), admin.end()])) }
}

/** Starting one takes a second, so the tests of a file share it, emptied. */
let shared: PGlite | undefined

export async function startPglite(): Promise<PGlite> {
  shared ??= await PGlite.create()
  return shared
}

async function openPglite(): Promise<TestDatabase> {
  const pglite = await startPglite()
  await pglite.exec(emptySql)
  const run: TestDatabase['run'] = async (sql, values) => {
    if (values !== undefined) return (await pglite.query<Record<string, unknown>>(sql, [...values])).rows
    return ((await pglite.exec(sql)).at(-1)?.rows ?? []) as Record<string, unknown>[]
  }
  return { connection: { pglite }, run, url: undefined, end: async () => undefined }
}

/** Call it after the last test of a file. */
export async function closePglite(): Promise<void> {
  await shared?.close()
}

/** Emission factors of two regions, and a materialized view of them with a unique index. */
export const factorsSql = `
create table factors (
  product text, region text, year int, factor numeric, measured date, unit jsonb, note text,
  primary key (product, region, year));
insert into factors values
  ('steel', 'EU', 2024, 1.85, '2024-05-01', '{"per":"kg"}', null),
  ('steel', 'US', 2024, 2.1, '2023-12-31', '{"per":"kg"}', 'old'),
  ('a:b', 'c\\d', 2020, 0.125, '2020-01-01', '[1,2]', 'odd');
create materialized view factors_mv as select * from factors;
create unique index on factors_mv (product, region, year);
`

/** Polls, because the work ends in another process. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It did not come about that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
