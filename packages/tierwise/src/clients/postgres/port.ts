/** Which package the connection is made of. */
export type PostgresPackage = 'pg' | 'postgres' | 'pglite'

/** Rows as plain objects: `bytea` is bytes, `bigint` is text, `timestamptz` is a Date, `json` is parsed. */
export type PostgresRow = Readonly<Record<string, unknown>>

/**
 * One statement with its parameters (`$1`, `$2`), never with values in the text. Parameters are texts, numbers,
 * booleans, null, bytes, and arrays of these; each has its type written in the text (`$1::bytea[]`).
 */
export interface PostgresQuery {
  readonly text: string
  readonly values?: readonly PostgresValue[]
  /** Prepared once a connection under this name; leave it out for statements that are run once. */
  readonly name?: string
}

export type PostgresScalar = string | number | boolean | null | Uint8Array
export type PostgresValue = PostgresScalar | readonly PostgresScalar[]

export interface PostgresSession {
  query(query: PostgresQuery): Promise<readonly PostgresRow[]>
}

/** A connection to PostgreSQL as the rest of the library uses it. */
export interface PostgresPort extends PostgresSession {
  readonly package: PostgresPackage
  /** Resolves when a query can be sent, rejects with why not. May be called again, also after a failure. */
  connect(): Promise<void>
  /** Runs `work` in one transaction on one connection: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T>
  /**
   * Runs `work` on one connection without a transaction, for what must not run inside one or outlives it (a session
   * advisory lock).
   */
  session<T>(work: (session: PostgresSession) => Promise<T>): Promise<T>
  /** Listens on a channel over a connection of its own, which is made again when it is lost. */
  listen(channel: string, listener: PostgresListener): Promise<PostgresSubscription>
  /** Closes what was created here; a pool that was handed in stays open. Idempotent. */
  close(): Promise<void>
}

export interface PostgresListener {
  readonly onMessage: (payload: string) => void
  /** The connection was lost and is there again: messages in between are gone. */
  readonly onGap: () => void
}

export interface PostgresSubscription {
  close(): Promise<void>
}
