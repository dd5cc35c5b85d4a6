import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'

import type {
  BreakerState,
  Cache,
  CacheManager,
  HitEvent,
  Lifetime,
  LoaderContext,
  NamespaceStats,
  TierHealth,
} from 'tierwise'

import { namespaces } from './factor-cache.ts'
import { factorKey } from './factor-key.ts'
import type { FactorRequest, Method } from './factor-key.ts'
import type { Factor, FactorSource, SourceMode, SourceName } from './factor-source.ts'
import type { Provenance } from './provenance.ts'

export interface Resolution {
  readonly factor: Factor
  readonly provenance: Provenance
}

export interface ResolveOptions {
  readonly ttl?: Lifetime | undefined
}

export interface BrokerStats extends NamespaceStats {
  readonly hitRate: number | undefined
  readonly sourceReads: number
  readonly tiers: readonly TierReport[]
}

export interface TierReport {
  readonly name: string
  /** Undefined when the tier cannot be asked. */
  readonly entries: number | undefined
  readonly hits: number
  /** Operations of the tier that failed or were too late, whose callers did without it. */
  readonly failures: number
  readonly breaker: BreakerState
}

export interface BrokerHealth {
  /** Whether clients get answers: from the source, or from a tier below memory. */
  readonly healthy: boolean
  readonly source: SourceMode
  readonly tiers: readonly TierHealth[]
}

/** The source has no factor for this region, method and year. */
export class UnknownFactorError extends Error {
  override readonly name = 'UnknownFactorError'

  constructor(key: string) {
    super(`There is no emission factor ${key}`)
  }
}

/** What the cache tells of one request: the hit, if it was one. */
interface Answer {
  hit: HitEvent | undefined
}

/** Emission factors from the cache, and from the source when it must be. */
export class FactorBroker implements AsyncDisposable {
  readonly #manager: CacheManager
  readonly #factors: Readonly<Record<Method, Cache<Factor | null>>>
  readonly #source: FactorSource
  readonly #now: () => number
  readonly #answers = new AsyncLocalStorage<Answer>()

  constructor(manager: CacheManager, source: FactorSource, now: () => number = Date.now) {
    this.#manager = manager
    this.#factors = {
      average: manager.namespace(namespaces.average),
      marginal: manager.namespace(namespaces.marginal),
    }
    this.#source = source
    this.#now = now
    // A hit is told within the call that it answers, so it finds the request it belongs to among all that are under way.
    manager.on('hit', (hit) => {
      const answer = this.#answers.getStore()
      if (answer !== undefined) answer.hit = hit
    })
  }

  /**
   * Opens the tiers. A server may be down, and is used once it is there; `start()` of the manager would insist on it.
   * A folder that cannot be used is a mistake of the operator, and better found now than by nobody.
   */
  async start(): Promise<void> {
    let failure: Error | undefined
    const stopListening = this.#manager.on('tier-error', ({ tier, operation, error }) => {
      if (tier !== 'disk' || operation !== 'open') return
      failure = new Error('The folder of the disk tier cannot be used', { cause: error })
    })
    await this.#manager.health({ deep: true })
    stopListening()
    if (failure !== undefined) throw failure
  }

  close(): Promise<void> {
    return this.#manager.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * The factor with its provenance. Asking for a ttl reads the factor anew and keeps it that long.
   * @throws UnknownFactorError, LicenseViolationError for a ttl beyond the licence, LoaderError or TimeoutError when the
   * source is out of reach and nothing was held.
   */
  async resolve(request: FactorRequest, { ttl }: ResolveOptions = {}): Promise<Resolution> {
    const key = factorKey(request)
    const load = (context: LoaderContext<Factor | null>): Promise<Factor | null> => this.#load(request, context)
    const options = ttl === undefined ? undefined : { ttl, forceFresh: true }
    const answer: Answer = { hit: undefined }
    const factor = await this.#answers.run(answer, () => this.#cacheOf(request).getOrSet(key, load, options))
    if (factor === null) throw new UnknownFactorError(key)

    const provenance = {
      source: factor.source,
      datasetYear: factor.year,
      tier: answer.hit?.tier ?? 'source',
      cacheHit: answer.hit !== undefined,
      stale: answer.hit?.stale ?? false,
      ageMs: this.#now() - factor.retrievedAt,
    }
    return { factor, provenance }
  }

  /** Forgets one factor in every tier; whether it was held. */
  invalidate(request: FactorRequest): Promise<boolean> {
    return this.#cacheOf(request).delete(factorKey(request))
  }

  /** Forgets everything that came from a source, for the day it publishes a correction. */
  invalidateSource(source: SourceName): Promise<void> {
    return this.#manager.invalidateTags([sourceTag(source)])
  }

  /** `electricity:FRA:*`; returns how many were forgotten. */
  async invalidatePattern(pattern: string): Promise<number> {
    const { average, marginal } = this.#factors
    const counts = await Promise.all([average.invalidatePattern(pattern), marginal.invalidatePattern(pattern)])
    return counts[0] + counts[1]
  }

  async stats(): Promise<BrokerStats> {
    const { tiers } = await this.#manager.health({ deep: true })
    const { overall, hitRate, tiers: counted } = this.#manager.analytics()
    const reports = tiers.map(({ name, usage, breaker }) => ({
      name,
      entries: usage?.entries,
      hits: overall.hitsByTier[name] ?? 0,
      failures: Object.values(counted[name]?.operations ?? {}).reduce((sum, { failures }) => sum + failures, 0),
      breaker,
    }))
    return { ...overall, hitRate, sourceReads: this.#source.reads, tiers: reports }
  }

  /** A tier that is down makes answers slower and a dead source makes them older; neither alone keeps them from clients. */
  async health(): Promise<BrokerHealth> {
    const { tiers } = await this.#manager.health({ deep: true })
    const isHeld = tiers.some(({ name, healthy }) => healthy && name !== 'memory')
    return { healthy: isHeld || this.#source.mode === 'normal', source: this.#source.mode, tiers }
  }

  [inspect.custom](): string {
    const names = Object.values(namespaces).join("', '")
    return `FactorBroker { backend: CacheManager, namespaces: ['${names}'], source: '${this.#source.mode}' }`
  }

  #cacheOf({ method = 'average' }: FactorRequest): Cache<Factor | null> {
    return this.#factors[method]
  }

  async #load(request: FactorRequest, context: LoaderContext<Factor | null>): Promise<Factor | null> {
    const factor = await this.#source.read(request, context.signal)
    // That a factor does not exist is worth knowing too, but not for a day.
    if (factor === null) context.setTtl('1m')
    else context.setTags([sourceTag(factor.source)])
    return factor
  }
}

function sourceTag(source: SourceName): string {
  return `source:${source}`
}
