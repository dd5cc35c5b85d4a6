import { ConfigError, KeyError } from '../../index.ts'
import type { Duration } from '../../index.ts'
import type { QueryParams, QueryShape } from './canonical-query.ts'
import type { QueryFrequency, QuerySpan, QueryType } from './query-ttls.ts'

/** Values by name, for the template of a key. */
export type PatternValues = Readonly<Record<string, string | number | undefined>>

/**
 * When results end before their time. `ttl_only`: never. `bust_on_write`: when one of the `tables` of the pattern is
 * written; without tables, when anything is. `pattern_based`: the same, but by the tables that the pattern has when the
 * write is told, whatever it had when the result was stored. `dependency_based`: when one of the tables is written that
 * the query itself reads.
 */
export type InvalidationStrategy = 'ttl_only' | 'bust_on_write' | 'pattern_based' | 'dependency_based'

/** A shape of queries that are worth knowing by name. */
export interface QueryPattern {
  /** Letters, digits, `_`, `-` and `.`; part of the key. */
  readonly name: string
  /** What is asked for; decides the ttl. @default 'custom' */
  readonly type?: QueryType
  /**
   * Which queries: a regular expression with named groups, or a function that gives the values, and undefined for other
   * queries. An expression is tried on the text with single blanks; as it is, where that has quotes or comments. See
   * `maxQueryLength`.
   */
  readonly match: RegExp | ((query: QueryShape, params: QueryParams | undefined) => PatternValues | undefined)
  /** The part of the key that people read: text with `{group}`, `{$1}` for a parameter by position, `{:name}` by name. */
  readonly template: string
  /** How long results are fresh; at least a minute. @default that of `frequency`, else of `type` */
  readonly ttl?: Duration
  /** How often the data changes. @default none */
  readonly frequency?: QueryFrequency
  /** What results cover: ranges and aggregations are kept for a share of the ttl of their class. @default 'aggregation' for that type, else 'point' */
  readonly span?: QuerySpan
  /** When results end besides their ttl. @default 'ttl_only' */
  readonly strategy?: InvalidationStrategy
  /** The tables that queries of this shape read, or how to tell from the values of one. @default none */
  readonly tables?: readonly string[] | ((values: PatternValues) => readonly string[])
  /** Which value is the date that results are as of. @default none: results are as of the latest */
  readonly asOf?: string
}

/** A query that a pattern fits. */
export interface Matched {
  readonly pattern: CompiledPattern
  readonly values: PatternValues
}

export interface CompiledPattern extends QueryPattern {
  readonly type: QueryType
  readonly strategy: InvalidationStrategy
  find(asked: AskedQuery): PatternValues | undefined
}

/** A query as patterns see it. */
export interface AskedQuery {
  readonly query: QueryShape
  readonly params: QueryParams | undefined
  /** With single blanks; undefined for a query that is data. */
  readonly text: string | undefined
}

const strategies: readonly InvalidationStrategy[] = ['ttl_only', 'bust_on_write', 'pattern_based', 'dependency_based']
const namePattern = /^[\w.-]{1,64}$/
const placeholder = /\{([^{}]*)\}/g
const longestTemplate = 200
/** Longer values are not shown: the key has the digest of the query beside them. */
const longestShown = 64

/** @throws ConfigError ERR_CACHE_OPTION */
export function compilePattern(pattern: QueryPattern): CompiledPattern {
  const { name, match, template, strategy = 'ttl_only', type = 'custom' } = pattern
  if (typeof name !== 'string' || !namePattern.test(name))
    throw refusal('The name of a query pattern must be 1 to 64 letters, digits, `_`, `-` and `.`')
  if (!strategies.includes(strategy))
    throw refusal(`The strategy of \`${name}\` must be one of ${strategies.join(', ')}`)
  if (typeof template !== 'string' || template.length > longestTemplate)
    throw refusal(`The template of \`${name}\` must be a text of at most ${longestTemplate} characters`)
  const compiled = { ...pattern, type, strategy }
  if (typeof match === 'function') return { ...compiled, find: ({ query, params }) => match(query, params) }
  if (!(match instanceof RegExp)) throw refusal(`\`match\` of \`${name}\` must be a regular expression or a function`)
  refuseUnknownGroups(name, match, [...placeholdersOf(template), ...(pattern.asOf === undefined ? [] : [pattern.asOf])])
  // With `g` or `y` an expression would go on from where it was the last time.
  const expression = new RegExp(match.source, match.flags.replaceAll(/[gy]/g, ''))
  const find = ({ text }: AskedQuery): PatternValues | undefined => {
    const found = text === undefined ? null : expression.exec(text)
    return found === null ? undefined : { ...found.groups }
  }
  return { ...compiled, find }
}

/** The template with the values of a query, each escaped: a colon is one of the template. */
export function renderTemplate(template: string, values: PatternValues, params: QueryParams | undefined): string {
  return template.replaceAll(placeholder, (_, name: string) => shown(valueOf(name, values, params)))
}

/** What a placeholder stands for. */
export function valueOf(name: string, values: PatternValues, params: QueryParams | undefined): unknown {
  if (name.startsWith('$'))
    return Array.isArray(params) ? (params as readonly unknown[])[Number(name.slice(1)) - 1] : undefined
  const named = name.startsWith(':') ? params : values
  const own = name.startsWith(':') ? name.slice(1) : name
  return (named as Readonly<Record<string, unknown>> | undefined)?.[own]
}

function shown(value: unknown): string {
  if (!['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return '~'
  const text = encodeURIComponent(String(value).toWellFormed()).replaceAll(/[!'()*~]/g, escapedMark)
  return text === '' || text.length > longestShown ? '~' : text
}

function escapedMark(mark: string): string {
  return `%${mark.charCodeAt(0).toString(16).toUpperCase()}`
}

/** Whether queries of a pattern read a table, or may: which tables they read can depend on the query. */
export function mayRead({ tables = [] }: CompiledPattern, table: string): boolean {
  return typeof tables === 'function' || tables.length === 0 || tables.map(tableName).includes(table)
}

/** The tables that a query reads, as far as its pattern and its caller tell. */
export function tablesOf({ pattern, values }: Matched): readonly string[] {
  const { tables = [] } = pattern
  return typeof tables === 'function' ? tables(values) : tables
}

/** A table by its own name: without schema, quotes and case. Tables of one name in two schemas are taken for one. */
export function tableName(table: string): string {
  const name = String(table)
    .split('.')
    .at(-1)!
    .replaceAll(/["'`[\]\s]/g, '')
    .toLowerCase()
  if (name !== '') return encodeURIComponent(name.toWellFormed())
  throw new KeyError('The name of a table must not be empty.', { code: 'ERR_CACHE_KEY', operation: 'query' })
}

function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(placeholder)].map(([, name = '']) => name)
}

function refuseUnknownGroups(name: string, { source }: RegExp, wanted: readonly string[]): void {
  const groups = [...source.matchAll(/\(\?<([\w$]+)>/g)].map(([, group]) => group)
  const unknown = wanted.find((group) => !/^(\$\d+|:.+)$/.test(group) && !groups.includes(group))
  if (unknown !== undefined)
    throw refusal(`\`${name}\` names \`${unknown}\`, and its expression has no group of this name`)
}

function refusal(message: string): ConfigError {
  return new ConfigError(`${message}.`, { code: 'ERR_CACHE_OPTION' })
}
