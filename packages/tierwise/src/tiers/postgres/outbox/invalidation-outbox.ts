import { optionError, readOptions } from '../../../base/option-reader.ts'
import { systemRuntime } from '../../../base/runtime.ts'
import {
  connectionOptionTable,
  settingsOf,
  type GivenConnection,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from '../../../clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../../clients/postgres/create-port.ts'
import { applyMigrations } from '../../../clients/postgres/migrations/apply-migrations.ts'
import { textOf } from '../../../clients/postgres/migrations/migration.ts'
import type { PostgresPort } from '../../../clients/postgres/port.ts'
import type { CacheManager } from '../../../contract/cache.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { TierError } from '../../../errors.ts'
import { tableOptionTable } from '../options.ts'
import { tablesOf, type Tables } from '../tables.ts'
import { statementOf, type OutboxChange, type OutboxStatement } from './outbox-change.ts'
import { outboxMigrations } from './outbox-migrations.ts'
import { TableRelay, type OutboxRelay } from './outbox-relay.ts'
import { OutboxRows, type OutboxBacklog } from './outbox-rows.ts'
import { relaySettings, type OutboxRelayOptions } from './relay-options.ts'
import { runIn, type OutboxTransaction } from './transaction-handle.ts'

/** Where the table of an outbox is. */
export interface OutboxTableOptions {
  /** Created when absent. @default 'tierwise' */
  readonly schema?: string
  /** At most 40 bytes, and not the table of a tier. @default 'outbox' */
  readonly table?: string
}

/**
 * What `createInvalidationOutbox` takes: a connection, as `postgres()` does, for all that is not done on a transaction of
 * the application. A process that only writes rows needs none.
 */
export interface InvalidationOutboxOptions extends PostgresConnectionOptions, OutboxTableOptions {
  /** Whether a missing table is created by the first relay, and by `migrate`. @default true */
  readonly migrate?: boolean
}

/** Invalidations that are written down in the transactions that make them necessary. */
export interface InvalidationOutbox extends AsyncDisposable {
  /**
   * Writes an invalidation down on a transaction of the application: it happens if that commits, and only then. Sends one
   * statement; nothing for an empty list. A fence goes with keys, see `invalidate`.
   *
   * @throws ConfigError ERR_CACHE_OPTION for a wrong namespace, tag or fence, and for a pool instead of a transaction
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * await sql.begin(async (tx) => {
   *   await tx`update factors set factor = 1.9 where product = 'steel'`
   *   await outbox.invalidateInTx(tx, 'factors', ['steel'])
   * })
   */
  invalidateInTx(tx: OutboxTransaction, namespace: string, change: OutboxChange): Promise<void>
  /** The statement of `invalidateInTx`, for clients that it does not take; undefined when nothing is to be invalidated. */
  statement(namespace: string, change: OutboxChange): OutboxStatement | undefined
  /** Creates the table, or brings it up to date. @throws TierError ERR_CACHE_TIER_OPEN when it is newer than this release */
  migrate(): Promise<void>
  /**
   * Delivers rows to a manager until it is stopped. Any number of relays share the work, in any number of processes.
   * Resolves when commits from now on are heard.
   *
   * @throws TierError ERR_CACHE_TIER_OPEN when the table is missing and not to be created
   */
  relay(manager: CacheManager, options?: OutboxRelayOptions): Promise<OutboxRelay>
  /** What waits, and for how long. */
  backlog(): Promise<OutboxBacklog>
  /** Has the rows that were set aside tried again; how many. */
  retrySetAside(): Promise<number>
  /** Stops the relays and closes what was connected here. Idempotent. */
  close(): Promise<void>
}

/**
 * A transactional outbox of invalidations in a table of PostgreSQL: rows exist exactly if the transaction that wrote them
 * commits, and a relay delivers each at least once.
 *
 * @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG
 * @example
 * const outbox = createInvalidationOutbox({ pool })
 * const relay = await outbox.relay(manager)
 */
export function createInvalidationOutbox(options: InvalidationOutboxOptions = {}): InvalidationOutbox {
  return new TableOutbox(outboxSettings(options), systemRuntime())
}

/**
 * The SQL that creates the table of the outbox, for whoever may run it. It can be run again.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 */
export function invalidationOutboxSql(options: OutboxTableOptions = {}): string {
  const { schema = 'tierwise', table = 'outbox' } = readOptions(options, 'invalidationOutboxSql', outboxTable)
  const tables = tablesOf(schema, table)
  return textOf(tables, outboxMigrations(tables))
}

const path = 'createInvalidationOutbox'
const { schema, table } = tableOptionTable
const outboxTable = { schema, table }

export interface OutboxSettings {
  readonly connection: PostgresConnectionSettings
  readonly tables: Tables
  readonly migrate: boolean
}

type GivenOptions = GivenConnection & Required<OutboxTableOptions> & { readonly migrate: boolean }

export function outboxSettings(options: InvalidationOutboxOptions): OutboxSettings {
  const given = readOptions<GivenOptions>(options, path, {
    ...connectionOptionTable,
    ...outboxTable,
    migrate: connectionOptionTable.prepare,
  })
  const tables = tablesOf(given.schema ?? 'tierwise', given.table ?? 'outbox')
  return { connection: settingsOf(given, path), tables, migrate: given.migrate ?? true }
}

export class TableOutbox implements InvalidationOutbox {
  readonly #settings: OutboxSettings
  readonly #runtime: Runtime
  readonly #relays = new Set<TableRelay>()
  #port: Promise<PostgresPort> | undefined
  #migration: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(settings: OutboxSettings, runtime: Runtime) {
    this.#settings = settings
    this.#runtime = runtime
  }

  async invalidateInTx(tx: OutboxTransaction, namespace: string, change: OutboxChange): Promise<void> {
    const statement = this.statement(namespace, change)
    if (statement !== undefined) await runIn(tx, statement)
  }

  statement(namespace: string, change: OutboxChange): OutboxStatement | undefined {
    return statementOf(this.#settings.tables.entries, namespace, change)
  }

  migrate(): Promise<void> {
    this.#migration ??= this.#migrate(true).catch((error: unknown) => {
      this.#migration = undefined
      throw error
    })
    return this.#migration
  }

  async relay(manager: CacheManager, options: OutboxRelayOptions = {}): Promise<OutboxRelay> {
    const settings = relaySettings(options)
    if (this.#settings.migrate) await this.migrate()
    else await this.#migrate(false)
    const port = await this.#connected()
    const relay: TableRelay = new TableRelay({
      port,
      tables: this.#settings.tables,
      manager,
      settings,
      runtime: this.#runtime,
      onStopped: () => this.#relays.delete(relay),
    })
    this.#relays.add(relay)
    await relay.start()
    return relay
  }

  async backlog(): Promise<OutboxBacklog> {
    return (await this.#rows()).backlog()
  }

  async retrySetAside(): Promise<number> {
    return (await this.#rows()).retrySetAside()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#relays].map((relay) => relay.stop()))
    const port = await this.#port?.catch(() => undefined)
    await port?.close()
  }

  async #migrate(mayMigrate: boolean): Promise<void> {
    const { tables } = this.#settings
    await applyMigrations(await this.#connected(), {
      tables,
      mayMigrate,
      tier: 'outbox',
      migrations: outboxMigrations(tables),
      textFrom: 'invalidationOutboxSql()',
    })
  }

  async #rows(): Promise<OutboxRows> {
    return new OutboxRows(await this.#connected(), this.#settings.tables)
  }

  #connected(): Promise<PostgresPort> {
    const { connection } = this.#settings
    if (this.#closing !== undefined) {
      const fields = { code: 'ERR_CACHE_TIER_CLOSED', operation: 'outbox' } as const
      return Promise.reject(new TierError('The outbox was closed.', fields))
    }
    const { url, pool, client, sql, pglite, dataDir } = connection
    // Otherwise a database of this process alone would be made, which nobody else writes to.
    if ([url, pool, client, sql, pglite, dataDir].every((place) => place === undefined))
      return Promise.reject(optionError(path, undefined, 'given a connection for this, such as `url` or `pool`'))
    this.#port ??= createPostgresPort(connection, this.#runtime).catch((error: unknown) => {
      this.#port = undefined
      throw error
    })
    return this.#port
  }
}
