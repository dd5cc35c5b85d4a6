import { isKept, isServer, type PostgresConnectionSettings } from '../../clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../clients/postgres/create-port.ts'
import type { TierDefinition } from '../../contract/tier.ts'
import { readOptions } from '../../base/option-reader.ts'
import { identityOf } from './identity.ts'
import { migrationText } from './migrations.ts'
import { postgresSettings, tableOptionTable, type PostgresOptions, type PostgresTableOptions } from './options.ts'
import { PostgresTier } from './postgres-tier.ts'
import { tablesOf } from './tables.ts'

export type { PostgresConnectionOptions, PostgresTls } from '../../clients/postgres/connection-options.ts'
export type { PgClient, PgPool, PgPoolClient, PgQuery } from '../../clients/postgres/pg.ts'
export type { Pglite } from '../../clients/postgres/pglite.ts'
export type { PostgresJs } from '../../clients/postgres/postgres-js.ts'
export type { PostgresOptions, PostgresTableOptions } from './options.ts'
export { createInvalidationOutbox, invalidationOutboxSql } from './outbox/index.ts'
export type {
  InvalidationOutbox,
  InvalidationOutboxOptions,
  OutboxBacklog,
  OutboxChange,
  OutboxNotice,
  OutboxQueryHandle,
  OutboxRelay,
  OutboxRelayOptions,
  OutboxSqlHandle,
  OutboxStatement,
  OutboxStats,
  OutboxTableOptions,
  OutboxTransaction,
} from './outbox/index.ts'
export {
  installInvalidationTriggers,
  invalidationTriggersSql,
  listenForInvalidations,
  postgresViews,
  postgresViewsSql,
  removeInvalidationTriggers,
} from './views/index.ts'
export type {
  InvalidationCounts,
  InvalidationListener,
  InvalidationListenerOptions,
  InvalidationNotice,
  InvalidationTriggers,
  PostgresRelation,
  PostgresViewKey,
  PostgresViewOptions,
  PostgresViews,
  PostgresViewsOptions,
  ViewRefresh,
} from './views/index.ts'

/**
 * A tier in a table of PostgreSQL, shared by all processes that use it.
 *
 * Takes a connection of `pg`, `postgres` or PGlite, or a URL. With none of these, and no `DATABASE_URL` in the
 * environment, it runs PGlite in this process, in memory.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG for two connections at once
 * @example
 * createCacheManager({ tiers: [memory(), postgres({ pool, maxBytes: '2gb' })] })
 */
export function postgres(options: PostgresOptions = {}): TierDefinition {
  const { connection, compression, name, bus = isServer(connection), ...settings } = postgresSettings(options)
  const identity = identityOf(connection, settings.tables)
  const definition: TierDefinition = {
    name,
    ...(identity === undefined ? {} : { identity }),
    create: (context) =>
      new PostgresTier(
        {
          ...settings,
          isShared: isServer(connection),
          announces: bus,
          isDurable: isServer(connection) || isKept(connection),
          statementsAtOnce: hasOneConnection(connection) ? 1 : 4,
          connect: () => createPostgresPort(connection, context),
        },
        context,
      ),
  }
  return compression === false ? definition : { ...definition, compression }
}

/**
 * The SQL that creates the tables of the tier, for whoever may run it; then the tier itself needs no right to create
 * anything. It can be run again.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option
 */
export function postgresMigrations(options: PostgresTableOptions = {}): string {
  const { schema = 'tierwise', table = 'entries', logged = false } = readOptions(options, 'postgres', tableOptionTable)
  return migrationText(tablesOf(schema, table), { logged })
}

function hasOneConnection(connection: PostgresConnectionSettings): boolean {
  return connection.client !== undefined || !isServer(connection)
}
