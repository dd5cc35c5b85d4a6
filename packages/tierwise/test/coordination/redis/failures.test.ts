import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CoordinationStore, LimitRule, Tenure } from '../../../src/contract/coordination.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { storeOf } from './opened-store.ts'

const rule: LimitRule = { kind: 'fixed-window', limit: 2, periodMs: 600_000 }
const packages = ['ioredis', 'node-redis'] as const

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true, password: 'of the server' })))
afterAll(() => server.stop())
beforeEach(async () => {
  if (!server.isRunning) await server.restart()
  await server.command('FLUSHALL')
})

const place = (): { host: string; port: number; password: string } => ({
  host: server.host,
  port: server.port,
  password: 'of the server',
})

function fenceOf(tenure: Tenure): number {
  if (tenure.kind !== 'granted') throw new Error('a tenure was expected')
  return tenure.fence
}

/** Once the client has noticed that the server is back. */
async function whenBack(store: CoordinationStore): Promise<void> {
  const look = (): Promise<boolean> =>
    store.read('probe').then(
      () => true,
      () => false,
    )
  await until(look, { what: 'reaching the server again' })
}

describe.each(packages)('a server that dies, through %s', (client) => {
  it('rejects every step at once, as something that may be tried again', async () => {
    const store = storeOf({ client, ...place() })
    await store.write('a', '1', {})
    await server.kill()
    const dead = (): Promise<boolean> =>
      store.read('a').then(
        () => false,
        () => true,
      )
    await until(dead, { what: 'noticing' })
    await expect(store.read('a')).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_READ',
      tier: 'redis',
      operation: 'read',
      key: 'a',
      retryable: true,
      cause: { name: 'RedisFailure' },
    })
    await expect(store.take('a', rule, { cost: 1 })).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_WRITE',
      retryable: true,
    })
    await expect(store.publish('a', 'x')).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    await expect(store.subscribe('a', () => {})).rejects.toMatchObject({ operation: 'subscribe', retryable: true })
  })

  it('has lost everything when it comes back empty, but gives no fence that it gave before', async () => {
    const store = storeOf({ client, ...place() })
    await store.write('a', '1', {})
    await store.take('limit', rule, { cost: 2 })
    const fence = fenceOf(await store.acquire('lock', 'x', { ttlMs: 600_000 }))
    await server.kill()
    await server.restart()
    await whenBack(store)
    expect(await store.read('a')).toBeUndefined()
    expect(await store.take('limit', rule, { cost: 1 })).toMatchObject({ allowed: true, remaining: 1 })
    expect(await store.renew('lock', 'x', 1000)).toBe(false)
    expect(fenceOf(await store.acquire('lock', 'y', { ttlMs: 1000 }))).toBeGreaterThan(fence)
  })

  it('tells every subscription of the gap, and goes on', async () => {
    const store = storeOf({ client, ...place() })
    const heard: string[] = []
    const gaps: string[] = []
    for (const channel of ['a', 'b', 'b']) {
      await store.subscribe(
        channel,
        (text) => void heard.push(text),
        () => void gaps.push(channel),
      )
    }
    expect(gaps).toEqual([])
    await server.kill()
    await server.restart()
    await whenBack(store)
    await until(() => gaps.length === 3, { what: 'telling of the gap' })
    expect(gaps.toSorted()).toEqual(['a', 'b', 'b'])
    await store.publish('b', 'after')
    await until(() => heard.length === 2, { what: 'telling what comes after' })
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => gaps.length === 6, { what: 'telling of the second gap' })
    expect(heard).toEqual(['after', 'after'])
  })

  it('opens by itself when it is there at last', async () => {
    await server.kill()
    const store = storeOf({ client, ...place() })
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', retryable: true })
    await expect(store.write('a', '1', {})).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    await server.restart()
    await whenBack(store)
    expect(await store.write('a', '1', {})).toMatchObject({ written: true })
  })

  it('does not hang when it is closed before it has opened, or meanwhile', async () => {
    await server.kill()
    const store = storeOf({ client, ...place() })
    const steps = [store.open(), store.read('a'), store.subscribe('a', () => {}), store.publish('a', 'x')]
    const outcomes = Promise.allSettled(steps)
    await store.close()
    for (const outcome of await outcomes) expect(outcome.status).toBe('rejected')
    await storeOf({ client, ...place() }).close()
  })

  it('is not asked with a wrong password, which no message repeats', async () => {
    const store = storeOf({ client, ...place(), password: 'a wrong one' })
    const failed = await store.take('a', rule, { cost: 1 }).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    expect(String(failed)).toMatch(/WRONGPASS|invalid username-password/)
    expect(JSON.stringify([String(failed), failed])).not.toContain('a wrong one')
  })
})

describe('the connection that listens', () => {
  const subscribed = async (): Promise<readonly string[]> =>
    (await server.command('PUBSUB', 'CHANNELS')).split('\n').filter((line) => line !== '')
  const listeners = async (): Promise<number> =>
    (await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').filter((line) => line !== '').length

  it.each(packages)('is one for all channels, and leaves those that nobody hears any more: %s', async (client) => {
    const store = storeOf({ client, ...place() })
    await store.write('a', '1', {})
    expect(await listeners()).toBe(0)
    await store.subscribe('kept', () => {})
    for (let turn = 0; turn < 50; turn++) {
      const own = await Promise.all([1, 2, 3].map(() => store.subscribe(`lock ${turn}`, () => {})))
      await Promise.all(own.map((subscription) => subscription.close()))
    }
    await until(async () => (await subscribed()).length === 1, { what: 'leaving' })
    expect(await subscribed()).toEqual(['tw:c:kept'])
    expect(await listeners()).toBe(1)
    await store.close()
    await until(async () => (await listeners()) === 0, { what: 'ending' })
  })

  it('tells nobody whose subscription was closed by who was told before', async () => {
    const store = storeOf({ client: 'ioredis', ...place() })
    const heard: string[] = []
    await store.subscribe('news', (text) => {
      heard.push(text)
      void later.close()
    })
    const later = await store.subscribe('news', () => void heard.push('too late'))
    await store.publish('news', 'one')
    await store.publish('news', 'two')
    await until(() => heard.includes('two'), { what: 'telling' })
    expect(heard).toEqual(['one', 'two'])
  })
})
