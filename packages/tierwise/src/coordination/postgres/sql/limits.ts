import type { CoordinationNames } from '../names.ts'
import { functionStatement, locked, type ServerFunction } from './step.ts'

/**
 * The rules of `limit-rules.ts` in the language of the server, to the same answers. What rules have in common is of type
 * `numeric`, because products of two safe integers are more than a `bigint` holds; quotients are taken by `div`, which does
 * not round.
 *
 * Of a bucket, `number` is the debt and `seen_at` when it was that; of a fixed window `number` is what was taken; of a sliding
 * window each millisecond in which something was taken is a member, `score` its time and `number` the units.
 */
export function limitFunctions(names: CoordinationNames): readonly string[] {
  return [take, takeBucket, takeFixed, takeSliding, keepLimit, giveBack].map((make) =>
    functionStatement(names, make(names)),
  )
}

const answer = 'out allowed boolean, out remaining numeric, out retry_ms numeric, out reset_ms numeric'
/** The rule as it is passed from one function to the next. */
const rule = 'p_capacity numeric, p_limit numeric, p_period numeric, p_cost numeric, p_is_peek boolean'
const ruleGiven = 'p_capacity, p_limit, p_period, p_cost, p_is_peek'

function take(names: CoordinationNames): ServerFunction {
  const { fn, entries } = names
  return {
    name: 'take',
    takes: `p_key bytea, p_rule text, ${rule}, ${answer}, out at_ms bigint`,
    returns: 'record',
    body: `
declare
  ${locked(names, 'limit')}
  same ${entries} := case when held.rule = p_rule then held end;
begin
  at_ms := moment;
  case p_rule
    when 'bucket' then
      select * into allowed, remaining, retry_ms, reset_ms
      from ${fn('take_bucket')}(p_key, same, moment, ${ruleGiven});
    when 'fixed-window' then
      select * into allowed, remaining, retry_ms, reset_ms
      from ${fn('take_fixed')}(p_key, same, moment, ${ruleGiven});
    when 'sliding-window' then
      select * into allowed, remaining, retry_ms, reset_ms
      from ${fn('take_sliding')}(p_key, same, moment, ${ruleGiven});
  end case;
end`,
  }
}

/** A part of \`take\`: what is held of this rule, the time, and the rule. */
const given = (entries: string): string => `p_key bytea, held ${entries}, moment bigint, ${rule}, ${answer}`

function takeBucket({ entries, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'take_bucket',
    takes: given(entries),
    returns: 'record',
    body: `
declare
  most numeric := p_capacity * p_period;
  wanted numeric := p_cost * p_period;
  -- A clock that was set back fills nothing, and later not the same time twice.
  seen bigint := greatest(moment, held.seen_at);
  debt numeric := coalesce(greatest(0, held.number - (seen - held.seen_at) * p_limit), 0);
  debt_after numeric := debt;
begin
  allowed := debt + wanted <= most;
  if allowed then retry_ms := 0;
  elsif p_cost <= p_capacity then
    retry_ms := greatest(1, div(debt + wanted - most + p_limit - 1, p_limit));
  end if;
  if allowed and not p_is_peek then debt_after := debt + wanted; end if;
  remaining := div(most - debt_after, p_period);
  if mod(most - debt_after, p_period) < 0 then remaining := remaining - 1; end if;
  reset_ms := div(debt_after + p_limit - 1, p_limit);
  if allowed and not p_is_peek then
    perform ${fn('keep_limit')}(p_key, 'bucket', debt_after::bigint, seen, seen + reset_ms::bigint);
  end if;
end`,
  }
}

function takeFixed({ entries, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'take_fixed',
    takes: given(entries),
    returns: 'record',
    body: `
declare
  taken numeric := coalesce(held.number, 0);
  ends bigint := coalesce(held.ends_at, moment + p_period::bigint);
begin
  allowed := taken + p_cost <= p_limit;
  if allowed then retry_ms := 0;
  elsif p_cost <= p_limit then retry_ms := greatest(1, ends - moment);
  end if;
  if allowed and not p_is_peek and p_cost > 0 then
    taken := taken + p_cost;
    perform ${fn('keep_limit')}(p_key, 'fixed-window', taken::bigint, null, ends);
  end if;
  remaining := greatest(0, p_limit - taken);
  reset_ms := case when taken = 0 then 0 else ends - moment end;
end`,
  }
}

function takeSliding({ entries, members, fn }: CoordinationNames): ServerFunction {
  return {
    name: 'take_sliding',
    takes: given(entries),
    returns: 'record',
    body: `
declare
  hash bytea := sha256(p_key);
  since double precision := moment - p_period;
  used numeric;
  latest bigint;
begin
  select coalesce(sum(m.number), 0), max(m.score)::bigint into used, latest
  from ${members} m where m.key_hash = held.key_hash and m.score > since;
  allowed := used + p_cost <= p_limit;
  if allowed then retry_ms := 0;
  elsif p_cost <= p_limit then
    select greatest(1, min(s.score)::bigint + p_period - moment) into retry_ms from (
      select m.score, sum(m.number) over (order by m.score) as freed
      from ${members} m where m.key_hash = held.key_hash and m.score > since
    ) as s where s.freed >= used + p_cost - p_limit;
  end if;
  if allowed and not p_is_peek and p_cost > 0 then
    used := used + p_cost;
    latest := greatest(latest, moment);
    perform ${fn('keep_limit')}(p_key, 'sliding-window', null, null, latest + p_period::bigint);
    delete from ${members} m where m.key_hash = hash and m.score <= since;
    insert into ${members} as m (key_hash, member_hash, member, score, number)
    values (hash, int8send(moment), '', moment, p_cost::bigint)
    on conflict (key_hash, member_hash) do update set number = m.number + excluded.number;
  end if;
  remaining := greatest(0, p_limit - used);
  reset_ms := coalesce(latest + p_period - moment, 0);
end`,
  }
}

/** Writes what is kept of a limit; what a sliding window has noted goes with the rule. */
function keepLimit({ entries, members }: CoordinationNames): ServerFunction {
  return {
    name: 'keep_limit',
    takes: 'p_key bytea, p_rule text, p_number bigint, p_seen_at bigint, p_ends_at bigint',
    returns: 'void',
    body: `
declare
  hash bytea := sha256(p_key);
begin
  delete from ${members} m using ${entries} t
  where t.key_hash = hash and t.rule = 'sliding-window' and p_rule <> t.rule and m.key_hash = hash;
  insert into ${entries} as t (key_hash, key, kind, rule, number, seen_at, ends_at)
  values (hash, p_key, 'limit', p_rule, p_number, p_seen_at, p_ends_at)
  on conflict (key_hash) do update set
    rule = excluded.rule, number = excluded.number, seen_at = excluded.seen_at, ends_at = excluded.ends_at;
end`,
  }
}

function giveBack(names: CoordinationNames): ServerFunction {
  const { entries, members } = names
  return {
    name: 'give_back',
    takes: 'p_key bytea, p_rule text, p_limit numeric, p_period numeric, p_units numeric, p_at bigint',
    returns: 'void',
    body: `
declare
  ${locked(names, 'limit')}
begin
  if held.rule = 'sliding-window' then
    update ${members} m set number = m.number - least(m.number, p_units)::bigint
    where m.key_hash = hash and m.member_hash = int8send(p_at);
    delete from ${members} m where m.key_hash = hash and m.number <= 0;
  elsif held.rule = p_rule and p_rule = 'bucket' then
    -- What the bucket was filled with since may have been lost at its brim, so it is not given twice.
    update ${entries} t set number = greatest(
      0, t.number - greatest(0, p_units * p_period - greatest(0, moment - p_at) * p_limit)
    )::bigint where t.key_hash = hash;
  elsif held.rule = p_rule and p_at < held.ends_at and p_at >= held.ends_at - p_period then
    update ${entries} t set number = greatest(0, t.number - p_units)::bigint where t.key_hash = hash;
  end if;
end`,
  }
}
