import type { PostgresSession } from '../../../clients/postgres/port.ts'
import { quoteIdentifier } from './relation.ts'

/** Where the library keeps what is its own, unless told otherwise. */
export const defaultSchema = 'tierwise'

export function schemaText(schema: string): string {
  return `create schema if not exists ${quoteIdentifier(schema)}`
}

/** Creates the schema; `if not exists` alone asks for the right to create one even when it is there. */
export async function ensureSchema(session: PostgresSession, schema: string): Promise<void> {
  const [row] = await session.query({
    text: 'select to_regnamespace($1::text) is not null as there',
    values: [quoteIdentifier(schema)],
  })
  if (row?.['there'] !== true) await session.query({ text: schemaText(schema) })
}
