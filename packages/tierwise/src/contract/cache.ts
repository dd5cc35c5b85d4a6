import type { Analytics } from './analytics.ts'
import type { Health } from './health.ts'
import type { GovernanceReport } from './governance.ts'
import type { CacheEventOf, CacheEventType, TierWriteState } from './events.ts'
import type { BatchLoader, Loader } from './loader.ts'
import type { Duration, LoadOptions, Lifetime, ReadOptions, WriteOptions } from './options.ts'
import type { Warming, WarmingOptions, WarmingTask } from './warming.ts'

/** What became of a write. */
export interface WriteResult {
  /** Orders the writes of one key; larger is newer. */
  readonly version: number
  /** Hand it to a read on another instance as `after`. */
  readonly token: string
  /** What each tier of the namespace did. */
  readonly tiers: Readonly<Record<string, TierWriteState>>
}

/** A value with its life. */
export interface EntryInfo<V> {
  readonly value: V
  /** Name of the tier that answered. */
  readonly tier: string
  /** When the value came to be; a renewal does not change it. */
  readonly createdAt: Date
  /** When it stops being fresh; undefined for never. */
  readonly expiresAt: Date | undefined
  /** `get` does not answer it: it is past its ttl and within its grace, or this process cannot prove that it is current. */
  readonly stale: boolean
  readonly tags: readonly string[]
  readonly version: number
}

/** What one tier holds of a key. */
export interface TierEntry<V> {
  readonly tier: string
  /** `dead`: past its grace or invalidated, and not removed yet. `unknown`: the tier could not answer. */
  readonly state: 'fresh' | 'stale' | 'dead' | 'absent' | 'unknown'
  /** Absent, as all that follows, where the tier holds nothing or could not answer. */
  readonly entry?: EntryInfo<V>
  /** When it leaves the tier; undefined for never. */
  readonly usableUntil?: Date | undefined
  /** Bytes of the encoded value; undefined where it was never encoded. */
  readonly sizeBytes?: number | undefined
}

/** A namespace: its own key space, policy and counters. */
export interface Cache<V = unknown> {
  readonly name: string
  /**
   * The entries of one tenant, in a namespace with `tenant: 'required'`: a cache like any other, which neither sees nor
   * changes those of another tenant. Its `clear` and its tags reach its own entries only.
   *
   * @throws ConfigError ERR_CACHE_OPTION when the namespace has no tenants, or the name is not made of letters, digits,
   *   `_`, `-` and `.`
   */
  forTenant(tenant: string): Cache<V>
  /**
   * The fresh value, or undefined. Never fails because a tier does, unless the namespace says `failure: 'closed'`.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws TierError ERR_CACHE_UNAVAILABLE with `failure: 'closed'`
   * @example
   * await factors.set('steel', 1.85)
   * console.log(await factors.get('steel')) // => 1.85
   * console.log(await factors.get('glass')) // => undefined
   */
  get(key: string, options?: ReadOptions): Promise<V | undefined>
  /**
   * The fresh value, else one load shared by all callers of the key; a stale value may stand in, see `grace`.
   *
   * Resolves to undefined when the loader does, and stores nothing then.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws LoaderError ERR_CACHE_LOADER when the loader failed and no stale value may stand in
   * @throws TimeoutError ERR_CACHE_LOADER_TIMEOUT after `hardTimeout`
   * @throws AbortedError ERR_CACHE_ABORTED when the `signal` of this call was aborted
   * @example
   * const load = async ({ key }: { key: string }) => key.length
   * console.log(await factors.getOrSet('steel', load, { ttl: '1h' })) // => 5
   */
  getOrSet(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V>
  /**
   * The fresh value if memory holds it; synchronous. Looks nowhere else and opens nothing.
   *
   * @example
   * console.log(factors.peek('steel')) // => undefined
   */
  peek(key: string): V | undefined
  /**
   * The value with its life, fresh or stale; undefined when there is none.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * await factors.set('steel', 1.85, { tags: ['metals'] })
   * const entry = await factors.getEntry('steel')
   * console.log(entry?.tier, entry?.tags, entry?.stale) // => memory [ 'metals' ] false
   */
  getEntry(key: string, options?: ReadOptions): Promise<EntryInfo<V> | undefined>
  /**
   * Stores a value in the tiers of the namespace. A tier that fails is told in the result and does not reject the write.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws ValueError ERR_CACHE_VALUE_UNDEFINED
   * @throws CodecError ERR_CACHE_ENCODE when a tier keeps bytes and the value has no faithful form
   * @throws LicenseViolationError ERR_CACHE_LICENSE when the ttl is longer than the licence allows
   * @example
   * const { tiers } = await factors.set('steel', 1.85, { ttl: '1d', tags: ['metals'] })
   * console.log(tiers) // => { memory: 'applied' }
   */
  set(key: string, value: V, options?: WriteOptions): Promise<WriteResult>
  /**
   * Removes the key from every tier; whether any held it. A load of the key that is under way may not store.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * await factors.set('steel', 1.85)
   * console.log(await factors.delete('steel'), await factors.delete('steel')) // => true false
   */
  delete(key: string): Promise<boolean>
  /**
   * What each tier of the namespace holds of the key, fastest first: for people who look for an error. Counts no hit and
   * no miss, and changes nothing.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * await factors.set('steel', 1.85)
   * console.log((await factors.inspect('steel')).map(({ tier, state }) => `${tier} ${state}`)) // => [ 'memory fresh' ]
   */
  inspect(key: string): Promise<readonly TierEntry<V>[]>
  /** As `delete`, one command a tier for all keys; how many were held. @throws KeyError ERR_CACHE_KEY */
  deleteMany(keys: Iterable<string>): Promise<number>
  /** Whether `get` would find the key; counts no hit and no miss. @throws KeyError ERR_CACHE_KEY */
  has(key: string): Promise<boolean>
  /** Milliseconds the key stays fresh: `Infinity` for never ending, undefined when absent or stale. @throws KeyError ERR_CACHE_KEY */
  ttl(key: string): Promise<number | undefined>
  /**
   * Gives a fresh entry a new ttl from now, by default that of the namespace; false when absent or stale. `maxTtl`
   * counts from the birth of the value, so it cannot be prolonged this way.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws LicenseViolationError ERR_CACHE_LICENSE when the ttl is longer than the licence allows
   */
  touch(key: string, ttl?: Lifetime): Promise<boolean>
  /** Ends the freshness now and keeps what is left of the grace as a fallback; false when absent. @throws KeyError ERR_CACHE_KEY */
  expire(key: string): Promise<boolean>
  /**
   * As `get`, one command a tier for all keys; keys without a fresh value are left out.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * await factors.setMany([['steel', 1.85], ['glass', 0.9]])
   * console.log(await factors.getMany(['steel', 'wood'])) // => Map(1) { 'steel' => 1.85 }
   */
  getMany(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, V>>
  /**
   * As `getOrSet` for many keys: the loader runs once, for those that are missing; keys it leaves out are left out.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws LoaderError ERR_CACHE_LOADER when the loader failed and a key has no stale value to stand in
   * @throws TimeoutError ERR_CACHE_LOADER_TIMEOUT after `hardTimeout`
   * @throws AbortedError ERR_CACHE_ABORTED when the `signal` of this call was aborted
   * @example
   * await factors.set('steel', 1.85)
   * const all = await factors.getOrSetMany(['steel', 'glass'], (missing) => new Map(missing.map((key) => [key, 0])))
   * console.log(all) // => Map(2) { 'steel' => 1.85, 'glass' => 0 }
   */
  getOrSetMany(keys: Iterable<string>, loadMissing: BatchLoader<V>, options?: LoadOptions): Promise<Map<string, V>>
  /**
   * As `set`, one command a tier for all entries.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws ValueError ERR_CACHE_VALUE_UNDEFINED
   * @throws CodecError ERR_CACHE_ENCODE
   * @throws LicenseViolationError ERR_CACHE_LICENSE
   */
  setMany(entries: Iterable<readonly [string, V]>, options?: WriteOptions): Promise<Map<string, WriteResult>>
  /**
   * Removes keys from every tier of every instance, and says what became of it; `deleteMany` for those who want to know
   * more. When it resolves with `applied` in the tier that instances share, no load, refresh or copy that began before
   * can bring an older value back.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws ConfigError ERR_CACHE_OPTION
   * @throws TierError ERR_CACHE_TIER_WRITE with `strict` or `barrier`, when a tier could not take it now
   * @throws TimeoutError ERR_CACHE_BARRIER when it could not be found out in time who has applied it
   * @example
   * await factors.set('steel', 1.85)
   * const { tiers, held } = await factors.invalidate('steel')
   * console.log(tiers['memory'], held) // => applied 1
   */
  invalidate(keys: string | Iterable<string>, options?: InvalidateOptions): Promise<InvalidateResult>
  /**
   * Invalidates every entry of this namespace that carries one of the tags. O(1): nothing is visited. A tier that could not
   * be told is told as soon as it can, for as long as this process lives.
   *
   * @throws ConfigError ERR_CACHE_OPTION when it is not a list of texts
   * @throws TierError ERR_CACHE_TIER_WRITE with `strict`, when a tier that keeps the tags could not be told now
   * @example
   * await factors.set('steel', 1.85, { tags: ['metals'] })
   * await factors.invalidateTags(['metals'])
   * console.log(await factors.get('steel')) // => undefined
   */
  invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void>
  /**
   * Removes the keys that fit: `*` any run, `?` one character, `[abc]` one of; `\` escapes. The exact number of keys
   * removed. Visits every key, so prefer tags in a large namespace; `escapeGlob` quotes a key.
   *
   * @throws KeyError ERR_CACHE_KEY when the pattern is empty
   * @throws TierError ERR_CACHE_TIER_READ when a tier cannot list its keys
   * @example
   * await factors.setMany([['eu/steel', 1.85], ['eu/glass', 0.9], ['us/steel', 2.1]])
   * console.log(await factors.invalidatePattern('eu/*')) // => 2
   */
  invalidatePattern(pattern: string): Promise<number>
  /** Keys that `get` would find, each once, in no order; listing changes nothing. @throws TierError ERR_CACHE_TIER_READ when a tier cannot list its keys */
  keys(pattern?: string, options?: Pick<ReadOptions, 'tiers'>): AsyncIterable<string>
  /**
   * Forgets the namespace. O(1); `hard` also frees the space in every tier before it resolves.
   *
   * @throws TierError ERR_CACHE_TIER_WRITE with `strict`, when a tier could not be told now
   */
  clear(options?: ClearOptions): Promise<void>
  /**
   * Runs work that changes the source of the keys: nothing read before or during it stays cached. Its result or its
   * failure is passed on; the keys are removed in either case.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @example
   * const source = new Map([['steel', 1.85]])
   * const load = () => source.get('steel') ?? 0
   * await factors.getOrSet('steel', load)
   * await factors.mutate(['steel'], async () => source.set('steel', 1.9))
   * console.log(await factors.getOrSet('steel', load)) // => 1.9
   */
  mutate<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T>
  /**
   * The function, cached by its arguments. Give each wrapped function a namespace of its own, or a `key`: the default
   * key is a digest of the arguments alone, the same for equal arguments whatever the order of their properties.
   *
   * @throws KeyError ERR_CACHE_KEY, at the call, when the arguments have no content to compare (functions, class instances)
   * @example
   * const factorOf = factors.wrap((material: string, year: number) => material.length * year)
   * console.log(await factorOf('steel', 2026)) // => 10130
   */
  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => V | Promise<V>,
    options?: WrapOptions<A>,
  ): (...args: A) => Promise<V>
}

/** How `invalidate` goes about it. */
export interface InvalidateOptions {
  /** What is held becomes stale and may still stand in, within its grace, when the loader is slow or fails. @default false */
  readonly keepStale?: boolean
  /**
   * The version of the source (a log position, a row version) from which on values count: what loaders read of an older
   * one, from a replica that lags, is not stored. Loaders say what they have read with `setSourceVersion`. @default none
   */
  readonly fence?: number
  /** Resolve only once every live instance has applied it, or has lost the right to serve from memory. @default false */
  readonly barrier?: boolean
  /** How long a barrier may take. @default '10s' */
  readonly timeout?: Duration
  /** Throw when a tier could not take it now. Otherwise it is kept and replayed. @default false */
  readonly strict?: boolean
}

/** How `invalidateTags` goes about it. */
export interface InvalidateTagsOptions {
  /** Throw when a tier that keeps the tags could not be told now, or is not open. Otherwise it is told later. @default false */
  readonly strict?: boolean
}

/** How `clear` goes about it. */
export interface ClearOptions {
  /** Free the space in every tier before it resolves. @default false */
  readonly hard?: boolean
  /**
   * Throw when a tier could not be told now, or is not open, and with `hard` when one could not free its space. Otherwise
   * that is done later. @default false
   */
  readonly strict?: boolean
}

/** What became of an invalidation. */
export interface InvalidateResult extends WriteResult {
  /** Keys that were held somewhere. */
  readonly held: number
  /** With `barrier`: the instances that have applied it. */
  readonly acknowledged?: readonly string[]
  /** With `barrier`: the instances that are not heard of any more, and may not serve from memory. */
  readonly lapsed?: readonly string[]
}

/** What `wrap` takes. */
export interface WrapOptions<A extends readonly unknown[]> extends LoadOptions {
  /** The key of a call. @default a digest of the arguments */
  readonly key?: (...args: A) => string
}

/** All tiers and namespaces behind one life cycle. */
export interface CacheManager extends AsyncDisposable {
  /**
   * The namespace of that name or alias; the same object each time.
   *
   * @throws ConfigError ERR_CACHE_OPTION for a wrong name, or an unlisted one with `strictNamespaces`
   * @example
   * console.log(manager.namespace('factors') === manager.namespace('factors')) // => true
   */
  namespace<V = unknown>(name: string): Cache<V>
  /**
   * Opens the tiers, and says when one cannot be opened; the manager is stopped then. The first use opens them too, and
   * goes on without those it cannot open.
   *
   * @throws TierError ERR_CACHE_TIER_OPEN
   * @throws ConfigError ERR_CACHE_PEER_MISSING when a tier needs a package that is not installed
   */
  start(): Promise<void>
  /** Aborts loaders, writes what is pending, closes the tiers; idempotent. Leaves no socket or timer. Later calls throw ERR_CACHE_STOPPED. */
  stop(): Promise<void>
  /** How the manager and its tiers are. `deep` asks each tier, within `tierTimeout`. */
  health(options?: { readonly deep?: boolean }): Promise<Health>
  /**
   * The counters since the manager was created.
   *
   * @example
   * await factors.getOrSet('steel', () => 1.85)
   * await factors.get('steel')
   * console.log(manager.analytics().hitRate) // => 0.5
   */
  analytics(): Analytics
  /**
   * What was governed since the manager was created: broken rules, ttls of calls, entries without an end.
   *
   * @example
   * await factors.set('steel', 1.85, { ttl: '1m' })
   * console.log(manager.governanceReport().ttlOverrides) // => 1
   */
  governanceReport(): GovernanceReport
  /**
   * Brings what is worth having into the cache before it is asked for, in the background: a promise of the report, with
   * the progress to follow. Each key goes the way of `getOrSetMany`, so nothing fresh is loaded or replaced; a loader that
   * fails is told in the report. Rejects only for a wrong plan.
   *
   * @throws ConfigError ERR_CACHE_OPTION
   * @example
   * const report = await manager.warm({ namespace: 'factors', keys: ['steel'], load: () => 1.85 })
   * console.log(report.outcome, report.loaded, factors.peek('steel')) // => done 1 1.85
   */
  warm(plan: WarmingTask | readonly WarmingTask[], options?: WarmingOptions): Warming
  /** As on a namespace, for the entries of all. */
  invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void>
  /** As on a namespace, for every namespace that is listed or was used. */
  clear(options?: ClearOptions): Promise<void>
  /**
   * Calls the listener for each event of a type. Returns the function that stops listening.
   *
   * @example
   * const stopListening = manager.on('miss', ({ key }) => console.log(key))
   * await factors.get('steel')
   * stopListening()
   */
  on<T extends CacheEventType>(type: T, listener: (event: CacheEventOf<T>) => void): () => void
  /** `get` of the namespace that the options name. */
  get<V = unknown>(key: string, options: ReadOptions & InNamespace): Promise<V | undefined>
  /** `getOrSet` of the namespace that the options name. */
  getOrSet<V>(key: string, loader: Loader<V>, options: LoadOptions & InNamespace): Promise<V>
  /** `set` of the namespace that the options name. */
  set(key: string, value: unknown, options: WriteOptions & InNamespace): Promise<WriteResult>
  /** `delete` of the namespace that the options name. */
  delete(key: string, options: InNamespace): Promise<boolean>
}

/** Names the namespace of a call on the manager. */
export interface InNamespace {
  readonly namespace: string
}
