import type { PostgresSession } from '../../../clients/postgres/port.ts'
import { ConfigError } from '../../../errors.ts'
import { quoteRelation } from './relation.ts'
import type { ViewSettings } from './view-options.ts'

/** A column of a view as the catalog describes it. */
export interface ViewColumn {
  readonly name: string
  /** The type for a cast, without a length: a cast to `varchar(3)` would cut. */
  readonly type: string
  /** Lists, records and ranges are read as JSON: their text form is no use to an application. */
  readonly isComposed: boolean
}

/** What the catalog says of a view. */
export interface ViewShape {
  /** Schema and name, quoted: what the view is called in `tierwise_views` and in statements. */
  readonly relation: string
  readonly keyColumns: readonly ViewColumn[]
  /** What values are made of. */
  readonly valueColumns: readonly ViewColumn[]
}

const text = `
select c.relkind::text as kind, pg_catalog.format('%I.%I', n.nspname, c.relname) as relation,
  a.attname::text as "column", pg_catalog.format_type(a.atttypid, -1) as type, t.typcategory::text as category
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
where c.oid = pg_catalog.to_regclass($1::text)
order by a.attnum`

/** Arrays, composites, ranges. */
const composed: ReadonlySet<unknown> = new Set(['A', 'C', 'R'])

/** @throws ConfigError ERR_CACHE_OPTION when the view or one of its columns is not there */
export async function readShape(session: PostgresSession, view: ViewSettings, tier: string): Promise<ViewShape> {
  const rows = await session.query({ text, values: [quoteRelation(view.relation)] })
  const [first] = rows
  const path = `postgresViews.views.${view.namespace}`
  if (first === undefined)
    throw wrong(`\`${path}.view\`: there is no ${quoteRelation(view.relation)}, or this role may not see it.`, tier)
  const relation = String(first['relation'])
  if (first['kind'] !== 'm') throw wrong(`\`${path}.view\`: ${relation} is not a materialized view.`, tier)
  const all = rows.map((row) => ({
    name: String(row['column']),
    type: String(row['type']),
    isComposed: composed.has(row['category']),
  }))
  const find = (name: string, option: string): ViewColumn => {
    const column = all.find((each) => each.name === name)
    if (column !== undefined) return column
    const known = all.map((each) => each.name).join(', ')
    throw wrong(`\`${path}.${option}\`: ${relation} has no column \`${name}\`; it has ${known}.`, tier)
  }
  const { key, value } = view
  const keyColumns = key.columns.map((name) => find(name, 'key'))
  if (typeof value === 'string') return { relation, keyColumns, valueColumns: [find(value, 'value')] }
  // A mapping is given the whole row, the key included.
  const valueColumns = value === undefined ? all.filter(({ name }) => !key.columns.includes(name)) : all
  return { relation, keyColumns, valueColumns }
}

function wrong(message: string, tier: string): ConfigError {
  return new ConfigError(message, { code: 'ERR_CACHE_OPTION', operation: 'open', tier })
}
