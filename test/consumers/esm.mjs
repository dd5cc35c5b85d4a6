import { strictEqual } from 'node:assert/strict'
import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'

const manager = createCacheManager({ tiers: [memory({ maxBytes: '1mb' })], defaults: { ttl: '1m' } })
const factors = manager.namespace('factors')
strictEqual(await factors.getOrSet('steel', async () => 1.9), 1.9)
strictEqual(factors.peek('steel'), 1.9)
await manager.stop()
