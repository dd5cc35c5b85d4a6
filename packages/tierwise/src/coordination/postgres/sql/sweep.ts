import type { CoordinationNames } from '../names.ts'
import { functionStatement, type ServerFunction } from './step.ts'

/** What removes what has ended; nothing depends on when it comes by. */
export function sweepFunctions(names: CoordinationNames): readonly string[] {
  return [claimSweep, sweepKeys, sweepMembers].map((make) => functionStatement(names, make(names)))
}

/** One process of all takes the turn of each rhythm; null when it is not due. A claim far ahead was made by a clock that was wrong. */
function claimSweep({ sweeps, entries, members, fn }: CoordinationNames): ServerFunction {
  const sizeOf = (table: string): string => `pg_relation_size('${table.replaceAll("'", "''")}')`
  return {
    name: 'claim_sweep',
    takes: 'p_name text, p_rhythm bigint, out first_page bigint, out pages bigint',
    returns: 'record',
    body: `
declare
  moment bigint := ${fn('now')}();
begin
  select s.page into first_page from ${sweeps} s
  where s.name = p_name and (s.due_at <= moment or s.due_at > moment + 10 * p_rhythm) for update skip locked;
  if not found then return; end if;
  update ${sweeps} s set due_at = moment + p_rhythm / 2 where s.name = p_name;
  pages := case p_name when 'keys' then ${sizeOf(entries)} else ${sizeOf(members)} end
    / current_setting('block_size')::bigint;
end`,
  }
}

/**
 * Removes keys of a stretch of pages, at most so many; how many. A key that a step is at is left alone, so nothing is
 * waited for.
 */
function sweepKeys({ entries, members, fn, salt }: CoordinationNames): ServerFunction {
  return {
    name: 'sweep_keys',
    takes: 'p_from text, p_to text, p_most int',
    returns: 'int',
    body: `
declare
  moment bigint := ${fn('now')}();
  hash bytea;
  gone int := 0;
begin
  for hash in
    select t.key_hash from ${entries} t
    where t.ctid >= p_from::tid and t.ctid < p_to::tid and (t.ends_at <= moment or (t.kind = 'set' and not exists (
      select from ${members} m where m.key_hash = t.key_hash and (m.ends_at is null or m.ends_at > moment)
    )))
    limit p_most
  loop
    if pg_try_advisory_xact_lock(('x' || encode(substring(hash for 8), 'hex'))::bit(64)::bigint # ${salt}) then
      continue when (${fn('seen')}(hash, null, moment)).key_hash is not null;
      perform ${fn('drop')}(hash);
      gone := gone + 1;
    end if;
  end loop;
  return gone;
end`,
  }
}

/** Removes members of a stretch of pages that have ended by themselves. */
function sweepMembers({ members, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'sweep_members',
    takes: 'p_from text, p_to text, p_most int',
    returns: 'int',
    body: `
declare
  moment bigint := ${fn('now')}();
  gone int;
begin
  delete from ${members} m where m.ctid = any (array(
    select l.ctid from ${members} l
    where l.ctid >= p_from::tid and l.ctid < p_to::tid and l.ends_at <= moment
    limit p_most for update skip locked
  ));
  get diagnostics gone = row_count;
  return gone;
end`,
  }
}
