import type { CoordinationNames } from '../names.ts'
import { functionStatement, locked, seen, type ServerFunction } from './step.ts'

export function memberFunctions(names: CoordinationNames): readonly string[] {
  return [enter, contains, leave, size, members].map((make) => functionStatement(names, make(names)))
}

/** `ends_at` of the key is when the last member has ended at the latest. Members occur once in a call. */
function enter(names: CoordinationNames): ServerFunction {
  const { entries, members: table } = names
  return {
    name: 'enter',
    takes: 'p_key bytea, p_members bytea[], p_ttls bigint[]',
    returns: 'setof boolean',
    body: `
declare
  ${locked(names, 'set')}
  ends bigint;
begin
  select case when count(*) = count(g.ttl) then moment + max(g.ttl) end into ends from unnest(p_ttls) as g (ttl);
  if held.key_hash is not null then
    ends := case when held.ends_at is not null and ends is not null then greatest(held.ends_at, ends) end;
  end if;
  return query select not exists (
    select from ${table} m
    where m.key_hash = hash and m.member_hash = sha256(g.member) and (m.ends_at is null or m.ends_at > moment)
  ) from unnest(p_members) with ordinality as g (member, place) order by g.place;
  insert into ${table} as m (key_hash, member_hash, member, ends_at)
  select hash, sha256(g.member), g.member, moment + g.ttl from unnest(p_members, p_ttls) as g (member, ttl)
  on conflict (key_hash, member_hash) do update set ends_at = excluded.ends_at;
  insert into ${entries} as t (key_hash, key, kind, ends_at) values (hash, p_key, 'set', ends)
  on conflict (key_hash) do update set ends_at = excluded.ends_at
  where t.ends_at is distinct from excluded.ends_at;
end`,
  }
}

function contains(names: CoordinationNames): ServerFunction {
  return {
    name: 'contains',
    takes: 'p_key bytea, p_members bytea[]',
    returns: 'setof boolean',
    isRead: true,
    body: `
declare
  ${seen(names, 'set')}
begin
  return query select held.key_hash is not null and exists (
    select from ${names.members} m
    where m.key_hash = hash and m.member_hash = sha256(g.member) and (m.ends_at is null or m.ends_at > moment)
  ) from unnest(p_members) with ordinality as g (member, place) order by g.place;
end`,
  }
}

function leave(names: CoordinationNames): ServerFunction {
  const { fn, members: table } = names
  return {
    name: 'leave',
    takes: 'p_key bytea, p_members bytea[]',
    returns: 'setof boolean',
    body: `
declare
  ${locked(names, 'set')}
begin
  return query select exists (
    select from ${table} m
    where m.key_hash = hash and m.member_hash = sha256(g.member) and (m.ends_at is null or m.ends_at > moment)
  ) from unnest(p_members) with ordinality as g (member, place) order by g.place;
  delete from ${table} m
  where m.key_hash = hash and m.member_hash in (select sha256(g.member) from unnest(p_members) as g (member));
  if not exists (
    select from ${table} m where m.key_hash = hash and (m.ends_at is null or m.ends_at > moment)
  ) then perform ${fn('drop')}(hash); end if;
end`,
  }
}

function size(names: CoordinationNames): ServerFunction {
  return {
    name: 'size',
    takes: 'p_key bytea',
    returns: 'bigint',
    isRead: true,
    body: `
declare
  ${seen(names, 'set')}
begin
  return (
    select count(*) from ${names.members} m
    where m.key_hash = held.key_hash and (m.ends_at is null or m.ends_at > moment)
  );
end`,
  }
}

function members(names: CoordinationNames): ServerFunction {
  return {
    name: 'members',
    takes: 'p_key bytea',
    returns: 'setof bytea',
    isRead: true,
    body: `
declare
  ${seen(names, 'set')}
begin
  return query select m.member from ${names.members} m
  where m.key_hash = held.key_hash and (m.ends_at is null or m.ends_at > moment);
end`,
  }
}
