import { lockNumber, nameIn, tableNames, type TableNames } from '../../clients/postgres/migrations/table-names.ts'

/** The names of what a store has in the database, quoted where nothing else is said. */
export interface CoordinationNames extends TableNames {
  /** A row for each member, field, waiter and noted request. */
  readonly members: string
  /** Where the sweep has come to. */
  readonly sweeps: string
  /** Gives fences, of all keys. */
  readonly fences: string
  /** Keeps the locks of these tables apart from those of others; a number as text. */
  readonly salt: string
  /** Where messages are told, without quotes. */
  readonly channel: string
  /** The function of a step. */
  readonly fn: (step: string) => string
}

export function coordinationNames(schema: string, table: string): CoordinationNames {
  const names = tableNames(schema, table)
  return {
    ...names,
    members: nameIn(schema, `${table}_members`),
    sweeps: nameIn(schema, `${table}_sweeps`),
    fences: nameIn(schema, `${table}_fences`),
    salt: lockNumber(names),
    channel: `tierwise_coordination_${names.digest}`,
    fn: (step) => nameIn(schema, `${table}_${step}`),
  }
}
