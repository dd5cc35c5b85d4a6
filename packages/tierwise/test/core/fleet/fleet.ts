import { onTestFinished } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { CacheManagerOptions } from '../../../src/contract/options.ts'
import type { TierDefinition } from '../../../src/contract/tier.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { sharedStore, type SharedInstance, type SharedStore } from '../../../src/testing/shared-store.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

/** One process of a fleet. */
export interface Member {
  readonly manager: CacheManager
  readonly cache: Cache<unknown>
  readonly instance: SharedInstance
}

export interface Fleet {
  readonly runtime: FakeRuntime
  readonly store: SharedStore
  readonly members: readonly Member[]
}

export interface FleetOptions extends Partial<Omit<CacheManagerOptions, 'tiers' | 'runtime'>> {
  readonly members?: number
  readonly lanes?: number
  /** Tiers below the shared store, made for each member. */
  readonly below?: (member: number) => readonly TierDefinition[]
}

/** Managers over memory and one shared store, started and confirmed. */
export async function startFleet({ members = 2, lanes = 1, below, ...options }: FleetOptions = {}): Promise<Fleet> {
  const runtime = fakeRuntime()
  const store = sharedStore({ clock: runtime.clock, random: seededRandom(1), lanes })
  const started: Member[] = []
  for (let number = 0; number < members; number++) {
    const manager = createCacheManager({
      tiers: [memory(), store.tier(), ...(below?.(number) ?? [])],
      runtime,
      ...options,
    })
    onTestFinished(() => runtime.until(manager.stop()))
    await runtime.until(manager.start())
    started.push({ manager, cache: manager.namespace('factors'), instance: store.instances[number]! })
  }
  await runtime.advance(100)
  return { runtime, store, members: started }
}
