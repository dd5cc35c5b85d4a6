import type { TierContext } from '../../contract/tier.ts'
import type { Control } from './control.ts'
import type { Database } from './database.ts'
import { keyOfRecord } from './held-record.ts'
import type { Recency } from './recency.ts'
import { StoredRecord } from './record.ts'
import { keyToBytes, storedKeyOf, type StoredKey } from './stored-key.ts'
import type { WriteQueue } from './write-queue.ts'

/** A snapshot that a read may use is at most this old, and so is what it knows of floors and trust. */
const snapshotMs = 1
/** Byte and bit of a frame that say soft-expired: usable as a fallback, never fresh. */
const frameFlags = { offset: 3, softExpired: 1 }

export interface RecordReaderOptions {
  readonly database: Database
  readonly control: Control
  readonly queue: WriteQueue
  readonly recency: Recency
  readonly context: TierContext
}

/**
 * Finds what is visible: written or waiting to be, not expired, not cleared, undamaged.
 *
 * `begin` fixes the instant and the snapshot for the reads of the same turn that follow. A frame that is returned lies in
 * memory that LMDB reuses: it is valid until the next read.
 */
export class RecordReader {
  readonly #options: RecordReaderOptions
  #snapshotAt = -Infinity
  #now = 0

  constructor(options: RecordReaderOptions) {
    this.#options = options
  }

  /** Lets go of a snapshot that has grown old; doing it for each read would cost as much as the read. */
  begin(): void {
    this.#now = this.#options.context.clock.now()
    if (this.#now - this.#snapshotAt >= snapshotMs) this.beginAnew()
  }

  /** As `begin`, on the newest snapshot. */
  beginAnew(): void {
    this.#now = this.#snapshotAt = this.#options.context.clock.now()
    this.#options.database.refreshReads()
    this.#options.control.refresh()
  }

  frameOf(key: string): Uint8Array | undefined {
    const { queue, control, recency } = this.#options
    const waiting = queue.size === 0 ? undefined : queue.find(key)
    if (waiting !== undefined) return waiting.expiresAt > this.#now ? waiting.bytes : undefined
    const record = this.#find(storedKeyOf(key), key)
    if (record === undefined) return undefined
    if (control.floors.length > 0 && record.version <= control.floorOf(key)) return undefined
    if (record.carriesKey && !record.keyBytes.equals(keyToBytes(key))) return undefined
    recency.touch(key)
    return trustedFrame(record, control.generation)
  }

  /** As `frameOf`, for a stored key found in a range; `prefix` when the range holds other keys too. Counts as no use. */
  frameAt(stored: Uint8Array, prefix: string | undefined): Uint8Array | undefined {
    const { control } = this.#options
    const record = this.#find(stored, '')
    if (record === undefined) return undefined
    if (prefix !== undefined || control.floors.length > 0) {
      const key = keyOfRecord(stored, record)
      if (prefix !== undefined && !key.startsWith(prefix)) return undefined
      if (record.version <= control.floorOf(key)) return undefined
    }
    return trustedFrame(record, control.generation)
  }

  /** The record, unless it has expired. One that cannot be read is absent, and told. */
  #find(stored: StoredKey, key: string): StoredRecord | undefined {
    const { database, context } = this.#options
    try {
      const bytes = database.entries.getBinaryFast(stored)
      if (bytes === undefined) return undefined
      const record = StoredRecord.read(bytes)
      if (record === undefined) context.report({ type: 'bad-record', tier: context.name, key, reason: 'damaged' })
      return record !== undefined && record.expiresAt > this.#now ? record : undefined
    } catch (error) {
      context.report({ type: 'bad-record', tier: context.name, key, reason: 'damaged', error })
      return undefined
    }
  }
}

/** The frame as it lies in the map; of a distrusted generation, a copy that is marked as soft-expired. */
function trustedFrame(record: StoredRecord, generation: number): Uint8Array {
  const frame = record.frame
  if (record.generation === generation || frame.length <= frameFlags.offset) return frame
  const copy = Buffer.from(frame)
  copy[frameFlags.offset] = (copy[frameFlags.offset] ?? 0) | frameFlags.softExpired
  return copy
}
