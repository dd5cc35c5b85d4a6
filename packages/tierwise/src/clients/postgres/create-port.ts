import type { Runtime } from '../../contract/runtime.ts'
import { ConfigError } from '../../errors.ts'
import type { PostgresConnectionSettings, PostgresTls } from './connection-options.ts'
import { loadInstalled, type InstalledName, type LoadPackage } from './load-package.ts'
import { PgPort, type PgClient, type PgClientClass, type PgPool, type PgSource } from './pg.ts'
import { PglitePort, type Pglite } from './pglite.ts'
import type { PostgresPort } from './port.ts'
import { PostgresJsPort, type PostgresJs, type PostgresJsOverrides, type PostgresJsSource } from './postgres-js.ts'

interface PgModule {
  readonly Pool: new (config: object) => PgPool
  readonly Client: PgClientClass
}
type PostgresJsFactory = (options: object | string, more?: object) => PostgresJs

/**
 * Makes a connection of what the settings name, loading the package it needs. Nothing is sent before the first use.
 *
 * @throws ConfigError ERR_CACHE_PEER_MISSING when the package is not installed
 */
export async function createPostgresPort(
  settings: PostgresConnectionSettings,
  runtime: Runtime,
  load: LoadPackage = loadInstalled,
): Promise<PostgresPort> {
  const { pool, client, sql, pglite, url } = settings
  if (pool !== undefined) return new PgPort(handedPool(pool, settings), runtime)
  if (client !== undefined) return new PgPort(handedClient(client, settings), runtime)
  if (sql !== undefined) return new PostgresJsPort(await handedSql(sql, settings, load), runtime)
  if (pglite !== undefined) return new PglitePort({ database: pglite, isOwned: false })
  if (url !== undefined) return portOfUrl(url, { settings, runtime, load })
  return new PglitePort({ database: await openPglite(settings.dataDir, load), isOwned: true })
}

async function portOfUrl(
  url: string,
  {
    settings,
    runtime,
    load,
  }: { readonly settings: PostgresConnectionSettings; readonly runtime: Runtime; readonly load: LoadPackage },
): Promise<PostgresPort> {
  const pg = settings.package === 'postgres' ? undefined : await load('pg')
  if (pg !== undefined) return new PgPort(ownPool(moduleOf<PgModule>(pg), url, settings), runtime)
  const postgresJs = settings.package === 'pg' ? undefined : await load('postgres')
  if (postgresJs === undefined) throw missing(settings.package ?? 'pg')
  const factory = moduleOf<PostgresJsFactory>(postgresJs)
  const { prepare, statementTimeoutMs } = settings
  const create = (overrides: PostgresJsOverrides): PostgresJs =>
    factory(url, { ...postgresJsOptions(settings), ...withoutTypes, ...overrides })
  return new PostgresJsPort({ create, handed: undefined, prepare, statementTimeoutMs }, runtime)
}

function ownPool({ Pool, Client }: PgModule, url: string, settings: PostgresConnectionSettings): PgSource {
  const { prepare, maxConnections, connectTimeoutMs, statementTimeoutMs, tls } = settings
  const config = {
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'tierwise',
    ...(tls === undefined ? {} : { ssl: tls }),
  }
  // An idle pool of a cache is no reason for the process to go on.
  const limits = {
    allowExitOnIdle: true,
    ...(statementTimeoutMs === undefined ? {} : { statement_timeout: statementTimeoutMs }),
  }
  return {
    connection: new Pool({ ...config, ...limits }),
    isOwned: true,
    prepare,
    statementTimeoutMs,
    Client,
    listenConfig: config,
  }
}

function handedPool(pool: PgPool, { prepare }: PostgresConnectionSettings): PgSource {
  const { Client, options } = pool as PgPool & { readonly Client: PgClientClass; readonly options: PgConfig }
  return {
    connection: pool,
    isOwned: false,
    prepare,
    statementTimeoutMs: undefined,
    Client,
    // The pool hides its password from enumeration.
    listenConfig: { ...options, password: options.password, keepAlive: true },
  }
}

interface PgConfig {
  readonly password?: unknown
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly database?: string
  readonly ssl?: unknown
}

function handedClient(client: PgClient, { prepare }: PostgresConnectionSettings): PgSource {
  const { host, port, user, database, password, ssl } = client as PgClient & PgConfig
  return {
    connection: client,
    isOwned: false,
    prepare,
    statementTimeoutMs: undefined,
    Client: client.constructor as PgClientClass,
    listenConfig: { host, port, user, database, password, ssl, keepAlive: true },
  }
}

/**
 * Parameters are sent as texts and results are read raw, so the types of arrays are of no use. In release 3.4.9 nobody
 * catches the failure of asking for them when the connection ends meanwhile, which would end the process.
 */
const withoutTypes = { fetch_types: false } as const

async function handedSql(
  sql: PostgresJs,
  { prepare }: PostgresConnectionSettings,
  load: LoadPackage,
): Promise<PostgresJsSource> {
  const { options } = sql as { readonly options: PostgresJsOptions }
  const loaded = await load('postgres')
  if (loaded === undefined) throw missing('postgres')
  const factory = moduleOf<PostgresJsFactory>(loaded)
  const transform = { undefined: undefined, column: {}, value: {}, row: {} }
  const create = (overrides: PostgresJsOverrides): PostgresJs =>
    factory({ ...options, onclose: undefined, onnotify: undefined, transform, ...withoutTypes, ...overrides })
  const renamesColumns = options.transform?.column?.from !== undefined
  const handed = renamesColumns ? undefined : sql
  return { create, handed, prepare: prepare && options.prepare !== false, statementTimeoutMs: undefined }
}

interface PostgresJsOptions {
  readonly prepare?: boolean
  readonly transform?: { readonly column?: { readonly from?: unknown } }
}

function postgresJsOptions(settings: PostgresConnectionSettings): object {
  const { prepare, maxConnections, connectTimeoutMs, statementTimeoutMs, tls } = settings
  return {
    max: maxConnections,
    prepare,
    connect_timeout: connectTimeoutMs / 1000,
    onnotice: () => undefined,
    connection: {
      application_name: 'tierwise',
      ...(statementTimeoutMs === undefined ? {} : { statement_timeout: statementTimeoutMs }),
    },
    ...(tls === undefined ? {} : { ssl: tls === true ? ({} satisfies PostgresTls) : tls }),
  }
}

async function openPglite(dataDir: string | undefined, load: LoadPackage): Promise<Pglite> {
  const loaded = await load('@electric-sql/pglite')
  if (loaded === undefined) throw missing('@electric-sql/pglite')
  const { PGlite } = loaded as { readonly PGlite: new (dataDir?: string) => Pglite }
  return new PGlite(dataDir)
}

/** CommonJS modules are seen as the default export of a module. */
function moduleOf<T>(loaded: unknown): T {
  return ((loaded as { readonly default?: unknown }).default ?? loaded) as T
}

function missing(name: InstalledName): ConfigError {
  const hint = name === '@electric-sql/pglite' ? ', or give a url, a pool or another connection' : ''
  return new ConfigError(`PostgreSQL needs the package ${name}: run \`npm install ${name}\`${hint}`, {
    code: 'ERR_CACHE_PEER_MISSING',
    operation: 'open',
  })
}
