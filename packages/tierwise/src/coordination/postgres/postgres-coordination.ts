import { systemRuntime } from '../../base/runtime.ts'
import { withDeadline } from '../../base/deadline.ts'
import { isKept, isServer } from '../../clients/postgres/connection-options.ts'
import { createPostgresPort } from '../../clients/postgres/create-port.ts'
import { applyMigrations } from '../../clients/postgres/migrations/apply-migrations.ts'
import { textOf } from '../../clients/postgres/migrations/migration.ts'
import type { PostgresPort } from '../../clients/postgres/port.ts'
import type { CoordinationCapabilities, CoordinationStore, TextSubscription } from '../../contract/coordination.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { TierError } from '../../errors.ts'
import { Channels } from './channels.ts'
import { collectionSteps } from './collections.ts'
import { closedFailure, storeFailure } from './failures.ts'
import { longestMessage, partsOf } from './messages.ts'
import { coordinationMigrations } from './migrations.ts'
import {
  coordinationSettings,
  namesIn,
  type CoordinationSettings,
  type PostgresCoordinationOptions,
  type PostgresCoordinationTableOptions,
} from './options.ts'
import { StepStatements, type Ask } from './steps.ts'
import { Sweeper } from './sweeper.ts'
import { limitSteps, tenureSteps } from './tenures.ts'
import { textSteps } from './texts.ts'

/**
 * State that processes agree on in tables of PostgreSQL, which survives a crash of the server. Each step is a function of the
 * server: one round trip, one transaction, one lock.
 *
 * Takes a connection of `pg`, `postgres` or PGlite, or a URL, as `postgres()` does. Steps need the isolation level READ
 * COMMITTED, which is the default; LISTEN needs a connection that is not through a pooler in transaction mode.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG for two connections at once
 * @example
 * const store = postgresCoordination({ pool })
 */
export function postgresCoordination(options: PostgresCoordinationOptions = {}): CoordinationStore {
  const store = new PostgresCoordination(coordinationSettings(options))
  const { ask } = store
  return Object.assign(store, textSteps(ask), collectionSteps(ask), tenureSteps(ask), limitSteps(ask))
}

/**
 * The SQL that creates the tables and functions of the store, for whoever may run it; then the store itself needs the use of
 * the schema and its sequence, and may read and write the tables. It can be run again.
 *
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option
 */
export function postgresCoordinationSql(options: PostgresCoordinationTableOptions = {}): string {
  const names = namesIn(options)
  return textOf(names, coordinationMigrations(names))
}

/** How long closing waits for what is under way. */
const longestCloseMs = 5000

interface OpenParts {
  readonly port: PostgresPort
  readonly sweeper: Sweeper
}

type Unstepped = Pick<CoordinationStore, 'name' | 'capabilities' | 'open' | 'close' | 'publish' | 'subscribe'>

class PostgresCoordination implements Unstepped {
  readonly name: string
  readonly capabilities: CoordinationCapabilities
  readonly #settings: CoordinationSettings
  readonly #runtime: Runtime
  readonly #statements: StepStatements
  readonly #channels: Channels
  #opening: Promise<OpenParts> | undefined
  #closing: Promise<void> | undefined

  constructor(settings: CoordinationSettings) {
    const { name, connection, names, runtime } = settings
    this.name = name
    this.capabilities = { shared: isServer(connection), durable: isServer(connection) || isKept(connection) }
    this.#settings = settings
    this.#runtime = { ...systemRuntime(), ...runtime }
    this.#statements = new StepStatements(names)
    this.#channels = new Channels({ channel: names.channel, port: async () => (await this.#opened('subscribe')).port })
  }

  async open(): Promise<void> {
    await this.#guarded('open', undefined, () => this.#opened('open'))
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  readonly ask: Ask = (step, key, values = []) =>
    this.#guarded(step, key, async () => (await this.#opened(step)).port.query(this.#statements.of(step, key, values)))

  async publish(channel: string, text: string): Promise<void> {
    const parts = partsOf(channel, text)
    if (parts.join('').length > longestMessage) throw this.#tooLong()
    await this.#guarded('publish', undefined, async () => {
      const { port } = await this.#opened('publish')
      await port.query({
        name: 'tierwise_coordination_publish',
        text: 'select pg_notify($1::text, part) from unnest($2::text[]) with ordinality as parts (part, place) order by place',
        values: [this.#settings.names.channel, parts],
      })
    })
  }

  subscribe(channel: string, onMessage: (text: string) => void, onGap?: () => void): Promise<TextSubscription> {
    return this.#guarded('subscribe', undefined, () => this.#channels.subscribe(channel, { onMessage, onGap }))
  }

  #opened(operation: string): Promise<OpenParts> {
    if (this.#closing !== undefined) return Promise.reject(closedFailure(this.name, operation))
    this.#opening ??= this.#start().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #start(): Promise<OpenParts> {
    const { connection, names, migrate, sweepMs, name } = this.#settings
    const port = await createPostgresPort(connection, this.#runtime)
    try {
      await port.connect()
      await applyMigrations(port, {
        tables: names,
        tier: name,
        mayMigrate: migrate,
        migrations: coordinationMigrations(names),
        textFrom: 'postgresCoordinationSql()',
      })
    } catch (error) {
      await port.close().catch(() => undefined)
      throw error
    }
    const sweeper = new Sweeper({ session: port, names, runtime: this.#runtime, rhythmMs: sweepMs })
    sweeper.start()
    return { port, sweeper }
  }

  async #stop(): Promise<void> {
    const parts = await this.#opening?.catch(() => undefined)
    await this.#channels.close()
    if (parts === undefined) return
    const late = { timers: this.#runtime.timers, error: () => new Error('The server is silent') }
    await withDeadline(parts.sweeper.stop(), longestCloseMs, late).catch(() => undefined)
    await parts.port.close()
  }

  async #guarded<T>(operation: string, key: string | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw storeFailure(this.name, { operation, key }, error)
    }
  }

  #tooLong(): TierError {
    return new TierError(
      `The coordination store ${this.name} cannot publish a text of more than about ${Math.floor((longestMessage * 3) / 8)} characters: publish where it is instead`,
      { code: 'ERR_CACHE_TIER_WRITE', operation: 'publish', tier: this.name },
    )
  }
}
