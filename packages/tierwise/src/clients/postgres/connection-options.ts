import {
  boolean,
  duration,
  oneOf,
  optionError,
  positiveInteger,
  readOptions,
  shaped,
  text,
  type OptionTable,
} from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import { ConfigError } from '../../errors.ts'
import type { PgClient, PgPool } from './pg.ts'
import type { Pglite } from './pglite.ts'
import type { PostgresJs } from './postgres-js.ts'

/** TLS as `node:tls` takes it; `true` checks the certificate against the authorities of the system. */
export interface PostgresTls {
  /** Authority of the server's certificate. @default those that Node knows */
  readonly ca?: string | Buffer
  /** Certificate of this client. */
  readonly cert?: string | Buffer
  /** Private key of `cert`. */
  readonly key?: string | Buffer
  /** Name that the server's certificate must have. @default the host */
  readonly servername?: string
  /** Whether a server without a valid certificate is refused. @default true */
  readonly rejectUnauthorized?: boolean
}

/** Where PostgreSQL is: one of `url`, `pool`, `client`, `sql`, `pglite`, `dataDir`, or the environment, or PGlite in memory. */
export interface PostgresConnectionOptions {
  /** `postgres://user:password@host:port/database`. @default DATABASE_URL of the environment */
  readonly url?: string
  /** A `Pool` of `pg`; it stays open. */
  readonly pool?: PgPool
  /** A connected `Client` of `pg`; it stays open, and runs one statement at a time. */
  readonly client?: PgClient
  /** The `sql` function of `postgres`; it stays open. */
  readonly sql?: PostgresJs
  /** A database of PGlite; it stays open. */
  readonly pglite?: Pglite
  /** Folder for PGlite in this process, which only one process may have open. */
  readonly dataDir?: string
  /** Which package connects to `url`. @default `pg`, or `postgres` when only that one is installed */
  readonly package?: 'pg' | 'postgres'
  /** Whether statements are prepared; `false` behind PgBouncer in transaction mode. @default true */
  readonly prepare?: boolean
  /** Connections to `url`. @default 10 */
  readonly maxConnections?: number
  /** How long making a connection to `url` may take. @default '5s' */
  readonly connectTimeout?: Duration
  /** When the server ends a statement that came over `url`; not set when `prepare` is false. @default '10s' */
  readonly statementTimeout?: Duration
  /** TLS for `url`, where its `sslmode` does not say enough. */
  readonly tls?: boolean | PostgresTls
}

export interface PostgresConnectionSettings {
  readonly url: string | undefined
  readonly pool: PgPool | undefined
  readonly client: PgClient | undefined
  readonly sql: PostgresJs | undefined
  readonly pglite: Pglite | undefined
  readonly dataDir: string | undefined
  readonly package: 'pg' | 'postgres' | undefined
  readonly tls: boolean | PostgresTls | undefined
  readonly prepare: boolean
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number | undefined
}

/** Whether other processes can reach the same data: anything but a database in this process. */
export function isServer({ url, pool, client, sql }: PostgresConnectionSettings): boolean {
  return [url, pool, client, sql].some((place) => place !== undefined)
}

/** Whether a database in this process has a folder; one without keeps its data in memory. */
export function isKept({ pglite, dataDir }: PostgresConnectionSettings): boolean {
  const folder = dataDir ?? (pglite as { readonly dataDir?: string } | undefined)?.dataDir
  return folder !== undefined && !folder.startsWith('memory://')
}

/** The options as they were given, durations in milliseconds. */
export type GivenConnection = Required<Omit<PostgresConnectionOptions, 'connectTimeout' | 'statementTimeout'>> & {
  readonly connectTimeout: number
  readonly statementTimeout: number
}

/** Readers of the connection options, for groups of options that contain them. */
export const connectionOptionTable: OptionTable<GivenConnection> = {
  url: (raw, path) => {
    const url = text(raw, path)
    // The message does not repeat a text that may hold a password.
    if (!/^postgres(ql)?:\/\//.test(url)) throw optionError(path, {}, 'a URL like postgres://user@host:5432/database')
    return url
  },
  pool: shaped('a Pool of the package pg', (raw): raw is PgPool => has(raw, 'query', 'connect', 'end', 'on')),
  client: shaped('a Client of the package pg', (raw): raw is PgClient => has(raw, 'query', 'on')),
  sql: shaped('the sql function of the package postgres', (raw): raw is PostgresJs => has(raw, 'unsafe', 'typed')),
  pglite: shaped('a database of PGlite', (raw): raw is Pglite => has(raw, 'query', 'transaction', 'onNotification')),
  dataDir: text,
  package: oneOf('pg', 'postgres'),
  prepare: boolean,
  maxConnections: positiveInteger,
  connectTimeout: duration,
  statementTimeout: duration,
  tls: shaped(
    'true, false, or an object with ca, cert, key, servername',
    (raw): raw is boolean | PostgresTls => typeof raw === 'boolean' || (typeof raw === 'object' && raw !== null),
  ),
}

const sources = ['url', 'pool', 'client', 'sql', 'pglite', 'dataDir'] as const

/**
 * Reads the options of a connection.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG for two places at once
 */
export function connectionSettings(options: PostgresConnectionOptions, path: string): PostgresConnectionSettings {
  return settingsOf(readOptions(options, path, connectionOptionTable), path)
}

/** Fills in what was not given, from the environment and by default. */
export function settingsOf(given: Partial<GivenConnection>, path: string): PostgresConnectionSettings {
  const places = sources.filter((name) => given[name] !== undefined)
  if (places.length > 1) {
    throw new ConfigError(`\`${path}\` names several connections: ${places.join(', ')}. Give one.`, {
      code: 'ERR_CACHE_CONFIG',
    })
  }
  const { pool, client, sql, pglite, dataDir, package: packageName, tls } = given
  const { connectTimeout = 5000, statementTimeout = 10_000, prepare = true, maxConnections = 10 } = given
  const fromEnvironment = places.length === 0 ? process.env['DATABASE_URL'] : undefined
  return {
    url: given.url ?? (fromEnvironment === '' ? undefined : fromEnvironment),
    pool,
    client,
    sql,
    pglite,
    dataDir,
    package: packageName,
    tls,
    prepare,
    maxConnections,
    connectTimeoutMs: connectTimeout,
    // A pooler in between refuses start parameters that it does not know.
    statementTimeoutMs: prepare ? statementTimeout : undefined,
  }
}

function has(raw: unknown, ...methods: readonly string[]): boolean {
  if ((typeof raw !== 'object' && typeof raw !== 'function') || raw === null) return false
  return methods.every((name) => typeof (raw as Record<string, unknown>)[name] === 'function')
}
