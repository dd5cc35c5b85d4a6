import type { Lifetime } from './options.ts'

/** What a loader is given. */
export interface LoaderContext<V> {
  /** The key that is loaded. */
  readonly key: string
  /** Aborted when the hard timeout passes, when every caller has left, or when the manager stops. */
  readonly signal: AbortSignal
  /** The value the cache still holds, stale or being refreshed. */
  readonly previous: { readonly value: V; readonly ageMs: number } | undefined
  /**
   * The fence of the latest invalidation: read the source at least as new as this, from the primary if need be, and say so
   * with `setSourceVersion`. A loader that has read less is run once more; what it brings then is handed to the callers
   * and not stored. Undefined for any.
   */
  readonly minSourceVersion: number | undefined
  /** Gives the loaded value its own ttl. @throws LicenseViolationError ERR_CACHE_LICENSE when it is longer than the licence allows */
  setTtl(ttl: Lifetime): void
  /** Adds tags to those of the call. */
  setTags(tags: readonly string[]): void
  /**
   * The version of the source that the value was read from (a log position, a row version): a value older than the fence
   * of an invalidation is not stored, see `minSourceVersion`.
   */
  setSourceVersion(version: number): void
  /** Hands the value to the callers without storing it. */
  skip(): void
  /** Ends the load with the previous value, renewed for another ttl. Return its result. @throws CacheError ERR_CACHE_LOADER when there is no previous value */
  notModified(): V
}

/** Brings the value of a key from its source. `undefined` means that the source has none; it is not stored. */
export type Loader<V> = (context: LoaderContext<V>) => V | Promise<V>

/** Loads what is missing of a batch; keys it leaves out are absent. */
export type BatchLoader<V> = (
  keys: readonly string[],
  context: BatchLoaderContext,
) => ReadonlyMap<string, V> | Promise<ReadonlyMap<string, V>>

/** What a batch loader is given. */
export interface BatchLoaderContext {
  /** Aborted when nobody waits for any of the keys any more. */
  readonly signal: AbortSignal
  /**
   * The highest fence among the keys, as `minSourceVersion` of a single load. Keys whose fence was not reached are loaded
   * once more, one by one.
   */
  readonly minSourceVersion: number | undefined
  /** The version of the source that all the values were read from, as `setSourceVersion` of a single load. */
  setSourceVersion(version: number): void
}
