import { columnReader, parameterOf } from './column-value.ts'
import { withoutValues } from './failure.ts'
import type {
  PostgresListener,
  PostgresPort,
  PostgresQuery,
  PostgresRow,
  PostgresSession,
  PostgresSubscription,
} from './port.ts'
import { Turns } from './turns.ts'

interface PgliteQueryOptions {
  parsers?: Record<number, (text: string) => unknown>
  serializers?: Record<number, (value: unknown) => string>
}

interface PgliteSession {
  query(text: string, values?: unknown[], options?: PgliteQueryOptions): Promise<{ readonly rows: readonly unknown[] }>
}

/** The part of a database of PGlite that is used. */
export interface Pglite extends PgliteSession {
  readonly waitReady: Promise<void>
  transaction<T>(work: (transaction: PgliteSession) => Promise<T>): Promise<T>
  onNotification(callback: (channel: string, payload: string) => void): () => void
  close(): Promise<void>
}

export interface PgliteSource {
  /** Makes the database, or gives the one that was handed in. */
  readonly database: Pglite
  readonly isOwned: boolean
}

/** Types that PGlite would parse or serialize by itself: the ones of `pg_type` that occur in tables, and their arrays. */
const builtInTypes: readonly number[] = [
  16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 199, 650, 700, 701, 790, 829, 869, 1000, 1001, 1002, 1003, 1005, 1007, 1009,
  1014, 1015, 1016, 1021, 1022, 1028, 1042, 1043, 1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185, 1186, 1187, 1231,
  1266, 1270, 1700, 2950, 2951, 3802, 3807,
]
const options: Required<PgliteQueryOptions> = {
  parsers: Object.fromEntries(builtInTypes.map((type) => [type, columnReader(type)])),
  // Parameters come as text or bytes, which PGlite sends as they are.
  serializers: Object.fromEntries(builtInTypes.map((type) => [type, (value: unknown) => value as string])),
}

/** How many listen to a channel. LISTEN is one of the connection, which the ports of a database share. */
const listeners = new WeakMap<Pglite, Map<string, number>>()

function listenersOf(database: Pglite): Map<string, number> {
  const known = listeners.get(database) ?? new Map<string, number>()
  listeners.set(database, known)
  return known
}

/** PGlite in this process: one connection, which runs one thing at a time. */
export class PglitePort implements PostgresPort {
  readonly package = 'pglite'
  readonly #source: PgliteSource
  readonly #sessions = new Turns()
  readonly #subscriptions = new Set<PostgresSubscription>()
  #closing: Promise<void> | undefined

  constructor(source: PgliteSource) {
    this.#source = source
  }

  async connect(): Promise<void> {
    await this.#source.database.waitReady
    await this.query({ text: 'select 1' })
  }

  query(query: PostgresQuery): Promise<readonly PostgresRow[]> {
    return send(this.#source.database, query)
  }

  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    const { database } = this.#source
    return this.#sessions.run(() =>
      database.transaction((transaction) => work({ query: (query) => send(transaction, query) })),
    )
  }

  /** Sessions take turns: a lock of a session is a lock of the connection, which they share. */
  session<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.#sessions.run(() => work({ query: (query) => this.query(query) }))
  }

  /** Not with `listen` of PGlite, which finds no channel again whose name has a quote in it. */
  async listen(channel: string, listener: PostgresListener): Promise<PostgresSubscription> {
    const stop = this.#source.database.onNotification((name, payload) => {
      if (name === channel) listener.onMessage(payload)
    })
    await this.#count(channel, 1)
    const subscription: PostgresSubscription = {
      close: async () => {
        if (!this.#subscriptions.delete(subscription)) return
        stop()
        await this.#count(channel, -1)
      },
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #count(channel: string, change: 1 | -1): Promise<void> {
    const channels = listenersOf(this.#source.database)
    const before = channels.get(channel) ?? 0
    channels.set(channel, before + change)
    const quoted = `"${channel.replaceAll('"', '""')}"`
    if (before === 0) await this.query({ text: `listen ${quoted}` })
    if (before + change === 0) await this.query({ text: `unlisten ${quoted}` })
  }

  async #close(): Promise<void> {
    const { database, isOwned } = this.#source
    for (const subscription of this.#subscriptions) await subscription.close()
    if (isOwned) await database.close()
  }
}

async function send(target: PgliteSession, { text, values = [] }: PostgresQuery): Promise<readonly PostgresRow[]> {
  try {
    const { rows } = await target.query(text, values.map(parameterOf), options)
    return rows as readonly PostgresRow[]
  } catch (error) {
    throw withoutValues(error)
  }
}
