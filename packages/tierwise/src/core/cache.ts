import { canonicalDigest } from '../base/canonical.ts'
import { compileGlob } from '../base/glob.ts'
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
} from '../contract/cache.ts'
import type { BatchLoader, Loader } from '../contract/loader.ts'
import type { Lifetime, LoadOptions, ReadOptions, WriteOptions } from '../contract/options.ts'
import type { LocalSpace } from '../contract/tier.ts'
import { AbortedError, ConfigError } from '../errors.ts'
import { getOrLoad, getOrLoadMany } from './get-or-load.ts'
import { clearNamespace } from './clear.ts'
import { deleteKeys, deletePattern, deleteTags, guardWork, invalidateKeys, refuseMissed } from './invalidate.ts'
import { inspectKey } from './inspect.ts'
import { resolveClear, resolveInvalidation, resolveTagInvalidation } from './invalidation-options.ts'
import { isolateOut } from './isolation.ts'
import { checkKey } from '../base/key.ts'
import { failedTiers, refuseMissedChange } from './failure-mode.ts'
import { endFreshness, locate, renew } from './life.ts'
import { liveKeys } from './listing.ts'
import type { Namespace } from './namespace.ts'
import { emitHit } from './outcome.ts'
import { admitCall, admitTtl, admitWrite } from './govern.ts'
import { readTtl } from './policy.ts'
import type { Policy } from './policy.ts'
import { isPlain } from './call-policies.ts'
import type { CallPolicies } from './call-policies.ts'
import { refuseTags, refuseUnbounded } from './raw/raw-policy.ts'
import { readMemory } from './memory-read.ts'
import type { Found } from './read.ts'
import { freshValue, readValues } from './read-values.ts'
import { readOne, type Use } from './tick-reads.ts'
import { writeValue, writeValues } from './write.ts'
import { optionError, texts } from '../base/option-reader.ts'

/**
 * The public verbs of one namespace. A memory hit ends in the first lines of `get`, `getOrSet` and `peek`: one look-up
 * that compares the clock once, one promise. Everything else is in the modules behind.
 */
export class NamespaceCache<V> implements Cache<V> {
  readonly name: string
  readonly #ns: Namespace
  readonly #policies: CallPolicies
  readonly #memory: Pick<LocalSpace, 'read'>
  readonly #useFound: Use<V | undefined> = (key, found, doubt) =>
    this.#handOut(freshValue(this.#ns, key, { found, doubt })) as V | undefined
  /** True when a hit is more than handing out the value: it is cloned, or somebody listens. */
  #isWatched = false

  constructor(ns: Namespace, policies: CallPolicies) {
    this.name = ns.name
    this.#ns = ns
    this.#policies = policies
    this.#memory = ns.local?.space ?? { read: () => undefined }
    this.watch()
  }

  /** Called when listeners come or go. */
  watch(): void {
    this.#isWatched = this.#ns.policy.isolation === 'clone' || this.#ns.engine.emitter.listens('hit')
  }

  forTenant(tenant: string): Cache<V> {
    throw new ConfigError(`The namespace \`${this.name}\` has no tenants, so not ${tenant} either.`, {
      code: 'ERR_CACHE_OPTION',
      namespace: this.name,
    })
  }

  get(key: string, options?: ReadOptions): Promise<V | undefined> {
    if (options === undefined) {
      const value = this.#memory.read(key)
      if (value !== undefined) return Promise.resolve((this.#isWatched ? this.#watchedHit(key, value) : value) as V)
    }
    return this.#getBelow(key, options)
  }

  getOrSet(key: string, loader: Loader<V>, options?: LoadOptions): Promise<V> {
    if (options === undefined || isPlain(options)) {
      const value = this.#memory.read(key)
      if (value !== undefined) return Promise.resolve((this.#isWatched ? this.#watchedHit(key, value) : value) as V)
    }
    return this.#load(key, loader, options)
  }

  peek(key: string): V | undefined {
    const value = this.#memory.read(key)
    return (this.#isWatched && value !== undefined ? this.#watchedHit(key, value) : value) as V | undefined
  }

  async getEntry(key: string, options?: ReadOptions): Promise<EntryInfo<V> | undefined> {
    const located = await this.#locate('getEntry', key, options)
    if (located === undefined) return undefined
    const { entry, tier, isFresh } = located
    return {
      value: this.#handOut(entry.value),
      tier,
      createdAt: new Date(entry.createdAt),
      expiresAt: entry.freshUntil === Infinity ? undefined : new Date(entry.freshUntil),
      stale: !isFresh,
      tags: entry.tags,
      version: entry.version,
    }
  }

  async set(key: string, value: V, options?: WriteOptions): Promise<WriteResult> {
    checkKey(key, 'set')
    const policy = this.#policies.of('write', options, key)
    await this.#ns.ready('set')
    const sizeBytes = admitWrite(this.#ns, { operation: 'set', key, policy }, value)
    const result = await writeValue(this.#ns, { key, value, policy, sizeBytes })
    refuseMissedChange(this.#ns, failedTiers(result.tiers), { operation: 'set', key })
    return result
  }

  async setMany(entries: Iterable<readonly [string, V]>, options?: WriteOptions): Promise<Map<string, WriteResult>> {
    const values = new Map(entries)
    for (const key of values.keys()) checkKey(key, 'setMany')
    const groups = this.#policies.ofEach('write', options, [...values.keys()])
    await this.#ns.ready('setMany')
    for (const [policy, keys] of groups)
      for (const key of keys) admitWrite(this.#ns, { operation: 'setMany', key, policy }, values.get(key))
    const results = await inGroups(groups, (keys, policy) =>
      writeValues(this.#ns, groups.size === 1 ? values : new Map(keys.map((key) => [key, values.get(key)])), policy),
    )
    for (const [key, { tiers }] of results)
      refuseMissedChange(this.#ns, failedTiers(tiers), { operation: 'setMany', key })
    return results
  }

  async delete(key: string): Promise<boolean> {
    const [held] = await this.#delete('delete', [key])
    return held !== undefined
  }

  async inspect(key: string): Promise<readonly TierEntry<V>[]> {
    checkKey(key, 'inspect')
    await this.#ns.ready('inspect')
    const all = await inspectKey(this.#ns, key)
    return all.map(({ entry, ...rest }) =>
      entry === undefined ? rest : { ...rest, entry: { ...entry, value: this.#handOut(entry.value) } },
    )
  }

  async deleteMany(keys: Iterable<string>): Promise<number> {
    return (await this.#delete('deleteMany', [...new Set(keys)])).size
  }

  async invalidate(keys: string | Iterable<string>, options?: InvalidateOptions): Promise<InvalidateResult> {
    const distinct = this.#checkKeys('invalidate', typeof keys === 'string' ? [keys] : keys)
    const how = resolveInvalidation(options)
    await this.#ns.ready('invalidate')
    return invalidateKeys(this.#ns, distinct, how)
  }

  async has(key: string): Promise<boolean> {
    return (await this.ttl(key)) !== undefined
  }

  async ttl(key: string): Promise<number | undefined> {
    const located = await this.#locate('ttl', key, undefined)
    const left = located?.isFresh === true ? located.entry.freshUntil - this.#ns.now() : 0
    return left > 0 ? left : undefined
  }

  async touch(key: string, ttl?: Lifetime): Promise<boolean> {
    checkKey(key, 'touch')
    const policy = this.#ns.policyOf(key)
    const asked = ttl === undefined ? undefined : readTtl(ttl)
    await this.#ns.ready('touch')
    const call = { operation: 'touch', key, policy }
    admitCall(this.#ns, call)
    return renew(this.#ns, key, asked === undefined ? policy : admitTtl(this.#ns, call, asked))
  }

  async expire(key: string): Promise<boolean> {
    checkKey(key, 'expire')
    await this.#ns.ready('expire')
    return endFreshness(this.#ns, key)
  }

  async getMany(keys: Iterable<string>, options?: ReadOptions): Promise<Map<string, V>> {
    const distinct = this.#checkKeys('getMany', keys)
    const groups = this.#policies.ofEach('read', options, distinct)
    refuseAborted(options?.signal, 'getMany')
    await this.#ns.ready('getMany')
    return this.#handOutAll(await inGroups(groups, (alike, policy) => readValues(this.#ns, alike, policy)))
  }

  async getOrSetMany(
    keys: Iterable<string>,
    loadMissing: BatchLoader<V>,
    options?: LoadOptions,
  ): Promise<Map<string, V>> {
    const distinct = this.#checkKeys('getOrSetMany', keys)
    checkFunction('loadMissing', loadMissing)
    const groups = this.#policies.ofEach('load', options, distinct)
    await this.#ns.ready('getOrSetMany')
    for (const [policy, alike] of groups)
      for (const key of alike) admitCall(this.#ns, { operation: 'getOrSetMany', key, policy })
    const call = { loader: loadMissing as BatchLoader<unknown>, signal: options?.signal }
    return this.#handOutAll(
      await inGroups(groups, (alike, policy) => getOrLoadMany(this.#ns, alike, { ...call, policy })),
    )
  }

  async invalidateTags(tags: readonly string[], options?: InvalidateTagsOptions): Promise<void> {
    texts(tags, 'tags')
    const { isStrict } = resolveTagInvalidation(options)
    if (this.#ns.isRaw) refuseTags(this.name)
    await this.#ns.ready('invalidateTags')
    const missed = await deleteTags(this.#ns, tags)
    if (isStrict) refuseMissed(missed, { operation: 'invalidateTags', namespace: this.name })
    refuseMissedChange(this.#ns, missed, { operation: 'invalidateTags' })
  }

  async invalidatePattern(pattern: string): Promise<number> {
    checkKey(pattern, 'invalidatePattern')
    this.#refuseUnbounded('invalidatePattern')
    await this.#ns.ready('invalidatePattern')
    return deletePattern(this.#ns, pattern)
  }

  async *keys(pattern = '*', options?: Pick<ReadOptions, 'tiers'>): AsyncIterable<string> {
    const fits = compileGlob(pattern)
    const policy = this.#policies.of('read', options)
    await this.#ns.ready('keys')
    for await (const key of liveKeys(this.#ns, 'fresh', policy)) if (fits(key)) yield key
  }

  async clear(options?: ClearOptions): Promise<void> {
    const { isHard, isStrict } = resolveClear(options)
    this.#refuseUnbounded('clear')
    await this.#ns.ready('clear')
    const missed = await clearNamespace(this.#ns, isHard)
    if (isStrict) refuseMissed(missed, { operation: 'clear', namespace: this.name })
    refuseMissedChange(this.#ns, missed, { operation: 'clear' })
  }

  async mutate<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const distinct = this.#checkKeys('mutate', keys)
    await this.#ns.ready('mutate')
    return guardWork(this.#ns, distinct, work)
  }

  wrap<A extends readonly unknown[]>(
    fn: (...args: A) => V | Promise<V>,
    options: WrapOptions<A> = {},
  ): (...args: A) => Promise<V> {
    checkFunction('fn', fn)
    const { key: keyOf = (...args: A): string => canonicalDigest(args), ...loadOptions } = options
    const load = Object.keys(loadOptions).length === 0 ? undefined : loadOptions
    return async (...args) => this.getOrSet(keyOf(...args), () => fn(...args), load)
  }

  /** Not an async function: a read below memory is a promise and a place in the batch of its tick. */
  #getBelow(key: string, options: ReadOptions | undefined): Promise<V | undefined> {
    try {
      checkKey(key, 'get')
      const policy = this.#policies.of('read', options, key)
      refuseAborted(options?.signal, 'get')
      const opening = this.#ns.ready('get')
      return opening === undefined ? this.#look(key, policy) : opening.then(() => this.#look(key, policy))
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** Memory once more, then the tiers below. */
  #look(key: string, policy: Policy): Promise<V | undefined> {
    const held = this.#ns.local === undefined ? undefined : readMemory(this.#ns, key, policy)
    if (held !== undefined) return Promise.resolve(this.#handOut(held) as V)
    return readOne(this.#ns, key, { policy, use: this.#useFound })
  }

  async #load(key: string, loader: Loader<V>, options: LoadOptions | undefined): Promise<V> {
    checkKey(key, 'getOrSet')
    checkFunction('loader', loader)
    const policy = this.#policies.of('load', options, key)
    await this.#ns.ready('getOrSet')
    admitCall(this.#ns, { operation: 'getOrSet', key, policy })
    const call = { loader: loader as Loader<unknown>, policy, signal: options?.signal }
    return this.#handOut(await getOrLoad(this.#ns, key, call))
  }

  async #locate(operation: string, key: string, options: ReadOptions | undefined): Promise<Found | undefined> {
    checkKey(key, operation)
    const policy = this.#policies.of('read', options, key)
    refuseAborted(options?.signal, operation)
    await this.#ns.ready(operation)
    return locate(this.#ns, key, policy)
  }

  async #delete(operation: string, keys: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkKeys(operation, keys)
    await this.#ns.ready(operation)
    return keys.length === 0
      ? new Set()
      : deleteKeys(this.#ns, keys, { scope: operation === 'delete' ? 'key' : 'keys' })
  }

  #refuseUnbounded(operation: string): void {
    if (this.#ns.policy.raw?.keyPrefix === '') refuseUnbounded(this.name, operation)
  }

  #checkKeys(operation: string, keys: Iterable<string>): readonly string[] {
    const distinct = [...new Set(keys)]
    for (const key of distinct) checkKey(key, operation)
    return distinct
  }

  #watchedHit(key: string, value: unknown): unknown {
    emitHit(this.#ns, { key, tier: this.#ns.local?.name ?? '', stale: false })
    return this.#handOut(value)
  }

  #handOut(value: unknown): V {
    return isolateOut(value, this.#ns.policy.isolation) as V
  }

  #handOutAll(values: Map<string, unknown>): Map<string, V> {
    if (this.#ns.policy.isolation !== 'clone') return values as Map<string, V>
    return new Map([...values].map(([key, value]) => [key, this.#handOut(value)]))
  }
}

/** Keys of different rules go their own ways; nearly always there is one. */
async function inGroups<T>(
  groups: ReadonlyMap<Policy, readonly string[]>,
  work: (keys: readonly string[], policy: Policy) => Promise<Map<string, T>>,
): Promise<Map<string, T>> {
  const parts = await Promise.all([...groups].map(([policy, keys]) => work(keys, policy)))
  return parts.length === 1 ? parts[0]! : new Map(parts.flatMap((part) => [...part]))
}

function checkFunction(path: string, given: unknown): void {
  if (typeof given !== 'function') throw optionError(path, given, 'a function')
}

/** A read is short, so its signal is looked at once, before it starts. */
function refuseAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted !== true) return
  throw new AbortedError(`The caller's signal was aborted before \`${operation}\` started.`, {
    code: 'ERR_CACHE_ABORTED',
    operation,
    cause: signal.reason,
  })
}
