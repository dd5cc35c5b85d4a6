import assert from 'node:assert/strict'

import type { Cache, CacheManager } from '../contract/cache.ts'
import type { CacheManagerOptions, NamespaceOptions } from '../contract/options.ts'
import type { TierDefinition } from '../contract/tier.ts'
import { createCacheManager } from '../create-cache-manager.ts'
import { memory, type MemoryOptions } from '../tiers/memory/index.ts'
import { fakeRuntime, type FakeRuntime } from './fake-runtime.ts'
import { faultPlan, type FaultPlan } from './fault-plan.ts'
import { faultTier } from './fault-tier.ts'
import { checkTimers, invariantChecks, type InvariantChecks } from './invariants.ts'
import { mapTier } from './map-tier.ts'

/** A cache in a test: real engine, fake time, faults on request. `Faulty` are the names of its faulty tiers. */
export interface TestCache<Faulty extends string = never> {
  readonly manager: CacheManager
  /** The first namespace that was described, or `test`. */
  readonly cache: Cache
  readonly runtime: FakeRuntime
  readonly faults: Readonly<Record<Faulty, FaultPlan>>
  /** Invariants that `stop` checks; add your own. */
  readonly invariants: InvariantChecks
  /**
   * Ends the faults, stops the manager and checks what has to hold: every load ended, nothing is left to write, no timer
   * is pending. Call it after each test. @throws AssertionError
   */
  readonly stop: () => Promise<void>
}

/** Describes a cache step by step; the order of the tiers is the order of the chain. */
export interface TestCacheBuilder<Faulty extends string = never> {
  memory(options?: MemoryOptions): TestCacheBuilder<Faulty>
  tier(definition: TierDefinition): TestCacheBuilder<Faulty>
  /** A tier that does as `faults[name]` says; a map tier unless another is given. */
  faulty<Name extends string>(name: Name, definition?: TierDefinition): TestCacheBuilder<Faulty | Name>
  defaults(options: NonNullable<CacheManagerOptions['defaults']>): TestCacheBuilder<Faulty>
  namespace(name: string, options?: NamespaceOptions): TestCacheBuilder<Faulty>
  /** Everything that has no step of its own. */
  options(options: Omit<CacheManagerOptions, 'tiers' | 'defaults' | 'namespaces' | 'runtime'>): TestCacheBuilder<Faulty>
  /** Shares the time and the random numbers of another cache; a new fake runtime by default. */
  runtime(runtime: FakeRuntime): TestCacheBuilder<Faulty>
  /** A memory tier alone when no tier was described. */
  build(): TestCache<Faulty>
}

/** The start of a description. @example const { cache, stop } = testCache().memory().tier(mapTier()).build() */
export function testCache(): TestCacheBuilder {
  return new Builder({ tiers: [], namespaces: {}, faults: {}, rest: {} })
}

interface Description {
  readonly tiers: readonly TierDefinition[]
  readonly namespaces: Readonly<Record<string, NamespaceOptions>>
  readonly faults: Readonly<Record<string, FaultPlan>>
  readonly rest: Omit<CacheManagerOptions, 'tiers' | 'namespaces' | 'runtime'>
  readonly runtime?: FakeRuntime
}

class Builder<Faulty extends string> implements TestCacheBuilder<Faulty> {
  readonly #description: Description

  constructor(description: Description) {
    this.#description = description
  }

  memory(options?: MemoryOptions): TestCacheBuilder<Faulty> {
    return this.tier(memory(options))
  }

  tier(definition: TierDefinition): TestCacheBuilder<Faulty> {
    return this.#with({ tiers: [...this.#description.tiers, definition] })
  }

  faulty<Name extends string>(name: Name, definition?: TierDefinition): TestCacheBuilder<Faulty | Name> {
    const faults = faultPlan()
    const tier = faultTier({ ...(definition ?? mapTier()), name }, faults)
    return new Builder<Faulty | Name>({
      ...this.#description,
      tiers: [...this.#description.tiers, tier],
      faults: { ...this.#description.faults, [name]: faults },
    })
  }

  defaults(options: NonNullable<CacheManagerOptions['defaults']>): TestCacheBuilder<Faulty> {
    return this.options({ defaults: { ...this.#description.rest.defaults, ...options } })
  }

  namespace(name: string, options: NamespaceOptions = {}): TestCacheBuilder<Faulty> {
    return this.#with({ namespaces: { ...this.#description.namespaces, [name]: options } })
  }

  options(options: Description['rest']): TestCacheBuilder<Faulty> {
    return this.#with({ rest: { ...this.#description.rest, ...options } })
  }

  runtime(runtime: FakeRuntime): TestCacheBuilder<Faulty> {
    return this.#with({ runtime })
  }

  build(): TestCache<Faulty> {
    return assemble<Faulty>(this.#description)
  }

  #with(change: Partial<Description>): TestCacheBuilder<Faulty> {
    return new Builder<Faulty>({ ...this.#description, ...change })
  }
}

function assemble<Faulty extends string>(description: Description): TestCache<Faulty> {
  const { namespaces, rest } = description
  const tiers = description.tiers.length > 0 ? description.tiers : [memory()]
  const runtime = description.runtime ?? fakeRuntime()
  const { clock, timers, random } = runtime
  const manager = createCacheManager({ ...rest, tiers, namespaces, runtime: { clock, timers, random } })
  const faults = description.faults as Readonly<Record<Faulty, FaultPlan>>
  const invariants = engineInvariants(manager, runtime)
  const stop = async (): Promise<void> => {
    for (const plan of Object.values<FaultPlan>(faults)) plan.clear()
    await runtime.until(manager.stop())
    await invariants.run()
  }
  const [first = 'test'] = Object.keys(namespaces)
  return { manager, cache: manager.namespace(first), runtime, faults, invariants, stop }
}

function engineInvariants(manager: CacheManager, runtime: FakeRuntime): InvariantChecks {
  const checks = invariantChecks()
  let ended = 0
  manager.on('load', () => ended++)
  checks.add('every load has ended', () => {
    // A batch is one load and tells its end for each key, so there are at least as many ends as loads.
    const { loads } = manager.analytics().overall
    assert.ok(
      ended >= loads,
      `of ${loads} loads ${ended} have ended: let the loaders settle before the cache is stopped`,
    )
  })
  checks.add('nothing is left to write', async () => {
    const { pendingWrites } = await runtime.until(manager.health())
    assert.equal(pendingWrites, 0, `${pendingWrites} writes are still pending`)
  })
  checks.add('no timer is pending', () => checkTimers(runtime))
  return checks
}
