import {
  boolean,
  duration,
  optionError,
  readOptions,
  shaped,
  size,
  text,
  type OptionReader,
  type OptionTable,
} from '../../base/option-reader.ts'
import {
  connectionOptionTable,
  settingsOf,
  type GivenConnection,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from '../../clients/postgres/connection-options.ts'
import { schemaName, tableName } from '../../clients/postgres/migrations/table-names.ts'
import type { Duration, Size } from '../../contract/options.ts'
import type { CompressionOptions } from '../../contract/tier.ts'
import { tablesOf, type Tables } from './tables.ts'

/** Names of the tables and what they are. */
export interface PostgresTableOptions {
  /** Created when absent. @default 'tierwise' */
  readonly schema?: string
  /** Table of the entries, at most 40 bytes; other tables have its name as theirs begins. @default 'entries' */
  readonly table?: string
  /** Whether entries survive a crash of the server, at about twice the cost of a write. @default false, but true for `dataDir` */
  readonly logged?: boolean
}

export interface PostgresOptions extends PostgresConnectionOptions, PostgresTableOptions {
  /** Whether missing tables are created when the tier opens. @default true */
  readonly migrate?: boolean
  /** Bytes of the live records, at least 1 MiB; beyond it those written first go. @default '1gb' */
  readonly maxBytes?: Size
  /** How often expired records are removed and the quota is looked after; one process at a time does. @default '30s' */
  readonly sweepInterval?: Duration
  /**
   * Whether changes are announced to the processes that share the table, over NOTIFY, so that they can keep entries in
   * memory; needs a connection of its own that LISTEN works on, so not one through a pooler in transaction mode.
   * @default true, but false for PGlite, which has no other process
   */
  readonly bus?: boolean
  /** @default gzip from 1024 bytes on */
  readonly compression?: CompressionOptions | false
  /** Name in the chain, in events and in statistics. @default 'postgres' */
  readonly name?: string
}

export interface PostgresSettings {
  readonly connection: PostgresConnectionSettings
  readonly tables: Tables
  readonly logged: boolean
  readonly migrate: boolean
  readonly maxBytes: number
  readonly sweepMs: number
  /** Undefined where the connection decides. */
  readonly bus: boolean | undefined
  readonly compression: CompressionOptions | false
  readonly name: string
}

const smallestQuota = 1024 * 1024
const defaultCompression: CompressionOptions = { algorithm: 'gzip', threshold: 1024 }

const quota: OptionReader<number> = (raw, path) => {
  const bytes = size(raw, path)
  if (bytes < smallestQuota) throw optionError(path, raw, "a size of at least '1mb', such as '512mb' or '2gb'")
  return bytes
}

/** The table options as they were given. */
export type GivenTables = Required<PostgresTableOptions>
export const tableOptionTable: OptionTable<GivenTables> = {
  schema: schemaName,
  table: tableName,
  logged: boolean,
}

interface GivenOptions extends GivenConnection, GivenTables {
  readonly migrate: boolean
  readonly maxBytes: number
  readonly sweepInterval: number
  readonly bus: boolean
  readonly compression: CompressionOptions | false
  readonly name: string
}

const optionTable: OptionTable<GivenOptions> = {
  ...connectionOptionTable,
  ...tableOptionTable,
  migrate: boolean,
  maxBytes: quota,
  sweepInterval: duration,
  bus: boolean,
  compression: shaped(
    'false or an object with algorithm, threshold, level',
    (raw): raw is CompressionOptions | false => raw === false || (typeof raw === 'object' && raw !== null),
  ),
  name: text,
}

export function postgresSettings(options: PostgresOptions): PostgresSettings {
  const given = readOptions(options, 'postgres', optionTable)
  const connection = settingsOf(given, 'postgres')
  const { schema = 'tierwise', table = 'entries', logged = connection.dataDir !== undefined, migrate = true } = given
  const { maxBytes = 1024 ** 3, sweepInterval = 30_000, compression = defaultCompression, name = 'postgres' } = given
  return {
    connection,
    tables: tablesOf(schema, table),
    logged,
    migrate,
    maxBytes,
    sweepMs: sweepInterval,
    bus: given.bus,
    compression,
    name,
  }
}
