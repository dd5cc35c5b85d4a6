import type { CoordinationNames } from '../names.ts'

/** A function of the server in PL/pgSQL. */
export interface ServerFunction {
  readonly name: string
  readonly takes: string
  readonly returns: string
  /** What it does, or `declare` and `begin` when it has variables of its own. */
  readonly body: string
  /** Changes nothing and sees one snapshot of the tables. */
  readonly isRead?: boolean
}

export function functionStatement(
  names: CoordinationNames,
  { name, takes, returns, body, isRead = false }: ServerFunction,
): string {
  return `create or replace function ${names.fn(name)}(${takes}) returns ${returns}
language plpgsql ${isRead ? 'stable' : 'volatile'} as $step$
${body.trim()}
$step$`
}

/** SQLSTATE of what a step refuses, of a class that PostgreSQL does not use. */
export const refusals = {
  kind: 'TW001',
  number: 'TW002',
  range: 'TW003',
  isolation: 'TW004',
} as const

/**
 * What every step that changes something declares first, in this order: the lock of the key, so that there is one step at a
 * time; then the time, which never lies before the step that went before; then what is held, as that step has left it.
 */
export function locked({ entries, fn }: CoordinationNames, kind: string | null): string {
  return `hash bytea := ${fn('lock')}(p_key);
  moment bigint := ${fn('now')}();
  held ${entries} := ${fn('held')}(hash, ${kind === null ? 'null' : `'${kind}'`}, moment);`
}

/** What a step that only reads declares first. */
export function seen({ entries, fn }: CoordinationNames, kind: string): string {
  return `hash bytea := sha256(p_key);
  moment bigint := ${fn('now')}();
  held ${entries} := ${fn('seen')}(hash, '${kind}', moment);`
}

/** What all steps are made of. */
export function commonFunctions(names: CoordinationNames): readonly string[] {
  const { fn } = names
  return [
    `create or replace function ${fn('now')}() returns bigint language sql volatile
as $$ select floor(extract(epoch from clock_timestamp()) * 1000)::bigint $$`,
    functionStatement(names, lockFunction(names)),
    functionStatement(names, seenFunction(names)),
    functionStatement(names, heldFunction(names)),
    functionStatement(names, dropFunction(names)),
  ]
}

/**
 * One lock for each step, held to its end: so no two steps can wait for each other. A lock and not the row, because the row of
 * a key that is absent cannot be locked. With a snapshot from before the lock a step would not see what the one before did.
 */
function lockFunction({ salt }: CoordinationNames): ServerFunction {
  return {
    name: 'lock',
    takes: 'p_key bytea',
    returns: 'bytea',
    body: `
declare
  hash bytea := sha256(p_key);
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'steps need the isolation level READ COMMITTED, this connection has another default'
      using errcode = '${refusals.isolation}';
  end if;
  perform pg_advisory_xact_lock(('x' || encode(substring(hash for 8), 'hex'))::bit(64)::bigint # ${salt});
  return hash;
end`,
  }
}

/** The row of a key, null when there is none or it has ended. A set whose members have all ended holds nothing. */
function seenFunction({ entries, members }: CoordinationNames): ServerFunction {
  return {
    name: 'seen',
    takes: 'p_hash bytea, p_kind text, p_moment bigint',
    returns: entries,
    isRead: true,
    body: `
declare
  held ${entries};
begin
  select * into held from ${entries} t where t.key_hash = p_hash;
  if not found or held.ends_at <= p_moment then return null; end if;
  if held.kind = p_kind then return held; end if;
  if held.kind = 'set' and not exists (
    select from ${members} m where m.key_hash = p_hash and (m.ends_at is null or m.ends_at > p_moment)
  ) then return null; end if;
  if p_kind is null then return held; end if;
  raise exception 'holds another kind of state under this key: %', held.kind using errcode = '${refusals.kind}';
end`,
  }
}

/** As \`seen\`, and removes what has ended. */
function heldFunction({ entries, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'held',
    takes: 'p_hash bytea, p_kind text, p_moment bigint',
    returns: entries,
    body: `
declare
  held ${entries} := ${fn('seen')}(p_hash, p_kind, p_moment);
begin
  if held.key_hash is null then perform ${fn('drop')}(p_hash); end if;
  return held;
end`,
  }
}

function dropFunction({ entries, members }: CoordinationNames): ServerFunction {
  return {
    name: 'drop',
    takes: 'p_hash bytea',
    returns: 'void',
    body: `
begin
  delete from ${entries} t where t.key_hash = p_hash;
  if found then delete from ${members} m where m.key_hash = p_hash; end if;
end`,
  }
}
