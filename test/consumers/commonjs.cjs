const { strictEqual } = require('node:assert/strict')
const { createCacheManager } = require('tierwise')
const { memory } = require('tierwise/memory')

async function main() {
  const manager = createCacheManager({ tiers: [memory({ maxBytes: '1mb' })], defaults: { ttl: '1m' } })
  const factors = manager.namespace('factors')
  strictEqual(await factors.getOrSet('steel', async () => 1.9), 1.9)
  await manager.stop()
}

void main()
