import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import type { Cache, CacheManager } from '../../../src/contract/cache.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { startRedis } from '../../../src/testing/index.ts'
import type { RedisServer } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { deferred } from './deferred.ts'

let server: RedisServer
const managers: CacheManager[] = []
beforeAll(async () => void (server = await startRedis()))
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.stop()))
})
afterAll(() => server.stop())

async function instance(): Promise<{ readonly acme: Cache; readonly bell: Cache }> {
  const manager = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    namespaces: { test: { tenant: 'required', grace: '1h' } },
    prefix: 'tenant-fleet',
    tierTimeout: '5s',
  })
  managers.push(manager)
  await manager.start()
  const whole = manager.namespace('test')
  return { acme: whole.forTenant('acme'), bell: whole.forTenant('bell') }
}

test('a lease of one tenant is waited for by that tenant only, on every instance', async () => {
  const [here, there] = await Promise.all([instance(), instance()])
  const [gate, begun] = [deferred(), deferred()]
  const leading = here.acme.getOrSet('key', async () => {
    begun.resolve()
    await gate.promise
    return 'acme of here'
  })
  await begun.promise
  // It would wait for the gate, or get the value of the other tenant, if it took part in that lease.
  expect(await there.bell.getOrSet('key', () => 'bell of there')).toBe('bell of there')
  const following = there.acme.getOrSet('key', () => 'acme of there')
  gate.resolve()
  expect(await Promise.all([leading, following])).toEqual(['acme of here', 'acme of here'])
  expect(await here.bell.get('key')).toBe('bell of there')
})

test('a barrier and a token of one tenant hold on every instance, and leave the other tenant alone', async () => {
  const [here, there] = await Promise.all([instance(), instance()])
  await Promise.all([here.acme.set('shared', 'acme 1'), here.bell.set('shared', 'bell 1')])
  await Promise.all([there.acme.get('shared'), there.bell.get('shared')])
  const { held, acknowledged = [] } = await here.acme.invalidate('shared', { barrier: true })
  expect([held, acknowledged.length > 0]).toEqual([1, true])
  expect([there.acme.peek('shared'), await there.bell.get('shared')]).toEqual([undefined, 'bell 1'])
  const { token } = await here.acme.set('shared', 'acme 2')
  expect(await there.acme.get('shared', { after: token })).toBe('acme 2')
  expect(await there.bell.get('shared')).toBe('bell 1')
})
