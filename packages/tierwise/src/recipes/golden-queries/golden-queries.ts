import { ConfigError } from '../../index.ts'
import type { Cache, Duration, LoaderContext } from '../../index.ts'
import { LoadWatch } from '../load-watch.ts'
import { canonicalQuery, queryDigest } from './canonical-query.ts'
import type { QueryParams, QueryShape } from './canonical-query.ts'
import { compilePattern, renderTemplate, tableName, tablesOf } from './query-pattern.ts'
import type { CompiledPattern, Matched, QueryPattern } from './query-pattern.ts'
import { durationMs, TtlTable } from './query-ttls.ts'
import type { QueryTtls } from './query-ttls.ts'
import { tagsOfPublication, tagsOfResult, tagsOfWrite, patternTag, unmatchedName } from './result-tags.ts'

/** What `goldenQueries` takes. */
export interface GoldenQueriesOptions {
  /** Shapes of queries; the first that fits counts. @default none */
  readonly patterns?: readonly QueryPattern[]
  /** How long results are fresh by class. @default see QueryTtls */
  readonly ttls?: QueryTtls
  /** Ttls by the name of a pattern that go before everything else, see `overrideTtl`. @default none */
  readonly overrides?: Readonly<Record<string, Duration>>
  /**
   * Longest text, in characters, that expressions are tried on: an expression that backtracks takes time that grows with
   * it. Longer queries are cached as those that no pattern fits. @default 4096
   */
  readonly maxQueryLength?: number
}

/** A query, and whose it is. */
export interface GoldenQuery {
  /** From what was authenticated, never from what the caller may choose. */
  readonly tenant: string
  readonly query: QueryShape
  readonly params?: QueryParams | undefined
}

/** Options of one query. */
export interface GoldenQueryOptions {
  /** How long the result is fresh; at least a minute. @default that of the pattern */
  readonly ttl?: Duration
  /** Tables that this query reads besides those of its pattern. @default none */
  readonly tables?: readonly string[]
  /** Runs the query even if there is a fresh result. @default false */
  readonly forceFresh?: boolean
  readonly signal?: AbortSignal
}

/** Whose results end. */
export interface OfTenant {
  /** @default all tenants */
  readonly tenant?: string
}

/** What became of the queries that a pattern fits. */
export interface PatternStats {
  readonly matched: number
  /** Answered by the cache. */
  readonly hits: number
  /** Answered by running the query, for this caller or for one that it waited with; or failed. */
  readonly misses: number
  /** Hits by matched; undefined before the first. */
  readonly hitRate: number | undefined
}

export interface GoldenQueriesStats {
  readonly patterns: Readonly<Record<string, PatternStats>>
  /** Queries that no pattern fits. */
  readonly unmatched: PatternStats
  /** Of those, how many were longer than `maxQueryLength`. */
  readonly tooLong: number
}

/** Runs the query. */
export type QueryLoader<T> = (context: Pick<LoaderContext<T>, 'signal'>) => T | Promise<T>

/**
 * Caches results of queries by their shapes. Every result belongs to a tenant, so the namespace needs
 * `tenant: 'required'`. The key has a digest of the query and its parameters besides what can be read, so no two queries
 * share one, whatever their pattern takes from them.
 *
 * @throws ConfigError ERR_CACHE_OPTION for wrong options, and for a namespace without tenants
 * @example
 * const queries = goldenQueries(manager.namespace('curves'), {
 *   patterns: [{ name: 'curve', type: 'curve_data', match: /^select .* from curves where iso = \$1$/i, template: '{$1}' }],
 * })
 * const rows = await queries.query({ tenant: 'acme', query: sql, params: ['PJM'] }, () => db.query(sql, ['PJM']))
 */
export function goldenQueries(cache: Cache, options: GoldenQueriesOptions = {}): GoldenQueries {
  return new GoldenQueries(cache, options)
}

interface Counts {
  matched: number
  hits: number
  misses: number
}

/** See `goldenQueries`. */
export class GoldenQueries {
  readonly #cache: Cache
  readonly #patterns: readonly CompiledPattern[]
  readonly #ttls: TtlTable
  readonly #overrides: Map<string, Duration>
  readonly #maxQueryLength: number
  readonly #loads = new LoadWatch()
  readonly #counts: ReadonlyMap<string, Counts>
  #tooLong = 0

  constructor(cache: Cache, options: GoldenQueriesOptions) {
    const { patterns = [], ttls, overrides = {}, maxQueryLength = 4096 } = options
    // Says at once when the namespace has no tenants.
    cache.forTenant('any')
    this.#cache = cache
    this.#patterns = patterns.map(compilePattern)
    const names = this.#patterns.map(({ name }) => name)
    refuseRepeated(names)
    this.#ttls = new TtlTable(ttls)
    for (const { name, ttl } of this.#patterns) if (ttl !== undefined) durationMs(ttl, `${name}.ttl`)
    this.#counts = new Map([...names, unmatchedName].map((name) => [name, { matched: 0, hits: 0, misses: 0 }]))
    this.#overrides = new Map()
    for (const [name, ttl] of Object.entries(overrides)) this.overrideTtl(name, ttl)
    if (!Number.isSafeInteger(maxQueryLength) || maxQueryLength < 0)
      throw optionError('`maxQueryLength` must be a whole number of characters')
    this.#maxQueryLength = maxQueryLength
  }

  /**
   * The result from the cache, else of running the query. Callers of a tenant that ask the same together run it once.
   *
   * @throws ConfigError ERR_CACHE_OPTION for a name that no tenant can have, or a wrong ttl
   * @throws KeyError ERR_CACHE_KEY for parameters that are not plain data
   * @throws LoaderError ERR_CACHE_LOADER when the query failed and no stale result may stand in
   */
  async query<T>(request: GoldenQuery, load: QueryLoader<T>, options: GoldenQueryOptions = {}): Promise<T> {
    const ofTenant = this.#ofTenant(request.tenant)
    const matched = this.#match(request)
    const key = keyOf(request, matched)
    const counts = this.#counts.get(matched?.pattern.name ?? unmatchedName)!
    counts.matched++
    if (this.#isTooLong(request)) this.#tooLong++
    const call = this.#loads.watch(`${request.tenant}:${key}`)
    let isAnswered = false
    try {
      const result = await ofTenant.getOrSet(
        key,
        async (context) => {
          const loaded = await load(context)
          call.loaded()
          return loaded
        },
        this.#loadOptions(request, { matched, options }),
      )
      isAnswered = !call.wasLoaded && result !== undefined
      return result as T
    } finally {
      call.end()
      if (isAnswered) counts.hits++
      else counts.misses++
    }
  }

  /** The key of a query within its tenant. */
  keyOf(request: GoldenQuery): string {
    return keyOf(request, this.#match(request))
  }

  /** Ends the results that a write to a table has made old, as their strategies say. O(1). */
  async invalidateOnWrite(table: string, of: OfTenant = {}): Promise<void> {
    await this.#invalidate(tagsOfWrite(tableName(table), this.#patterns), of)
  }

  /**
   * Ends the results of a table as of a date that was published, and those as of the latest, except of `ttl_only`. O(1).
   * The date is compared as text, as queries have it.
   */
  async invalidateOnPublication(table: string, date: string, of: OfTenant = {}): Promise<void> {
    await this.#invalidate(tagsOfPublication({ table: tableName(table), date }, this.#patterns), of)
  }

  /** Ends all results of a pattern, whatever its strategy. O(1). @throws ConfigError ERR_CACHE_OPTION for an unknown pattern */
  async invalidatePattern(name: string, of: OfTenant = {}): Promise<void> {
    this.#refuseUnknown(name)
    await this.#invalidate([patternTag(name)], of)
  }

  /** Ends all results of a tenant. O(1). */
  async invalidateTenant(tenant: string): Promise<void> {
    await this.#ofTenant(tenant).clear()
  }

  /** From now on results of a pattern are fresh for so long, whatever calls say; undefined to end that. @throws ConfigError ERR_CACHE_OPTION */
  overrideTtl(name: string, ttl: Duration | undefined): void {
    this.#refuseUnknown(name)
    if (ttl === undefined) this.#overrides.delete(name)
    else this.#overrides.set(name, durationMs(ttl, `overrides.${name}`))
  }

  stats(): GoldenQueriesStats {
    const all = [...this.#counts].map(([name, counts]) => [name, statsOf(counts)] as const)
    const { [unmatchedName]: unmatched, ...patterns } = Object.fromEntries(all)
    return { patterns, unmatched: unmatched!, tooLong: this.#tooLong }
  }

  #match(request: GoldenQuery): Matched | undefined {
    if (this.#isTooLong(request)) return undefined
    const { query, params } = request
    const text = typeof query === 'string' ? canonicalQuery(query) : undefined
    for (const pattern of this.#patterns) {
      const values = pattern.find({ query, params, text })
      if (values !== undefined) return { pattern, values }
    }
    return undefined
  }

  #isTooLong({ query }: GoldenQuery): boolean {
    return typeof query === 'string' && query.length > this.#maxQueryLength
  }

  #loadOptions(
    { params }: GoldenQuery,
    { matched, options }: { matched: Matched | undefined; options: GoldenQueryOptions },
  ): { ttl: number; tags: readonly string[]; forceFresh: boolean; signal?: AbortSignal } {
    const { ttl: call, tables = [], forceFresh = false, signal } = options
    const pattern = matched?.pattern
    const ttl = this.#ttls.ttlOf({
      override: pattern === undefined ? undefined : this.#overrides.get(pattern.name),
      call,
      pattern: pattern?.ttl,
      frequency: pattern?.frequency,
      type: pattern?.type,
      span: pattern?.span,
    })
    const read = [...(matched === undefined ? [] : tablesOf(matched)), ...tables].map(tableName)
    const tags = tagsOfResult(matched, { tables: [...new Set(read)], params })
    return signal === undefined ? { ttl, tags, forceFresh } : { ttl, tags, forceFresh, signal }
  }

  async #invalidate(tags: readonly string[], { tenant }: OfTenant): Promise<void> {
    await (tenant === undefined ? this.#cache : this.#ofTenant(tenant)).invalidateTags(tags)
  }

  #ofTenant(tenant: string): Cache {
    return this.#cache.forTenant(tenant)
  }

  #refuseUnknown(name: string): void {
    if (!this.#patterns.some((pattern) => pattern.name === name)) throw optionError(`There is no pattern \`${name}\``)
  }
}

/** Patterns that fit are told apart by their names, queries by the digest: no part of a caller's query can end another part. */
function keyOf({ query, params }: GoldenQuery, matched: Matched | undefined): string {
  const digest = queryDigest(query, params)
  if (matched === undefined) return `query:${digest}`
  const { pattern, values } = matched
  return `${pattern.type}:${pattern.name}:${renderTemplate(pattern.template, values, params)}:${digest}`
}

function statsOf({ matched, hits, misses }: Counts): PatternStats {
  const answered = hits + misses
  return { matched, hits, misses, hitRate: answered === 0 ? undefined : hits / answered }
}

function refuseRepeated(names: readonly string[]): void {
  const repeated = names.find((name, at) => names.indexOf(name) !== at)
  if (repeated !== undefined) throw optionError(`Two patterns are called \`${repeated}\``)
}

function optionError(message: string): ConfigError {
  return new ConfigError(`${message}.`, { code: 'ERR_CACHE_OPTION' })
}
