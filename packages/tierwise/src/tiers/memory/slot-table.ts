import type { Entry } from '../../contract/entry.ts'
import type { LocalEntry } from '../../contract/tier.ts'
import { NumberColumn } from './number-column.ts'

/** Slots 0 and 1 are the anchors of the two queues, so linking needs no special case for an empty queue. */
export const windowAnchor = 0
export const mainAnchor = 1
const firstSlot = 2
const leastCapacity = 32

/** Bits of the metadata byte: how often it was used (0 to 15), references since the queue looked (0 to 3), flags. */
export const countMask = 0x0f
export const referenceStep = 0x10
export const referenceMask = 0x30
export const inMain = 0x40
export const isTagged = 0x80

/** What a weight may be at most: two gigabytes, so that sums of differences stay exact in 32 bits. */
export const mostWeight: number = 2 ** 31 - 1

const noTags: readonly string[] = Object.freeze([])

/** Tags of the slots that have any; three columns that exist once an entry with tags came. */
export interface TagColumns {
  readonly lists: (readonly string[] | undefined)[]
  /** Tag clock when the value was asked for. */
  recorded: Float64Array
  /** Tag clock at which the tags were last found current. */
  checked: Float64Array
}

/**
 * The entries of one space, as columns indexed by slot: a hit touches only those it needs, and the collector sees two
 * arrays instead of a million objects.
 *
 * Columns that plain entries can do without appear with the first entry that needs them: `freshUntil` while it always
 * equals `reviewAt`, `usableUntil` while it always equals `freshUntil`, tags, load times.
 *
 * Capacity doubles, but not at once: shortly before the slots run out each further slot doubles one column, so that the
 * longest stall is the copy of one column.
 */
export class SlotTable {
  readonly keys: (string | undefined)[] = []
  readonly values: unknown[] = []
  meta: Uint8Array = new Uint8Array(leastCapacity)
  next: Int32Array = new Int32Array(leastCapacity)
  previous: Int32Array = new Int32Array(leastCapacity)
  /** Of the key, taken when it came: sketch and ghosts ask again when it goes. */
  hash: Int32Array = new Int32Array(leastCapacity)
  /** Bytes accounted for the entry. */
  weight: Int32Array = new Int32Array(leastCapacity)
  tags: TagColumns | undefined
  readonly reviewAt: NumberColumn
  readonly #createdAt: NumberColumn
  /** Microseconds between `createdAt` and the version, which usually is the microsecond of the write. */
  readonly #version: NumberColumn
  #freshUntil: NumberColumn | undefined
  #usableUntil: NumberColumn | undefined
  #loadMs: Float32Array | undefined
  #sizeBytes: Uint32Array | undefined
  #capacity = leastCapacity
  /** Slots at or above were never used. */
  #unused = firstSlot
  /** Chain of free slots through `next`; 0 ends it. */
  #free = 0
  #grown = 0
  readonly #growers: readonly ((capacity: number) => void)[]

  /** `origin`: whole epoch milliseconds near which the instants will lie. */
  constructor(origin: number) {
    this.reviewAt = new NumberColumn(origin, leastCapacity)
    this.#createdAt = new NumberColumn(origin, leastCapacity)
    this.#version = new NumberColumn(0, leastCapacity)
    this.keys.length = leastCapacity
    this.values.length = leastCapacity
    this.previous[mainAnchor] = mainAnchor
    this.next[mainAnchor] = mainAnchor
    this.#growers = this.#columnGrowers()
  }

  /** End of the used slots: a sweep visits `firstSlot` up to here. */
  get end(): number {
    return this.#unused
  }

  get start(): number {
    return firstSlot
  }

  take(): number {
    const recycled = this.#free
    if (recycled !== 0) {
      this.#free = this.next[recycled] as number
      return recycled
    }
    if (this.#unused >= this.#capacity - this.#growers.length) this.#growNext()
    return this.#unused++
  }

  /** The slot must be in no queue. */
  release(slot: number): void {
    this.keys[slot] = undefined
    this.values[slot] = undefined
    this.meta[slot] = 0
    this.weight[slot] = 0
    if (this.tags !== undefined) this.tags.lists[slot] = undefined
    this.next[slot] = this.#free
    this.#free = slot
  }

  /** Everything but key and weight. */
  store(slot: number, entry: Entry, reviewAt: number): void {
    this.values[slot] = entry.value
    const createdAt = Math.floor(entry.createdAt)
    this.reviewAt.set(slot, reviewAt)
    this.#createdAt.set(slot, createdAt)
    this.#version.set(slot, entry.version - createdAt * 1000)
    this.#storeLater(slot, entry, reviewAt)
    if (entry.tags.length > 0) this.#storeTags(slot, entry)
    else if (this.tags !== undefined) this.#dropTags(slot)
    if (this.#loadMs !== undefined || entry.loadMs > 0) this.#storeLoadMs(slot, entry.loadMs)
    if (this.#sizeBytes !== undefined || entry.sizeBytes > 0) this.#storeSize(slot, entry.sizeBytes)
  }

  freshUntil(slot: number): number {
    return (this.#freshUntil ?? this.reviewAt).get(slot)
  }

  usableUntil(slot: number): number {
    return (this.#usableUntil ?? this.#freshUntil ?? this.reviewAt).get(slot)
  }

  entry(slot: number): LocalEntry {
    const createdAt = this.#createdAt.get(slot)
    return {
      value: this.values[slot],
      version: this.#version.get(slot) + createdAt * 1000,
      createdAt,
      freshUntil: this.freshUntil(slot),
      usableUntil: this.usableUntil(slot),
      reviewAt: this.reviewAt.get(slot),
      tags: this.tags?.lists[slot] ?? noTags,
      tagClock: this.tags?.recorded[slot] ?? 0,
      loadMs: this.#loadMs?.[slot] ?? 0,
      sizeBytes: this.#sizeBytes?.[slot] ?? 0,
    }
  }

  #storeLater(slot: number, { freshUntil, usableUntil }: Entry, reviewAt: number): void {
    if (this.#freshUntil === undefined && freshUntil !== reviewAt) this.#freshUntil = this.reviewAt.copy(this.#room)
    this.#freshUntil?.set(slot, freshUntil)
    if (this.#usableUntil === undefined && usableUntil !== freshUntil) {
      this.#usableUntil = (this.#freshUntil ?? this.reviewAt).copy(this.#room)
    }
    this.#usableUntil?.set(slot, usableUntil)
  }

  #storeTags(slot: number, entry: Entry): void {
    const room = this.#room
    this.tags ??= { lists: [], recorded: new Float64Array(room), checked: new Float64Array(room) }
    this.tags.lists[slot] = entry.tags
    this.tags.recorded[slot] = entry.tagClock
    this.tags.checked[slot] = -1
    this.meta[slot] = (this.meta[slot] as number) | isTagged
  }

  #dropTags(slot: number): void {
    const tags = this.tags as TagColumns
    tags.lists[slot] = undefined
    tags.recorded[slot] = 0
    this.meta[slot] = (this.meta[slot] as number) & ~isTagged
  }

  #storeLoadMs(slot: number, loadMs: number): void {
    this.#loadMs ??= new Float32Array(this.#room)
    this.#loadMs[slot] = loadMs
  }

  #storeSize(slot: number, sizeBytes: number): void {
    this.#sizeBytes ??= new Uint32Array(this.#room)
    this.#sizeBytes[slot] = sizeBytes
  }

  /** What a column that appears now must hold: its turn to grow may already be over. */
  get #room(): number {
    return this.#grown === 0 ? this.#capacity : this.#capacity * 2
  }

  #growNext(): void {
    this.#growers[this.#grown++]?.(this.#capacity * 2)
    if (this.#grown < this.#growers.length) return
    this.#capacity *= 2
    this.#grown = 0
  }

  #columnGrowers(): readonly ((capacity: number) => void)[] {
    return [
      (capacity) => (this.keys.length = capacity),
      (capacity) => (this.values.length = capacity),
      (capacity) => (this.meta = enlarged(this.meta, new Uint8Array(capacity))),
      (capacity) => (this.next = enlarged(this.next, new Int32Array(capacity))),
      (capacity) => (this.previous = enlarged(this.previous, new Int32Array(capacity))),
      (capacity) => (this.hash = enlarged(this.hash, new Int32Array(capacity))),
      (capacity) => (this.weight = enlarged(this.weight, new Int32Array(capacity))),
      (capacity) => this.reviewAt.reserve(capacity),
      (capacity) => this.#createdAt.reserve(capacity),
      (capacity) => this.#version.reserve(capacity),
      (capacity) => this.#freshUntil?.reserve(capacity),
      (capacity) => this.#usableUntil?.reserve(capacity),
      (capacity) => (this.#loadMs &&= enlarged(this.#loadMs, new Float32Array(capacity))),
      (capacity) => (this.#sizeBytes &&= enlarged(this.#sizeBytes, new Uint32Array(capacity))),
      (capacity) => this.tags && (this.tags.recorded = enlarged(this.tags.recorded, new Float64Array(capacity))),
      (capacity) => this.tags && (this.tags.checked = enlarged(this.tags.checked, new Float64Array(capacity))),
    ]
  }
}

function enlarged<T extends Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array>(old: T, room: T): T {
  if (old.length >= room.length) return old
  room.set(old)
  return room
}
