import { createHash } from 'node:crypto'
import { inspect } from 'node:util'

import { CacheError, KeyError } from '../index.ts'
import type { Cache, CacheManager, Lifetime, TierEntry, WriteResult } from '../index.ts'
import { LoadWatch } from './load-watch.ts'

/** What a factor is asked for by. Products are compared without case, regions too. */
export interface FactorRequest {
  readonly product: string
  readonly region: string
  /** The set of global warming potentials, `AR5` for example. */
  readonly gwp: string
  /** @default the unit of the source */
  readonly unit?: string | undefined
  /** @default the latest year */
  readonly year?: number | undefined
}

/** The least that a source answers; its own fields come along. */
export interface FactorResponse {
  readonly provenance: {
    /** The data set that the factor is from, `ecoinvent` for example: what `invalidateSource` is told. */
    readonly source: string
  }
}

/** An answer, and whether it came from the cache. */
export type ResolvedFactor<R extends FactorResponse> = R & {
  readonly provenance: R['provenance'] & {
    /** False where the source was asked for this call, or for one that this call waited with. */
    readonly cacheHit: boolean
  }
}

/** Finds a factor; undefined when there is none. */
export type FactorSource<R extends FactorResponse> = (
  request: FactorRequest,
  context: { readonly signal: AbortSignal },
) => R | undefined | Promise<R | undefined>

/** What `factorBroker` takes. */
export interface FactorBrokerOptions<R extends FactorResponse> {
  /** Where factors come from. */
  readonly source: FactorSource<R>
  /** Started by `start` and stopped by `close`. @default none: whoever made the cache starts and stops it */
  readonly manager?: CacheManager
}

/** How a broker is used, since it was made. */
export interface FactorBrokerStats {
  readonly hits: number
  readonly misses: number
  /** Hits by hits and misses; undefined before the first. */
  readonly hitRate: number | undefined
}

/** Names the fields of requests, each as in the requests that are meant; what is left out may be anything. */
export type FactorPattern = Partial<FactorRequest>

/**
 * Answers requests for emission factors from the cache, else from the source, and keeps what the source says. How long is
 * for the namespace to say: with `license` and `maxTtl` no tier keeps a factor for longer, and no call can ask for more.
 *
 * @throws CacheError ERR_CACHE_STOPPED after `close`
 * @example
 * const broker = factorBroker(manager.namespace('emission_factors'), { source, manager })
 * const factor = await broker.resolve({ product: 'Steel', region: 'US', gwp: 'AR5', unit: 'kg', year: 2024 })
 */
export function factorBroker<R extends FactorResponse>(
  cache: Cache<unknown>,
  options: FactorBrokerOptions<R>,
): FactorBroker<R> {
  return new FactorBroker(cache as Cache<R>, options)
}

/** See `factorBroker`. */
export class FactorBroker<R extends FactorResponse> implements AsyncDisposable {
  readonly #cache: Cache<R>
  readonly #source: FactorSource<R>
  readonly #manager: CacheManager | undefined
  readonly #loads = new LoadWatch()
  #hits = 0
  #misses = 0
  #isClosed = false

  constructor(cache: Cache<R>, options: FactorBrokerOptions<R>) {
    this.#cache = cache
    this.#source = options.source
    this.#manager = options.manager
    // Not a method: its name cannot be written into a declaration.
    Object.defineProperty(this, inspect.custom, { value: () => this.#show() })
  }

  /** Opens the tiers of the manager. @throws TierError ERR_CACHE_TIER_OPEN */
  async start(): Promise<void> {
    this.#refuseClosed('start')
    await this.#manager?.start()
  }

  /** Later calls are refused; the manager is stopped. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#manager?.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The key of a request. No two different requests share one. @throws KeyError ERR_CACHE_KEY for fields that are missing, of a wrong type, or unknown */
  keyOf(request: FactorRequest): string {
    return factorKey(request)
  }

  /**
   * The factor from the cache, else from the source; undefined when the source has none. Callers of one request share one
   * question to the source.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws LoaderError ERR_CACHE_LOADER when the source failed and no stale factor may stand in
   */
  async resolve(
    request: FactorRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ResolvedFactor<R> | undefined> {
    this.#refuseClosed('resolve')
    const key = factorKey(request)
    const call = this.#loads.watch(key)
    try {
      const response = await this.#cache.getOrSet(
        key,
        async (context) => {
          const found = await this.#source(request, { signal: context.signal })
          if (found !== undefined) context.setTags([sourceTag(found.provenance.source)])
          call.loaded()
          return found as R
        },
        options,
      )
      return this.#answer(response, !call.wasLoaded)
    } finally {
      call.end()
    }
  }

  /** The factor if the cache has it. @throws KeyError ERR_CACHE_KEY */
  async get(request: FactorRequest): Promise<ResolvedFactor<R> | undefined> {
    this.#refuseClosed('get')
    return this.#answer(await this.#cache.get(factorKey(request)), true)
  }

  /**
   * Keeps a factor that was found elsewhere.
   *
   * @throws KeyError ERR_CACHE_KEY
   * @throws LicenseViolationError ERR_CACHE_LICENSE when the ttl is longer than the licence of the namespace allows
   */
  async set(request: FactorRequest, response: R, options: { readonly ttl?: Lifetime } = {}): Promise<WriteResult> {
    this.#refuseClosed('set')
    return this.#cache.set(factorKey(request), response, {
      ...options,
      tags: [sourceTag(response.provenance.source)],
    })
  }

  /** Removes one factor everywhere; whether there was one. @throws KeyError ERR_CACHE_KEY */
  async invalidate(request: FactorRequest): Promise<boolean> {
    this.#refuseClosed('invalidate')
    return this.#cache.delete(factorKey(request))
  }

  /** Removes all factors of a data set everywhere, after a new release of it for example. O(1): nothing is visited. */
  async invalidateSource(source: string): Promise<void> {
    this.#refuseClosed('invalidateSource')
    await this.#cache.invalidateTags([sourceTag(source)])
  }

  /**
   * Removes the factors whose requests have these fields, or whose keys fit a pattern as of `Cache.invalidatePattern`; how
   * many there were. Visits every key.
   */
  async invalidatePattern(pattern: FactorPattern | string): Promise<number> {
    this.#refuseClosed('invalidatePattern')
    return this.#cache.invalidatePattern(typeof pattern === 'string' ? pattern : globOf(pattern))
  }

  stats(): FactorBrokerStats {
    const all = this.#hits + this.#misses
    return { hits: this.#hits, misses: this.#misses, hitRate: all === 0 ? undefined : this.#hits / all }
  }

  /** What each tier holds of a request. @throws KeyError ERR_CACHE_KEY */
  async inspect(request: FactorRequest): Promise<readonly TierEntry<R>[]> {
    this.#refuseClosed('inspect')
    return this.#cache.inspect(factorKey(request))
  }

  #show(): string {
    const shown = { backend: 'CacheManager of tierwise', namespace: this.#cache.name, ...this.stats() }
    return `FactorBroker ${inspect(shown)}`
  }

  #answer(response: R | undefined, isFromCache: boolean): ResolvedFactor<R> | undefined {
    const cacheHit = isFromCache && response !== undefined
    if (cacheHit) this.#hits++
    else this.#misses++
    if (response === undefined) return undefined
    return { ...response, provenance: { ...response.provenance, cacheHit } } as ResolvedFactor<R>
  }

  #refuseClosed(operation: string): void {
    if (!this.#isClosed) return
    throw new CacheError(
      `The factor broker is closed, so \`${operation}\` is too late. Close it after its last user.`,
      {
        code: 'ERR_CACHE_STOPPED',
        operation,
        namespace: this.#cache.name,
      },
    )
  }
}

/** Longer names stand in the key as their digest. */
const longestName = 64

const fields = ['product', 'region', 'gwp', 'unit', 'year'] as const

/** What stands for a field that is left out. As the value of a field it is escaped. */
const absent = { unit: 'default', year: 'latest' } as const

/**
 * `factor:{product}:{region}:{gwp}:{unit}:{year}`, each part escaped: a colon ends a part and nothing else, so patterns
 * cannot reach across parts either.
 */
function factorKey(request: FactorRequest): string {
  refuseUnknown(request)
  return `factor:${fields.map((field) => partOf(field, request[field])).join(':')}`
}

/** Nothing in a part has a meaning in patterns: it is escaped already. */
function globOf(pattern: FactorPattern): string {
  refuseUnknown(pattern)
  return `factor:${fields.map((field) => (pattern[field] === undefined ? '*' : partOf(field, pattern[field]))).join(':')}`
}

function refuseUnknown(request: object): void {
  const unknown = Object.keys(request).find((name) => !(fields as readonly string[]).includes(name))
  if (unknown !== undefined) throw keyError(unknown, `is not one of ${fields.join(', ')}`)
}

function partOf(field: (typeof fields)[number], value: string | number | undefined): string {
  if (field === 'year') {
    if (value === undefined) return absent.year
    if (!Number.isSafeInteger(value)) throw keyError(field, 'must be a whole number')
    return String(value)
  }
  if (field === 'unit' && value === undefined) return absent.unit
  if (typeof value !== 'string' || value === '' || !value.isWellFormed())
    throw keyError(field, 'must be a well-formed text that is not empty')
  return nameOf(field, value)
}

function nameOf(field: (typeof fields)[number], value: string): string {
  const name = field === 'product' ? value.toLowerCase() : field === 'region' ? value.toUpperCase() : value
  // A tilde is escaped in names, so no name looks like a digest.
  if (name.length > longestName) return `~${createHash('sha256').update(name).digest('hex')}`
  if (field !== 'unit') return escaped(name).replaceAll('%20', '_')
  return name === absent.unit ? '%64efault' : escaped(name).replaceAll('%2F', '_per_')
}

/** Letters, digits, `-` and `.` stand for themselves; everything else, `_` among it, as its bytes. */
function escaped(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*_~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sourceTag(source: string): string {
  return `source:${source}`
}

function keyError(field: string, complaint: string): KeyError {
  return new KeyError(`The field \`${field}\` of a factor request ${complaint}.`, { code: 'ERR_CACHE_KEY' })
}
