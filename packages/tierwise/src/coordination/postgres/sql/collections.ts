import type { CoordinationNames } from '../names.ts'
import { functionStatement, locked, seen, type ServerFunction } from './step.ts'

export function collectionFunctions(names: CoordinationNames): readonly string[] {
  return [keep, setFields, fields, rank, ranked, unrank].map((make) => functionStatement(names, make(names)))
}

/** Keeps the key while it has members, with a new end when one is given. */
function keep({ entries, members, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'keep',
    takes: 'p_hash bytea, p_key bytea, p_kind text, p_has_end boolean, p_ends_at bigint',
    returns: 'void',
    body: `
begin
  if not exists (select from ${members} m where m.key_hash = p_hash) then
    perform ${fn('drop')}(p_hash);
    return;
  end if;
  insert into ${entries} as t (key_hash, key, kind, ends_at) values (p_hash, p_key, p_kind, p_ends_at)
  on conflict (key_hash) do update set ends_at = excluded.ends_at
  where p_has_end and t.ends_at is distinct from excluded.ends_at;
end`,
  }
}

/** Names occur once in a call; a value that is null removes. */
function setFields(names: CoordinationNames): ServerFunction {
  const { members, fn } = names
  return {
    name: 'set_fields',
    takes: 'p_key bytea, p_names bytea[], p_values bytea[], p_has_ttl boolean, p_ttl bigint',
    returns: 'void',
    body: `
declare
  ${locked(names, 'fields')}
begin
  delete from ${members} m where m.key_hash = hash and m.member_hash in (
    select sha256(g.name) from unnest(p_names, p_values) as g (name, content) where g.content is null
  );
  insert into ${members} as m (key_hash, member_hash, member, value)
  select hash, sha256(g.name), g.name, g.content from unnest(p_names, p_values) as g (name, content)
  where g.content is not null
  on conflict (key_hash, member_hash) do update set value = excluded.value;
  perform ${fn('keep')}(hash, p_key, 'fields', p_has_ttl, moment + p_ttl);
end`,
  }
}

/** The first row says that the key is there. */
function fields(names: CoordinationNames): ServerFunction {
  return {
    name: 'fields',
    takes: 'p_key bytea, p_names bytea[]',
    returns: 'table (field bytea, content bytea)',
    isRead: true,
    body: `
declare
  ${seen(names, 'fields')}
begin
  if held.key_hash is null then return; end if;
  return query select null::bytea, null::bytea;
  if p_names is null then
    return query select m.member, m.value from ${names.members} m where m.key_hash = hash;
  else
    return query select m.member, m.value from ${names.members} m
    where m.key_hash = hash and m.member_hash in (select sha256(g.name) from unnest(p_names) as g (name));
  end if;
end`,
  }
}

/** Members occur once in a call. */
function rank(names: CoordinationNames): ServerFunction {
  const { members, fn } = names
  return {
    name: 'rank',
    takes:
      'p_key bytea, p_members bytea[], p_scores double precision[], p_keep bigint, p_has_ttl boolean, p_ttl bigint',
    returns: 'void',
    body: `
declare
  ${locked(names, 'ranked')}
begin
  insert into ${members} as m (key_hash, member_hash, member, score)
  select hash, sha256(g.member), g.member, g.points from unnest(p_members, p_scores) as g (member, points)
  on conflict (key_hash, member_hash) do update set score = excluded.score;
  if p_keep is not null then
    delete from ${members} m where m.key_hash = hash and m.member_hash in (
      select l.member_hash from ${members} l where l.key_hash = hash
      order by l.score, l.member
      limit greatest(0, (select count(*) from ${members} c where c.key_hash = hash) - p_keep)
    );
  end if;
  perform ${fn('keep')}(hash, p_key, 'ranked', p_has_ttl, moment + p_ttl);
end`,
  }
}

function ranked(names: CoordinationNames): ServerFunction {
  const chosen = `return query select m.member, m.score from ${names.members} m
    where m.key_hash = held.key_hash and m.score >= p_min and m.score <= p_max`
  return {
    name: 'ranked',
    takes: 'p_key bytea, p_min double precision, p_max double precision, p_limit bigint, p_reverse boolean',
    returns: 'table (entry bytea, points double precision)',
    isRead: true,
    body: `
declare
  ${seen(names, 'ranked')}
begin
  if p_reverse then
    ${chosen}
    order by m.score desc, m.member desc limit p_limit;
  else
    ${chosen}
    order by m.score, m.member limit p_limit;
  end if;
end`,
  }
}

/** By names when there are any, by scores otherwise. */
function unrank(names: CoordinationNames): ServerFunction {
  const { members, fn } = names
  return {
    name: 'unrank',
    takes: 'p_key bytea, p_members bytea[], p_min double precision, p_max double precision',
    returns: 'bigint',
    body: `
declare
  ${locked(names, 'ranked')}
  gone bigint;
begin
  if p_members is null then
    delete from ${members} m where m.key_hash = hash and m.score >= p_min and m.score <= p_max;
  else
    delete from ${members} m
    where m.key_hash = hash and m.member_hash in (select sha256(g.member) from unnest(p_members) as g (member));
  end if;
  get diagnostics gone = row_count;
  perform ${fn('keep')}(hash, p_key, 'ranked', false, null);
  return gone;
end`,
  }
}
