import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { emitLua } from '../../../../src/tiers/redis/lane.ts'
import type { FleetTier } from '../opened-tier.ts'
import { commandCounts, resetCounts } from '../command-counts.ts'
import { numbered, openedTier, readTexts, textRecord } from '../opened-tier.ts'
import {
  acquire,
  aLease,
  change,
  clients,
  fill,
  find,
  frameOf,
  heard,
  portsThrough,
  readLog,
  refusalOf,
  removal,
  replacement,
} from './authority-session.ts'

const key = 'tw:1:a:1'
let server: RedisServer
let admin: Redis
let subscriber: Redis
let messages: (string | unknown[])[] = []
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  admin = new Redis({ port: server.port })
  subscriber = new Redis({ port: server.port })
  await subscriber.subscribe('{tw:0}:bus')
  subscriber.on('messageBuffer', (_channel, bytes: Buffer) => void messages.push(heard(bytes) as string | unknown[]))
})
afterAll(async () => {
  admin.disconnect()
  subscriber.disconnect()
  await server.stop()
})

/** What was published until now: the own message comes after all of them. */
async function published(): Promise<readonly (string | unknown[])[]> {
  const end = `end ${Math.random()}`
  await admin.eval(`redis.call('PUBLISH', '{tw:0}:bus', cmsgpack.pack({ 1, 0, ARGV[1] }))`, 0, end)
  await expect.poll(() => messages.at(-1), { interval: 2 }).toBe(end)
  return messages.filter((message) => typeof message !== 'string' || !message.startsWith('end '))
}

describe.each(clients)('announcements through %s', (client) => {
  let tier: FleetTier
  beforeEach(async () => {
    await admin.flushall()
    tier = (await openedTier({ ports: () => portsThrough(client, server) })).tier
    messages = []
  })
  afterEach(() => tier.close())

  it('form a chain of random ids with contiguous numbers, and name their instance', async () => {
    const { tier: other } = await openedTier({ ports: () => portsThrough(client, server) })
    for (let round = 0; round < 5; round++) {
      await change(round % 2 === 0 ? tier : other, removal(key))
      await (round % 2 === 0 ? other : tier).tags.invalidate([`red ${round}`], 0)
    }
    const log = await readLog(admin)
    expect(log.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(log.map(({ before }) => before)).toEqual(['', ...log.slice(0, -1).map(({ id }) => id)])
    expect(new Set(log.map(({ id }) => id)).size).toBe(10)
    expect(log[0]?.id).toMatch(/^[\w-]{12}$/)
    expect(log.map(({ source }) => source).slice(0, 3)).toEqual([tier.source, other.source, other.source])
    expect(tier.source).not.toBe(other.source)
    expect(await admin.hgetall('{tw:0}:lane')).toMatchObject({ seq: '10', id: log.at(-1)?.id })
    expect(await published()).toEqual(log.map(({ changes }) => changes))
    await other.close()
  })

  it('tell all changes of one tick in one message, in order, and their place in it', async () => {
    await resetCounts(server)
    const answers = await Promise.all([
      tier.authority.change([replacement(key), replacement('tw:1:a:2')]),
      tier.authority.change([removal(key), removal('tw:1:a:3', { operation: 'expire' })]),
      acquire(tier, 'tw:1:a:4'),
    ])
    expect((await commandCounts(server))['evalsha']).toBe(1)
    const positions = answers
      .flat()
      .flatMap((answer) => (typeof answer === 'object' && 'position' in answer ? [answer.position] : []))
    expect(positions).toEqual(numbered('', 4).map(() => ({ lane: 0, sequence: 1 })))
    const changes = [
      ['S', key, expect.any(Number)],
      ['S', 'tw:1:a:2', expect.any(Number)],
      ['D', key, expect.any(Number)],
      ['D', 'tw:1:a:3', expect.any(Number)],
    ]
    expect(await published()).toEqual([changes])
  })

  it('are bounded in size, so that the server answers others in between', async () => {
    const keys = numbered('tw:1:m:', 100)
    await tier.authority.change(keys.map((each) => removal(each)))
    expect((await published()).map(({ length }) => length)).toEqual([32, 32, 32, 4])
  })

  it('are not made for leases, loads, what is given back, and what is refused', async () => {
    const lease = await acquire(tier, key)
    await fill(tier, { key, lease })
    await fill(tier, { key, lease })
    await tier.authority.release([{ key, lease: await acquire(tier, 'tw:1:a:2') }])
    await refusalOf(tier, replacement(key, { ifVersion: 1 }))
    await tier.authority.affirm([{ key, version: -1 }])
    await tier.tags.invalidate([], 0)
    expect(await published()).toEqual([])
    expect(await admin.exists('{tw:0}:log')).toBe(0)
    expect(await admin.hmget('{tw:0}:lane', 'seq', 'id')).toEqual([null, null])
  })

  it('wake those who wait, once, when the load has arrived or will not', async () => {
    const ends: ((lease: string) => Promise<unknown>)[] = [
      (lease) => fill(tier, { key, lease }, { value: 'x', bytes: frameOf(key, 'x', 1) }),
      (lease) => fill(tier, { key, lease }, { expiresAt: 1 }),
      (lease) => fill(tier, { key, lease }, { copyOf: -2 }),
      (lease) => tier.authority.release([{ key, lease }]),
    ]
    for (const end of ends) {
      await admin.del(key)
      const lease = await acquire(tier, key)
      await acquire(tier, key)
      await acquire(tier, key)
      await end(lease)
      expect(await published()).toEqual([key])
      messages = []
    }
    await tier.authority.release([{ key, lease: await acquire(tier, key, { newerThan: Infinity }) }])
    expect(await published(), 'nobody waits any more').toEqual([])
  })

  it('wake those who wait for a load that a change has made useless, after telling the change', async () => {
    await acquire(tier, key)
    await acquire(tier, key)
    const version = await change(tier, removal(key))
    expect(await published()).toEqual([[['D', key, version]], key])
    await acquire(tier, key)
    await acquire(tier, key)
    await tier.authority.affirm([{ key, version: version + 1e9 }])
    expect((await published()).slice(2)).toEqual([[['D', key, version + 1e9]], key])
  })

  it('are kept in the log, the latest ten thousand or so', async () => {
    const names = ['{tw:0}:lane', '{tw:0}:log', '{tw:0}:bus']
    const manyTimes = `${emitLua} for i = 1, 10500 do emit(KEYS, 'PUBLISH', 'me', 'id', {}) end`
    await admin.eval(manyTimes, 3, ...names)
    await change(tier, removal(key))
    expect(await admin.xlen('{tw:0}:log')).toBeGreaterThanOrEqual(10_000)
    expect(await admin.xlen('{tw:0}:log')).toBeLessThan(10_200)
  })

  it('of tags carry the clock, in the step that marks them', async () => {
    const clock = await tier.tags.invalidate(['red', 'grün'], 0)
    expect(await published()).toEqual([[['T', ['red', 'grün'], clock]]])
    expect((await tier.tags.load()).marks).toEqual(
      new Map([
        ['red', clock],
        ['grün', clock],
      ]),
    )
  })
})

describe('the clock of tags', () => {
  it('takes no step again that a server has lost, and follows neither that alone nor a clock set back', async () => {
    const { tier } = await openedTier({ ports: () => portsThrough('ioredis', server) })
    const lost = await tier.tags.invalidate(['red'], 0)
    await admin.zadd('{tw:tags}', '5', 'clock')
    expect(await tier.tags.invalidate(['green'], 0)).toBeGreaterThan(lost)
    const ahead = (Date.now() + 3_600_000) * 1000
    expect(await tier.tags.invalidate(['green'], ahead)).toBe(ahead)
    expect(await tier.tags.invalidate(['green'], 0)).toBe(ahead + 1)
    await admin.del('{tw:tags}')
    expect(await tier.tags.invalidate(['green'], ahead)).toBe(ahead)
    await tier.close()
  })
})

describe('a server whose memory is full', () => {
  let tier: FleetTier
  beforeEach(async () => {
    await admin.config('SET', 'maxmemory', '0')
    await admin.flushall()
    tier = (await openedTier({ ports: () => portsThrough('ioredis', server) })).tier
    messages = []
  })
  afterEach(async () => {
    await admin.config('SET', 'maxmemory', '0')
    await tier.close()
  })
  const fillUp = (): Promise<unknown> => admin.config('SET', 'maxmemory', '1')

  it('takes and announces deletions, expiries, holds, fences and tags', async () => {
    await change(tier, replacement(key))
    await change(tier, replacement('tw:1:a:2'))
    await fillUp()
    messages = []
    await change(tier, removal('tw:1:a:never', { holdMs: 60_000, fence: 5, isDoubtful: true }))
    await change(tier, removal(key))
    await change(tier, removal('tw:1:a:2', { operation: 'expire' }))
    await tier.authority.affirm([{ key: 'tw:1:a:3', version: 9e15 }])
    await tier.tags.invalidate(['red'], 0)
    const told = (await published()).flat() as [string, string | string[], number][]
    expect(told.map(([operation, what]) => [operation, what])).toEqual([
      ['D', 'tw:1:a:never'],
      ['D', key],
      ['X', 'tw:1:a:2'],
      ['D', 'tw:1:a:3'],
      ['T', ['red']],
    ])
    expect(await acquire(tier, 'tw:1:a:never')).toBe('held')
    expect((await find(tier, 'tw:1:a:2'))?.isFresh).toBe(false)
    expect((await readLog(admin)).length).toBe(7)
  })

  it('removes what was held when it does not take the new value, and says so', async () => {
    await change(tier, replacement(key))
    await fillUp()
    messages = []
    const [answer] = await tier.authority.change([replacement(key)])
    expect(answer).toMatchObject({ refused: 'record' })
    expect(await published()).toEqual([[['D', key, (answer as { version: number }).version]]])
    expect(await find(tier, key)).toBeUndefined()
    expect(await tier.set([textRecord(key, 5)]).catch(String)).toEqual(['superseded'])
  })

  it('takes no load, however many others come before it in the batch, and keeps the stale value', async () => {
    await change(tier, replacement(key, { bytes: frameOf(key, 'stale', -1) }))
    const lease = await acquire(tier, key)
    await fillUp()
    const [, filled] = await Promise.all([change(tier, removal('tw:1:a:2')), fill(tier, { key, lease })])
    expect(filled).toBe('record')
    expect((await find(tier, key))?.value).toBe('stale')
  })

  it('lets everybody load: nothing could be stored, and nobody shall wait', async () => {
    await fillUp()
    expect(await acquire(tier, key)).toEqual(aLease)
    const lease = await acquire(tier, key)
    expect(lease).toEqual(aLease)
    expect(await admin.dbsize()).toBe(0)
    expect(await fill(tier, { key, lease })).toBe('lease')
  })

  it('is noticed whatever type the first key has', async () => {
    await admin.hset(key, 'field', 'value')
    await fillUp()
    const answers = await tier.authority.change([removal(key), replacement('tw:1:a:2')])
    expect(answers).toMatchObject([{ wasHeld: false }, { refused: 'record' }])
    expect(await readTexts(tier, ['tw:1:a:2'])).toEqual([undefined])
  })
})

describe('a server that takes no writes', () => {
  it('fails the whole command with its own error, and nothing is done', async () => {
    await admin.flushall()
    const { tier } = await openedTier({ ports: () => portsThrough('ioredis', server) })
    const lease = await acquire(tier, key)
    await admin.replicaof('127.0.0.1', 1)
    await expect(tier.authority.change([removal(key)])).rejects.toMatchObject({ code: 'READONLY' })
    await expect(tier.authority.acquire([{ key, leaseMs: 10 }])).rejects.toThrow(/^READONLY/)
    await admin.replicaof('NO', 'ONE')
    expect(await fill(tier, { key, lease })).toBeGreaterThan(0)
    await tier.close()
  })

  it('is refused clearly before the tier is open and after it was closed', async () => {
    const { tier } = await openedTier({ ports: () => portsThrough('ioredis', server) })
    await tier.close()
    await expect(tier.authority.acquire([{ key, leaseMs: 10 }])).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_CLOSED',
    })
    await expect(tier.authority.change([removal(key)])).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_CLOSED' })
  })
})
