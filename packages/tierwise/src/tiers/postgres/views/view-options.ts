import {
  duration,
  lifetime,
  optionError,
  orOff,
  readOptions,
  shaped,
  text,
  type OptionReader,
} from '../../../base/option-reader.ts'
import {
  connectionSettings,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from '../../../clients/postgres/connection-options.ts'
import type { PostgresRow } from '../../../clients/postgres/port.ts'
import type { Duration, Lifetime } from '../../../contract/options.ts'
import { connectionOf, connectionPart, type ConnectionPart } from './connection-part.ts'
import { columns, identifier, relation, type PostgresRelation, type RelationName } from './relation.ts'
import { defaultSchema } from './own-schema.ts'
import { joinedKey, type PostgresViewKey } from './view-key.ts'

/** A materialized view that answers for a namespace. */
export interface PostgresViewOptions {
  /** The materialized view: `'name'`, `'schema.name'` or `{ schema, name }`. */
  readonly view: PostgresRelation
  /** The column that is the key, or the columns that are joined to it by `:`, or a mapping of your own. */
  readonly key: string | readonly string[] | PostgresViewKey
  /** The column that is the value, or what makes a value of a row; `undefined` is absent. @default the row without the columns of the key */
  readonly value?: string | ((row: PostgresRow) => unknown)
  /** How long rows are fresh, from the last refresh of the view on. @default twice `refreshEvery`; 'forever' without it */
  readonly ttl?: Lifetime
  /** How long after `ttl` a row may stand in when the loader is slow or fails. @default none */
  readonly grace?: Duration | false
  /** Refresh the view when its last refresh, by whomever, is this long ago. @default never */
  readonly refreshEvery?: Duration
}

/** What `postgresViews` takes: a connection, as `postgres()` does, and the views. */
export interface PostgresViewsOptions extends PostgresConnectionOptions {
  /** The views by namespace. */
  readonly views: Readonly<Record<string, PostgresViewOptions>>
  /** Schema of the table `tierwise_views`, which keeps the times of the refreshes. @default 'tierwise' */
  readonly schema?: string
  /** When a refresh is given up. @default '1h' */
  readonly refreshTimeout?: Duration
  /** Name in the chain, in events and in statistics. @default 'postgres-views' */
  readonly name?: string
}

/** A view with everything decided. */
export interface ViewSettings {
  readonly namespace: string
  readonly relation: RelationName
  readonly key: PostgresViewKey
  readonly value: string | ((row: PostgresRow) => unknown) | undefined
  readonly ttlMs: number
  readonly graceMs: number
  readonly refreshEveryMs: number
}

export interface ViewsSettings {
  readonly connection: PostgresConnectionSettings
  readonly views: readonly ViewSettings[]
  readonly schema: string
  readonly refreshTimeoutMs: number
  readonly name: string
}

const path = 'postgresViews'

const keep: OptionReader<unknown> = (raw) => raw

/** @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG */
export function viewsSettings(options: PostgresViewsOptions): ViewsSettings {
  if (typeof options !== 'object' || options === null) throw optionError(path, options, 'an object with `views`')
  const { views, schema, refreshTimeout, name } = readOptions<OwnOptions>(options, path, {
    ...connectionPart,
    views: keep,
    schema: identifier,
    refreshTimeout: duration,
    name: text,
  })
  if (typeof views !== 'object' || views === null || Object.keys(views).length === 0)
    throw optionError(`${path}.views`, views, 'an object with at least one view by namespace')
  return {
    connection: connectionSettings(connectionOf(options), path),
    views: Object.entries(views).map(([namespace, raw]) => viewSettings(namespace, raw)),
    schema: schema ?? defaultSchema,
    refreshTimeoutMs: refreshTimeout ?? 3_600_000,
    name: name ?? 'postgres-views',
  }
}

type OwnOptions = { views: unknown; schema: string; refreshTimeout: number; name: string } & ConnectionPart

interface OwnViewOptions {
  readonly view: RelationName
  readonly key: PostgresViewKey
  readonly value: string | ((row: PostgresRow) => unknown)
  readonly ttl: number
  readonly grace: number
  readonly refreshEvery: number
}

function viewSettings(namespace: string, raw: unknown): ViewSettings {
  const at = `${path}.views.${namespace}`
  if (!/^[\w.-]{1,128}$/.test(namespace))
    throw optionError(`${path}.views`, namespace, 'views by namespace: letters, digits, `_`, `-` and `.`')
  const { view, key, value, ttl, grace, refreshEvery } = readOptions<OwnViewOptions>(raw, at, {
    view: relation,
    key: viewKey,
    value: viewValue,
    ttl: lifetime,
    grace: orOff(duration, 0),
    refreshEvery: duration,
  })
  if (view === undefined) throw optionError(`${at}.view`, view, 'the name of a materialized view')
  if (key === undefined) throw optionError(`${at}.key`, key, 'a column or a list of columns')
  const refreshEveryMs = refreshEvery ?? Infinity
  return {
    namespace,
    relation: view,
    key,
    value,
    ttlMs: ttl ?? 2 * refreshEveryMs,
    graceMs: grace ?? 0,
    refreshEveryMs,
  }
}

const viewKey: OptionReader<PostgresViewKey> = (raw, at) => {
  if (typeof raw === 'string') return joinedKey([identifier(raw, at)])
  if (Array.isArray(raw)) return joinedKey(columns(raw, at))
  const isFunction = (given: unknown): given is (...args: never[]) => unknown => typeof given === 'function'
  const {
    columns: names,
    parse,
    format,
  } = readOptions<PostgresViewKey>(raw, at, {
    columns,
    parse: shaped('a function', isFunction) as OptionReader<PostgresViewKey['parse']>,
    format: shaped('a function', isFunction) as OptionReader<PostgresViewKey['format']>,
  })
  if (names === undefined || parse === undefined || format === undefined)
    throw optionError(at, raw, 'a column, a list of columns, or { columns, parse, format }')
  return { columns: names, parse, format }
}

const viewValue: OptionReader<string | ((row: PostgresRow) => unknown)> = (raw, at) =>
  typeof raw === 'function' ? (raw as (row: PostgresRow) => unknown) : identifier(raw, at)
