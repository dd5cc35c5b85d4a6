import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'

import type { Cache, CacheManager, HitEvent, Lifetime, LoaderContext, NamespaceStats } from 'tierwise'

import { namespace } from './factor-cache.ts'
import { factorKey } from './factor-key.ts'
import type { FactorRequest } from './factor-key.ts'
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
  readonly entries: Readonly<Record<string, number>>
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
  readonly #factors: Cache<Factor | null>
  readonly #source: FactorSource
  readonly #now: () => number
  readonly #answers = new AsyncLocalStorage<Answer>()

  constructor(manager: CacheManager, source: FactorSource, now: () => number = Date.now) {
    this.#manager = manager
    this.#factors = manager.namespace(namespace)
    this.#source = source
    this.#now = now
    // A hit is told within the call that it answers, so it finds the request it belongs to among all that are under way.
    manager.on('hit', (hit) => {
      const answer = this.#answers.getStore()
      if (answer !== undefined) answer.hit = hit
    })
  }

  /** Opens the tiers, so that a folder that cannot be used is found now and not by the first client. */
  start(): Promise<void> {
    return this.#manager.start()
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
    const factor = await this.#answers.run(answer, () => this.#factors.getOrSet(key, load, options))
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
    return this.#factors.delete(factorKey(request))
  }

  /** Forgets everything that came from a source, for the day it publishes a correction. */
  invalidateSource(source: SourceName): Promise<void> {
    return this.#factors.invalidateTags([sourceTag(source)])
  }

  /** `electricity:FRA:*`; returns how many were forgotten. */
  invalidatePattern(pattern: string): Promise<number> {
    return this.#factors.invalidatePattern(pattern)
  }

  async stats(): Promise<BrokerStats> {
    const { namespaces, overall, hitRate } = this.#manager.analytics()
    const { tiers } = await this.#manager.health({ deep: true })
    const entries = Object.fromEntries(tiers.map(({ name, usage }) => [name, usage?.entries ?? 0]))
    return { ...(namespaces[namespace] ?? overall), hitRate, sourceReads: this.#source.reads, entries }
  }

  /** Healthy as long as clients get answers, which a dead source alone does not prevent. */
  async health(): Promise<{
    readonly healthy: boolean
    readonly source: SourceMode
    readonly tiers: readonly object[]
  }> {
    const { healthy, tiers } = await this.#manager.health({ deep: true })
    return { healthy, source: this.#source.mode, tiers }
  }

  [inspect.custom](): string {
    return `FactorBroker { backend: CacheManager, namespace: '${namespace}', source: '${this.#source.mode}' }`
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
