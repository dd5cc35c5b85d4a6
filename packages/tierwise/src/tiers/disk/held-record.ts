import type { Database, KeyOptions, Store } from './database.ts'
import { StoredRecord } from './record.ts'
import { keyFromBytes, ordinaryKeyOf, type KeyRange } from './stored-key.ts'

/** What the background work knows of a record. */
export interface HeldRecord {
  readonly stored: Uint8Array
  /** Empty when it can no longer be told. */
  readonly key: string
  readonly sizeBytes: number
  /** True when the prefix is unreadable; the numbers are then 0. */
  readonly isDamaged: boolean
  readonly version: number
  readonly expiresAt: number
  readonly writtenAt: number
}

export interface BatchLimit {
  readonly count: number
  /** Reading a record copies it, so large ones make short batches. @default no limit */
  readonly bytes?: number
}

export interface BatchRequest {
  readonly range: KeyRange
  /** The last stored key of the batch before. */
  readonly after: Uint8Array | undefined
  readonly limit: BatchLimit
}

export interface Batch {
  readonly records: readonly HeldRecord[]
  /** Where the next batch begins; undefined when the range has come to its end. */
  readonly next: Uint8Array | undefined
}

/** The next records of a range in the order of their stored keys. */
export function readBatch(store: Store, { range, after, limit }: BatchRequest): Batch {
  const records: HeldRecord[] = []
  const keys = keysOf(store, { range, after, count: limit.count })
  let bytes = 0
  for (const [index, stored] of keys.entries()) {
    const held = heldRecord(store, stored)
    if (held !== undefined) records.push(held)
    bytes += held?.sizeBytes ?? 0
    if (bytes >= (limit.bytes ?? Infinity) && index + 1 < keys.length) return { records, next: stored }
  }
  return { records, next: keys.length < limit.count ? undefined : keys.at(-1) }
}

/** Up to `count` stored keys of a range, as an array, because an open cursor would hold its snapshot and its pages. */
export function keysOf(
  store: Store,
  { range, after, count }: Pick<BatchRequest, 'range' | 'after'> & { readonly count: number },
): Uint8Array[] {
  const options: KeyOptions = { limit: count }
  const start = after ?? range.start
  if (start !== undefined) options.start = start
  if (range.end !== undefined) options.end = range.end
  if (after !== undefined) options.exclusiveStart = true
  return [...store.getKeys(options)]
}

/** Removes those that are still what they were; how many that is. Only inside `transact`. */
export function removeUnchanged(store: Store, batch: readonly HeldRecord[]): HeldRecord[] {
  return batch.filter((held) => {
    const now = heldRecord(store, held.stored)
    if (now === undefined || now.version !== held.version || now.writtenAt !== held.writtenAt) return false
    store.remove(held.stored)
    return true
  })
}

/** The key of a record, from the record itself when its stored key is a hash. */
export function keyOfRecord(stored: Uint8Array, record: StoredRecord): string {
  return record.carriesKey ? keyFromBytes(record.keyBytes) : (ordinaryKeyOf(stored) ?? '')
}

/** The second of two marks around the namespace in a key of the engine; empty for any other key. */
export function namespaceOf(key: string): string {
  return key.split(':', 3)[2] ?? ''
}

/** Counts for the `evict` events of a batch. */
export function countByNamespace(batch: readonly HeldRecord[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { key } of batch) counts.set(namespaceOf(key), (counts.get(namespaceOf(key)) ?? 0) + 1)
  return counts
}

/** Removes a batch of entries in one transaction. */
export function removeEntries(database: Database, batch: readonly HeldRecord[]): Promise<HeldRecord[]> {
  if (batch.length === 0) return Promise.resolve([])
  return database.transact(() => removeUnchanged(database.entries, batch))
}

function heldRecord(store: Store, stored: Uint8Array): HeldRecord | undefined {
  const bytes = store.getBinaryFast(stored)
  if (bytes === undefined) return undefined
  const sizeBytes = bytes.length + stored.length
  const record = StoredRecord.read(bytes)
  if (record === undefined) {
    return {
      stored,
      key: ordinaryKeyOf(stored) ?? '',
      sizeBytes,
      isDamaged: true,
      version: 0,
      expiresAt: 0,
      writtenAt: 0,
    }
  }
  const { version, expiresAt, writtenAt } = record
  return { stored, key: keyOfRecord(stored, record), sizeBytes, isDamaged: false, version, expiresAt, writtenAt }
}
