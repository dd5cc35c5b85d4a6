import type { BatchLoader, Loader, LoaderContext } from '../../contract/loader.ts'

/** How the keys and tags of a tenant look in its namespace. */
export interface TenantNames {
  /** The key without its tenant. */
  bare(key: string): string
  /** The tags of an entry, for those of a caller. */
  tags(own: readonly string[]): readonly string[]
}

/** A loader that is told keys, and tells tags, as its tenant knows them. */
export function loaderOf<V>(names: TenantNames, loader: Loader<V>): Loader<V> {
  // What is not a function is refused further down, by its name.
  if (typeof loader !== 'function') return loader
  return (context) => loader(contextOf(names, context))
}

function contextOf<V>(names: TenantNames, context: LoaderContext<V>): LoaderContext<V> {
  return {
    key: names.bare(context.key),
    // Making the signal costs more than the rest of a load in memory, so it is asked for only where the loader does.
    get signal() {
      return context.signal
    },
    previous: context.previous,
    minSourceVersion: context.minSourceVersion,
    setTtl: (ttl) => context.setTtl(ttl),
    setTags: (tags) => context.setTags(names.tags(tags)),
    setSourceVersion: (version) => context.setSourceVersion(version),
    skip: () => context.skip(),
    notModified: () => context.notModified(),
  }
}

/** As `loaderOf`, for a batch. */
export function batchLoaderOf<V>(names: TenantNames, loadMissing: BatchLoader<V>): BatchLoader<V> {
  if (typeof loadMissing !== 'function') return loadMissing
  return async (keys, context) => {
    const bare = keys.map((key) => names.bare(key))
    const loaded = await loadMissing(bare, context)
    const values = new Map<string, V>()
    for (const [at, key] of keys.entries()) {
      const value = loaded.get(bare[at]!)
      if (value !== undefined) values.set(key, value)
    }
    return values
  }
}
