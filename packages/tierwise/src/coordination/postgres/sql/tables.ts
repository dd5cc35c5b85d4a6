import type { CoordinationNames } from '../names.ts'

/**
 * A row for each key, and rows for what a key has several of.
 *
 * - All texts are bytes, because no text of PostgreSQL can have a NUL. Keys and members are found by a digest, because an
 *   index entry is at most 2.7 kB.
 * - `ends_at` is whole epoch milliseconds, null for never. There is no index of it, which every write would change: the
 *   sweep walks the pages. `fillfactor` leaves room in a page, so that a row that is written again stays there.
 * - `number`, `seen_at` and `rule` are of limits (parts that are missing or units taken; by when) and of tenures (the fence;
 *   until when it is held).
 * - Fences come of one sequence: each is larger than all before it, also when the row of its key is long gone.
 */
export function tableStatements({ entries, members, sweeps, fences, base }: CoordinationNames): readonly string[] {
  const often = 'autovacuum_vacuum_scale_factor = 0.05'
  return [
    `create table if not exists ${entries} (
  key_hash bytea primary key,
  key bytea not null,
  kind text not null,
  ends_at bigint,
  value bytea,
  number bigint,
  seen_at bigint,
  rule text
) with (fillfactor = 80, ${often})`,
    `create table if not exists ${members} (
  key_hash bytea not null,
  member_hash bytea not null,
  member bytea not null,
  ends_at bigint,
  value bytea,
  score double precision,
  number bigint,
  primary key (key_hash, member_hash)
) with (fillfactor = 80, ${often})`,
    `create index if not exists "${base.replaceAll('"', '""')}_scores" on ${members} (key_hash, score) where score is not null`,
    `create sequence if not exists ${fences}`,
    `create table if not exists ${sweeps} (
  name text primary key,
  due_at bigint not null,
  page bigint not null
)`,
    `insert into ${sweeps} (name, due_at, page) values ('keys', 0, 0), ('members', 0, 0) on conflict do nothing`,
  ]
}
