import { TierError } from '../../../errors.ts'
import type { PostgresPort, PostgresSession } from '../port.ts'
import { bookkeeping, createSchema, recordMigration, type Migration } from './migration.ts'
import { lockNumber, type TableNames } from './table-names.ts'

/** Tables of any kind that are kept up to date by numbered migrations. */
export interface MigratedTables {
  readonly tables: TableNames
  /** Name of the tier, for messages. */
  readonly tier: string
  /** Whether missing migrations may be applied. */
  readonly mayMigrate: boolean
  /** All that this release knows, oldest first. */
  readonly migrations: readonly Migration[]
  /** The function that gives the statements as text, for messages. */
  readonly textFrom: string
}

interface Applied {
  readonly number: number
  readonly isBreaking: boolean
}

/**
 * Brings tables up to date, once, however many processes start together: whoever finds something missing waits for
 * the lock and looks again. Nothing but a look is done when nothing is missing, so a role without the right to create
 * tables can use tables that exist.
 *
 * @throws TierError ERR_CACHE_TIER_OPEN when the tables are newer than this code, or missing and not to be created
 */
export async function applyMigrations(port: PostgresPort, options: MigratedTables): Promise<void> {
  if (missingOf(await appliedIn(port, options), options).length === 0) return
  if (!options.mayMigrate) throw notMigrated(options)
  await port.transaction(async (session) => {
    await session.query({ text: `select pg_advisory_xact_lock(${lockNumber(options.tables)})` })
    for (const migration of missingOf(await appliedIn(session, options), options)) {
      await apply(session, { migration, tables: options.tables })
    }
  })
}

async function apply(
  session: PostgresSession,
  { migration, tables }: { readonly migration: Migration; readonly tables: TableNames },
): Promise<void> {
  // Other tables of the schema have another lock, and two that create it at once would collide in the catalog.
  await session.query({
    text: 'select pg_advisory_xact_lock(hashtextextended($1::text, 0))',
    values: [`tierwise schema ${tables.schemaName}`],
  })
  const [found] = await session.query({
    text: 'select count(*)::int as count from pg_namespace where nspname = $1::text',
    values: [tables.schemaName],
  })
  // `if not exists` still asks for the right to create it.
  if (found?.['count'] === 0) await session.query({ text: createSchema(tables) })
  await session.query({ text: bookkeeping(tables) })
  for (const text of migration.statements) await session.query({ text })
  await session.query({ text: recordMigration(tables, migration) })
}

/** What was applied; looks for the table first, because a statement that fails would end a transaction. */
async function appliedIn(
  session: PostgresSession,
  { tables }: Pick<MigratedTables, 'tables'>,
): Promise<readonly Applied[]> {
  const [found] = await session.query({
    text: 'select to_regclass($1::text)::text as name',
    values: [tables.migrations],
  })
  if (found?.['name'] === null) return []
  const rows = await session.query({ text: `select number, is_breaking from ${tables.migrations} order by number` })
  return rows.map((row) => ({ number: Number(row['number']), isBreaking: row['is_breaking'] === true }))
}

function missingOf(applied: readonly Applied[], { tier, tables, migrations }: MigratedTables): readonly Migration[] {
  const newest = migrations.at(-1)?.number ?? 0
  const newer = applied.find(({ number, isBreaking }) => isBreaking && number > newest)
  if (newer !== undefined) {
    throw new TierError(
      `The tables ${tables.entries} of ${tier} are at migration ${newer.number}, this release knows ${newest}: upgrade tierwise in this process, or use another table`,
      { code: 'ERR_CACHE_TIER_OPEN', operation: 'open', tier },
    )
  }
  const numbers = new Set(applied.map(({ number }) => number))
  return migrations.filter(({ number }) => !numbers.has(number))
}

function notMigrated({ tier, tables, textFrom }: MigratedTables): TierError {
  return new TierError(
    `The tables ${tables.entries} of ${tier} do not exist or are out of date, and \`migrate\` is false: run the text of ${textFrom} with a role that may create tables`,
    { code: 'ERR_CACHE_TIER_OPEN', operation: 'open', tier },
  )
}
