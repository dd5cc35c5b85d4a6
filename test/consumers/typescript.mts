import { createCacheManager, type Cache, type CacheManager } from 'tierwise'
import { disk } from 'tierwise/disk'
import { memory } from 'tierwise/memory'

interface Factor {
  readonly name: string
  readonly kgCo2: number
}

const manager: CacheManager = createCacheManager({
  tiers: [memory({ maxBytes: '1mb' }), disk({ path: 'factors' })],
  defaults: { ttl: '1m' },
})
const factors: Cache<Factor> = manager.namespace<Factor>('factors')
export const steel: Factor = await factors.getOrSet('steel', () => ({ name: 'steel', kgCo2: 1.9 }))

// @ts-expect-error a namespace keeps one type of value
await factors.set('steel', 1.9)
await manager.stop()
