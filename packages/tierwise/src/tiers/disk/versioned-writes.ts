import type { TierRecord } from '../../contract/tier.ts'
import { changeState, readState, type Control } from './control.ts'
import type { Database } from './database.ts'
import { recordBytes, StoredRecord } from './record.ts'
import { keyToBytes, storedKeyOf, type StoredKey } from './stored-key.ts'

/**
 * The conditional writes of a tier, each only inside a transaction, where LMDB has one writer in the whole host: what
 * is compared is what is then replaced.
 *
 * A deletion leaves a tombstone with its version, so that a write which started before it can be told and refused.
 */
export class VersionedWrites {
  readonly #database: Database
  readonly #control: Control
  #highest = 0

  constructor(database: Database, control: Control) {
    this.#database = database
    this.#control = control
  }

  putAll(records: readonly TierRecord[], now: number): ('applied' | 'superseded')[] {
    this.#control.refresh()
    const outcomes = records.map((record) => this.#put(record, now))
    this.#saveHighest()
    return outcomes
  }

  /** Which of the keys were held, unexpired, and are gone now. */
  deleteAll(keys: readonly string[], version: number, now: number): boolean[] {
    this.#control.refresh()
    const found = keys.map((key) => this.#delete(key, version, now))
    this.#highest = Math.max(this.#highest, version)
    this.#saveHighest()
    return found
  }

  /** Whether something newer is held, as far as the current snapshot or transaction shows. */
  isSuperseded({ key, version, ifNotAfter }: TierRecord): boolean {
    const stored = storedKeyOf(key)
    const floor = this.#control.floorOf(key)
    const held = Math.max(this.#heldVersion(stored), this.#tombstoneVersion(stored), floor)
    // A record at the floor itself would be invisible, so taking it would be a lie.
    return held > version || (floor > 0 && floor >= version) || (ifNotAfter !== undefined && held > ifNotAfter)
  }

  #put(record: TierRecord, now: number): 'applied' | 'superseded' {
    if (this.isSuperseded(record)) return 'superseded'
    const { key, version } = record
    const stored = storedKeyOf(key)
    const carried = typeof stored === 'string' ? undefined : keyToBytes(key)
    const head = { version, expiresAt: record.expiresAt, writtenAt: now, generation: this.#control.generation }
    this.#database.entries.put(stored, recordBytes(head, record.bytes, carried))
    this.#database.tombstones.remove(stored)
    this.#highest = Math.max(this.#highest, version)
    return 'applied'
  }

  #delete(key: string, version: number, now: number): boolean {
    const stored = storedKeyOf(key)
    const bytes = this.#database.entries.getBinaryFast(stored)
    const held = bytes && StoredRecord.read(bytes)
    if (held !== undefined && held.version > version) return false
    const isVisible = held !== undefined && held.expiresAt > now && held.version > this.#control.floorOf(key)
    if (bytes !== undefined) this.#database.entries.remove(stored)
    const tombstone = Math.max(version, this.#tombstoneVersion(stored))
    const head = { version: tombstone, expiresAt: Infinity, writtenAt: now, generation: 0 }
    this.#database.tombstones.put(stored, recordBytes(head))
    return isVisible
  }

  /** A damaged record holds no version: it counts as absent. */
  #heldVersion(stored: StoredKey): number {
    const bytes = this.#database.entries.getBinaryFast(stored)
    return bytes === undefined ? 0 : (StoredRecord.read(bytes)?.version ?? 0)
  }

  /** A damaged tombstone counts as the newest of all, so that it still refuses whatever was under way. */
  #tombstoneVersion(stored: StoredKey): number {
    const bytes = this.#database.tombstones.getBinaryFast(stored)
    if (bytes === undefined) return 0
    return StoredRecord.read(bytes)?.version ?? readState(this.#database.state)?.highestVersion ?? Infinity
  }

  #saveHighest(): void {
    const held = readState(this.#database.state)?.highestVersion ?? 0
    if (this.#highest > held) changeState(this.#database.state, () => ({ highestVersion: this.#highest }))
  }
}
