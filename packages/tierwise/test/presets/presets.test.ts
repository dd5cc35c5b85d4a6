import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createCacheManager } from '../../src/create-cache-manager.ts'
import { ConfigError } from '../../src/errors.ts'
import { until } from '../../src/testing/servers/until.ts'
import { preset } from '../../src/presets/index.ts'
import type { PresetName, PresetTiers } from '../../src/presets/index.ts'
import { startRedis, type RedisServer } from '../../src/testing/index.ts'

let local: RedisServer
let other: RedisServer
const folder = mkdtempSync(join(tmpdir(), 'tierwise-presets-'))

beforeAll(async () => {
  ;[local, other] = await Promise.all([startRedis(), startRedis({ config: { 'cluster-enabled': 'no' } })])
})

afterAll(async () => {
  await Promise.all([local.stop(), other.stop()])
  rmSync(folder, { recursive: true, force: true })
})

const chains: readonly (readonly [PresetName, readonly string[], () => PresetTiers])[] = [
  ['memory', ['memory'], () => ({})],
  ['high-performance', ['memory'], () => ({ memory: { maxEntries: 10 } })],
  ['memory-constrained', ['memory'], () => ({})],
  ['generic', ['memory', 'redis'], () => ({ redis: { url: local.url } })],
  [
    'three-layer',
    ['memory', 'redis', 'disk'],
    () => ({ redis: { url: local.url }, disk: { path: join(folder, 'three') } }),
  ],
  [
    'four-tier',
    ['memory', 'redis', 'redisCluster', 'postgres'],
    () => ({ redis: { url: local.url }, redisCluster: { url: other.url }, postgres: { dataDir: 'memory://' } }),
  ],
  [
    'full',
    ['memory', 'redis', 'redisCluster', 'disk', 'postgres'],
    () => ({ redis: { url: local.url }, redisCluster: { url: other.url }, disk: { path: join(folder, 'full') } }),
  ],
]

describe.each(chains)('the preset %s', (name, chain, tiers) => {
  // PGlite compiles itself at its first start, which takes seconds on a busy machine.
  test('gives a chain whose every tier holds what is set', { timeout: 60_000 }, async () => {
    const options = preset(name, tiers())
    expect(options.tiers.map((tier) => tier.name)).toEqual(chain)
    const manager = createCacheManager({ ...options, connectTimeout: '20s' })
    await manager.start()
    const isProved = async (): Promise<boolean> => {
      const { bus } = await manager.health()
      return bus === undefined || bus.confirmedAgoMs !== undefined
    }
    await until(isProved, { what: 'the first proof of the bus' })
    const cache = manager.namespace<string>('n')
    const { tiers: written } = await cache.set('key', 'value', { ttl: '1m' })
    expect(written).toEqual(Object.fromEntries(chain.map((tier) => [tier, 'applied'])))
    for (const tier of chain) expect(await cache.get('key', { tiers: [tier] }), tier).toBe('value')
    await manager.stop()
  })
})

test('a preset is made anew each time', () => {
  expect(preset('memory')).not.toBe(preset('memory'))
  expect(preset('memory').tiers[0]).not.toBe(preset('memory').tiers[0])
})

test('what a preset does not have is refused by name', () => {
  expect(() => preset('genric' as PresetName)).toThrow(/`preset` is 'genric'; it must be one of 'memory', /)
  expect(() => preset('generic', { disk: {} })).toThrow('`preset.disk` is not an option.')
  expect(() => preset('four-tier')).toThrow(ConfigError)
  expect(() => preset('four-tier')).toThrow(/say where it is/)
})
