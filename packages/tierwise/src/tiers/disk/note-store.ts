import { crc32 } from 'node:zlib'

import type { Clock } from '../../contract/runtime.ts'
import type { NoteStore } from '../../contract/tier.ts'
import { TierError } from '../../errors.ts'
import type { Database } from './database.ts'
import { recordBytes, StoredRecord } from './record.ts'
import { keyFromBytes, keyToBytes, rangeOfPrefix, storedKeyOf, type StoredKey } from './stored-key.ts'

export interface DiskNoteStoreOptions {
  readonly tier: string
  readonly clock: Clock
  /** @throws TierError when the tier is closed. */
  database(): Database
}

/** Keeps the notes apart from the state of the database, which has a name without a slash. */
const notesPrefix = 'note/'
const checksumBytes = 4

/** Notes in the database, beside its state: a name, a checksum of the bytes, the bytes. */
export class DiskNoteStore implements NoteStore {
  readonly #options: DiskNoteStoreOptions

  constructor(options: DiskNoteStoreOptions) {
    this.#options = options
  }

  async names(prefix: string): Promise<readonly string[]> {
    const database = this.#options.database()
    database.refreshReads()
    const start = notesPrefix + prefix
    const names: string[] = []
    const range = rangeOfPrefix(start)
    const bounds = {
      ...(range.start === undefined ? {} : { start: range.start }),
      ...(range.end === undefined ? {} : { end: range.end }),
    }
    for (const key of database.state.getKeys(bounds)) {
      const bytes = database.state.getBinaryFast(key)
      const record = bytes && StoredRecord.read(bytes)
      // Without its head a note has lost its name, unless the key is it.
      const name = record === undefined ? Buffer.from(key).toString('utf8') : keyFromBytes(record.keyBytes)
      if (name.startsWith(start)) names.push(name.slice(notesPrefix.length))
    }
    return names
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const database = this.#options.database()
    database.refreshReads()
    const bytes = database.state.getBinaryFast(keyOf(name))
    if (bytes === undefined) return undefined
    const frame = StoredRecord.read(bytes)?.frame
    if (frame === undefined || frame.length < checksumBytes) throw this.#damaged(name)
    // A copy: the memory of LMDB is another note's with the next read.
    const note = new Uint8Array(frame.subarray(checksumBytes))
    if (crc32(note) !== frame.readUInt32LE(0)) throw this.#damaged(name)
    return note
  }

  async set(name: string, bytes: Uint8Array | undefined): Promise<void> {
    const database = this.#options.database()
    const record = bytes && this.#record(name, bytes)
    await database.transact(() => {
      if (record === undefined) database.state.remove(keyOf(name))
      else database.state.put(keyOf(name), record)
    })
  }

  #record(name: string, bytes: Uint8Array): Buffer {
    const frame = Buffer.allocUnsafe(checksumBytes + bytes.length)
    frame.writeUInt32LE(crc32(bytes), 0)
    frame.set(bytes, checksumBytes)
    const head = { version: 0, expiresAt: Infinity, writtenAt: this.#options.clock.now(), generation: 0 }
    return recordBytes(head, frame, keyToBytes(notesPrefix + name))
  }

  #damaged(name: string): TierError {
    const { tier } = this.#options
    return new TierError(`The note ${name} of the tier ${tier} is damaged`, {
      code: 'ERR_CACHE_TIER_READ',
      operation: 'notes',
      tier,
    })
  }
}

function keyOf(name: string): StoredKey {
  return storedKeyOf(notesPrefix + name)
}
