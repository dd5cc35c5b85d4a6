import { textOf, type Migration } from '../../clients/postgres/migrations/migration.ts'
import { quoted } from '../../clients/postgres/migrations/table-names.ts'
import { headBytes } from './stored-key.ts'
import type { Tables } from './tables.ts'

export interface MigrationOptions {
  /** Whether entries are written to the log of the server, and so survive its crash. */
  readonly logged: boolean
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
