import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Redis } from 'ioredis'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import type { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { allOf, numbered, openedTier, portsTo } from './opened-tier.ts'

let server: RedisServer
let admin: Redis
let tier: RedisTier
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  admin = new Redis({ port: server.port })
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await admin.flushall()
  tier = (await openedTier({ ports: () => portsTo({ port: server.port }) })).tier
})
afterEach(() => tier.close())

async function textsOf(keys: readonly string[]): Promise<readonly (string | undefined)[]> {
  const records = await tier.raw.get(keys)
  return records.map((record) => record && Buffer.from(record.bytes).toString())
}

describe('the raw store', () => {
  it('reads what the command line client has written, with its life', async () => {
    await server.command('SET', 'session:1', 'plain', 'PX', '60000')
    await server.command('SET', 'session:2', 'endless')
    const [one, two, none] = await tier.raw.get(['session:1', 'session:2', 'session:3'])
    expect(Buffer.from(one?.bytes ?? []).toString()).toBe('plain')
    expect(one?.key).toBe('session:1')
    const leftMs = (one?.expiresAt ?? 0) - Date.now()
    expect(leftMs).toBeGreaterThan(55_000)
    expect(leftMs).toBeLessThanOrEqual(60_100)
    expect(two?.expiresAt).toBe(Infinity)
    expect(none).toBeUndefined()
  })

  it('writes what the command line client reads, with its life', async () => {
    await tier.raw.set([
      { key: 'session:1', bytes: Buffer.from('short'), expiresAt: Date.now() + 60_000 },
      { key: 'session:2', bytes: Buffer.from('endless'), expiresAt: Infinity },
    ])
    expect((await server.command('GET', 'session:1')).trim()).toBe('short')
    expect(Number(await server.command('PTTL', 'session:1'))).toBeGreaterThan(55_000)
    expect((await server.command('GET', 'session:2')).trim()).toBe('endless')
    expect((await server.command('PTTL', 'session:2')).trim()).toBe('-1')
  })

  it('takes the life of a replaced value from the new one, and a past one as a deletion', async () => {
    await server.command('SET', 'a', 'old', 'PX', '60000')
    await server.command('SET', 'b', 'old')
    await tier.raw.set([
      { key: 'a', bytes: Buffer.from('new'), expiresAt: Infinity },
      { key: 'b', bytes: Buffer.from('new'), expiresAt: 1 },
    ])
    expect((await server.command('PTTL', 'a')).trim()).toBe('-1')
    expect((await server.command('EXISTS', 'b')).trim()).toBe('0')
  })

  it('keeps every byte', async () => {
    const bytes = Uint8Array.from({ length: 512 }, (_, index) => index)
    await tier.raw.set([{ key: 'bytes', bytes, expiresAt: Infinity }])
    const [record] = await tier.raw.get(['bytes'])
    expect(Uint8Array.from(record?.bytes ?? [])).toEqual(bytes)
    expect(await admin.strlen('bytes')).toBe(512)
  })

  it('takes keys of other types for absent', async () => {
    await server.command('HSET', 'hash', 'field', 'value')
    await server.command('SET', 'text', 'value')
    expect(await textsOf(['hash', 'text', 'hash'])).toEqual([undefined, 'value', undefined])
    expect(await allOf(tier.raw.scan(''))).toEqual(['text'])
  })

  it('tells which keys a deletion has found', async () => {
    await server.command('SET', 'a', '1')
    expect(await tier.raw.delete(['a', 'b'])).toEqual([true, false])
    expect((await server.command('EXISTS', 'a')).trim()).toBe('0')
  })

  it('lists keys by a prefix that is taken as it is', async () => {
    for (const key of ['cart:*:1', 'cart:x:1', 'cart:*', 'cart']) await server.command('SET', key, '1')
    expect((await allOf(tier.raw.scan('cart:*'))).toSorted()).toEqual(['cart:*', 'cart:*:1'])
  })

  it('reads all keys of a tick in one script', async () => {
    const keys = numbered('session:', 50)
    await admin.mset(Object.fromEntries(keys.map((key) => [key, `text of ${key}`])))
    await tier.raw.get(['warm'])
    await resetCounts(server)
    const texts = await Promise.all(keys.map((key) => textsOf([key])))
    expect(texts.flat()).toEqual(keys.map((key) => `text of ${key}`))
    expect((await commandCounts(server))['evalsha']).toBe(1)
  })
})
