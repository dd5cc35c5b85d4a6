import type { CoordinationNames } from '../names.ts'
import { functionStatement, locked, refusals, seen, type ServerFunction } from './step.ts'

export function textFunctions(names: CoordinationNames): readonly string[] {
  return [read, put, write, remove, add, raise].map((make) => functionStatement(names, make(names)))
}

function read(names: CoordinationNames): ServerFunction {
  return {
    name: 'read',
    takes: 'p_key bytea, out before bytea, out left_ms bigint',
    returns: 'record',
    isRead: true,
    body: `
declare
  ${seen(names, 'text')}
begin
  before := held.value;
  left_ms := held.ends_at - moment;
end`,
  }
}

function put({ entries }: CoordinationNames): ServerFunction {
  return {
    name: 'put_text',
    takes: 'p_hash bytea, p_key bytea, p_value bytea, p_ends_at bigint',
    returns: 'void',
    body: `
begin
  insert into ${entries} as t (key_hash, key, kind, value, ends_at) values (p_hash, p_key, 'text', p_value, p_ends_at)
  on conflict (key_hash) do update set value = excluded.value, ends_at = excluded.ends_at;
end`,
  }
}

function write(names: CoordinationNames): ServerFunction {
  return {
    name: 'write',
    takes: `p_key bytea, p_value bytea, p_ttl bigint, p_condition text, p_is bytea,
  out written boolean, out before bytea, out left_ms bigint`,
    returns: 'record',
    body: `
declare
  ${locked(names, 'text')}
begin
  before := held.value;
  left_ms := held.ends_at - moment;
  written := case p_condition
    when 'absent' then before is null
    when 'present' then before is not null
    when 'is' then before is not distinct from p_is
    else true
  end;
  if written then perform ${names.fn('put_text')}(hash, p_key, p_value, moment + p_ttl); end if;
end`,
  }
}

function remove(names: CoordinationNames): ServerFunction {
  return {
    name: 'remove',
    takes: 'p_key bytea, p_is bytea, out removed boolean, out before bytea',
    returns: 'record',
    body: `
declare
  ${locked(names, null)}
begin
  if held.kind = 'text' then before := held.value; end if;
  removed := held.key_hash is not null and (p_is is null or before is not distinct from p_is);
  if removed then perform ${names.fn('drop')}(hash); end if;
end`,
  }
}

function add(names: CoordinationNames): ServerFunction {
  return {
    name: 'add',
    takes: 'p_key bytea, p_by bigint, p_ttl bigint, out sum bigint, out left_ms bigint',
    returns: 'record',
    body: `
declare
  ${locked(names, 'text')}
  written text := coalesce(encode(held.value, 'escape'), '0');
  ends bigint := case when held.key_hash is null then moment + p_ttl else held.ends_at end;
begin
  if written !~ '^-?[0-9]{1,16}$' or abs(written::bigint) > ${Number.MAX_SAFE_INTEGER} then
    raise exception 'holds a text under this key that is no whole number' using errcode = '${refusals.number}';
  end if;
  sum := written::bigint + p_by;
  if abs(sum) > ${Number.MAX_SAFE_INTEGER} then
    raise exception 'would leave the whole numbers that are exact' using errcode = '${refusals.range}';
  end if;
  left_ms := ends - moment;
  perform ${names.fn('put_text')}(hash, p_key, convert_to(sum::text, 'UTF8'), ends);
end`,
  }
}

/** Numbers as JavaScript writes them. */
const numberPattern = String.raw`^-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$`

function raise(names: CoordinationNames): ServerFunction {
  return {
    name: 'raise',
    takes: 'p_key bytea, p_to double precision, p_text bytea, out highest double precision, out raised boolean',
    returns: 'record',
    body: `
declare
  ${locked(names, 'text')}
  written text := encode(held.value, 'escape');
begin
  if written !~ '${numberPattern}' then
    raise exception 'holds a text under this key that is no number' using errcode = '${refusals.number}';
  end if;
  highest := written::double precision;
  raised := highest is null or p_to > highest;
  if raised then
    highest := p_to;
    perform ${names.fn('put_text')}(hash, p_key, p_text, null);
  end if;
end`,
  }
}
