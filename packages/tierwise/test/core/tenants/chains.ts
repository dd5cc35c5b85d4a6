import { afterAll, afterEach, beforeAll } from 'vitest'

import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import type { NamespaceOptions } from '../../../src/contract/options.ts'
import type { TierDefinition } from '../../../src/contract/tier.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { mapTier, startRedis } from '../../../src/testing/index.ts'
import type { RedisServer } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

let server: RedisServer
let prefixes = 0

/** The chains that tenants are tested over. */
export const chains = ['memory', 'memory and bytes', 'bytes', 'memory and Redis'] as const
export type Chain = (typeof chains)[number]

function tiersOf(chain: Chain): readonly TierDefinition[] {
  if (chain === 'memory') return [memory()]
  if (chain === 'bytes') return [mapTier()]
  return [memory(), chain === 'memory and Redis' ? redis({ url: server.url }) : mapTier()]
}

export interface OpenChain {
  readonly manager: CacheManager
  /** The namespace as its operator sees it. */
  readonly whole: Cache<unknown>
  readonly acme: Cache<unknown>
  readonly bell: Cache<unknown>
}

/** Opens managers with one namespace that has tenants, over a chain or over memory and a given tier, and stops them after each test. */
export function chainOpener(): (chain: Chain | TierDefinition, options?: NamespaceOptions) => OpenChain {
  const opened: CacheManager[] = []
  beforeAll(async () => void (server = await startRedis()))
  afterAll(() => server.stop())
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((manager) => manager.stop()))
  })
  return (chain, options = {}) => {
    const manager = createCacheManager({
      tiers: typeof chain === 'string' ? tiersOf(chain) : [memory(), chain],
      namespaces: { test: { tenant: 'required', ...options } },
      prefix: typeof chain === 'string' ? `tenants-${prefixes++}` : 'tenants',
      // The servers of the tests share two processors with other tests.
      tierTimeout: '5s',
    })
    opened.push(manager)
    const whole = manager.namespace('test')
    return { manager, whole, acme: whole.forTenant('acme'), bell: whole.forTenant('bell') }
  }
}

export async function listed(cache: Cache<unknown>, pattern?: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const key of cache.keys(pattern)) keys.push(key)
  return keys.sort()
}
