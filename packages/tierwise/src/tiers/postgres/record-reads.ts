import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { KeyHash } from './stored-key.ts'
import type { Tables } from './tables.ts'

/** Reads records by their keys, in one statement. */
export class RecordReads {
  readonly #session: PostgresSession
  readonly #hashOf: KeyHash
  readonly #text: string
  readonly #name: string

  constructor(session: PostgresSession, { tables, hashOf }: { readonly tables: Tables; readonly hashOf: KeyHash }) {
    this.#session = session
    this.#hashOf = hashOf
    this.#name = `tierwise_get_${tables.digest}`
    this.#text = `select hash, key, bytes from ${tables.entries}
where hash = any($1::bigint[]) and bytes is not null and ends > $2::float8`
  }

  /** The bytes of each key that is held and not expired, in order. A row of another key with the same hash is a miss. */
  async read(keys: readonly string[], now: number): Promise<readonly (Uint8Array | undefined)[]> {
    const hashes = keys.map(this.#hashOf)
    const rows = await this.#session.query({
      name: this.#name,
      text: this.#text,
      // Written out here: numbers need none of the quoting that an array of texts goes through.
      values: [`{${[...new Set(hashes)].join(',')}}`, now],
    })
    const held = new Map(rows.map((row) => [row['hash'] as string, row]))
    return keys.map((key, index) => {
      const row = held.get(hashes[index] as string)
      return row !== undefined && isKey(row['key'] as Buffer, key) ? (row['bytes'] as Uint8Array) : undefined
    })
  }
}

function isKey(stored: Buffer, key: string): boolean {
  return stored.toString() === key
}
