import type { OptionReader } from '../../../base/option-reader.ts'
import { connectionOptionTable, type PostgresConnectionOptions } from '../../../clients/postgres/connection-options.ts'

/** The options of a connection within a larger group, unread. */
export type ConnectionPart = Readonly<Record<keyof PostgresConnectionOptions, unknown>>

const keep: OptionReader<unknown> = (raw) => raw

/** Lets the options of a connection pass; `connectionSettings` reads them. */
export const connectionPart = Object.fromEntries(
  Object.keys(connectionOptionTable).map((name) => [name, keep]),
) as Record<keyof PostgresConnectionOptions, OptionReader<unknown>>

/** The options of the connection among others. */
export function connectionOf(options: PostgresConnectionOptions): PostgresConnectionOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(connectionOptionTable, name)))
}
