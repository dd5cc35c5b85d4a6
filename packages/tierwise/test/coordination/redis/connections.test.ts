import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedisManager } from '../../../src/clients/redis/manager/index.ts'
import type { CoordinationStore } from '../../../src/contract/coordination.ts'
import { redisCoordination } from '../../../src/coordination/redis/index.ts'
import { startRedis, startRedisSentinel, type RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { storeOf, storeOver } from './opened-store.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())

const place = (): { readonly host: string; readonly port: number } => ({ host: server.host, port: server.port })

/** A step of each sort. */
async function use(store: CoordinationStore): Promise<void> {
  const heard: string[] = []
  await store.subscribe('released:lock', (text) => void heard.push(text))
  await store.acquire('lock', 'x', { ttlMs: 60_000 })
  await store.acquire('lock', 'y', { ttlMs: 60_000, waitMs: 60_000 })
  expect(await store.release('lock', 'x')).toBe(true)
  await until(() => heard.length === 1, { what: 'telling' })
  await store.release('lock', 'y')
  expect((await store.add('number', 1)).value).toBeGreaterThan(0)
}

describe('the connection of a store', () => {
  it('may be a client that is there, which stays open', async () => {
    const client = new Redis({ ...place(), lazyConnect: true })
    const store = storeOver({ client })
    await use(store)
    await store.close()
    expect(await client.ping()).toBe('PONG')
    client.disconnect()
  })

  it('may be a manager, which stays open', async () => {
    const manager = createRedisManager({ client: 'ioredis', ...place() })
    const store = storeOver({ manager })
    await use(store)
    await store.close()
    expect(await manager.get('tw:c:number')).toBeDefined()
    await manager.disconnect()
  })

  it('keeps stores of different prefixes apart', async () => {
    const [one, other] = [
      storeOf({ client: 'ioredis', ...place() }),
      storeOf({ client: 'ioredis', ...place(), prefix: 'b' }),
    ]
    await one.write('a', 'one', {})
    expect(await other.read('a')).toBeUndefined()
    const heard: string[] = []
    await one.subscribe('a', (text) => void heard.push(text))
    await other.publish('a', 'of the other')
    await one.publish('a', 'own')
    await until(() => heard.length > 0, { what: 'telling' })
    expect(heard).toEqual(['own'])
  })

  it('may go to the primary behind Sentinel, and follows it', async () => {
    const group = await startRedisSentinel({ replicas: 1 })
    try {
      const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
      const store = storeOf({ client: 'ioredis', sentinel: { name: group.masterName, nodes } })
      const gaps: string[] = []
      const heard: string[] = []
      await store.subscribe(
        'news',
        (text) => void heard.push(text),
        () => void gaps.push('news'),
      )
      await use(store)
      const before = await group.killPrimary()
      await group.primaryAfter(before)
      const works = (): Promise<boolean> =>
        store.add('after', 1).then(
          () => true,
          () => false,
        )
      await until(works, { what: 'reaching the new primary', timeoutMs: 30_000 })
      await until(() => gaps.length > 0, { what: 'telling of the gap', timeoutMs: 30_000 })
      await store.publish('news', 'after')
      await until(() => heard.length > 0, { what: 'telling' })
    } finally {
      await group.stop()
    }
  }, 90_000)
})

describe('the options of a store', () => {
  it('say what it is called and what it can do', async () => {
    expect(redisCoordination()).toMatchObject({ name: 'redis', capabilities: { shared: true, durable: false } })
    const options = { client: 'node-redis', name: 'state', durable: true } as const
    expect(redisCoordination(options)).toMatchObject({ name: 'state', capabilities: { shared: true, durable: true } })
  })

  it.each([
    [{ prefx: 'a' }, 'Did you mean `prefix`?'],
    [{ readFrom: 'replica' }, '`redisCoordination.readFrom` is not an option'],
    [{ prefix: 'a:b' }, '`redisCoordination.prefix`'],
    [{ prefix: '{a}' }, '`redisCoordination.prefix`'],
    [{ durable: 'yes' }, '`redisCoordination.durable`'],
    [{ client: {} }, '`redisCoordination.client`'],
    [{ manager: {} }, 'what createRedisManager() returns'],
    [{ url: 'redis://a', host: 'b' }, 'redisCoordination'],
  ])('are refused when they are wrong: %o', (options, message) => {
    expect(() => redisCoordination(options as object)).toThrow(message)
  })

  it('are refused when there are two ways to connect', () => {
    const client = new Redis({ ...place(), lazyConnect: true })
    expect(() => redisCoordination({ client, host: 'a' })).toThrow('`redisCoordination.host` says how to connect')
    client.disconnect()
  })
})
