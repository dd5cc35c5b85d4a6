import { canonicalDigest } from '../../base/canonical.ts'
import { optionError, texts } from '../../base/option-reader.ts'
import type {
  Cache,
  ClearOptions,
  EntryInfo,
  InvalidateOptions,
  InvalidateResult,
  InvalidateTagsOptions,
  TierEntry,
  WrapOptions,
  WriteResult,
} from '../../contract/cache.ts'
import type { BatchLoader, Loader } from '../../contract/loader.ts'
import type { Lifetime, LoadOptions, ReadOptions, WriteOptions } from '../../contract/options.ts'
import { checkKey } from '../../base/key.ts'
import { TenantCache } from './tenant-cache.ts'
import type { WholeNamespace } from './tenant-cache.ts'
import { refuseMarked } from './tenant-tags.ts'
import { TenantViews } from './tenant-views.ts'

/**
 * A namespace whose keys belong to tenants, as its operator sees it. What concerns all tenants at once is done: tags,
 * patterns, listings, a clear; keys are told with their tenants there. What concerns one key is refused, for it names no
 * tenant; where that is only counted, its tenant is the empty name, which no view can have.
 */
export class TenantedCache<V> implements Cache<V> {
  readonly name: string
  readonly #whole: WholeNamespace<V>
  readonly #nobody: TenantCache<V>
  readonly #views: TenantViews<V>

  constructor(whole: WholeNamespace<V>) {
    this.name = whole.ns.name
    this.#whole = whole
    this.#nobody = new TenantCache(whole, '')
    this.#views = new TenantViews(whole)
  }

  forTenant(tenant: string): Cache<V> {
    return this.#views.of(tenant)
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void> {
    refuseMarked(texts(tags, 'tags'), 'tags')
    return this.#whole.cache.invalidateTags(tags, options)
  }

  async invalidatePattern(pattern: string): Promise<number> {
    return this.#whole.cache.invalidatePattern(pattern)
  }

  keys(pattern?: string, options?: Pick<ReadOptions, 'tiers'>): AsyncIterable<string> {
    return this.#whole.cache.keys(pattern, options)
  }

  async clear(options?: ClearOptions): Promise<void> {
    return this.#whole.cache.clear(options)
  }

  async get(key: string, options?: ReadOptions): Promise<V | undefined> {
    return this.#judged('get', key).get(key, options)
  }

  async getOrSet(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V> {
    return this.#judged('getOrSet', key).getOrSet(key, loader, options)
  }

  peek(key: string): V | undefined {
    return this.#judged('peek', key).peek(key)
  }

  async getEntry(key: string, options?: ReadOptions): Promise<EntryInfo<V> | undefined> {
    return this.#judged('getEntry', key).getEntry(key, options)
  }

  async inspect(key: string): Promise<readonly TierEntry<V>[]> {
    return this.#judged('inspect', key).inspect(key)
  }

  async set(key: string, value: V, options?: WriteOptions): Promise<WriteResult> {
    return this.#judged('set', key).set(key, value, options)
  }

  async setMany(entries: Iterable<readonly [string, V]>, options?: WriteOptions): Promise<Map<string, WriteResult>> {
    const values = new Map(entries)
    return this.#judgedAll('setMany', values.keys()).cache.setMany(values, options)
  }

  async delete(key: string): Promise<boolean> {
    return this.#judged('delete', key).delete(key)
  }

  async deleteMany(keys: Iterable<string>): Promise<number> {
    const { cache, distinct } = this.#judgedAll('deleteMany', keys)
    return cache.deleteMany(distinct)
  }

  async invalidate(keys: string | Iterable<string>, options?: InvalidateOptions): Promise<InvalidateResult> {
    const { cache, distinct } = this.#judgedAll('invalidate', typeof keys === 'string' ? [keys] : keys)
    return cache.invalidate(distinct, options)
  }

  async has(key: string): Promise<boolean> {
    return this.#judged('has', key).has(key)
  }

  async ttl(key: string): Promise<number | undefined> {
    return this.#judged('ttl', key).ttl(key)
  }

  async touch(key: string, ttl?: Lifetime): Promise<boolean> {
    return this.#judged('touch', key).touch(key, ttl)
  }

  async expire(key: string): Promise<boolean> {
    return this.#judged('expire', key).expire(key)
  }

  async getMany(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, V>> {
    const { cache, distinct } = this.#judgedAll('getMany', keys)
    return cache.getMany(distinct, options)
  }

  async getOrSetMany(
    keys: Iterable<string>,
    loadMissing: BatchLoader<V>,
    options?: LoadOptions,
  ): Promise<Map<string, V>> {
    const { cache, distinct } = this.#judgedAll('getOrSetMany', keys)
    return cache.getOrSetMany(distinct, loadMissing, options)
  }

  async mutate<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const { cache, distinct } = this.#judgedAll('mutate', keys)
    return cache.mutate(distinct, work)
  }

  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => V | Promise<V>,
    options: WrapOptions<A> = {},
  ): (...args: A) => Promise<V> {
    if (typeof fn !== 'function') throw optionError('fn', fn, 'a function')
    const { key: keyOf = (...args: A): string => canonicalDigest(args), ...load } = options
    return async (...args) => this.getOrSet(keyOf(...args), () => fn(...args), load)
  }

  /** The view for calls without a tenant, where they are not refused. */
  #judged(operation: string, key: string): TenantCache<V> {
    checkKey(key, operation)
    this.#whole.ns.governor.refuse(
      { operation, key, bareKey: key },
      { rule: 'tenant-missing', detail: 'names no tenant: use the view that `forTenant` gives' },
    )
    return this.#nobody
  }

  #judgedAll(
    operation: string,
    keys: Iterable<string>,
  ): { readonly cache: TenantCache<V>; readonly distinct: readonly string[] } {
    const distinct = [...new Set(keys)]
    for (const key of distinct) this.#judged(operation, key)
    return { cache: this.#nobody, distinct }
  }
}
