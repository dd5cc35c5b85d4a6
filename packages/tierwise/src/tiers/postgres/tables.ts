import { nameIn, tableNames, type TableNames } from '../../clients/postgres/migrations/table-names.ts'

/** The names of a tier's tables, quoted, and what else is derived from them. */
export interface Tables extends TableNames {
  readonly floors: string
  readonly tags: string
  readonly state: string
}

export function tablesOf(schemaName: string, table: string): Tables {
  const named = (suffix: string): string => nameIn(schemaName, table + suffix)
  return { ...tableNames(schemaName, table), floors: named('_floors'), tags: named('_tags'), state: named('_state') }
}
