import type { CacheEventOf, CacheEventType, TierWriteState } from './events.ts'
import type { LoadOptions, Lifetime, ReadOptions, WriteOptions } from './options.ts'
import type { TierUsage } from './tier.ts'

/** What a loader is given. */
export interface LoaderContext<V> {
  readonly key: string
  /** Aborted when the hard timeout passes, when every caller has left, or when the manager stops. */
  readonly signal: AbortSignal
  /** The value the cache still holds, stale or being refreshed. */
  readonly previous: { readonly value: V; readonly ageMs: number } | undefined
  /** Gives the loaded value its own ttl. */
  setTtl(ttl: Lifetime): void
  /** Adds tags to those of the call. */
  setTags(tags: readonly string[]): void
  /** Hands the value to the callers without storing it. */
  skip(): void
  /** Ends the load with the previous value, renewed for another ttl. Return its result. Throws when there is no previous value. */
  notModified(): V
}

export type Loader<V> = (context: LoaderContext<V>) => V | Promise<V>

/** Loads what is missing of a batch; keys it leaves out are absent. */
export type BatchLoader<V> = (
  keys: readonly string[],
  context: BatchLoaderContext,
) => ReadonlyMap<string, V> | Promise<ReadonlyMap<string, V>>

export interface BatchLoaderContext {
  readonly signal: AbortSignal
}

export interface WriteResult {
  readonly version: number
  /** Hand it to a read on another instance as `after`. */
  readonly token: string
  readonly tiers: Readonly<Record<string, TierWriteState>>
}

export interface EntryInfo<V> {
  readonly value: V
  /** Name of the tier that answered. */
  readonly tier: string
  readonly createdAt: Date
  /** When it stops being fresh; undefined for never. */
  readonly expiresAt: Date | undefined
  readonly stale: boolean
  readonly tags: readonly string[]
  readonly version: number
}

/** A namespace: its own key space, policy and counters. */
export interface Cache<V = unknown> {
  readonly name: string
  /** The fresh value, or undefined. Never fails because a tier does. */
  get(key: string, options?: ReadOptions): Promise<V | undefined>
  /** The fresh value, else one load shared by all callers of the key. */
  getOrSet(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V>
  /** The fresh value if memory holds it; synchronous. */
  peek(key: string): V | undefined
  getEntry(key: string, options?: ReadOptions): Promise<EntryInfo<V> | undefined>
  set(key: string, value: V, options?: WriteOptions): Promise<WriteResult>
  /** Removes the key from every tier; whether any held it. */
  delete(key: string): Promise<boolean>
  deleteMany(keys: Iterable<string>): Promise<number>
  has(key: string): Promise<boolean>
  /** Milliseconds the key stays fresh: `Infinity` for never ending, undefined when absent. */
  ttl(key: string): Promise<number | undefined>
  /** Gives a fresh entry a new ttl from now; false when absent. */
  touch(key: string, ttl?: Lifetime): Promise<boolean>
  /** Ends the freshness now and keeps the stale copy as a fallback; false when absent. */
  expire(key: string): Promise<boolean>
  getMany(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, V>>
  getOrSetMany(keys: Iterable<string>, loadMissing: BatchLoader<V>, options?: LoadOptions): Promise<Map<string, V>>
  setMany(entries: Iterable<readonly [string, V]>, options?: WriteOptions): Promise<Map<string, WriteResult>>
  /** Invalidates every entry of this namespace that carries one of the tags. O(1). */
  invalidateTags(tags: readonly string[]): Promise<void>
  /** `*` any run, `?` one character, `[abc]` one of; `\` escapes. The exact number of keys removed. */
  invalidatePattern(pattern: string): Promise<number>
  /** Keys of fresh entries; listing changes nothing. */
  keys(pattern?: string): AsyncIterable<string>
  /** Forgets the namespace. O(1); `hard` also frees the space in every tier before it resolves. */
  clear(options?: { readonly hard?: boolean }): Promise<void>
  /** Runs work that changes the source of the keys: nothing read before or during it stays cached. */
  mutate<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T>
  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => V | Promise<V>,
    options?: WrapOptions<A>,
  ): (...args: A) => Promise<V>
}

export interface WrapOptions<A extends readonly unknown[]> extends LoadOptions {
  /** The key of a call; by default a digest of the arguments. */
  readonly key?: (...args: A) => string
}

export interface NamespaceStats {
  readonly hits: number
  readonly staleHits: number
  readonly misses: number
  readonly hitsByTier: Readonly<Record<string, number>>
  readonly loads: number
  readonly loadFailures: number
  /** Callers that were answered by somebody else's load. */
  readonly loadsSaved: number
  readonly refreshes: number
  readonly sets: number
  readonly deletes: number
  readonly invalidations: number
  readonly promotions: number
  /** Loads whose result was not stored because the key was invalidated meanwhile. */
  readonly rejectedFills: number
}

export interface Analytics {
  readonly overall: NamespaceStats
  readonly namespaces: Readonly<Record<string, NamespaceStats>>
  /** Hits of any tier by gets; undefined before the first get. */
  readonly hitRate: number | undefined
}

export interface TierHealth {
  readonly name: string
  readonly healthy: boolean
  readonly breaker: 'closed' | 'half-open' | 'open'
  /** Invalidations waiting to reach this tier. */
  readonly intents: number
  readonly usage: TierUsage | undefined
  /** Milliseconds of a round trip; only with `deep`. */
  readonly latencyMs?: number
  readonly error?: string
}

export interface Health {
  /** False when a tier is unhealthy; reads go on without it. */
  readonly healthy: boolean
  readonly state: 'new' | 'started' | 'stopped'
  readonly tiers: readonly TierHealth[]
  readonly pendingWrites: number
}

/** All tiers and namespaces behind one life cycle. */
export interface CacheManager extends AsyncDisposable {
  namespace<V = unknown>(name: string): Cache<V>
  /** Opens the tiers; the first use does it too. Rejects when a tier cannot be opened. */
  start(): Promise<void>
  /** Writes what is pending, closes the tiers; idempotent. Leaves no socket or timer. */
  stop(): Promise<void>
  health(options?: { readonly deep?: boolean }): Promise<Health>
  analytics(): Analytics
  invalidateTags(tags: readonly string[]): Promise<void>
  clear(options?: { readonly hard?: boolean }): Promise<void>
  /** Returns the function that stops listening. */
  on<T extends CacheEventType>(type: T, listener: (event: CacheEventOf<T>) => void): () => void
  get<V = unknown>(key: string, options: ReadOptions & InNamespace): Promise<V | undefined>
  getOrSet<V>(key: string, loader: Loader<V>, options: LoadOptions & InNamespace): Promise<V>
  set(key: string, value: unknown, options: WriteOptions & InNamespace): Promise<WriteResult>
  delete(key: string, options: InNamespace): Promise<boolean>
}

export interface InNamespace {
  readonly namespace: string
}
