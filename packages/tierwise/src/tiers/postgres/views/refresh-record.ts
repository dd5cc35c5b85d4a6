import type { PostgresPort, PostgresSession } from '../../../clients/postgres/port.ts'
import { defaultSchema, ensureSchema, schemaText } from './own-schema.ts'
import { quoteIdentifier } from './relation.ts'

/** The table that keeps when each view was refreshed last, for every instance to see. */
export function recordTable(schema: string): string {
  return `${quoteIdentifier(schema)}.tierwise_views`
}

function tableText(schema: string): string {
  return `create table if not exists ${recordTable(schema)} (
  view_name text primary key,
  refreshed_at timestamptz not null,
  duration_ms double precision not null
)`
}

/**
 * The statements that create what `postgresViews` needs, for a role that may: the table `tierwise_views`.
 *
 * @example
 * console.log(postgresViewsSql({ schema: 'cache' }))
 */
export function postgresViewsSql(options: { readonly schema?: string } = {}): string {
  const schema = options.schema ?? defaultSchema
  return `${schemaText(schema)};\n${tableText(schema)};\n`
}

/** Creates the table unless it is there; a role that may not create it needs it to be there. */
export async function ensureRecords(port: PostgresPort, schema: string): Promise<void> {
  if (await exists(port, schema)) return
  await port.transaction(async (session) => {
    // Two creations at once collide in the catalog in spite of `if not exists`.
    await session.query({ text: "select pg_advisory_xact_lock(hashtextextended('tierwise_views', 0))" })
    if (await exists(session, schema)) return
    await ensureSchema(session, schema)
    await session.query({ text: tableText(schema) })
  })
}

async function exists(session: PostgresSession, schema: string): Promise<boolean> {
  const [row] = await session.query({
    text: 'select to_regclass($1::text) is not null as there',
    values: [recordTable(schema)],
  })
  return row?.['there'] === true
}
