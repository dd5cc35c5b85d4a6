import type { ReadOnlySession } from '../../postgres/read-only-session.ts'
import { measureLatency, readClock, type ClockReading, type Latency } from '../latency.ts'

/** What a server tells of itself and of its own role. */
export interface ServerReading {
  readonly version: string
  readonly versionNumber: number
  readonly role: string
  readonly isSuperuser: boolean
  readonly isStandby: boolean
  readonly isReadOnly: boolean
  readonly isEncrypted: boolean | undefined
  readonly hasAutovacuum: boolean
  readonly maxConnections: number
  readonly connections: number
  readonly mayCreateSchema: boolean
}

/** One of the tables; absent ones have no rights. */
export interface TableReading {
  readonly name: string
  readonly exists: boolean
  readonly isLogged: boolean
  readonly hasRights: boolean
  readonly bytes: number
  readonly estimatedRows: number
}

export interface SchemaReading {
  readonly exists: boolean
  readonly mayUse: boolean
  readonly mayCreate: boolean
}

export interface PostgresReading {
  readonly latency: Latency
  readonly clock: ClockReading
  readonly server: ServerReading
  readonly schema: SchemaReading
  readonly tables: readonly TableReading[]
}

export interface TableNames {
  readonly schema: string
  readonly table: string
}

/** What follows the name of the table of entries in the names of the others. */
const suffixes = ['', '_floors', '_tags', '_state', '_migrations']

export async function readPostgres(session: ReadOnlySession, names: TableNames): Promise<PostgresReading> {
  const latency = await measureLatency(() => session.ping())
  const clock = await readClock(async () => {
    const [row] = await session.query<{ now: number }>(
      'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
    )
    return Number(row?.now)
  })
  const [server] = await session.query<ServerReading & Record<string, unknown>>(serverQuery)
  const [schema] = await session.query<SchemaReading & Record<string, unknown>>(schemaQuery, [names.schema])
  const tables = await session.query<TableReading & Record<string, unknown>>(tableQuery, [
    names.schema,
    suffixes.map((suffix) => names.table + suffix),
  ])
  if (server === undefined || schema === undefined) throw new Error('PostgreSQL answered nothing')
  return { latency, clock, server, schema, tables: tables.map(withNumbers) }
}

/** Each transaction of this session is read-only, so the setting of the session is asked for. */
const serverQuery = `
select current_setting('server_version') as "version",
  current_setting('server_version_num')::int as "versionNumber",
  current_user::text as "role",
  (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
  pg_is_in_recovery() as "isStandby",
  current_setting('default_transaction_read_only')::bool as "isReadOnly",
  (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as "isEncrypted",
  current_setting('autovacuum')::bool as "hasAutovacuum",
  current_setting('max_connections')::int as "maxConnections",
  (select count(*)::int from pg_stat_activity where datname is not null) as "connections",
  has_database_privilege(current_database(), 'create') as "mayCreateSchema"`

const schemaQuery = `
select oid is not null as "exists",
  coalesce(has_schema_privilege(oid, 'usage'), false) as "mayUse",
  coalesce(has_schema_privilege(oid, 'create'), false) as "mayCreate"
from (select (select oid from pg_namespace where nspname = $1) as oid) as found`

const tableQuery = `
select wanted.name as "name",
  c.oid is not null as "exists",
  coalesce(c.relpersistence = 'p', false) as "isLogged",
  coalesce(has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
    and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'), false) as "hasRights",
  coalesce(pg_total_relation_size(c.oid), 0)::float8 as "bytes",
  coalesce(c.reltuples, 0)::float8 as "estimatedRows"
from unnest($2::text[]) with ordinality as wanted(name, position)
left join pg_namespace n on n.nspname = $1
left join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name and c.relkind = 'r'
order by wanted.position`

/** Packages differ in what they make of large numbers. */
function withNumbers(table: TableReading): TableReading {
  return { ...table, bytes: Number(table.bytes), estimatedRows: Math.max(0, Number(table.estimatedRows)) }
}
