import type { QueryParams } from './canonical-query.ts'
import { mayRead, valueOf } from './query-pattern.ts'
import type { CompiledPattern, Matched } from './query-pattern.ts'

/** Stands for the pattern of queries that no pattern fits. No pattern has a name like this. */
export const unmatchedName = '*'

/** Stands for any table where none is known. No table has a name like this. */
const anyTable = '*'

/** Stands for the date of results as of no date in particular. */
const latest = 'latest'

/** Longer texts are no dates. */
const longestDate = 64

export function patternTag(name: string): string {
  return `pattern:${name}`
}

/**
 * The tags by which a result ends. Those of tables are of the tables as they are known now; those of patterns are resolved
 * when a write is told.
 */
export function tagsOfResult(
  matched: Matched | undefined,
  { tables, params }: { readonly tables: readonly string[]; readonly params: QueryParams | undefined },
): readonly string[] {
  const own = patternTag(matched?.pattern.name ?? unmatchedName)
  const strategy = matched?.pattern.strategy ?? 'dependency_based'
  if (strategy === 'ttl_only') return [own]
  const date = dateOf(matched, params)
  if (strategy === 'pattern_based') return [own, patternDateTag(matched!.pattern.name, date)]
  const read = tables.length === 0 ? [anyTable] : tables
  return [own, ...read.flatMap((table) => [tableTag(table), tableDateTag(table, date)])]
}

export function tagsOfWrite(table: string, patterns: readonly CompiledPattern[]): readonly string[] {
  return [tableTag(table), tableTag(anyTable), ...patternsThatRead(table, patterns).map(patternTag)]
}

export function tagsOfPublication(
  { table, date }: { readonly table: string; readonly date: string },
  patterns: readonly CompiledPattern[],
): readonly string[] {
  const named = patternsThatRead(table, patterns)
  return [date, latest].flatMap((each) => [
    tableDateTag(table, each),
    tableDateTag(anyTable, each),
    ...named.map((name) => patternDateTag(name, each)),
  ])
}

function patternsThatRead(table: string, patterns: readonly CompiledPattern[]): readonly string[] {
  const based = patterns.filter(({ strategy }) => strategy === 'pattern_based')
  return based.filter((pattern) => mayRead(pattern, table)).map(({ name }) => name)
}

/** A date that is unknown may be any, the latest too. */
function dateOf(matched: Matched | undefined, params: QueryParams | undefined): string {
  if (matched?.pattern.asOf === undefined) return latest
  const value = valueOf(matched.pattern.asOf, matched.values, params)
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.toISOString().slice(0, 10)
  return typeof value === 'string' && value.length <= longestDate ? value : latest
}

function tableTag(table: string): string {
  return `table:${table}`
}

function tableDateTag(table: string, date: string): string {
  return `published:${table}:${date}`
}

function patternDateTag(name: string, date: string): string {
  return `published-to:${name}:${date}`
}
