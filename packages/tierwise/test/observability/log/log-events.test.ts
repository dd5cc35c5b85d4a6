import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterEach, describe, expect, test } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { logEvents, type LogEventsOptions } from '../../../src/observability/log/index.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { testCache } from '../../../src/testing/test-cache.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

let stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
  stops = []
})

type Line = Readonly<Record<string, unknown>>

/** A real pino, and what it wrote. */
function logger() {
  const lines: Line[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) lines.push(JSON.parse(line) as Line)
      done()
    },
  })
  return { lines, log: pino({ level: 'debug' }, stream) }
}

function service(options: LogEventsOptions = {}) {
  const made = testCache().memory().faulty('store').namespace('factors').build()
  const { lines, log } = logger()
  const stop = logEvents(made.manager, log, { runtime: made.runtime, ...options })
  stops.push(async () => {
    stop()
    await made.stop()
  })
  return { ...made, lines, stopLog: stop }
}

const pinoLevels = { info: 30, warn: 40, error: 50 }

describe('logEvents', () => {
  test('writes what ails a tier, by how bad it is', async () => {
    const { cache, faults, lines, runtime } = service()
    await cache.get('opens the tier')
    faults.store.fail('get')
    for (let turn = 0; turn < 20; turn++) await cache.get(`k${turn}`)
    faults.store.clear()
    for (let turn = 0; turn < 10; turn++) {
      await runtime.advance(1000)
      await cache.get(`again ${turn}`)
    }
    expect(lines.find(({ event }) => event === 'tier-error')).toMatchObject({
      level: pinoLevels.warn,
      tier: 'store',
      operation: 'get',
      msg: 'cache tier-error store get',
      error: { name: 'TierError', code: 'ERR_CACHE_TIER_READ' },
    })
    const breakers = lines.filter(({ event }) => event === 'breaker')
    expect(breakers.map(({ level, state }) => [level, state])).toEqual([
      [pinoLevels.error, 'open'],
      [pinoLevels.info, 'half-open'],
      [pinoLevels.info, 'closed'],
    ])
  })

  test('writes loads that failed and leaves the others', async () => {
    const { cache, lines } = service({ level: 'warn' })
    await cache.getOrSet('steel', () => 1)
    await cache.getOrSet('zinc', () => Promise.reject(new Error('source is down'))).catch(() => {})
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level: pinoLevels.warn, event: 'load', outcome: 'failed' })
    expect(JSON.stringify(lines[0])).toContain('source is down')
  })

  test('names no key unless it is asked to', async () => {
    for (const keys of [false, true]) {
      const { cache, lines, faults } = service({ keys, level: 'debug', types: ['tier-error', 'load', 'invalidate'] })
      await cache.get('opens the tier')
      faults.store.fail('*')
      await cache.getOrSet('steel:42', () => Promise.reject(new Error('no steel:42'))).catch(() => {})
      await cache.delete('steel:42')
      expect(JSON.stringify(lines).includes('steel:42')).toBe(keys)
      expect(lines.find(({ event }) => event === 'invalidate')?.['targets']).toEqual(keys ? ['steel:42'] : 1)
    }
  })

  test('sums a flood up: the first of a kind, then how many there were', async () => {
    const { cache, lines, runtime } = service({ level: 'warn' })
    await cache.get('opens the tier')
    for (let turn = 0; turn < 1000; turn++)
      await cache.getOrSet(`k${turn}`, () => Promise.reject(new Error('down'))).catch(() => {})
    expect(lines).toHaveLength(1)
    await runtime.advance(10_000)
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatchObject({ count: 999, msg: 'cache load factors failed, 999 times more' })
    await runtime.advance(20_000)
    await cache.getOrSet('later', () => Promise.reject(new Error('down'))).catch(() => {})
    expect(lines).toHaveLength(3)
    expect(lines[2]).not.toHaveProperty('count')
  })

  test('keeps the lines few in a storm of breakers', async () => {
    const { cache, faults, lines, runtime } = service()
    await cache.get('opens the tier')
    let failing = true
    for (let second = 0; second < 60; second++) {
      if (failing) faults.store.fail('*')
      else faults.store.clear()
      failing = !failing
      for (let turn = 0; turn < 50; turn++) {
        await cache.get(`${second} ${turn}`)
        await cache.set(`${second} ${turn}`, 1).catch(() => {})
      }
      await runtime.advance(1000)
    }
    expect(lines.length).toBeGreaterThan(5)
    expect(lines.length).toBeLessThan(150)
  })

  test('writes what was held back when it ends, and nothing after', async () => {
    const { cache, lines, stopLog } = service({ level: 'warn' })
    for (let turn = 0; turn < 5; turn++)
      await cache.getOrSet(`k${turn}`, () => Promise.reject(new Error('down'))).catch(() => {})
    stopLog()
    expect(lines.map(({ count }) => count)).toEqual([undefined, 4])
    await cache.getOrSet('after', () => Promise.reject(new Error('down'))).catch(() => {})
    expect(lines).toHaveLength(2)
  })

  test('takes the level and the types that are asked for', async () => {
    const { cache, lines } = service({ level: 'debug', types: ['write'] })
    await cache.set('steel', 1)
    await cache.getOrSet('zinc', () => 1)
    expect(lines.map(({ event, level }) => [event, level])).toEqual([['write', 20]])
    expect(() => service({ level: 'loud' as never })).toThrow('`logEvents.level`')
  })

  test('takes console as it is', () => {
    const { manager } = service()
    logEvents(manager, console)()
  })
})

test('no line has the password of a server, nor a value', async () => {
  const server = await startRedis({ password: 'hunter2secret' })
  stops.push(() => server.stop())
  const { lines, log } = logger()
  for (const url of [server.url, server.url.replace('hunter2secret', 'wrongpassword')]) {
    const manager = createCacheManager({ tiers: [memory(), redis({ url })], defaults: { ttl: '1m' } })
    stops.push(logEvents(manager, log, { level: 'debug', types: [...everything], interval: '50ms', keys: true }))
    stops.push(() => manager.stop())
    const cache = manager.namespace<string>('factors')
    await cache.set('steel', 'the-secret-value').catch(() => {})
    await cache.get('steel')
    await server.kill()
    for (let turn = 0; turn < 10; turn++) await cache.get(`k${turn}`)
    await cache.set('steel', 'the-secret-value').catch(() => {})
    await server.restart()
  }
  expect(lines.length).toBeGreaterThan(5)
  expect(lines.some(({ event }) => event === 'tier-error')).toBe(true)
  expect(JSON.stringify(lines)).not.toMatch(/hunter2secret|wrongpassword|the-secret-value/)
})

const everything = [
  'hit',
  'miss',
  'load',
  'write',
  'invalidate',
  'refresh',
  'tier-error',
  'breaker',
  'tier-retry',
  'evict',
  'bad-record',
  'intent',
  'tier-notice',
  'bus',
  'lifecycle',
  'background-error',
  'tier-operation',
  'lease',
] as const
