import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { Cache } from '../../src/contract/cache.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import * as decorators from '../../src/decorators/index.ts'
import { initializeCacheManager, shutdownCacheManager } from '../../src/default-manager.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { compiled, ways } from './compiled.ts'
import type * as service from './service.ts'
import type { Calls } from './service.ts'

const manager = createCacheManager({ tiers: [memory()], namespaces: { tenants: { tenant: 'required' } } })
const calls: Calls = { made: [] }
const users = manager.namespace<string>('users')

async function listed(cache: Cache<unknown>, pattern?: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const key of cache.keys(pattern)) keys.push(key)
  return keys
}

afterEach(async () => {
  calls.made.length = 0
  await manager.clear()
})
afterAll(() => manager.stop())

describe.each(Object.keys(ways) as (keyof typeof ways)[])('decorators compiled %s', (way) => {
  let Users: ReturnType<typeof service.decorated>
  beforeAll(async () => {
    const { decorated } = await compiled<typeof service>(join(import.meta.dirname, 'service.ts'), way)
    Users = decorated(decorators, { manager, calls })
  })

  test('cached answers equal arguments from the cache, whoever the receiver is', async () => {
    expect(await new Users(1).find('ann')).toBe('ann by 1')
    expect(await new Users(2).find('ann')).toBe('ann by 1')
    expect(await new Users(2).find('bob')).toBe('bob by 2')
    expect(calls.made).toEqual(['find ann', 'find bob'])
  })

  test('cached keeps methods of different names apart, and keeps their names', async () => {
    const some = new Users(1)
    expect([await some.find('x'), await some.list('x')]).toEqual(['x by 1', 'list of x'])
    expect([some.find.name, some.save.name, Users.count.name]).toEqual(['find', 'save', 'count'])
    expect(Object.keys(some)).toEqual(['id', 'cache'])
  })

  test('cached uses the key, its prefix and the options of the call', async () => {
    const some = new Users(7)
    await Promise.all([some.byId(1, true), some.prefixed(5), some.ofReceiver()])
    expect(users.peek('user:1')).toBe('user 1')
    expect(await users.ttl('user:1')).toBeGreaterThan(3_500_000)
    expect((await users.getEntry('user:1'))?.tags).toEqual(['users'])
    expect(users.peek('prefixed:5')).toBe(5)
    expect(await listed(users, 'own:*')).toHaveLength(1)
    expect(await new Users(8).ofReceiver()).toBe(7)
  })

  test('cached takes static methods, and those of tenants', async () => {
    expect([await Users.count(), users.peek('static')]).toEqual([3, 3])
    const some = new Users(1)
    expect([await some.ofTenant('acme', 'k'), await some.ofTenant('bell', 'k')]).toEqual(['k of acme', 'k of bell'])
    await some.forgetTenant('acme')
    expect(await listed(manager.namespace('tenants'))).toEqual(['bell:k'])
  })

  test('without a manager they use the process-wide one', async () => {
    await expect(new Users(1).fromDefault()).rejects.toMatchObject({ code: 'ERR_CACHE_NOT_INITIALIZED' })
    await initializeCacheManager({ tiers: [memory()] })
    expect(await new Users(1).fromDefault()).toBe('by the process-wide manager')
    await shutdownCacheManager()
  })

  test('invalidates removes keys, tags and patterns after the method has succeeded', async () => {
    await users.setMany([
      ['user:1', 'old'],
      ['list:a', 'old'],
      ['other', 'kept'],
    ])
    await users.set('tagged', 'old', { tags: ['users'] })
    expect(await new Users(1).save(1, 'ann')).toBe('saved')
    expect(await listed(users)).toEqual(['other'])
  })

  test('invalidates leaves everything when the method fails', async () => {
    await users.set('user:1', 'old')
    await expect(new Users(1).fail()).rejects.toThrow('no')
    expect(await users.get('user:1')).toBe('old')
  })
})

test('what is not a method is refused', () => {
  const { cached } = decorators
  const decorate = cached({ namespace: 'users' }) as unknown as (...args: unknown[]) => unknown
  const refused = expect.objectContaining({ code: 'ERR_CACHE_OPTION' }) as Error
  expect(() => decorate(undefined, { name: 'field', kind: 'field' })).toThrow(refused)
  expect(() => decorate({}, 'field')).toThrow(refused)
  expect(() => decorate({}, 'getter', { get: () => 1 })).toThrow(refused)
})
