import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CoordinationStore, LimitRule } from '../../../src/contract/coordination.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { storeOf } from './opened-store.ts'

/** What a user needs: its own keys and channels, and no more of the commands than the scripts and the clients send. */
const rules = [
  'on >secret ~tw:c:* &tw:c:*',
  '-@all +@connection +info +eval +evalsha +time +publish +subscribe +unsubscribe',
  '+type +pttl +unlink +persist +pexpire +pexpireat +get +set +incrby',
  '+hget +hmget +hgetall +hset +hdel +hlen',
  '+zadd +zrem +zscore +zcount +zrange +zrevrange +zrangebyscore +zrevrangebyscore +zremrangebyscore +zremrangebyrank',
  '+rpush +lrange +lindex +lset +ltrim +lrem +llen',
].join(' ')

const limits: readonly LimitRule[] = [
  { kind: 'bucket', capacity: 2, limit: 2, periodMs: 20 },
  { kind: 'fixed-window', limit: 2, periodMs: 20 },
  { kind: 'sliding-window', limit: 2, periodMs: 20 },
]

/** Every step, on every way through its script that has commands of its own. */
async function useAll(store: CoordinationStore): Promise<void> {
  await store.write('text', '1', { ttlMs: 60_000 })
  await store.read('text')
  await store.add('text', 1)
  await store.raise('text', 9)
  await store.enter('set', [{ member: 'x', ttlMs: 60_000 }, { member: 'y' }])
  await store.contains('set', ['x'])
  await store.size('set')
  await store.members('set')
  await store.leave('set', ['y'])
  await store.setFields('fields', { x: '1', y: null }, 60_000)
  await store.setFields('fields', {}, Infinity)
  await store.fields('fields')
  await store.fields('fields', ['x'])
  await store.rank('ranked', [{ member: 'x', score: 1 }], { keep: 5, ttlMs: 60_000 })
  await store.ranked('ranked')
  await store.ranked('ranked', { reverse: true })
  await store.unrank('ranked', ['y'])
  await store.unrank('ranked', { max: 0 })
  await store.acquire('tenure', 'x', { ttlMs: 60_000 })
  await store.acquire('tenure', 'y', { ttlMs: 60_000, waitMs: 60_000 })
  await store.renew('tenure', 'x', 60_000)
  await store.release('tenure', 'x')
  for (const rule of limits) await useLimit(store, rule)
  for (const key of ['text', 'set', 'fields', 'ranked', 'tenure']) expect((await store.remove(key)).removed).toBe(true)
}

async function useLimit(store: CoordinationStore, rule: LimitRule): Promise<void> {
  for (let turn = 0; turn < 30; turn++) {
    const { allowed, at } = await store.take(rule.kind, rule, { cost: 1 })
    if (allowed && turn % 3 === 0) await store.giveBack(rule.kind, rule, { units: 1, at })
  }
}

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true, users: { state: rules } })))
afterAll(() => server.stop())

describe('the permissions of a user', () => {
  it.each(['ioredis', 'node-redis', 'iovalkey'] as const)('are enough through %s', async (client) => {
    const store = storeOf({ client, host: server.host, port: server.port, username: 'state', password: 'secret' })
    const heard: string[] = []
    const subscription = await store.subscribe('released:tenure', (text) => void heard.push(text))
    await useAll(store)
    await until(() => heard.length === 1, { what: 'telling' })
    await subscription.close()
    await store.publish('news', 'x')
    await store.close()
  })

  it('are told to be missing as a store that cannot be asked, for other keys and commands', async () => {
    const access = { client: 'ioredis', host: server.host, port: server.port, username: 'state' } as const
    const other = storeOf({ ...access, password: 'secret', prefix: 'other' })
    await expect(other.write('a', 'x', {})).rejects.toMatchObject({ retryable: true, code: 'ERR_CACHE_TIER_WRITE' })
    await expect(other.publish('a', 'x')).rejects.toThrow('NOPERM')
    await server.command('ACL', 'SETUSER', 'state', '-zadd')
    const own = storeOf({ ...access, password: 'secret' })
    await expect(own.enter('a', [{ member: 'x' }])).rejects.toMatchObject({ retryable: true })
    expect(await own.read('a')).toBeUndefined()
  })

  it('change nothing where the first look at a key is not allowed', async () => {
    const access = { client: 'ioredis', host: server.host, port: server.port, username: 'state' } as const
    const store = storeOf({ ...access, password: 'secret' })
    await store.write('text', '1', {})
    await store.add('sum', 1)
    await store.acquire('tenure', 'x', { ttlMs: 60_000 })
    await server.command('ACL', 'SETUSER', 'state', '-get', '-incrby', '-hmget', '-lrange', '-zrange')
    const steps = [
      store.write('text', 'x', {}),
      store.add('sum', 1),
      store.acquire('tenure', 'y', { ttlMs: 1 }),
      store.enter('set', [{ member: 'x' }]),
      ...limits.map((rule) => store.take(rule.kind, rule, { cost: 1 })),
    ]
    for (const step of await Promise.allSettled(steps))
      expect(step).toMatchObject({ status: 'rejected', reason: { retryable: true } })
    await server.command('ACL', 'SETUSER', 'state', '+get', '+incrby', '+hmget', '+lrange', '+zrange')
    expect(await store.read('text')).toMatchObject({ value: '1' })
    expect(await store.read('sum')).toMatchObject({ value: '1' })
    expect(await store.renew('tenure', 'x', 60_000)).toBe(true)
  })
})
