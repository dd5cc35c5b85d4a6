import { canonicalDigest } from '../../base/canonical.ts'
import { escapeGlob } from '../../base/glob.ts'
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
import { ConfigError } from '../../errors.ts'
import { isPlain } from '../call-policies.ts'
import { refuseMissedChange } from '../failure-mode.ts'
import { resolveClear } from '../invalidation-options.ts'
import { refuseMissed } from '../invalidate.ts'
import { checkKey } from '../../base/key.ts'
import type { Namespace } from '../namespace.ts'
import { clearTenant } from './tenant-clear.ts'
import { batchLoaderOf, loaderOf } from './tenant-loaders.ts'
import type { TenantNames } from './tenant-loaders.ts'
import { callersTags, refuseMarked, scopedTag, tagsOfTenant } from './tenant-tags.ts'

/** What a view of a tenant stands on. */
export interface WholeNamespace<V> {
  readonly ns: Namespace
  /** Takes keys with their tenants. */
  readonly cache: Cache<V>
}

/**
 * The entries of one tenant. Everything it is given goes down with the tenant before it, and comes back without: what it
 * cannot name, it cannot reach.
 */
export class TenantCache<V> implements Cache<V> {
  readonly name: string
  readonly #tenant: string
  readonly #prefix: string
  readonly #ns: Namespace
  readonly #cache: Cache<V>
  readonly #names: TenantNames
  /** Options of calls without tags of their own. */
  readonly #plain: { readonly tags: readonly string[] }
  /** Options of callers that keep them in a constant, with the tags of the tenant: so they are resolved once. */
  readonly #known = new WeakMap<object, object>()

  /** The tenant is empty for calls that name none, where that is only counted. */
  constructor({ ns, cache }: WholeNamespace<V>, tenant: string) {
    this.name = ns.name
    this.#tenant = tenant
    this.#prefix = `${tenant}:`
    this.#ns = ns
    this.#cache = cache
    this.#names = {
      bare: (key) => key.slice(this.#prefix.length),
      tags: (own) => this.#tagsOf(own),
    }
    this.#plain = Object.freeze({ tags: this.#tagsOf([]) })
  }

  forTenant(tenant: string): Cache<V> {
    throw new ConfigError(
      `This view of the namespace \`${this.name}\` is of one tenant already: ask the namespace for that of ${String(tenant)}.`,
      { code: 'ERR_CACHE_OPTION', operation: 'forTenant', namespace: this.name },
    )
  }

  get(key: string, options?: ReadOptions): Promise<V | undefined> {
    if (typeof key === 'string' && key !== '') return this.#cache.get(this.#prefix + key, options)
    return this.#cache.get(key, options)
  }

  getOrSet(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V> {
    if (typeof key !== 'string' || key === '') return this.#cache.getOrSet(key, loader, options)
    const whole = this.#prefix + key
    if (options === undefined || isPlain(options)) {
      const value = this.#cache.peek(whole)
      if (value !== undefined) return Promise.resolve(value)
    }
    return this.#load(whole, loader, options)
  }

  peek(key: string): V | undefined {
    return typeof key === 'string' && key !== '' ? this.#cache.peek(this.#prefix + key) : undefined
  }

  async getEntry(key: string, options?: ReadOptions): Promise<EntryInfo<V> | undefined> {
    const found = await this.#cache.getEntry(this.#wholeOf(key, 'getEntry'), options)
    return found && { ...found, tags: callersTags(found.tags) }
  }

  async inspect(key: string): Promise<readonly TierEntry<V>[]> {
    const tiers = await this.#cache.inspect(this.#wholeOf(key, 'inspect'))
    return tiers.map(({ entry, ...rest }) =>
      entry === undefined ? rest : { ...rest, entry: { ...entry, tags: callersTags(entry.tags) } },
    )
  }

  async set(key: string, value: V, options?: WriteOptions): Promise<WriteResult> {
    return this.#cache.set(this.#wholeOf(key, 'set'), value, this.#tagged(options))
  }

  async setMany(entries: Iterable<readonly [string, V]>, options?: WriteOptions): Promise<Map<string, WriteResult>> {
    const whole = [...entries].map(([key, value]) => [this.#wholeOf(key, 'setMany'), value] as const)
    return this.#bareAll(await this.#cache.setMany(whole, this.#tagged(options)))
  }

  async delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#wholeOf(key, 'delete'))
  }

  async deleteMany(keys: Iterable<string>): Promise<number> {
    return this.#cache.deleteMany(this.#wholeAll(keys, 'deleteMany'))
  }

  async invalidate(keys: string | Iterable<string>, options?: InvalidateOptions): Promise<InvalidateResult> {
    const given = typeof keys === 'string' ? [keys] : keys
    return this.#cache.invalidate(this.#wholeAll(given, 'invalidate'), options)
  }

  async has(key: string): Promise<boolean> {
    return this.#cache.has(this.#wholeOf(key, 'has'))
  }

  async ttl(key: string): Promise<number | undefined> {
    return this.#cache.ttl(this.#wholeOf(key, 'ttl'))
  }

  async touch(key: string, ttl?: Lifetime): Promise<boolean> {
    return this.#cache.touch(this.#wholeOf(key, 'touch'), ttl)
  }

  async expire(key: string): Promise<boolean> {
    return this.#cache.expire(this.#wholeOf(key, 'expire'))
  }

  async getMany(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, V>> {
    return this.#bareAll(await this.#cache.getMany(this.#wholeAll(keys, 'getMany'), options))
  }

  async getOrSetMany(
    keys: Iterable<string>,
    loadMissing: BatchLoader<V>,
    options?: LoadOptions,
  ): Promise<Map<string, V>> {
    const whole = this.#wholeAll(keys, 'getOrSetMany')
    return this.#bareAll(
      await this.#cache.getOrSetMany(whole, batchLoaderOf(this.#names, loadMissing), this.#tagged(options)),
    )
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void> {
    const own = texts(tags, 'tags')
    refuseMarked(own, 'tags')
    return this.#cache.invalidateTags(
      own.map((tag) => scopedTag(this.#tenant, tag)),
      options,
    )
  }

  async invalidatePattern(pattern: string): Promise<number> {
    checkKey(pattern, 'invalidatePattern')
    return this.#cache.invalidatePattern(this.#patternOf(pattern))
  }

  async *keys(pattern = '*', options?: Pick<ReadOptions, 'tiers'>): AsyncIterable<string> {
    if (typeof pattern !== 'string') throw optionError('pattern', pattern, 'a text')
    for await (const key of this.#cache.keys(this.#patternOf(pattern), options)) yield this.#names.bare(key)
  }

  async clear(options?: ClearOptions): Promise<void> {
    const { isHard, isStrict } = resolveClear(options)
    await this.#ns.ready('clear')
    const missed = await clearTenant(this.#ns, this.#tenant, isHard)
    if (isStrict) refuseMissed(missed, { operation: 'clear', namespace: this.name })
    refuseMissedChange(this.#ns, missed, { operation: 'clear' })
  }

  async mutate<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    return this.#cache.mutate(this.#wholeAll(keys, 'mutate'), work)
  }

  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => V | Promise<V>,
    options: WrapOptions<A> = {},
  ): (...args: A) => Promise<V> {
    if (typeof fn !== 'function') throw optionError('fn', fn, 'a function')
    const { key: keyOf = (...args: A): string => canonicalDigest(args), ...rest } = options
    const load = Object.freeze(rest)
    return async (...args) => this.getOrSet(keyOf(...args), () => fn(...args), load)
  }

  #load(whole: string, loader: Loader<V>, options: LoadOptions | undefined): Promise<V> {
    try {
      return this.#cache.getOrSet(whole, loaderOf(this.#names, loader), this.#tagged(options))
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  #wholeOf(key: string, operation: string): string {
    checkKey(key, operation)
    return this.#prefix + key
  }

  #wholeAll(keys: Iterable<string>, operation: string): readonly string[] {
    return [...keys].map((key) => this.#wholeOf(key, operation))
  }

  #bareAll<T>(byKey: ReadonlyMap<string, T>): Map<string, T> {
    return new Map([...byKey].map(([key, value]) => [this.#names.bare(key), value]))
  }

  #patternOf(pattern: string): string {
    return escapeGlob(this.#prefix) + pattern
  }

  #tagsOf(tags: readonly string[]): readonly string[] {
    const own = texts(tags, 'tags')
    refuseMarked(own, 'tags')
    return tagsOfTenant(this.#tenant, { shared: this.#ns.policy.tags, own })
  }

  /** The options with the tags of the tenant; what is wrong with the rest of them is said further down. */
  #tagged<O extends { readonly tags?: readonly string[] }>(options: O | undefined): O {
    if (options === undefined) return this.#plain as O
    if (typeof options !== 'object' || options === null) return options
    const known = this.#known.get(options) as O | undefined
    if (known !== undefined) return known
    const tagged = Object.freeze({ ...options, tags: this.#tagsOf(options.tags ?? []) })
    if (Object.isFrozen(options)) this.#known.set(options, tagged)
    return tagged
  }
}
