import type { Authority } from './authority.ts'
import type { Bus } from './bus.ts'
import type { Entry } from './entry.ts'
import type { TierEvent } from './events.ts'
import type { Runtime } from './runtime.ts'
import type { TagClock, TagStore } from './tags.ts'

/** What a tier can do. Everything here is tested by the conformance suite when declared, and refused clearly when not. */
export interface TierCapabilities {
  /** Other processes see the same entries. */
  readonly shared: boolean
  /** Entries survive a restart of the process. */
  readonly durable: boolean
  /** Refuses a write that is older than what it holds for the key, deletions included. */
  readonly versions: boolean
  /** `scan` lists keys by prefix. */
  readonly scan: boolean
  /** `usage` reports bytes. */
  readonly bytes: boolean
  /** `tags` keeps the tag clock across restarts. */
  readonly tags: boolean
  /**
   * A source that takes no values: `set` is never called. `delete` and `clear` note that what the source holds is older
   * than what was invalidated; they work before `open`, take effect within the call and never reject.
   * @default false
   */
  readonly readOnly?: boolean
  /**
   * `notes` keeps small facts over restarts of the process.
   * @default false
   */
  readonly notes?: boolean
}

/** What a tier holds. */
export interface TierUsage {
  readonly entries: number
  /** Undefined when the tier cannot tell. */
  readonly bytes: number | undefined
  readonly maxBytes: number | undefined
  /** The server or file behind it, whoever else uses it; absent where the tier cannot tell. */
  readonly store?: StoreUsage
}

/** What a store takes as a whole, others' data included. Of a cluster, its fullest node. */
export interface StoreUsage {
  readonly bytes: number
  /** Undefined for no limit of its own. */
  readonly maxBytes: number | undefined
}

/** What a tier is given when the manager creates it. */
export interface TierContext extends Runtime {
  /** Name of the tier in the chain. */
  readonly name: string
  /** First part of every storage key; what a tier keeps beside its records has it in its name too. */
  readonly prefix: string
  /** The longest that any namespace may serve from memory without a proof from the bus, in milliseconds. @default 5000 */
  readonly maxStalenessMs?: number
  report(event: TierEvent): void
}

/** How a tier enters a chain: described first, created by each manager that uses it. */
export interface TierDefinition {
  /** Unique in the chain: `memory`, `redis`, `disk`, `postgres`, or a name of your own. */
  readonly name: string
  /** Two tiers of a chain may not have the same identity (same server and database, same folder). */
  readonly identity?: string
  /** How values are compressed for this tier; none by default. */
  readonly compression?: CompressionOptions
  create(context: TierContext): Tier | LocalTier
}

/** How the values of a tier are compressed. */
export interface CompressionOptions {
  /** What to compress with. `zstd` needs a Node that has it (22.15 or newer). @default 'gzip' */
  readonly algorithm?: 'gzip' | 'deflate' | 'brotli' | 'zstd'
  /** Payloads smaller than this many bytes stay as they are. @default 1024 */
  readonly threshold?: number
  /** Level of the algorithm. @default the algorithm's own */
  readonly level?: number
}

/** Bytes of one key as a store keeps them. The store does not look inside; the life is repeated for stores that expire by themselves. */
export interface TierRecord {
  readonly key: string
  readonly bytes: Uint8Array
  /** Absolute epoch milliseconds after which the record is useless; `Infinity` for never. */
  readonly expiresAt: number
  readonly version: number
  /**
   * With `capabilities.versions`: write only if nothing newer than this version is held for the key, deletions included.
   * A promotion or a load carries the version it saw before it started.
   */
  readonly ifNotAfter?: number
}

/** `pending`: accepted, not yet in the store. `superseded`: something newer is held. `refused`: larger than the store takes. */
export type WriteOutcome = 'applied' | 'pending' | 'superseded' | 'refused'

/**
 * Turns stored bytes into a result. Called inside `get` or `scan` while the bytes are valid; they may be reused
 * afterwards. `undefined` means that the record is no use (damaged, foreign, dead) and counts as absent. A store that
 * gives the versions itself tells the one of the record, which is then not that in the frame.
 */
export type Decode<T> = (bytes: Uint8Array, index: number, version?: number) => T | undefined

export interface TierOpening {
  /** The newest version the tier holds, 0 when empty or unknown: the authority starts above it. */
  readonly highestVersion: number
}

/** A plain value and its end in epoch milliseconds of this process; `Infinity` for never. */
export interface RawRecord {
  readonly key: string
  readonly bytes: Uint8Array
  readonly expiresAt: number
}

/** Plain keys and plain values, as code that talks to the store directly reads and writes them. No versions, no frames. */
export interface RawStore {
  /** One record a key, in order; absent and expired ones, and those of another type, are `undefined`. */
  get(keys: readonly string[]): Promise<readonly (RawRecord | undefined)[]>
  set(records: readonly RawRecord[]): Promise<void>
  /** Whether each key was held, in order. */
  delete(keys: readonly string[]): Promise<readonly boolean[]>
  /** The keys that start with `prefix`; no order, no duplicates. */
  scan(prefix: string): AsyncIterable<string>
}

/**
 * Small facts beside the records: what a process must not forget when it ends without warning. Only for a tier that can
 * be opened without a network; processes that share its store share the notes.
 */
export interface NoteStore {
  /** The names that start with `prefix`, in no order. */
  names(prefix: string): Promise<readonly string[]>
  /** Undefined when there is none. Rejects with a `TierError` when it is damaged. */
  get(name: string): Promise<Uint8Array | undefined>
  /** Replaces a note, or removes it with `undefined`. Resolves when that would survive a crash of the process. */
  set(name: string, bytes: Uint8Array | undefined): Promise<void>
}

/** A store of bytes behind memory. At most ten methods; no method may throw synchronously. */
export interface Tier {
  readonly sync: false
  readonly capabilities: TierCapabilities
  /** Present when `capabilities.tags`. */
  readonly tags?: TagStore
  /** Present when `capabilities.notes`. */
  readonly notes?: NoteStore
  /** Present when the store can give versions and leases to all that share it. */
  readonly authority?: Authority | undefined
  /** Present when the store tells each process what others have changed. */
  readonly bus?: Bus | undefined
  /** Present when code outside of this library may share the store's keys and values. */
  readonly raw?: RawStore
  /**
   * How far the clock of a shared store is ahead of this process, in milliseconds; undefined until it was measured.
   * Versions follow the store's clock, so that processes whose own clocks differ agree on the order of writes.
   */
  readonly clockOffsetMs?: number | undefined
  /** Idempotent. */
  open(): Promise<TierOpening>
  /** Idempotent; leaves no timer, socket or file handle; what was pending has been written. */
  close(): Promise<void>
  /** One result a key, in order; absent, expired and undecodable records are `undefined`. */
  get<T>(keys: readonly string[], decode: Decode<T>): Promise<readonly (T | undefined)[]>
  /**
   * A small number for the part of the store that a key lies in, where parts can fail while others answer (the nodes of
   * a cluster): the engine then reads each part on its own. Absent where all keys fail or answer together.
   */
  readonly partOf?: ((key: string) => number) | undefined
  /** One outcome a record, in order. */
  set(records: readonly TierRecord[]): Promise<readonly WriteOutcome[]>
  /** Whether each key was held, in order. With `capabilities.versions` a later write with a smaller version is refused. */
  delete(keys: readonly string[], version: number): Promise<readonly boolean[]>
  /** Visits the unexpired records whose key starts with `prefix`; no order, no duplicates. Never changes anything. */
  scan<T>(prefix: string, decode: Decode<T>): AsyncIterable<T>
  /** Removes every record whose key starts with `prefix` and that is not newer than `version`. */
  clear(prefix: string, version: number): Promise<void>
  usage(): Promise<TierUsage>
}

/** A tier in this process that answers in the same call and keeps values themselves. It comes first in the chain. */
export interface LocalTier {
  readonly sync: true
  readonly capabilities: TierCapabilities
  space(options: SpaceOptions): LocalSpace
  usage(): TierUsage
  /** Drops everything and stops its timers. Idempotent. */
  close(): void
}

export interface SpaceOptions {
  readonly namespace: string
  /** Quota of this namespace within the budget of the tier; the tier's own budget when undefined. */
  readonly maxBytes?: number | undefined
  readonly maxEntries?: number | undefined
  /** Part of the tier's budget that other namespaces cannot take. */
  readonly reservedBytes?: number | undefined
  /** Decides whether a tagged entry still counts. */
  readonly tagClock: TagClock
  /** Told of each entry that is given up for lack of room, in the call that needs the room. @default nobody */
  readonly onEvict?: ((key: string, entry: LocalEntry) => void) | undefined
  /**
   * Told of one `read` that answered in about a thousand, of more while there are few: its key, how many it stands for, and
   * how long it took in milliseconds. @default nobody
   */
  readonly onSample?: ((key: string, weight: number, durationMs: number) => void) | undefined
}

/** What a local space tells of an entry beyond its value. */
export interface LocalEntry<V = unknown> extends Entry<V> {
  readonly reviewAt: number
}

/** One namespace inside a local tier: an index of its own, so a hit needs no key concatenation. */
export interface LocalSpace {
  /**
   * Hits are served only before this instant (epoch milliseconds): the right to serve. `Infinity` without a bus.
   * @default Infinity
   */
  servableUntil: number
  /** How many `read` calls answered, and how many did not, since the space was created. */
  readonly hits: number
  readonly misses: number
  readonly size: number
  /** Estimated bytes held: keys, values, overhead. */
  readonly bytes: number
  /**
   * The memory hit: the value when it can be served without a second look (before `reviewAt`, tags current, right to
   * serve held), otherwise `undefined`. Counts as an access. Allocates nothing.
   */
  read(key: string): unknown
  /** The whole entry, fresh or stale; `undefined` when absent, dead or invalidated by a tag. Counts no access. */
  find(key: string): LocalEntry | undefined
  /**
   * Stores an entry; from `reviewAt` on `read` no longer answers and the engine takes a second look (refresh-ahead).
   * `reviewAt` is at most `freshUntil`. False when the entry is larger than the space takes; then nothing is held.
   */
  set(key: string, entry: Entry, reviewAt: number): boolean
  delete(key: string): boolean
  /** Estimated bytes of a value, as they would be accounted for. */
  weigh(value: unknown): number
  /** O(1) in visible time; memory is given back in the background. */
  clear(): void
  /** Keys of entries that are not dead; safe against changes while iterating. */
  keys(): IterableIterator<string>
}
