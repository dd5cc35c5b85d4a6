import { boolean, duration, readOptions, shaped, text, type OptionTable } from '../../base/option-reader.ts'
import {
  connectionOptionTable,
  settingsOf,
  type GivenConnection,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from '../../clients/postgres/connection-options.ts'
import { schemaName, tableName } from '../../clients/postgres/migrations/table-names.ts'
import type { Duration } from '../../contract/options.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { coordinationNames, type CoordinationNames } from './names.ts'

/** Where the tables of a coordination store are. */
export interface PostgresCoordinationTableOptions {
  /** Created when absent. @default 'tierwise' */
  readonly schema?: string
  /** At most 40 bytes, and not the table of anything else; other tables and the functions have its name as theirs begins. @default 'coordination' */
  readonly table?: string
}

/** What `postgresCoordination` takes: a connection, as `postgres()` does, and where the state is. */
export interface PostgresCoordinationOptions extends PostgresConnectionOptions, PostgresCoordinationTableOptions {
  /** Whether missing tables and functions are created. @default true */
  readonly migrate?: boolean
  /** How often what has ended is removed; one process at a time does. @default '30s' */
  readonly sweepInterval?: Duration
  /** Name in messages and metrics. @default 'postgres' */
  readonly name?: string
  /** Timers and random numbers; for tests. @default those of Node */
  readonly runtime?: Partial<Runtime>
}

export interface CoordinationSettings {
  readonly connection: PostgresConnectionSettings
  readonly names: CoordinationNames
  readonly migrate: boolean
  readonly sweepMs: number
  readonly name: string
  readonly runtime: Partial<Runtime>
}

interface GivenOptions extends GivenConnection, Required<PostgresCoordinationTableOptions> {
  readonly migrate: boolean
  readonly sweepInterval: number
  readonly name: string
  readonly runtime: Partial<Runtime>
}

const tableOptions = { schema: schemaName, table: tableName }

const optionTable: OptionTable<GivenOptions> = {
  ...connectionOptionTable,
  ...tableOptions,
  migrate: boolean,
  sweepInterval: duration,
  name: text,
  runtime: shaped('an object', (raw): raw is Partial<Runtime> => typeof raw === 'object' && raw !== null),
}

const path = 'postgresCoordination'

/** @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG */
export function coordinationSettings(options: PostgresCoordinationOptions): CoordinationSettings {
  const given = readOptions(options, path, optionTable)
  const { schema = 'tierwise', table = 'coordination', migrate = true, sweepInterval = 30_000 } = given
  const { name = 'postgres', runtime = {} } = given
  return {
    connection: settingsOf(given, path),
    names: coordinationNames(schema, table),
    migrate,
    sweepMs: sweepInterval,
    name,
    runtime,
  }
}

/** @throws ConfigError ERR_CACHE_OPTION */
export function namesIn(options: PostgresCoordinationTableOptions): CoordinationNames {
  const { schema = 'tierwise', table = 'coordination' } = readOptions(options, 'postgresCoordinationSql', tableOptions)
  return coordinationNames(schema, table)
}
