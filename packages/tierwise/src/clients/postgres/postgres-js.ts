import type { Runtime } from '../../contract/runtime.ts'
import { columnReader, parameterOf } from './column-value.ts'
import { isAnswer, withoutValues } from './failure.ts'
import { Listening, type ListenConnect } from './listening.ts'
import type {
  PostgresListener,
  PostgresPort,
  PostgresQuery,
  PostgresRow,
  PostgresSession,
  PostgresSubscription,
} from './port.ts'
import { inTransaction } from './transaction.ts'

/** The part of the `sql` function of `postgres` that is used. */
export interface PostgresJs {
  unsafe(text: string, values?: never[], options?: { prepare?: boolean }): { raw(): PromiseLike<unknown> }
  typed(value: never, type: number): unknown
  end(options?: { timeout?: number }): Promise<void>
  readonly options: object
}

/** What is set for a connection of our own, on top of the options that were given. */
export interface PostgresJsOverrides {
  max?: number
  onclose?: () => void
  onnotify?: (channel: string, payload: string) => void
  idle_timeout?: null
  max_lifetime?: null
  prepare?: boolean
}

export interface PostgresJsSource {
  /** Another `sql` to the same server with the same credentials. */
  create(overrides: PostgresJsOverrides): PostgresJs
  /** The `sql` that was handed in, unless it renames columns; then, and without one, `create` makes it. */
  readonly handed: PostgresJs | undefined
  readonly prepare: boolean
  readonly statementTimeoutMs: number | undefined
}

interface RawColumn {
  readonly name: string
  readonly type: number
}
type RawRows = readonly (readonly (Buffer | null)[])[] & { readonly columns?: readonly RawColumn[] }

const textType = 25
const bytesType = 17

/**
 * A connection made of `postgres`.
 *
 * Sessions and transactions have a connection of their own instead of a reserved one: in release 3.4.9 a statement on
 * a reserved connection that has been lost throws in a callback of the event loop and ends the process. A pool that was
 * made here is replaced when the server went away, because a connection of that release that was closed between
 * a statement and its write never sends anything again.
 */
export class PostgresJsPort implements PostgresPort {
  readonly package = 'postgres'
  readonly #source: PostgresJsSource
  readonly #listening: Listening
  #sql: PostgresJs
  #closing: Promise<void> | undefined

  constructor(source: PostgresJsSource, runtime: Runtime) {
    this.#source = source
    this.#sql = source.handed ?? source.create({})
    this.#listening = new Listening(listenConnect(source), runtime)
  }

  async connect(): Promise<void> {
    await this.query({ text: 'select 1' })
  }

  async query(query: PostgresQuery): Promise<readonly PostgresRow[]> {
    const sql = this.#sql
    try {
      return await this.#send(sql, query)
    } catch (error) {
      if (!isAnswer(error)) this.#replace(sql)
      throw error
    }
  }

  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.session((session) => inTransaction(session, work))
  }

  async session<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    this.#assertOpen()
    let isLost = false
    const sql = this.#source.create({ max: 1, idle_timeout: null, max_lifetime: null, onclose: () => (isLost = true) })
    const query = async (each: PostgresQuery): Promise<readonly PostgresRow[]> => {
      // Another statement would connect again, and would run outside of what this session has begun.
      if (isLost) throw new Error('The connection to PostgreSQL was lost')
      return this.#send(sql, each)
    }
    try {
      if (this.#source.statementTimeoutMs !== undefined) await query({ text: 'set statement_timeout to 0' })
      return await work({ query })
    } finally {
      await sql.end({ timeout: 0 })
    }
  }

  listen(channel: string, listener: PostgresListener): Promise<PostgresSubscription> {
    return this.#listening.subscribe(channel, listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#listening.close()
    if (this.#sql !== this.#source.handed) await this.#sql.end({ timeout: 1 })
  }

  #replace(sql: PostgresJs): void {
    if (sql !== this.#sql || sql === this.#source.handed || this.#closing !== undefined) return
    this.#sql = this.#source.create({})
    sql.end({ timeout: 0 }).catch(() => undefined)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new Error('The connection to PostgreSQL is closed')
  }

  async #send(sql: PostgresJs, { text, values = [], name }: PostgresQuery): Promise<readonly PostgresRow[]> {
    const parameters = values.map((value) => {
      const parameter = parameterOf(value)
      // Declared as text, so that no serializer (that of `jsonb` would quote the text) makes something else of it.
      return typeof parameter === 'string' ? sql.typed(parameter as never, textType) : parameter
    })
    const prepare = name !== undefined && this.#source.prepare
    try {
      return rowsOf((await sql.unsafe(text, parameters as never[], { prepare }).raw()) as RawRows)
    } catch (error) {
      throw withoutValues(error)
    }
  }
}

/** Raw columns are what the server sent, before any parser or transform of the application. */
function rowsOf(raw: RawRows): readonly PostgresRow[] {
  const columns = (raw.columns ?? []).map(({ name, type }) => ({ name, type, read: columnReader(type) }))
  // After a statement that failed behind its first rows, `postgres` goes on counting: the next result begins with holes.
  const rows = raw.filter(() => true)
  return rows.map((cells) => {
    const row: Record<string, unknown> = {}
    for (const [index, { name, type, read }] of columns.entries()) {
      const cell = cells[index]
      row[name] = cell === null || cell === undefined ? null : read(textOf(cell, type))
    }
    return row
  })
}

/** Only texts of the application have more than ASCII; decoding the others as Latin-1 is several times as fast. */
function textOf(cell: Buffer, type: number): string {
  return type === bytesType ? cell.toString('latin1') : cell.toString()
}

function listenConnect(source: PostgresJsSource): ListenConnect {
  return async (events) => {
    let isMade = false
    const sql = source.create({
      max: 1,
      idle_timeout: null,
      max_lifetime: null,
      onnotify: (channel, payload) => events.onMessage(channel, payload),
      onclose: () => isMade && events.onLost(),
    })
    const run = async (text: string): Promise<unknown> => sql.unsafe(text).raw()
    const close = (): Promise<void> => sql.end({ timeout: 0 })
    try {
      await run('select 1')
    } catch (error) {
      await close()
      throw withoutValues(error)
    }
    isMade = true
    return { run, close }
  }
}
