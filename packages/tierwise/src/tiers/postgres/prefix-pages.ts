import type { PostgresPort, PostgresSession, PostgresValue } from '../../clients/postgres/port.ts'
import { memoryOfDeletionsMs } from './record-writes.ts'
import { headBytes, rangeOfPrefix, type PrefixRange } from './stored-key.ts'
import type { Tables } from './tables.ts'

const rowsPerVisit = 256
const bytesPerVisit = 8 * 1024 * 1024
const rowsPerRemoval = 1000
/** How long a clear may wait for the writers that are under way, who in turn make later writers wait. */
const lockTimeoutMs = 2000
const lockNotAvailable = '55P03'

/** Where a page ended: keys are visited in the order of their heads, and of their hashes where heads are equal. */
interface Position {
  readonly head: Uint8Array
  readonly hash: string
}
const beginning: Position = { head: new Uint8Array(0), hash: '-9223372036854775808' }

/** Visits and removes the records under a prefix in bounded steps, each a short statement of its own. */
export class PrefixPages {
  readonly #port: PostgresPort
  readonly #tables: Tables

  constructor(port: PostgresPort, tables: Tables) {
    this.#port = port
    this.#tables = tables
  }

  /** The bytes of all unexpired records under a prefix, page by page. A record that is written meanwhile keeps its place. */
  async *visit(prefix: string, now: () => number): AsyncGenerator<readonly Uint8Array[]> {
    const range = rangeOfPrefix(prefix)
    let position: Position | undefined = beginning
    while (position !== undefined) {
      const rows: readonly Readonly<Record<string, unknown>>[] = await this.#port.query({
        text: visitText(this.#tables, range),
        values: [...valuesOf(range, position), now()],
      })
      yield rows.map((row) => row['bytes'] as Uint8Array)
      const last = rows.at(-1)
      position = last && { head: last['head'] as Uint8Array, hash: last['hash'] as string }
    }
  }

  /** Removes what is not newer than `version`; from then on such writes are refused for an hour. */
  async clear(prefix: string, { version, now }: { readonly version: number; readonly now: number }): Promise<void> {
    const range = rangeOfPrefix(prefix)
    await this.#raiseFloor(range.prefix, { version, ends: now + memoryOfDeletionsMs })
    let position: Position | undefined = beginning
    while (position !== undefined) {
      const [row]: readonly Readonly<Record<string, unknown>>[] = await this.#port.query({
        text: removeText(this.#tables, range),
        values: [...valuesOf(range, position), version],
      })
      position = row && { head: row['head'] as Uint8Array, hash: row['hash'] as string }
    }
  }

  /**
   * A writer whose statement began before the floor does not see it, and might write behind the clear. Every writer
   * holds a share of the table of floors while its statement runs, so whoever holds it alone knows that all of them
   * are done, and that the next ones see the floor. When somebody else keeps the table busy (a dump does), the clear goes
   * on without: a write that is under way at this very moment may then survive it.
   */
  async #raiseFloor(
    prefix: Uint8Array,
    { version, ends }: { readonly version: number; readonly ends: number },
  ): Promise<void> {
    const { floors } = this.#tables
    const raise = {
      text: `insert into ${floors} as held (prefix, version, ends) values ($1::bytea, $2::bigint, $3::float8)
on conflict (prefix) do update set version = greatest(held.version, excluded.version), ends = excluded.ends`,
      values: [prefix, version, ends],
    }
    const raiseAlone = async (session: PostgresSession): Promise<void> => {
      await session.query({ text: `set local lock_timeout to ${lockTimeoutMs}` })
      await session.query({ text: `lock table ${floors} in access exclusive mode` })
      await session.query(raise)
    }
    try {
      await this.#port.transaction(raiseAlone)
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== lockNotAvailable) throw error
      await this.#port.query(raise)
    }
  }
}

function valuesOf({ prefix, from, to }: PrefixRange, { head, hash }: Position): PostgresValue[] {
  return [prefix, from, to, head, hash]
}

const headOf = (row: string): string => `substring(${row}.key for ${headBytes})`

/** The keys of a range after a position. Without an end the third parameter is not compared, only mentioned. */
function rangeText({ to }: PrefixRange, row: string): string {
  const end = to === null ? '$3::bytea is null' : `${headOf(row)} < $3::bytea`
  return `${headOf(row)} >= $2::bytea and ${end}
    and (${headOf(row)}, ${row}.hash) > ($4::bytea, $5::bigint)
    and substring(${row}.key for octet_length($1::bytea)) = $1::bytea`
}

function visitText({ entries }: Tables, range: PrefixRange): string {
  return `select head, hash, bytes from (
  select *, sum(size) over (order by head, hash) as up_to from (
    select ${headOf('entry')} as head, entry.hash, entry.bytes, entry.size
    from ${entries} as entry
    where ${rangeText(range, 'entry')} and entry.bytes is not null and entry.ends > $6::float8
    order by 1, 2
    limit ${rowsPerVisit}
  ) as page
) as measured
where up_to - size < ${bytesPerVisit}
order by head, hash`
}

/** Finds in the order of the prefixes, locks in the order of the hashes, as all writers do. */
function removeText({ entries }: Tables, range: PrefixRange): string {
  const isOutdated = (row: string): string => `${row}.version <= $6::bigint and ${row}.bytes is not null`
  return `with page as materialized (
  select ${headOf('entry')} as head, entry.hash
  from ${entries} as entry
  where ${rangeText(range, 'entry')} and ${isOutdated('entry')}
  order by 1, 2
  limit ${rowsPerRemoval}
), locked as materialized (
  select entry.hash from ${entries} as entry join page on page.hash = entry.hash
  where ${isOutdated('entry')}
  order by entry.hash
  for update of entry
), removed as (
  delete from ${entries} as entry using locked where entry.hash = locked.hash
)
select head, hash from page order by head desc, hash desc limit 1`
}
