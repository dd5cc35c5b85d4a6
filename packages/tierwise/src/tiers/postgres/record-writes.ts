import type { PostgresSession } from '../../clients/postgres/port.ts'
import type { TierRecord, WriteOutcome } from '../../contract/tier.ts'
import { tellText, type Announcer } from './bus/announcement.ts'
import { pack } from './packed.ts'
import type { KeyHash } from './stored-key.ts'
import type { Tables } from './tables.ts'

/** About what a row and its index entries take beside key and value. */
const rowOverhead = 150
/** A write that started before a deletion or a clear is refused for this long after it. */
export const memoryOfDeletionsMs = 3_600_000

export interface Deletion {
  readonly key: string
  readonly version: number
}

/** What a record counts for in the quota. */
export function sizeOf({ key, bytes }: Pick<TierRecord, 'key' | 'bytes'>): number {
  return Buffer.byteLength(key) + bytes.length + rowOverhead
}

export interface RecordWritesOptions {
  readonly tables: Tables
  readonly hashOf: KeyHash
  /** Where the changes are told; nowhere when it is left out. */
  readonly announcer?: Announcer | undefined
}

/**
 * The conditional writes, one statement each, in the order of the hashes, so that two writers that want the same rows
 * never wait for each other in a circle.
 *
 * A row is replaced only by what is not older. `seen` repeats the `ifNotAfter` of the record, because the condition of
 * `on conflict` sees nothing of the new row but its columns. A row of another key with the same hash counts as if it
 * were of this one, which may refuse a write and never keeps an old value.
 *
 * A deletion leaves a row without bytes, a clear leaves a floor: the version below which nothing may be written under
 * the prefix.
 *
 * What is set or deleted is announced by the statement itself, so that nobody can have the one without the other. Loads
 * and promotions, which carry `ifNotAfter`, change nothing that others hold.
 */
export class RecordWrites {
  readonly #session: PostgresSession
  readonly #hashOf: KeyHash
  readonly #announcer: Announcer | undefined
  readonly #put: { readonly name: string; readonly text: string }
  readonly #delete: { readonly name: string; readonly text: string }

  constructor(session: PostgresSession, { tables, hashOf, announcer }: RecordWritesOptions) {
    this.#session = session
    this.#hashOf = hashOf
    this.#announcer = announcer
    this.#put = { name: `tierwise_set_${tables.digest}`, text: putText(tables) }
    this.#delete = { name: `tierwise_delete_${tables.digest}`, text: deleteText(tables) }
  }

  async put(records: readonly TierRecord[], now: number): Promise<readonly WriteOutcome[]> {
    const hashed = records.map((record) => ({ ...record, hash: this.#hashOf(record.key) }))
    return inRounds(hashed, async (round) => {
      const keys = pack(round.map(({ key }) => Buffer.from(key)))
      const values = pack(round.map(({ bytes }) => bytes))
      const rows = await this.#session.query({
        ...this.#put,
        values: [
          round.map(({ hash }) => hash),
          round.map(({ version }) => version),
          round.map(({ version, ifNotAfter = version }) => ifNotAfter),
          round.map(({ expiresAt }) => expiresAt),
          round.map(sizeOf),
          keys.starts,
          keys.lengths,
          values.starts,
          values.lengths,
          keys.bytes,
          values.bytes,
          now,
          ...this.#told(
            'set',
            round.filter(({ ifNotAfter }) => ifNotAfter === undefined),
          ),
        ],
      })
      const applied = new Set(rows.map((row) => row['hash']))
      return round.map(({ hash }): WriteOutcome => (applied.has(hash) ? 'applied' : 'superseded'))
    })
  }

  /**
   * Whether each key was held, unexpired, when the statement began, and is gone now. Of two deletions at the same
   * moment both may say so.
   */
  async delete(deletions: readonly Deletion[], now: number): Promise<readonly boolean[]> {
    const hashed = deletions.map((deletion) => ({ ...deletion, hash: this.#hashOf(deletion.key) }))
    return inRounds(hashed, async (round) => {
      const keys = pack(round.map(({ key }) => Buffer.from(key)))
      const rows = await this.#session.query({
        ...this.#delete,
        values: [
          round.map(({ hash }) => hash),
          round.map(({ version }) => version),
          keys.starts,
          keys.lengths,
          keys.bytes,
          now,
          now + memoryOfDeletionsMs,
          ...this.#told('delete', round),
        ],
      })
      const held = new Set(rows.filter((row) => row['was_held'] === true).map((row) => row['hash']))
      return round.map(({ hash }) => held.has(hash))
    })
  }

  /** The channel, and the messages for it. One that tells of a write which was refused as superseded does no harm. */
  #told(operation: 'set' | 'delete', changed: readonly Deletion[]): readonly [string, readonly string[]] {
    if (this.#announcer === undefined || changed.length === 0) return ['', []]
    const { channel } = this.#announcer
    return [
      channel,
      this.#announcer.changes(changed.map(({ key, version }) => ({ kind: 'key', operation, key, version }))),
    ]
  }
}

function putText({ entries, floors }: Tables): string {
  return `insert into ${entries} as held (hash, version, seen, ends, written, size, key, bytes)
select hash, version, seen, ends, $12::float8, size, key, substring($11::bytea from value_start for value_length)
from (
  select *, substring($10::bytea from key_start for key_length) as key
  from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::float8[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[])
    as listed (hash, version, seen, ends, size, key_start, key_length, value_start, value_length)
) as given
where not exists (
  select from ${floors} as floor
  where (floor.version >= given.version or floor.version > given.seen)
    and floor.prefix = substring(given.key for octet_length(floor.prefix))
)
order by hash
on conflict (hash) do update set
  version = excluded.version, seen = excluded.seen, ends = excluded.ends, written = excluded.written,
  size = excluded.size, key = excluded.key, bytes = excluded.bytes
where held.version <= least(excluded.version, excluded.seen)
returning hash, ${tellText('$13', '$14')} as told`
}

/** The last part reads what was there before: a statement does not see its own changes. */
function deleteText({ entries }: Tables): string {
  return `with given as materialized (
  select hash, version, substring($5::bytea from key_start for key_length) as key
  from unnest($1::bigint[], $2::bigint[], $3::int[], $4::int[]) as listed (hash, version, key_start, key_length)
), buried as (
  insert into ${entries} as held (hash, version, seen, ends, written, size, key, bytes)
  select hash, version, version, $7::float8, $6::float8, octet_length(key) + ${rowOverhead}, key, null
  from given
  order by hash
  on conflict (hash) do update set
    version = excluded.version, seen = excluded.seen, ends = excluded.ends, written = excluded.written,
    size = excluded.size, key = excluded.key, bytes = null
  where held.version <= excluded.version
  returning hash
)
select buried.hash, before.bytes is not null and before.ends > $6::float8 and before.key = given.key as was_held,
  ${tellText('$8', '$9')} as told
from buried
join given on given.hash = buried.hash
join ${entries} as before on before.hash = buried.hash`
}

/**
 * Runs items in order, one statement for as many as there are different rows: a statement changes a row once, so what
 * wants the same row again has to wait for the next one.
 */
async function inRounds<I extends { readonly hash: string }, O>(
  items: readonly I[],
  run: (round: readonly I[]) => Promise<readonly O[]>,
): Promise<readonly O[]> {
  const uses = new Map<string, number>()
  const rounds: number[][] = []
  for (const [index, { hash }] of items.entries()) {
    const round = uses.get(hash) ?? 0
    uses.set(hash, round + 1)
    ;(rounds[round] ??= []).push(index)
  }
  const results: O[] = []
  for (const round of rounds) {
    const outcomes = await run(round.map((index) => items[index] as I))
    for (const [at, index] of round.entries()) results[index] = outcomes[at] as O
  }
  return results
}
