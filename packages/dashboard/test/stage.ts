import { serveDashboard, type ServedDashboard, type ServeOptions } from '@tierwise/dashboard'
import { createCacheManager, type CacheManager, type CacheManagerOptions } from 'tierwise'
import { memory } from 'tierwise/memory'
import { faultPlan, faultTier, mapTier, type FaultPlan } from 'tierwise/testing'
import { onTestFinished } from 'vitest'

/** A real cache of two tiers, of which the second can be made to fail. */
export interface Stage {
  readonly manager: CacheManager
  readonly faults: FaultPlan
}

export function stageOf(options: Partial<CacheManagerOptions> = {}): Stage {
  const faults = faultPlan()
  const manager = createCacheManager({
    tiers: [memory({ maxBytes: '4mb' }), faultTier({ ...mapTier(), name: 'store' }, faults)],
    namespaces: { factors: { ttl: '1h', maxTtl: '24h' }, products: { ttl: '1h' } },
    ...options,
  })
  // A namespace that nobody has asked for is not there yet.
  for (const name of Object.keys(options.namespaces ?? { factors: {}, products: {} })) manager.namespace(name)
  onTestFinished(async () => {
    faults.clear()
    await manager.stop()
  })
  return { manager, faults }
}

export async function served(manager: CacheManager, options: ServeOptions = {}): Promise<ServedDashboard> {
  const dashboard = await serveDashboard(manager, { interval: '250ms', ...options })
  onTestFinished(() => dashboard.stop())
  return dashboard
}

/** Reads of so many keys, in a rhythm, until the test ends. */
export function startTraffic({ manager }: Stage, { namespace = 'factors', keys = 50 } = {}): () => Promise<void> {
  const cache = manager.namespace<number>(namespace)
  let isOver = false
  const run = async (): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      await Promise.all([1, 2, 3, 4].map((step) => cache.getOrSet(`key:${(turn * step) % keys}`, () => turn)))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const ran = run()
  const stop = async (): Promise<void> => {
    isOver = true
    await ran
  }
  onTestFinished(stop)
  return stop
}
