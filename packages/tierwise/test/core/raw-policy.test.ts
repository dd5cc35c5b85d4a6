import { describe, expect, test } from 'vitest'

import type { CacheManager } from '../../src/contract/cache.ts'
import type { CacheManagerOptions, NamespaceOptions } from '../../src/contract/options.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

describe('what a raw namespace cannot keep is refused', () => {
  const refusals: readonly [NamespaceOptions, string][] = [
    [{ tags: ['a'] }, 'namespaces.users.tags'],
    [{ grace: '1h' }, 'namespaces.users.grace'],
    [{ version: 2 }, 'namespaces.users.version'],
    [{ maxTtl: '1h' }, 'namespaces.users.maxTtl'],
    [{ license: 'ecoinvent', maxTtl: '1h' }, 'namespaces.users.license'],
    [{ writeMode: 'behind' }, 'namespaces.users.writeMode'],
    [{ tiers: ['memory'] }, 'namespaces.users.tiers'],
    [{ tiers: ['framed', 'store'] }, 'namespaces.users.tiers[0]'],
    [{ raw: { keyPrefix: 'tw:' } }, 'namespaces.users.raw.keyPrefix'],
    [{ raw: { keyPrefix: 't' } }, 'namespaces.users.raw.keyPrefix'],
    [{ raw: { keyPrefix: 'tw:1:users:' } }, 'namespaces.users.raw.keyPrefix'],
    [{ raw: { values: 'xml' as 'json' } }, 'namespaces.users.raw.values'],
    [{ raw: { prefix: 'a' } as object }, 'namespaces.users.raw.prefix'],
  ]

  test.each(refusals)('at construction: %o', (namespace, path) => {
    expect(() => createManager(namespace)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
    expect(() => createManager(namespace)).toThrow(`\`${path}\``)
  })

  test('at construction: encryption, a chain without plain keys, two namespaces of one prefix', () => {
    const keys = [{ id: 1, secret: new Uint8Array(32) }]
    expect(() => createManager({}, { encryption: { keys } })).toThrow(/encryption/)
    expect(() => createManager({}, { tiers: [memory(), mapTier()] })).toThrow(/plain keys/)
    const namespaces = { users: { raw: {} }, people: { raw: { keyPrefix: 'users:' } } }
    expect(() => createManager({}, { namespaces })).toThrow(/users:/)
  })
})

function createManager(namespace: NamespaceOptions, options: Partial<CacheManagerOptions> = {}): CacheManager {
  return createCacheManager({
    tiers: [memory(), mapTier({ name: 'framed' }), mapTier({ name: 'store', plain: new Map() })],
    namespaces: { users: { raw: {}, ...namespace } },
    runtime: fakeRuntime(),
    ...options,
  })
}
