import { describe, expect, it } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { systemRuntime } from '../../../src/base/runtime.ts'
import { preset } from '../../../src/presets/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

describe('a Redis of one host in front of one that all share', () => {
  const url = 'redis://127.0.0.1:1'
  const context = { ...systemRuntime(), name: 'redis', prefix: 'tw', report: () => {} }

  it('gives no versions and has no bus', () => {
    const tier = redis({ url, scope: 'host' }).create(context)
    expect(tier.capabilities.shared).toBe(false)
    expect('authority' in tier && tier.authority).toBe(undefined)
    expect('bus' in tier && tier.bus).toBe(undefined)
    const common = redis({ url }).create(context)
    expect(common.capabilities.shared && 'authority' in common && common.authority !== undefined).toBe(true)
  })

  it('is what the presets with a cluster make of it', () => {
    const { tiers } = preset('four-tier', { redisCluster: { cluster: { nodes: [{ host: '127.0.0.1', port: 1 }] } } })
    const made = tiers.slice(1, 3).map((tier) => tier.create(context))
    expect(made.map(({ capabilities }) => capabilities.shared)).toEqual([false, true])
  })

  it('leaves the decision to the common one', async () => {
    const manager = createCacheManager({
      tiers: [memory(), redis({ url, scope: 'host' }), redis({ url: 'redis://127.0.0.1:2', name: 'common' })],
    })
    expect((await manager.health()).bus?.tier).toBe('common')
    await manager.stop()
  })
})
