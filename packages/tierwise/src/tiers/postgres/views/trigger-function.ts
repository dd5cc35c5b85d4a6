import { quoteIdentifier } from './relation.ts'

/** Keys or tags of one statement; with more of them the whole namespace is invalidated. */
const mostTargets = 1000

export function triggerFunction(schema: string): string {
  return `${quoteIdentifier(schema)}.tierwise_notify`
}

const body = `as $tierwise$
declare
  channel constant text := tg_argv[0];
  head constant text := '{"tierwise":1,"namespace":' || to_json(tg_argv[1])::text || ',';
  kind constant text := tg_argv[2];
  everything constant text := head || '"all":true}';
  names constant text[] := tg_argv[3:];
  backslash constant text := chr(92);
  rows text := case tg_op
    when 'INSERT' then 'table new_rows'
    when 'DELETE' then 'table old_rows'
    else 'select * from new_rows union all select * from old_rows' end;
  part text;
  targets text[];
  target text;
  list text := '';
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify(channel, everything);
    return null;
  end if;
  begin
    if kind = 'keys' then
      if cardinality(names) = 1 then
        part := format('%I::text', names[1]);
      else
        select string_agg(format('replace(replace(%I::text, %L, %L), %L, %L)',
          name, backslash, backslash || backslash, ':', backslash || ':'), ' || '':'' || ' order by place)
        into part from unnest(names) with ordinality as named(name, place);
      end if;
      part := format('select %s as target from changed', part);
    else
      select string_agg(format('select %I::text as target from changed', name), ' union all ')
      into part from unnest(names) as named(name);
    end if;
    execute format(
      'with changed as (%s), found as (%s) select array_agg(target) from (select distinct target from found where target <> %L and length(target) <= 4096 limit %s) as bounded',
      rows, part, '', ${mostTargets + 1}) into targets;
    if cardinality(targets) > ${mostTargets} then
      perform pg_notify(channel, everything);
      return null;
    end if;
    foreach target in array coalesce(targets, '{}') loop
      target := to_json(target)::text;
      if octet_length(head) + octet_length(target) > 7900 then
        raise exception 'too long for a notification';
      end if;
      if octet_length(head) + octet_length(list) + octet_length(target) > 7900 then
        perform pg_notify(channel, head || '"' || kind || '":[' || list || ']}');
        list := '';
      end if;
      list := list || case list when '' then '' else ',' end || target;
    end loop;
    if list <> '' then
      perform pg_notify(channel, head || '"' || kind || '":[' || list || ']}');
    end if;
  exception when others then
    perform pg_notify(channel, everything);
  end;
  return null;
end
$tierwise$`

/**
 * The function behind the triggers. One for all tables: what it has to know comes as arguments of the trigger
 * (channel, namespace, `keys` or `tags`, columns), so no name is ever part of its text.
 *
 * Texts of columns are written as the reader of keys writes them, whatever the settings of the session that changes the
 * table. `chr(92)` is a backslash, whose notation depends on a setting. The payload of a notification is shorter than
 * 8000 bytes. A failure, such as a column that was renamed since, must not fail the statement of the application, and
 * must not hide the change either: it invalidates the whole namespace.
 */
export function triggerFunctionText(schema: string): string {
  return `create or replace function ${triggerFunction(schema)}() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp set datestyle = 'ISO, YMD' set timezone = 'UTC'
${body}`
}
