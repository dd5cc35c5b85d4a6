import { createHash } from 'node:crypto'

import { quoteIdentifier } from './relation.ts'
import type { ViewColumn, ViewShape } from './view-catalog.ts'
import { recordTable } from './refresh-record.ts'
import { microseconds } from './server-time.ts'

/** The statements that read one view. Names and types are in their text, keys only in their parameters. */
export interface ViewStatements {
  /**
   * Parameters: one list of texts for each column of the key, then the name of the view. Rows: `now`, `refreshed`
   * (microseconds, at least one row always), `n` (place in the lists from 1 on; null when nothing was found), `v0`...
   */
  readonly read: { readonly text: string; readonly name: string }
  /** As `read`, for the keys behind one given by its parts as texts, in order; `k0`... instead of `n`. */
  readonly nextPage: { readonly text: string; readonly name: string }
  readonly firstPage: { readonly text: string; readonly name: string }
}

export const pageRows = 500

export function viewStatements(shape: ViewShape, schema: string): ViewStatements {
  return {
    read: named(readText(shape, schema)),
    firstPage: named(pageText(shape, schema, false)),
    nextPage: named(pageText(shape, schema, true)),
  }
}

/**
 * The time of the refresh comes with the rows, in one statement: seen apart, rows of before a refresh could be taken for
 * rows of after it. A concurrent plain refresh may still put newer rows beside an older time, which is harmless.
 */
function withState(parameter: number, schema: string, rows: string): string {
  return `select ${microseconds('clock_timestamp()')}::text as now,
  (select ${microseconds('refreshed_at')}::text from ${recordTable(schema)} where view_name = $${parameter}::text) as refreshed,
  found.*
from (values (true)) as always left join (${rows}) as found on true`
}

function readText({ relation, keyColumns, valueColumns }: ViewShape, schema: string): string {
  const lists = keyColumns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  const names = keyColumns.map((_, index) => `k${index}`)
  // The text has to be equal too: `02024` is no other name for the number 2024, nor `A` for the citext `a`.
  const matches = keyColumns.map(({ name, type }, index) => {
    const column = `v.${quoteIdentifier(name)}`
    return `${column} = asked.k${index}::${type} and ${column}::text = asked.k${index}`
  })
  const rows = `select asked.n::int as n, ${selected(valueColumns)}
  from unnest(${lists}) with ordinality as asked(${names.join(', ')}, n)
  join ${relation} as v on ${matches.join(' and ')}`
  return withState(keyColumns.length + 1, schema, rows)
}

function pageText({ relation, keyColumns, valueColumns }: ViewShape, schema: string, isNext: boolean): string {
  const columns = keyColumns.map(({ name }) => `v.${quoteIdentifier(name)}`)
  const keys = columns.map((column, index) => `${column}::text as k${index}`)
  const conditions = columns.map((column) => `${column} is not null`)
  if (isNext) {
    const last = keyColumns.map(({ type }, index) => `$${index + 1}::text::${type}`)
    conditions.push(`(${columns.join(', ')}) > (${last.join(', ')})`)
  }
  const rows = `select ${keys.join(', ')}, ${selected(valueColumns)}
  from ${relation} as v where ${conditions.join(' and ')} order by ${columns.join(', ')} limit ${pageRows}`
  return withState(isNext ? keyColumns.length + 1 : 1, schema, rows)
}

function selected(columns: readonly ViewColumn[]): string {
  if (columns.length === 0) return 'true as v'
  return columns
    .map(({ name, isComposed }, index) => {
      const column = `v.${quoteIdentifier(name)}`
      return `${isComposed ? `to_jsonb(${column})` : column} as v${index}`
    })
    .join(', ')
}

/** A prepared statement is known by its text, so that a view of another shape gets another one. */
function named(text: string): { text: string; name: string } {
  return { text, name: `tierwise_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
}
