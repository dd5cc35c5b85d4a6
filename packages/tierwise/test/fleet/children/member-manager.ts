import { systemRuntime } from '../../../src/base/runtime.ts'
import type { CacheManager } from '../../../src/contract/cache.ts'
import type { Runtime } from '../../../src/contract/runtime.ts'
import type { TierDefinition } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { disk } from '../../../src/tiers/disk/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis, type RedisOptions } from '../../../src/tiers/redis/index.ts'
import type { MemberSettings, RedisPlace } from '../calls.ts'

const host = '127.0.0.1'

/** The cache of one member: memory, Redis, and for some a disk below. */
export function memberManager(settings: MemberSettings): CacheManager {
  const { maxStalenessMs, memoryEntries } = settings
  const bounded = { maxStaleness: maxStalenessMs, lease: '1s', mutateTimeout: '3s', jitter: 0.5 } as const
  const tiers: TierDefinition[] = [
    memory(memoryEntries === null ? {} : { maxEntries: memoryEntries }),
    redis({
      client: settings.client,
      ...connectionTo(settings.place),
      backoff: { max: '200ms' },
      heartbeat: { interval: '500ms', timeout: '500ms' },
      connectTimeout: '1s',
    }),
  ]
  if (settings.disk !== null) tiers.push(disk({ path: settings.disk, maxBytes: '4mb' }))
  return createCacheManager({
    tiers,
    namespaces: {
      plain: { ttl: '20s', ...bounded },
      graced: { ttl: '1s', grace: '10s', graceBackoff: '50ms', ...bounded },
    },
    tierTimeout: 150,
    connectTimeout: '1s',
    breaker: { openFor: 300 },
    runtime: aheadBy(settings.aheadMs),
  })
}

function connectionTo(place: RedisPlace): RedisOptions {
  switch (place.kind) {
    case 'single':
      return { host, port: place.port }
    case 'sentinel':
      return { sentinel: { name: place.name, nodes: place.ports.map((port) => ({ host, port })) } }
    case 'cluster':
      return { cluster: { nodes: place.ports.map((port) => ({ host, port })) }, lanes: 16 }
  }
}

/**
 * A host whose clock is wrong. Each look at the clock counts: one reading for a burst of hits may be as old as a pause of
 * the process in the middle of the burst.
 */
function aheadBy(aheadMs: number): Runtime {
  const { clock, timers, random } = systemRuntime()
  return {
    clock: { now: () => clock.now() + aheadMs, burstNow: () => clock.now() + aheadMs },
    timers,
    random,
  }
}
