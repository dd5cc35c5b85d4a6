import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Redis } from 'ioredis'
import type { TierEvent } from '../../../src/contract/events.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import type { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import { recordBytes } from '../../../src/tiers/redis/record.ts'
import { allOf, numbered, openedTier, readTexts, scannedTexts, textRecord, portsTo } from './opened-tier.ts'

const key = 'tw:1:a:1'
let server: RedisServer
let admin: Redis
let tier: RedisTier
let events: TierEvent[]
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
  ;({ tier, events } = await openedTier({ ports: () => portsTo({ port: server.port }) }))
})
afterEach(() => tier.close())

describe('keys of others', () => {
  it('outlive a clear, whatever they are named', async () => {
    const foreign = [
      'tw',
      'tw:',
      'tw:1:a',
      'tw:1:a:',
      'tw:1:a:foreign',
      'tw:1:ab:x',
      'tw:1:*:x',
      'x:tw:1:a:1',
      '*',
      '{tw:1}x',
    ]
    for (const name of foreign) await admin.set(name, `value of ${name}`)
    await admin.hset('tw:1:a:hash', 'field', 'value')
    await admin.lpush('tw:1:a:list', 'item')
    await tier.set(numbered('tw:1:a:own', 500).map((each) => textRecord(each, 1)))
    await tier.clear('tw:1:a:', 5)
    await tier.clear('tw:', 5)
    await tier.clear('', 5)
    expect((await admin.keys('*')).toSorted()).toEqual([...foreign, 'tw:1:a:hash', 'tw:1:a:list'].toSorted())
    for (const name of foreign) expect(await admin.get(name)).toBe(`value of ${name}`)
  })

  it('are not counted, and neither are tombstones', async () => {
    await admin.mset(Object.fromEntries(numbered('other:', 300).map((name) => [name, 'x'])))
    await admin.set('tw:1:a:foreign', 'x')
    await tier.set(numbered('tw:1:a:own', 40).map((each) => textRecord(each, 1)))
    await tier.delete(numbered('tw:1:a:own', 10), 2)
    const usage = await tier.usage()
    expect(usage).toMatchObject({ entries: 30, bytes: undefined, maxBytes: undefined })
    // All that the server holds; it has no limit unless it is given one.
    expect(usage.store?.bytes).toBeGreaterThan(100_000)
    expect(usage.store?.maxBytes).toBeUndefined()
    await admin.config('SET', 'maxmemory', '100mb')
    expect((await tier.usage()).store?.maxBytes).toBe(100 * 1024 * 1024)
    await admin.config('SET', 'maxmemory', '0')
  })

  it('are estimated by a sample in a large database', async () => {
    for (let start = 0; start < 60_000; start += 5000)
      await admin.mset(Object.fromEntries(numbered('', 5000).map((_, index) => [`other:${start + index}`, 'x'])))
    const own = numbered('tw:1:a:', 20_000)
    await tier.set(own.map((each) => textRecord(each, 1)))
    const { entries } = await tier.usage()
    expect(entries).toBeGreaterThan(18_000)
    expect(entries).toBeLessThan(22_000)
  })

  it('of another type are a miss, and are neither overwritten nor deleted', async () => {
    await admin.hset(key, 'field', 'value')
    expect(await readTexts(tier, [key, 'tw:1:a:2'])).toEqual([undefined, undefined])
    expect(await tier.set([textRecord(key, 1), textRecord('tw:1:a:2', 1)])).toEqual(['refused', 'applied'])
    expect(await tier.delete([key], 2)).toEqual([false])
    expect(await scannedTexts(tier, 'tw:')).toEqual(['text of tw:1:a:2'])
    expect(await admin.hget(key, 'field')).toBe('value')
  })

  it('with plain bytes under a key of ours are a miss, reported, and replaced by the next write', async () => {
    await admin.set(key, 'a plain value')
    expect(await readTexts(tier, [key])).toEqual([undefined])
    expect(events).toEqual([{ type: 'bad-record', tier: 'redis', key, reason: 'damaged' }])
    expect(await tier.set([textRecord(key, 1)])).toEqual(['applied'])
    expect(await readTexts(tier, [key])).toEqual([`text of ${key}`])
  })
})

describe('damaged records', () => {
  it('of a newer format are a miss that says so', async () => {
    const bytes = recordBytes(7, Infinity, Buffer.from('text'))
    bytes[2] = 2
    await admin.set(key, bytes)
    expect(await readTexts(tier, [key])).toEqual([undefined])
    expect(events).toEqual([{ type: 'bad-record', tier: 'redis', key, reason: 'newer-format' }])
    expect(await tier.set([textRecord(key, 6)]), 'its version still counts').toEqual(['superseded'])
  })

  it('are a miss at every length they are cut to', async () => {
    const whole = recordBytes(7, Infinity, Buffer.from('text'))
    const names = numbered('tw:1:cut:', whole.length)
    for (const [length, name] of names.entries()) await admin.set(name, whole.subarray(0, length))
    const texts = await readTexts(tier, names)
    expect(texts).toEqual(names.map((_, length) => (length < 20 ? undefined : 'text'.slice(0, length - 20))))
    expect(events.length).toBe(20)
  })

  it('of random bytes never make an operation fail', async () => {
    const seed = Number(process.env['SEED'] ?? 20_261_121)
    const random = seededRandom(seed)
    const names = numbered('tw:1:fuzz:', 400)
    const whole = recordBytes(7, Infinity, Buffer.from('some text'))
    for (const name of names) {
      const bytes = Buffer.from(whole)
      const flips = 1 + Math.floor(random() * 6)
      for (let flip = 0; flip < flips; flip++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      await admin.set(name, bytes)
    }
    await readTexts(tier, names)
    await allOf(tier.scan('tw:', () => 1))
    await tier.usage()
    const outcomes = await tier.set(names.map((each) => textRecord(each, 7)))
    expect(
      outcomes.filter((outcome) => outcome === 'refused'),
      `seed ${seed}`,
    ).toEqual([])
    await tier.delete(names, Number.MAX_SAFE_INTEGER)
    await tier.clear('tw:', Number.MAX_SAFE_INTEGER)
    expect(new Set(await readTexts(tier, names)), `seed ${seed}`).toEqual(new Set([undefined]))
  })
})
