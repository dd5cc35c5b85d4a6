import { createHash } from 'node:crypto'
import { optionError, text, type OptionReader } from '../../../base/option-reader.ts'

/** Names that tables which belong together share, quoted where nothing else is said. */
export interface TableNames {
  /** Without quotes. */
  readonly schemaName: string
  readonly schema: string
  /** The first of the tables, which stands for all of them in messages. */
  readonly entries: string
  /** Where the migrations that were applied are written down. */
  readonly migrations: string
  /** What all names begin with, without quotes. */
  readonly base: string
  /** Names the tables in one database: part of statement names and the number of the migration lock. */
  readonly digest: string
}

/** A name is as long as PostgreSQL keeps it, 63 bytes, with room for what is appended to the name of the table. */
const longestTableName = 40
const longestSchemaName = 63

/** Every identifier goes through `quoted`, so a name can be any text without NUL. */
export function tableNames(schemaName: string, table: string): TableNames {
  return {
    schemaName,
    schema: quoted(schemaName),
    entries: nameIn(schemaName, table),
    migrations: nameIn(schemaName, `${table}_migrations`),
    base: table,
    digest: createHash('sha256')
      .update(JSON.stringify([schemaName, table]))
      .digest('hex')
      .slice(0, 12),
  }
}

/** A name in a schema, quoted. */
export function nameIn(schemaName: string, name: string): string {
  return `${quoted(schemaName)}.${quoted(name)}`
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** An advisory lock is a 64-bit number; 48 bits of a digest are enough to keep tables apart. */
export function lockNumber({ digest }: Pick<TableNames, 'digest'>): string {
  return String(Number.parseInt(digest, 16))
}

/** Reads the option `schema`. */
export const schemaName: OptionReader<string> = identifier(longestSchemaName)
/** Reads the option `table`. */
export const tableName: OptionReader<string> = identifier(longestTableName)

function identifier(longest: number): OptionReader<string> {
  return (raw, path) => {
    const name = text(raw, path)
    if (name.includes('\0') || !name.isWellFormed() || Buffer.byteLength(name) > longest) {
      throw optionError(path, raw, `a name of at most ${longest} bytes without NUL`)
    }
    return name
  }
}
