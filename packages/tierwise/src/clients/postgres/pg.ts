import type { Runtime } from '../../contract/runtime.ts'
import { columnReader, parameterOf } from './column-value.ts'
import { isAnswer, withoutValues } from './failure.ts'
import { Listening, type ListenConnect, type ListenConnection, type ListenEvents } from './listening.ts'
import type {
  PostgresListener,
  PostgresPort,
  PostgresQuery,
  PostgresRow,
  PostgresSession,
  PostgresSubscription,
} from './port.ts'
import { inTransaction } from './transaction.ts'
import { Turns } from './turns.ts'

/** What is sent through a client of `pg`. */
export interface PgQuery {
  text: string
  values?: (string | Uint8Array | null)[]
  name?: string
  types?: { getTypeParser(type: number, format?: string): (text: string) => unknown }
  query_timeout?: number
}

/** The part of a `Client` of `pg` that is used. */
export interface PgClient {
  query(query: PgQuery): Promise<{ readonly rows: readonly unknown[] }>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

export interface PgPoolClient extends PgClient {
  release(error?: boolean | Error): void
}

/** The part of a `Pool` of `pg` that is used. */
export interface PgPool {
  query(query: PgQuery): Promise<{ readonly rows: readonly unknown[] }>
  connect(): Promise<PgPoolClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** A client for LISTEN, as it is made here. */
interface PgOwnClient extends PgClient {
  connect(): Promise<unknown>
  end(): Promise<void>
  unref(): void
  on(event: string, listener: (...args: never[]) => void): unknown
}

export type PgClientClass = new (config: object) => PgOwnClient

export interface PgSource {
  readonly connection: PgPool | PgClient
  /** The connection was made here and is closed with the port. */
  readonly isOwned: boolean
  /** False where statements cannot be kept on a connection, as behind PgBouncer in transaction mode. */
  readonly prepare: boolean
  /** Milliseconds after which an own connection ends a statement; sessions have no such limit. */
  readonly statementTimeoutMs: number | undefined
  readonly Client: PgClientClass
  readonly listenConfig: object
}

const types = { getTypeParser: (type: number) => columnReader(type) }
/** How much later than the server the client gives a statement up: then the server is silent. */
const silenceMs = 1000
const ignore = (): void => undefined

export class PgPort implements PostgresPort {
  readonly package = 'pg'
  readonly #source: PgSource
  readonly #listening: Listening
  /** A single client runs one thing at a time; a pool finds a free connection itself. */
  readonly #turns: Turns | undefined
  #closing: Promise<void> | undefined

  constructor(source: PgSource, runtime: Runtime) {
    this.#source = source
    this.#listening = new Listening(listenConnect(source), runtime)
    this.#turns = isPool(source.connection) ? undefined : new Turns()
    // A connection that breaks while it is idle is an event of the pool, which would end the process if nobody heard it.
    source.connection.on('error', ignore)
  }

  async connect(): Promise<void> {
    await this.query({ text: 'select 1' })
  }

  query(query: PostgresQuery): Promise<readonly PostgresRow[]> {
    const { connection } = this.#source
    return this.#turns === undefined
      ? this.#send(connection, query, this.#source.statementTimeoutMs)
      : this.#turns.run(() => this.#send(connection, query))
  }

  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.session((session) => inTransaction(session, work))
  }

  session<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    const { connection } = this.#source
    if (isPool(connection)) return this.#pooledSession(connection, work)
    const session: PostgresSession = { query: (query) => this.#send(connection, query) }
    return this.#turns?.run(() => work(session)) ?? work(session)
  }

  listen(channel: string, listener: PostgresListener): Promise<PostgresSubscription> {
    return this.#listening.subscribe(channel, listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { connection, isOwned } = this.#source
    await this.#listening.close()
    if (isOwned && isPool(connection)) await connection.end()
    if (!isOwned) connection.removeListener('error', ignore)
  }

  async #pooledSession<T>(pool: PgPool, work: (session: PostgresSession) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw withoutValues(error)
    })
    client.on('error', ignore)
    let isBroken = false
    const query = (each: PostgresQuery): Promise<readonly PostgresRow[]> =>
      this.#send(client, each).catch((error: unknown) => {
        isBroken ||= !isAnswer(error)
        throw error
      })
    const isLimited = this.#source.isOwned && this.#source.statementTimeoutMs !== undefined
    try {
      if (isLimited) await query({ text: 'set statement_timeout to 0' })
      const result = await work({ query })
      if (isLimited) await query({ text: 'reset statement_timeout' })
      return result
    } catch (error) {
      // A session may end in the middle of anything, so its connection is not given to anybody else.
      isBroken = true
      throw error
    } finally {
      client.removeListener('error', ignore)
      client.release(isBroken)
    }
  }

  async #send(
    target: Pick<PgClient, 'query'>,
    query: PostgresQuery,
    timeoutMs?: number,
  ): Promise<readonly PostgresRow[]> {
    const sent: PgQuery = { text: query.text, types }
    if (query.values !== undefined) sent.values = query.values.map(parameterOf)
    if (query.name !== undefined && this.#source.prepare) sent.name = query.name
    if (timeoutMs !== undefined) sent.query_timeout = timeoutMs + silenceMs
    try {
      const { rows } = await target.query(sent)
      return rows as readonly PostgresRow[]
    } catch (error) {
      throw withoutValues(error)
    }
  }
}

function isPool(connection: PgPool | PgClient): connection is PgPool {
  return 'totalCount' in connection || 'idleCount' in connection
}

function listenConnect({ Client, listenConfig }: PgSource): ListenConnect {
  return async (events) => {
    const client = new Client(listenConfig)
    watch(client, events)
    try {
      await client.connect()
    } catch (error) {
      await client.end().catch(ignore)
      throw withoutValues(error)
    }
    return listenConnection(client)
  }
}

function watch(client: PgOwnClient, events: ListenEvents): void {
  client.on('error', () => events.onLost())
  client.on('end', () => events.onLost())
  client.on('notification', ({ channel, payload }: { readonly channel: string; readonly payload?: string }) =>
    events.onMessage(channel, payload ?? ''),
  )
}

function listenConnection(client: PgOwnClient): ListenConnection {
  const turns = new Turns()
  return {
    run: (text) => turns.run(() => client.query({ text })),
    close: () => {
      // A server that has fallen silent never closes its end, which must not keep the process alive.
      client.unref()
      return client.end().catch(ignore)
    },
  }
}
