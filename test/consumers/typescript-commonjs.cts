import tierwise = require('tierwise')
import memoryTier = require('tierwise/memory')

export const manager: tierwise.CacheManager = tierwise.createCacheManager({
  tiers: [memoryTier.memory({ maxBytes: '1mb' })],
})
