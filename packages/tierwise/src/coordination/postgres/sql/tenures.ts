import type { CoordinationNames } from '../names.ts'
import { functionStatement, locked, type ServerFunction } from './step.ts'

/** Of a tenure, `value` is who has it, `seen_at` until when, `number` its fence; members are the line, by the order of their scores. */
export function tenureFunctions(names: CoordinationNames): readonly string[] {
  return [line, acquire, renew, release].map((make) => functionStatement(names, make(names)))
}

/** Writes who has it, if anybody, and how long the key is needed: for the holder and the last one in the line. */
function line({ entries, members, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'keep_tenure',
    takes: 'p_hash bytea, p_key bytea, p_owner bytea, p_until bigint, p_fence bigint',
    returns: 'void',
    body: `
declare
  ends bigint := greatest(p_until, (select max(m.ends_at) from ${members} m where m.key_hash = p_hash));
begin
  if ends is null then
    perform ${fn('drop')}(p_hash);
    return;
  end if;
  insert into ${entries} as t (key_hash, key, kind, value, seen_at, number, ends_at)
  values (p_hash, p_key, 'tenure', p_owner, p_until, p_fence, ends)
  on conflict (key_hash) do update set
    value = excluded.value, seen_at = excluded.seen_at, number = excluded.number, ends_at = excluded.ends_at;
end`,
  }
}

function acquire(names: CoordinationNames): ServerFunction {
  const { members, fences, fn } = names
  return {
    name: 'acquire',
    takes: `p_key bytea, p_owner bytea, p_ttl bigint, p_wait bigint,
  out granted_fence bigint, out left_ms bigint, out ahead bigint`,
    returns: 'record',
    body: `
declare
  ${locked(names, 'tenure')}
  place double precision;
  is_free boolean := coalesce(held.seen_at <= moment, true);
begin
  delete from ${members} m where m.key_hash = hash and m.ends_at <= moment;
  select m.score into place from ${members} m where m.key_hash = hash and m.member_hash = sha256(p_owner);
  select count(*) into ahead from ${members} m where m.key_hash = hash and (place is null or m.score < place);
  if (is_free and ahead = 0) or (not is_free and held.value = p_owner) then
    granted_fence := case when is_free then nextval('${names.fences.replaceAll("'", "''")}') else held.number end;
    delete from ${members} m where m.key_hash = hash and m.member_hash = sha256(p_owner);
    perform ${fn('keep_tenure')}(hash, p_key, p_owner, moment + p_ttl, granted_fence);
    return;
  end if;
  left_ms := case when is_free
    then (select m.ends_at from ${members} m where m.key_hash = hash order by m.score limit 1) else held.seen_at
  end - moment;
  if p_wait > 0 then
    insert into ${members} as m (key_hash, member_hash, member, ends_at, score)
    values (hash, sha256(p_owner), p_owner, moment + p_wait, nextval('${fences.replaceAll("'", "''")}'))
    on conflict (key_hash, member_hash) do update set ends_at = excluded.ends_at;
  elsif place is not null then
    delete from ${members} m where m.key_hash = hash and m.member_hash = sha256(p_owner);
  end if;
  if p_wait > 0 or place is not null then
    perform ${fn('keep_tenure')}(hash, p_key,
      case when not is_free then held.value end, case when not is_free then held.seen_at end, held.number);
  end if;
end`,
  }
}

function renew(names: CoordinationNames): ServerFunction {
  return {
    name: 'renew',
    takes: 'p_key bytea, p_owner bytea, p_ttl bigint',
    returns: 'boolean',
    body: `
declare
  ${locked(names, 'tenure')}
begin
  if held.value is distinct from p_owner or held.seen_at <= moment then return false; end if;
  perform ${names.fn('keep_tenure')}(hash, p_key, p_owner, moment + p_ttl, held.number);
  return true;
end`,
  }
}

/** The notice is told when something changed, with the change. */
function release(names: CoordinationNames): ServerFunction {
  const { members, channel, fn } = names
  return {
    name: 'release',
    takes: 'p_key bytea, p_owner bytea, p_notice text',
    returns: 'boolean',
    body: `
declare
  ${locked(names, 'tenure')}
  is_free boolean := coalesce(held.seen_at <= moment, true);
  was_holder boolean := not is_free and held.value = p_owner;
  has_left boolean;
begin
  delete from ${members} m where m.key_hash = hash and m.ends_at <= moment;
  delete from ${members} m where m.key_hash = hash and m.member_hash = sha256(p_owner);
  has_left := found;
  if not was_holder and not has_left then return false; end if;
  if was_holder or is_free then perform ${fn('keep_tenure')}(hash, p_key, null, null, null);
  else perform ${fn('keep_tenure')}(hash, p_key, held.value, held.seen_at, held.number);
  end if;
  perform pg_notify('${channel}', p_notice);
  return was_holder;
end`,
  }
}
