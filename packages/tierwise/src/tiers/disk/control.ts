import { crc32 } from 'node:zlib'

import type { Database, Store } from './database.ts'
import { recordBytes, StoredRecord } from './record.ts'
import { keyFromBytes, keyToBytes, ordinaryKeyOf, storedKeyOf } from './stored-key.ts'

/** Facts about the whole database, kept in one small record. */
export interface State {
  /** Raised whenever a floor changes, so that processes notice. */
  readonly floorRevision: number
  /** Records of an earlier generation are distrusted. */
  readonly generation: number
  readonly highestVersion: number
  readonly tagClock: number
}

const stateKey = 'state'
const stateBytes = 28
const firstState: State = { floorRevision: 0, generation: 1, highestVersion: 0, tagClock: 0 }

/** Undefined when the record is damaged. */
export function readState(store: Store): State | undefined {
  const bytes = store.getBinaryFast(stateKey)
  if (bytes === undefined) return firstState
  if (bytes.length !== stateBytes || crc32(bytes.subarray(4, stateBytes)) !== bytes.readUInt32LE(0)) return undefined
  return {
    floorRevision: bytes.readUInt32LE(4),
    generation: bytes.readUInt32LE(8),
    highestVersion: bytes.readDoubleLE(12),
    tagClock: bytes.readDoubleLE(20),
  }
}

/** Only inside `transact`. */
export function changeState(store: Store, change: (state: State) => Partial<State>): State {
  const before = readState(store) ?? firstState
  const state = { ...before, ...change(before) }
  const bytes = Buffer.allocUnsafe(stateBytes)
  bytes.writeUInt32LE(state.floorRevision, 4)
  bytes.writeUInt32LE(state.generation, 8)
  bytes.writeDoubleLE(state.highestVersion, 12)
  bytes.writeDoubleLE(state.tagClock, 20)
  bytes.writeUInt32LE(crc32(bytes.subarray(4, stateBytes)), 0)
  store.put(stateKey, bytes)
  return state
}

/**
 * Distrusts every record that is held now. False when there is none.
 *
 * Generations follow the seconds of the clock, because after a crash of the machine the number before may be lost, and
 * counting from an older one would give records of the lost generation back their trust.
 */
export async function raiseGeneration(database: Database, now: number): Promise<boolean> {
  if (database.space().entries === 0) return false
  const seconds = Math.floor(now / 1000) >>> 0
  await database.transact(() =>
    changeState(database.state, ({ generation }) => ({ generation: Math.max(generation + 1, seconds) })),
  )
  return true
}

/** The version up to which everything under a prefix has been cleared. */
export interface Floor {
  readonly prefix: string
  readonly version: number
  readonly raisedAt: number
  /** Whether the records below it have been removed. */
  readonly isSwept: boolean
}

/**
 * The floors of the database and the current trust generation, read again whenever a process changed them.
 *
 * A clear raises the floor of its prefix in one small write; from then on records at or below it are invisible, and
 * writes at or below it are refused, while their space is given back in the background.
 */
export class Control {
  readonly #database: Database
  #revision = -1
  #floors: readonly Floor[] = []
  #generation = 1

  constructor(database: Database) {
    this.#database = database
  }

  get generation(): number {
    return this.#generation
  }

  get floors(): readonly Floor[] {
    return this.#floors
  }

  /** Looks at the state of the current snapshot or transaction. */
  refresh(): void {
    const bytes = this.#database.state.getBinaryFast(stateKey)
    if (bytes === undefined) return
    const revision = bytes.readUInt32LE(4)
    this.#generation = bytes.readUInt32LE(8)
    if (revision === this.#revision) return
    this.#floors = readFloors(this.#database)
    this.#revision = revision
  }

  /** 0 when nothing covers the key. */
  floorOf(key: string): number {
    let version = 0
    for (const floor of this.#floors) {
      if (floor.version > version && key.startsWith(floor.prefix)) version = floor.version
    }
    return version
  }

  /** Only inside `transact`. A floor never goes down. */
  raise(prefix: string, version: number, now: number): void {
    this.refresh()
    const held = this.#floors.find((floor) => floor.prefix === prefix)
    this.put({ prefix, version: Math.max(version, held?.version ?? 0), raisedAt: now, isSwept: false })
  }

  /** Only inside `transact`. */
  put(floor: Floor): void {
    // A floor has no end; the field of the expiry says whether its records are gone.
    const head = { version: floor.version, expiresAt: floor.isSwept ? 1 : 0, writtenAt: floor.raisedAt, generation: 0 }
    this.#database.floors.put(floorKey(floor.prefix), recordBytes(head, undefined, keyToBytes(floor.prefix)))
    this.#noteChange(floor.version)
  }

  /** Only inside `transact`. */
  remove(floor: Floor): void {
    this.#database.floors.remove(floorKey(floor.prefix))
    this.#noteChange(0)
  }

  #noteChange(version: number): void {
    changeState(this.#database.state, (state) => ({
      floorRevision: (state.floorRevision + 1) >>> 0,
      highestVersion: Math.max(state.highestVersion, version),
    }))
    this.refresh()
  }
}

/** The prefix may be empty, and LMDB takes no empty key. */
function floorKey(prefix: string): ReturnType<typeof storedKeyOf> {
  return storedKeyOf(`/${prefix}`)
}

function readFloors(database: Database): Floor[] {
  return [...database.floors.getKeys({})].flatMap((key) => {
    const bytes = database.floors.getBinaryFast(key)
    const record = bytes && StoredRecord.read(bytes)
    if (record !== undefined) {
      const prefix = keyFromBytes(record.keyBytes)
      return [{ prefix, version: record.version, raisedAt: record.writtenAt, isSwept: record.expiresAt === 1 }]
    }
    // A damaged floor must not bring back what it covered, so it covers all that was ever written.
    const prefix = ordinaryKeyOf(key)?.slice(1) ?? ''
    return [{ prefix, version: readState(database.state)?.highestVersion ?? Infinity, raisedAt: 0, isSwept: false }]
  })
}
