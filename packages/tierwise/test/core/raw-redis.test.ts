import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { CacheManager } from '../../src/contract/cache.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => void (await server.command('FLUSHALL')))

const managers: CacheManager[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})

function open(): CacheManager {
  const manager = createCacheManager({
    tiers: [memory(), redis({ host: server.host, port: server.port })],
    namespaces: {
      users: { raw: {} },
      pages: { raw: { keyPrefix: 'page/', values: 'text' } },
    },
    // The servers of the tests share two processors with other tests.
    tierTimeout: '2s',
  })
  managers.push(manager)
  return manager
}

describe('a raw namespace in Redis', () => {
  test('shares keys and values with code that talks to Redis, in both directions', async () => {
    const users = open().namespace('users')
    await server.command('SET', 'users:ann', '{"role":"editor"}', 'PX', '60000')
    expect(await users.get('ann')).toEqual({ role: 'editor' })
    const ttl = (await users.ttl('ann')) ?? 0
    expect(ttl).toBeGreaterThan(30_000)
    expect(ttl).toBeLessThanOrEqual(60_001)
    await users.set('bob', { role: 'reader' }, { ttl: '1m' })
    expect(await server.command('GET', 'users:bob')).toBe('{"role":"reader"}')
    const leftMs = Number(await server.command('PTTL', 'users:bob'))
    expect(leftMs).toBeGreaterThan(30_000)
    expect(leftMs).toBeLessThanOrEqual(60_000)
    await server.command('DEL', 'users:ann')
    expect(await users.get('ann')).toBeUndefined()
    expect(await users.delete('bob')).toBe(true)
    expect(await server.command('EXISTS', 'users:bob')).toBe('0')
  })

  test('keeps for ever what has no end, and takes another type for a miss', async () => {
    const users = open().namespace('users')
    await users.set('ann', [1, 2], { ttl: 'forever' })
    expect(await server.command('PTTL', 'users:ann')).toBe('-1')
    expect(await users.ttl('ann')).toBe(Infinity)
    await server.command('HSET', 'users:bob', 'role', 'editor')
    expect(await users.get('bob')).toBeUndefined()
    expect(await users.getMany(['ann', 'bob'])).toEqual(new Map([['ann', [1, 2]]]))
  })

  test('clears and lists under its prefix only', async () => {
    const manager = open()
    const pages = manager.namespace('pages')
    await manager.namespace('framed').set('key', 'value')
    await server.command('SET', 'other', 'untouched')
    for (const name of ['a', 'b', 'c']) await server.command('SET', `page/${name}`, `<${name}>`)
    const listed: string[] = []
    for await (const key of pages.keys()) listed.push(key)
    expect(listed.toSorted()).toEqual(['a', 'b', 'c'])
    expect(await pages.get('a')).toBe('<a>')
    expect(await pages.invalidatePattern('a')).toBe(1)
    await pages.clear()
    expect(await server.command('EXISTS', 'page/a', 'page/b', 'page/c')).toBe('0')
    expect(await server.command('GET', 'other')).toBe('untouched')
    expect(await manager.namespace('framed').get('key')).toBe('value')
  })
})

test('two managers over one Redis agree on the order of writes by its clock, whatever their own say', async () => {
  const managerAt = async (skewMs: number): Promise<CacheManager> => {
    const now = (): number => performance.timeOrigin + performance.now() + skewMs
    const manager = createCacheManager({
      tiers: [redis({ host: server.host, port: server.port })],
      runtime: { clock: { now, burstNow: now } },
      tierTimeout: '2s',
    })
    managers.push(manager)
    await manager.start()
    return manager
  }
  const fast = (await managerAt(5000)).namespace('n')
  const slow = (await managerAt(-5000)).namespace('n')
  await fast.set('key', 'first', { ttl: '1h' })
  expect((await slow.set('key', 'second', { ttl: '1h' })).tiers).toEqual({ redis: 'applied' })
  expect(await fast.get('key')).toBe('second')
  expect(await slow.delete('key')).toBe(true)
  expect(await fast.get('key')).toBeUndefined()
})
