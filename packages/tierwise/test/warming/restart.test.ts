import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/contract/cache.ts'
import type { CacheManagerOptions } from '../../src/contract/options.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { disk } from '../../src/tiers/disk/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { keepWarm } from '../../src/warming/index.ts'
import { tellHotKeys } from './hot-key-source.ts'

let server: RedisServer
let folder: string
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  folder = await mkdtemp(join(tmpdir(), 'tierwise-warm-'))
})

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
  await rm(folder, { recursive: true, force: true })
})

type Kind = 'disk' | 'redis'

function start(kind: Kind, options: Partial<CacheManagerOptions> = {}): CacheManager {
  const below = kind === 'disk' ? disk({ path: folder }) : redis({ host: server.host, port: server.port })
  const manager = createCacheManager({
    tiers: [memory(), below],
    namespaces: { factors: { ttl: '1h', aliases: ['coefficients'] } },
    tierTimeout: '2s',
    ...options,
  })
  managers.push(manager)
  return manager
}

const cold = Array.from({ length: 500 }, (_, at) => `cold${at}`)
const hotKeysOf = (letter: string): readonly string[] => Array.from({ length: 10 }, (_, at) => `hot-${letter}${at}`)

/** Reads the keys so that sampling sees nearly all of them. */
async function readMuch(manager: CacheManager, keys: readonly string[]): Promise<void> {
  const cache = manager.namespace('factors')
  await cache.setMany([...keys, ...cold].map((key) => [key, `value of ${key}`] as const))
  // One hit of about a thousand is looked at: so many that each key is among them, whatever the dice say.
  for (let round = 0; round < 40_000; round++) {
    for (const key of keys) await cache.get(key)
    await cache.get(cold[round % cold.length]!)
  }
}

const peeked = (manager: CacheManager, keys: readonly string[]): readonly string[] =>
  keys.filter((key) => manager.namespace('factors').peek(key) !== undefined)

describe.each<Kind>(['disk', 'redis'])('after a restart, over %s', (kind) => {
  test('memory has the keys again that were read most, and those alone', async () => {
    const before = start(kind)
    keepWarm(before, { namespaces: { coefficients: true }, memoryKeys: 0 })
    await readMuch(before, hotKeysOf('a'))
    await before.stop()
    const after = start(kind, { strictNamespaces: true })
    const kept = keepWarm(after, { namespaces: { factors: true }, memoryKeys: 0 })
    const report = await kept.warming
    expect(report).toMatchObject({ outcome: 'done', failed: 0 })
    // Which keys are hot is known from samples.
    expect(peeked(after, hotKeysOf('a')).length).toBeGreaterThanOrEqual(6)
    expect(peeked(after, cold).length).toBeLessThan(55)
    expect(report!.present).toBeLessThanOrEqual(64)
  })

  test('memory holds again what it held, as far as it is told to note', async () => {
    const before = start(kind)
    const kept = keepWarm(before, { namespaces: { factors: true } })
    const keys = Array.from({ length: 1200 }, (_, at) => `k${at}`)
    await before.namespace('factors').setMany(keys.map((key) => [key, key] as const))
    await before.namespace('factors').setMany(
      cold.map((key) => [key, key] as const),
      { tiers: [kind] },
    )
    await kept.stop()
    const after = start(kind)
    expect(await keepWarm(after, { namespaces: { factors: true } }).warming).toMatchObject({ present: 1200, absent: 0 })
    expect([peeked(after, keys).length, peeked(after, cold).length]).toEqual([1200, 0])
    const fewer = start(kind === 'disk' ? 'redis' : 'disk')
    expect(await keepWarm(fewer, { namespaces: { factors: true } }).warming).toMatchObject({ present: 0 })
    if (kind === 'disk') return
    const some = start(kind)
    expect(await keepWarm(some, { namespaces: { factors: true }, memoryKeys: 700 }).warming).toMatchObject({
      present: 700,
    })
  })

  test('a loader brings what the tier has lost', async () => {
    const before = start(kind)
    tellHotKeys(before, Object.fromEntries(hotKeysOf('a').map((key) => [key, 1])))
    keepWarm(before, { namespaces: { factors: true } })
    await before.stop()
    const after = start(kind)
    const loadMany = (keys: readonly string[]): ReadonlyMap<string, string> =>
      new Map(keys.map((key) => [key, 'loaded']))
    await keepWarm(after, { namespaces: { factors: { loadMany } } }).warming
    expect(hotKeysOf('a').map((key) => after.namespace('factors').peek(key))).toEqual(
      hotKeysOf('a').map(() => 'loaded'),
    )
  })
})

describe('instances that share a Redis', () => {
  test('share what they note', async () => {
    const [one, other] = [start('redis'), start('redis')]
    keepWarm(one, { namespaces: { factors: true } })
    keepWarm(other, { namespaces: { factors: true } })
    await readMuch(one, hotKeysOf('a'))
    await readMuch(other, hotKeysOf('b'))
    await one.stop()
    await other.stop()
    const after = start('redis')
    await keepWarm(after, { namespaces: { factors: true } }).warming
    const hot = [...hotKeysOf('a'), ...hotKeysOf('b')]
    expect(peeked(after, hot)).toEqual(hot)
  })

  test('ignore a record that is damaged, and write a new one', async () => {
    const before = start('redis')
    const kept = keepWarm(before, { namespaces: { factors: true }, memoryKeys: 0 })
    await readMuch(before, hotKeysOf('a'))
    await kept.save()
    const [key] = String(await server.command('KEYS', '*hot-keys*factors*')).split('\n')
    await server.command('SET', key!, 'no frame')
    const after = start('redis')
    expect(await keepWarm(after, { namespaces: { factors: true }, memoryKeys: 0 }).warming).toMatchObject({
      outcome: 'done',
      present: 0,
    })
    await before.stop()
    const third = start('redis')
    expect(
      (await keepWarm(third, { namespaces: { factors: true }, memoryKeys: 0 }).warming)!.present,
    ).toBeGreaterThanOrEqual(6)
  })

  test('are not kept from stopping by a Redis that is gone', async () => {
    const other = await startRedis({ dedicated: true })
    const manager = createCacheManager({ tiers: [memory(), redis({ host: other.host, port: other.port })] })
    managers.push(manager)
    keepWarm(manager, { namespaces: { factors: true } })
    await readMuch(manager, hotKeysOf('a'))
    other.pause()
    const startedAt = performance.now()
    await manager.stop()
    expect(performance.now() - startedAt).toBeLessThan(8000)
    other.resume()
    await other.stop()
  })
})
