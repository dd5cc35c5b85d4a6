import { createHash } from 'node:crypto'

/** The names of a tier's tables, quoted, and what else is derived from them. */
export interface Tables {
  /** Without quotes. */
  readonly schemaName: string
  readonly schema: string
  readonly entries: string
  readonly floors: string
  readonly tags: string
  readonly state: string
  readonly migrations: string
  /** Prefix of the names of indexes, without quotes. */
  readonly base: string
  /** Names the tables in one database: part of statement names and the number of the migration lock. */
  readonly digest: string
}

/** A name is as long as PostgreSQL keeps it, 63 bytes, with room for what is appended to the name of the table. */
export const longestTableName = 40
export const longestSchemaName = 63

/** Every identifier goes through `quoted`, so a name can be any text without NUL. */
export function tablesOf(schemaName: string, table: string): Tables {
  const named = (suffix: string): string => `${quoted(schemaName)}.${quoted(table + suffix)}`
  return {
    schemaName,
    schema: quoted(schemaName),
    entries: named(''),
    floors: named('_floors'),
    tags: named('_tags'),
    state: named('_state'),
    migrations: named('_migrations'),
    base: table,
    digest: createHash('sha256')
      .update(JSON.stringify([schemaName, table]))
      .digest('hex')
      .slice(0, 12),
  }
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** An advisory lock is a 64-bit number; 48 bits of a digest are enough to keep tables apart. */
export function lockNumber({ digest }: Tables): string {
  return String(Number.parseInt(digest, 16))
}
