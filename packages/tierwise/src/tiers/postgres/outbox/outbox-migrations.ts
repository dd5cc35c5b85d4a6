import type { Migration } from '../../../clients/postgres/migrations/migration.ts'
import { quoted } from '../../../clients/postgres/migrations/table-names.ts'
import type { Tables } from '../tables.ts'

/** Where a commit that has put rows into the outbox is told. */
export function channelOf({ digest }: Tables): string {
  return `tierwise_outbox_${digest}`
}

/** All migrations of an outbox, oldest first. A number that was released is never changed. */
export function outboxMigrations(tables: Tables): readonly Migration[] {
  return [{ number: 1, isBreaking: true, statements: firstTable(tables) }]
}

/**
 * The rows, and the trigger that wakes relays.
 *
 * - The checks refuse, in the transaction of the writer, what no relay could deliver.
 * - `due_at` is when a relay may take the row: at once, later while somebody has taken it, never when it was set aside.
 *   The index begins with it, so that rows which wait cost nothing.
 * - Rows come and go all the time, so the table is vacuumed by the number of the dead and not by their share.
 */
function firstTable(tables: Tables): readonly string[] {
  const { entries: outbox, schema, base } = tables
  const wake = `${schema}.${quoted(`${base}_wake`)}`
  return [
    `create table if not exists ${outbox} (
  id bigint generated always as identity primary key,
  namespace text not null,
  keys text[],
  tags text[],
  fence bigint check (fence between 0 and 9007199254740991),
  created_at timestamptz not null default clock_timestamp(),
  due_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  set_aside_at timestamptz,
  error text,
  check (num_nonnulls(keys, tags) = 1),
  check (fence is null or keys is not null)
) with (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 2000
)`,
    `create index if not exists ${quoted(`${base}_due`)} on ${outbox} (due_at, id)`,
    `create or replace function ${wake}() returns trigger language plpgsql as $wake$
begin
  perform pg_catalog.pg_notify(tg_argv[0], '');
  return null;
end
$wake$`,
    `create or replace trigger ${quoted(`${base}_wake`)} after insert on ${outbox}
for each statement execute function ${wake}('${channelOf(tables)}')`,
  ]
}
