import { headBytes } from './stored-key.ts'
import { quoted, type Tables } from './tables.ts'

export interface Migration {
  readonly number: number
  /** Code that knows only the migrations before it can no longer work with the tables. */
  readonly isBreaking: boolean
  readonly statements: readonly string[]
}

export interface MigrationOptions {
  /** Whether entries are written to the log of the server, and so survive its crash. */
  readonly logged: boolean
}

/** What creates the place for the migrations; the schema itself is created apart, because most roles may not. */
export function bookkeeping({ migrations }: Tables): string {
  return `create table if not exists ${migrations} (
  number integer primary key,
  is_breaking boolean not null,
  applied_at timestamptz not null default now()
)`
}

export function createSchema({ schema }: Tables): string {
  return `create schema if not exists ${schema}`
}

export function recordMigration({ migrations }: Tables, { number, isBreaking }: Migration): string {
  return `insert into ${migrations} (number, is_breaking) values (${number}, ${isBreaking}) on conflict do nothing`
}

/** All migrations, oldest first. A number that was released is never changed. */
export function migrationsOf(tables: Tables, { logged }: MigrationOptions): readonly Migration[] {
  return [{ number: 1, isBreaking: true, statements: firstTables(tables, logged) }]
}

/**
 * Entries, floors, tags and state.
 *
 * - `fillfactor` leaves room in a page, so that a record which is written again stays there and no index is touched.
 * - `storage external` keeps the server from compressing values, which the tier may have compressed already.
 * - The index of prefixes has the head of the key only: an index entry is at most 2.7 kB, a key can be longer. It does
 *   not change when a record is written again.
 * - There is no index of ends or of times of writing: it would be changed by every write. The sweeper walks the pages.
 */
function firstTables({ entries, floors, tags, state, base }: Tables, logged: boolean): readonly string[] {
  const kind = logged ? 'table' : 'unlogged table'
  return [
    `create ${kind} if not exists ${entries} (
  hash bigint primary key,
  version bigint not null,
  seen bigint not null,
  ends double precision not null,
  written double precision not null,
  size integer not null,
  key bytea not null,
  bytes bytea
) with (
  fillfactor = 85,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.1,
  toast.autovacuum_vacuum_scale_factor = 0.05
)`,
    `alter table ${entries} alter column bytes set storage external`,
    `create index if not exists ${quoted(`${base}_heads`)} on ${entries} (substring(key for ${headBytes}), hash)`,
    `create table if not exists ${floors} (
  prefix bytea primary key,
  version bigint not null,
  ends double precision not null
)`,
    `create table if not exists ${tags} (
  scope bytea not null,
  tag bytea not null,
  mark bigint not null,
  primary key (scope, tag)
)`,
    `create index if not exists ${quoted(`${base}_marks`)} on ${tags} (scope, mark)`,
    `create table if not exists ${state} (
  name text primary key,
  value bigint not null
)`,
    `insert into ${state} (name, value) values ('sweep_after', 0), ('sweep_page', 0) on conflict do nothing`,
  ]
}

/** The whole schema of a tier as text, for whoever may run it. */
export function migrationText(tables: Tables, options: MigrationOptions): string {
  return textOf(tables, migrationsOf(tables, options))
}

export function textOf(tables: Tables, migrations: readonly Migration[]): string {
  const lines = migrations.flatMap((migration) => [
    `-- ${migration.number}`,
    ...migration.statements.map((statement) => `${statement};`),
    `${recordMigration(tables, migration)};`,
  ])
  return [`${createSchema(tables)};`, `${bookkeeping(tables)};`, ...lines, ''].join('\n')
}
