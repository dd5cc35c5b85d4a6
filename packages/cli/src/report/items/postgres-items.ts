import { textOption } from '../../configuration.ts'
import type { ConfiguredTier, ExaminationContext } from '../../doctor/configured-tier.ts'
import { placeOfUrl, urlOf } from '../../doctor/postgres/place.ts'
import { CommandFailure } from '../../failure.ts'
import { openReadOnly, type ReadOnlySession, type Row } from '../../postgres/read-only-session.ts'
import { headBytes, readFrameHead } from '../frame-head.ts'
import type { ItemSource, StoredItem } from '../stored-item.ts'

const pageSize = 500

interface EntryRow extends Row {
  /** Of the row in the primary key: a 64-bit number as text. */
  readonly position: string
  readonly key: Buffer
  readonly ends: number
  readonly size: number
  /** Null for a deletion. */
  readonly head: Buffer | null
}

/** @throws what the package throws when there is no connection */
export async function openPostgresItems(tier: ConfiguredTier, context: ExaminationContext): Promise<ItemSource> {
  const { options } = tier
  const url = urlOf(tier, context)
  if (url === undefined)
    throw new CommandFailure('PGlite runs inside of the application, and a second process would damage its folder')
  const { library, timeoutMs, signal, configuration } = context
  const session = await openReadOnly({ url, options, library, timeoutMs, signal })
  const schema = textOption(options, 'schema', 'tierwise')
  const table = textOption(options, 'table', 'entries')
  return {
    place: placeOfUrl(url),
    items: () =>
      itemsOf(session, { name: `${quoted(schema)}.${quoted(table)}`, prefix: `${configuration.prefix ?? 'tw'}:` }),
    close: () => session.close(),
  }
}

async function* itemsOf(
  session: ReadOnlySession,
  { name, prefix }: { readonly name: string; readonly prefix: string },
): AsyncIterable<StoredItem> {
  const [found] = await session.query<{ there: boolean }>('select to_regclass($1) is not null as there', [name])
  if (found?.there !== true) return
  let after: string | undefined
  for (;;) {
    const rows = await session.query<EntryRow>(pageQuery(name, after !== undefined), [
      Buffer.from(prefix),
      ...(after === undefined ? [] : [after]),
    ])
    for (const row of rows) yield itemOf(row)
    after = rows.at(-1)?.position
    if (rows.length < pageSize) return
  }
}

/** Walks the primary key, and fetches of each value no more than its head. */
function pageQuery(name: string, isLater: boolean): string {
  return `
select e.hash::text as position, key, ends, octet_length(bytes) as size,
  substring(bytes from 1 for ${headBytes(0)} + octet_length(key)) as head
from ${name} as e
where substring(key from 1 for octet_length($1::bytea)) = $1::bytea ${isLater ? 'and e.hash > $2::bigint' : ''}
order by e.hash limit ${pageSize}`
}

function itemOf({ key, ends, size, head: bytes }: EntryRow): StoredItem {
  const storageKey = Buffer.from(key).toString('utf8')
  if (bytes === null) return { kind: 'tombstone', storageKey, storedBytes: 0 }
  const head = readFrameHead(Buffer.from(bytes))
  if (head === undefined) return { kind: 'damaged', storageKey, storedBytes: size }
  const { createdAt, usableUntil, valueBytes } = head
  return {
    kind: 'entry',
    storageKey: head.key,
    createdAt,
    endsAt: Math.min(usableUntil, ends),
    valueBytes,
    storedBytes: size,
  }
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
