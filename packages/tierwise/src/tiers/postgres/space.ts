import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { Tables } from './tables.ts'

/** Tables of up to so many pages are counted, larger ones sampled by about half as many. */
const countedPages = 2048
const sampledPages = 1024

export interface Space {
  /** Pages of the table itself; large values are kept beside it. */
  readonly pages: number
  /** Records that are not expired. */
  readonly entries: number
  readonly liveBytes: number
  /** With what is expired and not yet removed. */
  readonly heldBytes: number
}

/**
 * What the table holds, as sums of sizes: files do not shrink when rows go, so their sizes say nothing about a quota.
 * Estimated from random pages when the table is large.
 */
export class SpaceMeter {
  readonly #session: PostgresSession
  readonly #tables: Tables

  constructor(session: PostgresSession, tables: Tables) {
    this.#session = session
    this.#tables = tables
  }

  async measure(now: number): Promise<Space> {
    const pages = await this.#pages()
    const share = shareOf(pages)
    const [row] = await this.#session.query({
      text: `select count(*) filter (where ends > $1::float8) as entries,
  coalesce(sum(size) filter (where ends > $1::float8), 0) as live_bytes,
  coalesce(sum(size), 0) as held_bytes
from ${this.#sample(share)} where bytes is not null`,
      values: [now],
    })
    const scaled = (column: string): number => Math.round(Number(row?.[column] ?? 0) / share)
    return { pages, entries: scaled('entries'), liveBytes: scaled('live_bytes'), heldBytes: scaled('held_bytes') }
  }

  /** The time of writing up to which the oldest unexpired records make up `bytes`; undefined when there are none. */
  async oldestWorth(
    bytes: number,
    { pages, now }: { readonly pages: number; readonly now: number },
  ): Promise<number | undefined> {
    const share = shareOf(pages)
    const [row] = await this.#session.query({
      text: `select max(written) as written from (
  select written, sum(size) over (order by written) - size as before
  from ${this.#sample(share)} where bytes is not null and ends > $2::float8
) as aged where before < $1::float8`,
      values: [bytes * share, now],
    })
    const written = row?.['written']
    return typeof written === 'number' ? written : undefined
  }

  async #pages(): Promise<number> {
    const [row] = await this.#session.query({
      text: `select pg_relation_size($1::text::regclass) / current_setting('block_size')::int as pages`,
      values: [this.#tables.entries],
    })
    return Number(row?.['pages'] ?? 0)
  }

  #sample(share: number): string {
    return share === 1 ? this.#tables.entries : `${this.#tables.entries} tablesample system (${share * 100})`
  }
}

function shareOf(pages: number): number {
  return pages <= countedPages ? 1 : sampledPages / pages
}
