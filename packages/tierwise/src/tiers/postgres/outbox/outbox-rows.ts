import type { PostgresRow, PostgresSession } from '../../../clients/postgres/port.ts'
import type { Tables } from '../tables.ts'

/** A row that this relay has taken. */
export interface OutboxRow {
  readonly id: string
  readonly namespace: string
  /** Undefined for a row with tags. */
  readonly keys: readonly string[] | undefined
  readonly tags: readonly string[]
  readonly fence: number | undefined
  /** How often it could not be delivered for a reason of its own. */
  readonly attempts: number
}

/** What is in an outbox. */
export interface OutboxBacklog {
  /** Rows that wait to be delivered, those that a relay works on included. */
  readonly pending: number
  /** Milliseconds since the oldest of them was written: how far the relays are behind. Undefined when there is none. */
  readonly oldestMs: number | undefined
  /** Rows that nobody tries any more; see `retrySetAside`. */
  readonly setAside: number
}

export interface Claim {
  readonly limit: number
  /** How long nobody else takes the rows. */
  readonly leaseMs: number
  /** Namespaces whose rows are left alone for now. */
  readonly except: readonly string[]
}

const interval = (parameter: string): string => `${parameter}::float8 * interval '1 millisecond'`

/**
 * The table of an outbox. Each method is one statement and so one transaction: a row is taken by moving `due_at` past the
 * time it may take, not by a lock that is kept, so nothing is open while a store is asked. All times are the server's.
 */
export class OutboxRows {
  readonly #session: PostgresSession
  readonly #tables: Tables

  constructor(session: PostgresSession, tables: Tables) {
    this.#session = session
    this.#tables = tables
  }

  /** Takes rows that are due, the longest due first, and passes over those that another relay is taking. */
  async claim({ limit, leaseMs, except }: Claim): Promise<readonly OutboxRow[]> {
    const { entries: outbox, digest } = this.#tables
    const rows = await this.#session.query({
      name: `tierwise_outbox_claim_${digest}`,
      text: `with due as materialized (
  select id from ${outbox}
  where due_at <= statement_timestamp() and namespace <> all($3::text[])
  order by due_at, id
  limit $1::int
  for update skip locked
)
update ${outbox} as outbox set due_at = statement_timestamp() + ${interval('$2')}
from due where outbox.id = due.id
returning outbox.id::text as id, namespace, to_json(keys) as keys, to_json(tags) as tags, fence::text as fence, attempts`,
      values: [limit, leaseMs, except],
    })
    return rows.map(rowOf)
  }

  async remove(ids: readonly string[]): Promise<void> {
    const { entries: outbox, digest } = this.#tables
    await this.#session.query({
      name: `tierwise_outbox_remove_${digest}`,
      text: `delete from ${outbox} where id = any($1::bigint[])`,
      values: [ids],
    })
  }

  /** Gives rows back: anybody may take them. */
  async release(ids: readonly string[]): Promise<void> {
    await this.#session.query({
      text: `update ${this.#tables.entries} set due_at = statement_timestamp() where id = any($1::bigint[])`,
      values: [ids],
    })
  }

  /** Notes that a row cannot be delivered; without a pause it is set aside. */
  async noteFailure(id: string, error: string, pauseMs: number | undefined): Promise<void> {
    const [due, since] =
      pauseMs === undefined
        ? ["'infinity'::timestamptz", 'statement_timestamp()']
        : [`statement_timestamp() + ${interval('$3')}`, 'null']
    const values = pauseMs === undefined ? [id, error] : [id, error, pauseMs]
    await this.#session.query({
      text: `update ${this.#tables.entries} set attempts = attempts + 1, error = $2::text, due_at = ${due}, set_aside_at = ${since} where id = $1::bigint`,
      values,
    })
  }

  /** How many rows are tried again. */
  async retrySetAside(): Promise<number> {
    const rows = await this.#session.query({
      text: `update ${this.#tables.entries} set attempts = 0, error = null, due_at = statement_timestamp(), set_aside_at = null
where set_aside_at is not null returning id`,
    })
    return rows.length
  }

  async backlog(): Promise<OutboxBacklog> {
    const [row] = await this.#session.query({
      text: `select count(*) filter (where set_aside_at is null)::float8 as pending,
  extract(epoch from clock_timestamp() - min(created_at) filter (where set_aside_at is null))::float8 * 1000 as oldest,
  count(set_aside_at)::float8 as set_aside
from ${this.#tables.entries}`,
    })
    const oldest = row?.['oldest']
    return {
      pending: Number(row?.['pending']),
      oldestMs: typeof oldest === 'number' ? Math.max(0, oldest) : undefined,
      setAside: Number(row?.['set_aside']),
    }
  }
}

function rowOf(row: PostgresRow): OutboxRow {
  const { id, namespace, keys, tags, fence, attempts } = row as {
    readonly id: string
    readonly namespace: string
    readonly keys: readonly string[] | null
    readonly tags: readonly string[] | null
    readonly fence: string | null
    readonly attempts: number
  }
  return {
    id,
    namespace,
    keys: keys ?? undefined,
    tags: tags ?? [],
    fence: fence === null ? undefined : Number(fence),
    attempts,
  }
}
