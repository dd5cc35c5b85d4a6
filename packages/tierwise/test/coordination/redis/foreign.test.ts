import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CoordinationStore, LimitRule } from '../../../src/contract/coordination.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'
import { storeOf } from './opened-store.ts'

const limitKinds = ['bucket', 'fixed-window', 'sliding-window'] as const
const rule: LimitRule = { kind: 'fixed-window', limit: 2, periodMs: 600_000 }

let server: RedisServer
let store: CoordinationStore
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  store = storeOf({ client: 'ioredis', host: server.host, port: server.port })
})

const foreign: readonly (readonly [string, readonly string[]])[] = [
  ['a hash', ['HSET', 'tw:c:a', 'x', '1']],
  ['a hash with the field `kind`', ['HSET', 'tw:c:a', 'kind', 'of blue']],
  ['a hash with fields like those of ours', ['HSET', 'tw:c:a', 'owner', 'x', 'ends', '1', 'taken', '1', 'fence', '7']],
  ['a sorted set', ['ZADD', 'tw:c:a', '1', 'x']],
  ['a list', ['RPUSH', 'tw:c:a', 'x']],
  ['a list of two', ['RPUSH', 'tw:c:a', '1 1', '2']],
  ['a set', ['SADD', 'tw:c:a', 'x']],
  ['a stream', ['XADD', 'tw:c:a', '*', 'x', '1']],
]

describe('what somebody else has put under a key', () => {
  it.each(foreign)('is left alone and refused: %s', async (_, command) => {
    await server.command(...command)
    const before = await server.command('DUMP', 'tw:c:a')
    const steps: readonly Promise<unknown>[] = [
      store.read('a'),
      store.write('a', 'x', {}),
      store.add('a', 1),
      store.enter('a', [{ member: 'y' }]),
      store.members('a'),
      store.setFields('a', { y: '1' }),
      store.fields('a', ['x']),
      store.rank('a', [{ member: 'y', score: 1 }]),
      store.unrank('a', ['x']),
      store.acquire('a', 'x', { ttlMs: 1000 }),
      store.take('a', rule, { cost: 1 }),
      store.take('a', { ...rule, kind: 'sliding-window' }, { cost: 1 }),
      store.take('a', { ...rule, kind: 'bucket', capacity: 2 }, { cost: 1 }),
    ]
    for (const step of await Promise.allSettled(steps)) {
      const reason: unknown = step.status === 'rejected' ? step.reason : undefined
      expect(reason).toMatchObject({ retryable: false, key: 'a' })
      expect(String(reason)).toContain('holds something under this key that is not its own')
      expect(String(reason)).not.toContain('blue')
    }
    expect(await server.command('DUMP', 'tw:c:a')).toBe(before)
    expect(await store.remove('a')).toEqual({ removed: true, before: undefined })
  })
})

async function left(key: string): Promise<number> {
  return Number(await server.command('PTTL', `tw:c:${key}`))
}

describe('what the server holds', () => {
  it('is one key for each state, under the prefix', async () => {
    await store.write('text', 'x', {})
    await store.enter('set', [{ member: 'x' }])
    await store.setFields('fields', { x: '1' })
    await store.rank('ranked', [{ member: 'x', score: 1 }])
    await store.acquire('tenure', 'x', { ttlMs: 1000, waitMs: 1000 })
    await store.acquire('tenure', 'y', { ttlMs: 1000, waitMs: 1000 })
    for (const kind of ['bucket', 'fixed-window', 'sliding-window'] as const)
      await store.take(kind, { kind, capacity: 2, limit: 2, periodMs: 1000 }, { cost: 1 })
    const names = (await server.command('KEYS', '*')).split('\n').toSorted()
    const keys = ['bucket', 'fields', 'fixed-window', 'ranked', 'set', 'sliding-window', 'tenure', 'text']
    expect(names).toEqual(keys.map((key) => `tw:c:${key}`))
  })

  it('ends with the state, and a fence a month after its tenure', async () => {
    await store.enter('set', [
      { member: 'x', ttlMs: 1000 },
      { member: 'y', ttlMs: 9000 },
    ])
    await store.enter('for ever', [{ member: 'x', ttlMs: 1000 }, { member: 'y' }])
    await store.leave('set', ['y'])
    await store.take('bucket', { kind: 'bucket', capacity: 10, limit: 1, periodMs: 1000 }, { cost: 2 })
    await store.take('sliding', { kind: 'sliding-window', limit: 10, periodMs: 1000 }, { cost: 2 })
    await store.acquire('tenure', 'x', { ttlMs: 60_000 })
    await store.acquire('endless', 'x', { ttlMs: Infinity })
    expect(await left('set')).toBeLessThanOrEqual(1000)
    expect(await left('for ever')).toBe(-1)
    expect(await left('bucket')).toBeLessThanOrEqual(2000)
    expect(await left('sliding')).toBeLessThanOrEqual(1000)
    expect(await left('tenure')).toBeGreaterThan(30 * 86_400_000)
    expect(await left('tenure')).toBeLessThanOrEqual(30 * 86_400_000 + 60_000)
    expect(await left('endless')).toBeGreaterThan(1e14)
    expect(await store.acquire('endless', 'y', { ttlMs: 1 })).toEqual({ kind: 'busy', leftMs: Infinity, ahead: 0 })
  })

  it('ends with the last member of a set, whichever that is by now', async () => {
    const enter = (member: string, ttlMs: number): Promise<unknown> => store.enter('set', [{ member, ttlMs }])
    const isAbout = async (ms: number): Promise<void> => {
      const about = await left('set')
      expect(about).toBeGreaterThan(ms - 30_000)
      expect(about).toBeLessThanOrEqual(ms + 2)
    }
    await enter('x', 100_000)
    await enter('y', 900_000)
    await isAbout(900_000)
    await enter('z', 50_000)
    await isAbout(900_000)
    await enter('y', 200_000)
    await isAbout(200_000)
    await store.enter('set', [{ member: 'w' }])
    expect(await left('set')).toBe(-1)
    await enter('v', 300_000)
    expect(await left('set')).toBe(-1)
    await enter('w', 50_000)
    await isAbout(300_000)
  })

  it('is rid of members that have ended when another is added', async () => {
    await store.enter('set', [{ member: 'x', ttlMs: 1 }, { member: 'y' }])
    await until(async () => (await store.size('set')) === 1, { what: 'ending' })
    expect(await store.enter('set', [{ member: 'z' }, { member: 'y' }])).toEqual([true, false])
    expect(await server.command('ZRANGE', 'tw:c:set', '0', '-1')).toBe('sy\nsz')
    await store.enter('other', [{ member: 'x', ttlMs: 1 }, { member: 'y' }])
    await until(async () => (await store.size('other')) === 1, { what: 'ending' })
    expect(await store.enter('other', [{ member: 'x' }, { member: 'x' }])).toEqual([true, false])
  })

  it('has a fence for a month when a tenure was given up that had no end', async () => {
    await store.acquire('a', 'x', { ttlMs: Infinity })
    await store.release('a', 'x')
    expect(await left('a')).toBeGreaterThan(29 * 86_400_000)
    expect(await left('a')).toBeLessThanOrEqual(30 * 86_400_000)
  })

  it('gives a fence larger than the last, when the clock of the server was set back', async () => {
    const fence = 8_000_000_000_000_000
    await store.acquire('a', 'x', { ttlMs: 1000 })
    await store.release('a', 'x')
    await server.command('HSET', 'tw:c:a', 'fence', String(fence))
    expect(await store.acquire('a', 'y', { ttlMs: 1000 })).toEqual({ kind: 'granted', fence: fence + 1 })
  })

  it('may be a number that Redis does not write like this, or one that is not exact', async () => {
    await store.write('zeros', '007', { ttlMs: 60_000 })
    const { value, leftMs } = await store.add('zeros', 1, 5)
    expect(value).toBe(8)
    expect(leftMs).toBeGreaterThan(1000)
    for (const [text, by] of [
      ['9007199254740993', -5],
      ['9007199254740991', 1],
      ['9223372036854775807', 1],
    ] as const) {
      await store.write('large', text, {})
      await expect(store.add('large', by)).rejects.toThrow('would leave the whole numbers that are exact')
      expect((await store.read('large'))?.value).toBe(text)
    }
    await store.write('word', 'x', {})
    await expect(store.add('word', 1)).rejects.toThrow('is no number')
  })

  it.each(limitKinds.flatMap((before) => limitKinds.map((after) => [before, after] as const)))(
    'is a limit whose rule may be another one now: %s, then %s',
    async (before, after) => {
      const ruleOf = (kind: LimitRule['kind']): LimitRule => ({ kind, capacity: 2, limit: 2, periodMs: 600_000 })
      await store.take('a', ruleOf(before), { cost: 2 })
      expect((await store.take('a', ruleOf(after), { cost: 2 })).allowed).toBe(before !== after)
      expect((await store.take('a', ruleOf(after), { cost: 1 })).allowed).toBe(false)
      expect(await left('a')).toBeGreaterThan(0)
    },
  )

  it('is absent in the millisecond in which it ends, when the server still has it', async () => {
    let seen = 0
    for (let turn = 0; turn < 50; turn++) {
      await store.write('a', 'x', { ttlMs: 3 })
      for (let held = await store.read('a'); held !== undefined; held = await store.read('a')) {
        seen++
        expect(held.leftMs).toBeGreaterThan(0)
      }
    }
    expect(seen).toBeGreaterThan(50)
    for (let turn = 0; turn < 50; turn++) {
      await store.write('mark', '5', { ttlMs: 3 })
      for (let isHeld = true; isHeld;) {
        const [held, { raised }] = await Promise.all([store.read('mark'), store.raise('mark', 1)])
        isHeld = held !== undefined && !raised
        if (held === undefined) expect(raised).toBe(true)
      }
    }
    for (let turn = 0; turn < 1000; turn++) expect((await store.add('sum', 1, 3)).leftMs).toBeGreaterThan(0)
  })

  it('is refused as a whole when the memory is full, and can still be read and removed', async () => {
    await store.write('held', 'x', {})
    await store.enter('set', [{ member: 'x' }])
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const members = Array.from({ length: 10 }, (_, index) => ({ member: `member ${index}` }))
      await expect(store.enter('set', members)).rejects.toMatchObject({ retryable: true })
      await expect(store.take('limit', rule, { cost: 1 })).rejects.toMatchObject({ retryable: true })
      await expect(store.acquire('lock', 'x', { ttlMs: 1000 })).rejects.toMatchObject({ retryable: true })
      expect(await store.members('set')).toEqual(['x'])
      expect(await store.remove('held')).toEqual({ removed: true, before: 'x' })
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0')
    }
    expect(await store.take('limit', rule, { cost: 1 })).toMatchObject({ allowed: true, remaining: 1 })
  })

  it('refuses texts that no bytes can carry', async () => {
    await expect(store.write('\ud800', 'x', {})).rejects.toMatchObject({ operation: 'write', retryable: false })
    await expect(store.enter('a', [{ member: 'x\udc00' }])).rejects.toThrow('surrogate')
  })
})
