import { afterEach, describe, expect, test } from 'vitest'

import type { RedisPackage } from '../../src/clients/redis/port.ts'
import { startRedis } from '../../src/testing/index.ts'
import type { RedisServer } from '../../src/testing/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { LoadedApplication, until } from './loaded-application.ts'

const packages: readonly RedisPackage[] = ['ioredis', 'node-redis', 'iovalkey']
const keys = Array.from({ length: 20 }, (_, index) => `lost ${index}`)

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function started(server: RedisServer, client: RedisPackage): Promise<LoadedApplication> {
  const application = new LoadedApplication({
    seed: 1,
    tiers: [redis({ client, host: server.host, port: server.port, backoff: { max: 200 } })],
    breaker: { openFor: 1000 },
    prefix: client,
  })
  cleanups.push(() => application.stop())
  await application.manager.start()
  return application
}

/** What a failover to a replica that lags does too, here without the chance in it. */
describe('a server that comes back with less than it had confirmed', () => {
  test('answers nothing that the process knows to be outdated', async () => {
    const server = await startRedis({ dedicated: true })
    cleanups.push(() => server.stop())
    const applications = await Promise.all(packages.map((client) => started(server, client)))
    for (const application of applications)
      for (const key of keys) await application.change(key, (answer) => application.cache.set(key, answer))
    await server.command('SAVE')
    for (const application of applications) await changeAll(application)
    await server.kill()
    await server.restart()
    for (const application of applications) {
      const read = (): Promise<unknown> =>
        Promise.all(keys.map((key) => application.see(key, () => application.cache.get(key))))
      await until(async () => {
        await application.change('probe', (answer) => application.cache.set('probe', answer))
        await read()
        return (await application.see('probe', () => application.cache.get('probe'))) !== undefined
      }, 'hits')
      await read()
      expect(application.faults.slice(0, 5)).toEqual([])
    }
  })
})

/** Half of the keys get a new value, the others are removed. */
async function changeAll(application: LoadedApplication): Promise<void> {
  const { cache } = application
  for (const [index, key] of keys.entries())
    await application.change(key, (answer) => (index % 2 === 0 ? cache.set(key, answer) : cache.delete(key)))
}
