import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createCoordination,
  memoryCoordination,
  rateLimitHeaders,
  type Coordination,
  type CoordinationEvent,
  type LimitAlgorithm,
  type RateLimiterOptions,
} from '../../../src/coordination/index.ts'
import { fakeRuntime, type FakeRuntime } from '../../../src/testing/index.ts'
import { switchableStore, type SwitchableStore } from './switchable-store.ts'

const algorithms: readonly LimitAlgorithm[] = ['token-bucket', 'gcra', 'fixed-window', 'sliding-window']

let runtime: FakeRuntime
let store: SwitchableStore
let events: CoordinationEvent[]
let coordination: Coordination

beforeEach(() => {
  runtime = fakeRuntime()
  store = switchableStore(memoryCoordination({ runtime }))
  events = []
  coordination = createCoordination({ store: store.store, runtime, onEvent: (event) => events.push(event) })
})
afterEach(() => coordination.stop())

/** As many at once as the algorithm lets through. */
async function takeAll(options: RateLimiterOptions, id = 'someone'): Promise<number> {
  const limiter = coordination.rateLimiter('api', options)
  for (let count = 0; ; count++) if (!(await limiter.consume(id)).allowed) return count
}

describe.each(algorithms)('a limiter with %s', (algorithm) => {
  const options = { algorithm, limit: 10, period: '1m', ...(algorithm === 'gcra' ? { burst: 10 } : {}) } as const

  test('lets through what is allowed, and says how much is left and when there is more', async () => {
    const limiter = coordination.rateLimiter('api', options)
    const first = await limiter.consume('someone', { cost: 4 })
    expect(first).toMatchObject({ allowed: true, limit: 10, periodMs: 60_000, remaining: 6, assumed: false })
    const refused = await limiter.consume('someone', { cost: 7 })
    expect(refused).toMatchObject({ allowed: false, remaining: 6 })
    await runtime.advance(refused.retryAfterMs - 1)
    expect((await limiter.peek('someone', { cost: 7 })).allowed).toBe(false)
    await runtime.advance(1)
    expect((await limiter.consume('someone', { cost: 7 })).allowed).toBe(true)
  })

  test('counts each id by itself', async () => {
    expect(await takeAll(options, 'one')).toBe(10)
    expect(await takeAll(options, 'other')).toBe(10)
  })

  test('takes nothing when it is asked what it would say', async () => {
    const limiter = coordination.rateLimiter('api', options)
    for (let count = 0; count < 20; count++) expect((await limiter.peek('someone')).allowed).toBe(true)
    expect(await takeAll(options)).toBe(10)
  })

  test('begins again when it is reset', async () => {
    await takeAll(options)
    await coordination.rateLimiter('api', options).reset('someone')
    expect(await takeAll(options)).toBe(10)
  })

  test('waits until there is room', async () => {
    await takeAll(options)
    const limiter = coordination.rateLimiter('api', options)
    const { retryAfterMs } = await limiter.peek('someone')
    const from = runtime.clock.now()
    expect(await runtime.until(limiter.waitIfNeeded('someone'))).toMatchObject({ allowed: true })
    expect(runtime.clock.now() - from).toBe(retryAfterMs)
  })

  test('says at once that it would have to wait too long, and when there is room', async () => {
    await takeAll(options)
    const limiter = coordination.rateLimiter('api', options)
    const { retryAfterMs } = await limiter.peek('someone')
    await expect(limiter.waitIfNeeded('someone', { timeout: retryAfterMs - 1 })).rejects.toMatchObject({
      name: 'CoordinationError',
      code: 'ERR_CACHE_LIMIT_EXCEEDED',
      retryAfterMs,
      retryable: true,
    })
    await expect(limiter.waitIfNeeded('someone', { cost: 11 })).rejects.toMatchObject({
      retryAfterMs: Infinity,
      retryable: false,
    })
  })

  test('gives back what was reserved and not used', async () => {
    const limiter = coordination.rateLimiter('api', options)
    const reserved = await limiter.reserve('someone', { cost: 8 })
    expect((await limiter.peek('someone')).remaining).toBe(2)
    await reserved?.settle(3)
    expect((await limiter.peek('someone')).remaining).toBe(7)
    await reserved?.cancel()
    expect((await limiter.peek('someone')).remaining).toBe(7)
    {
      await using other = await limiter.reserve('someone', { cost: 7 })
      expect(other?.decision).toMatchObject({ allowed: true, remaining: 0 })
      expect(await limiter.reserve('someone', { cost: 1 })).toBeUndefined()
    }
    expect((await limiter.peek('someone')).remaining).toBe(7)
  })

  test('takes nothing back of an earlier period: it is as if it had been used', async () => {
    const limiter = coordination.rateLimiter('api', options)
    const reserved = await limiter.reserve('someone', { cost: 10 })
    await runtime.advance(60_000)
    expect((await limiter.consume('someone', { cost: 10 })).allowed).toBe(true)
    await reserved?.cancel()
    expect((await limiter.peek('someone')).remaining).toBe(0)
  })

  test('takes what there is when a reservation was too small', async () => {
    const limiter = coordination.rateLimiter('api', options)
    const reserved = await limiter.reserve('someone', { cost: 2 })
    await reserved?.settle(5)
    expect((await limiter.peek('someone')).remaining).toBe(5)
    const more = await limiter.reserve('someone', { cost: 2 })
    await more?.settle(50)
    expect((await limiter.peek('someone')).remaining).toBe(0)
  })

  test('never lets more through in a stretch of time than it says, whatever is reserved and given back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(work, { maxLength: 60 }), async (steps) => {
        const limiter = coordination.rateLimiter('api', options)
        const id = `run ${runtime.clock.now()} ${runtime.random()}`
        const kept: { readonly at: number; readonly units: number }[] = []
        const open: {
          readonly units: number
          readonly at: number
          readonly settle: (used: number) => Promise<void>
        }[] = []
        for (const { pauseMs, cost, used } of steps) {
          await runtime.advance(pauseMs)
          const reserved = await limiter.reserve(id, { cost })
          if (reserved)
            open.push({
              units: Math.min(used, cost),
              at: runtime.clock.now(),
              settle: (units) => reserved.settle(units),
            })
          if (open.length < 3) continue
          const { units, at, settle } = open.shift()!
          await settle(units)
          kept.push({ at, units })
        }
        kept.push(...open)
        expect(excessOf(algorithm, kept)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 150 },
    )
  })
})

interface KeptUnits {
  readonly at: number
  readonly units: number
}

/** By how much more was kept, in the worst stretch of time, than 10 a minute allows. */
function excessOf(algorithm: LimitAlgorithm, kept: readonly KeptUnits[]): number {
  const excesses = kept.flatMap(({ at: from }) =>
    kept
      .filter(({ at }) => at >= from)
      .map(({ at: until }) => {
        const inside = kept.filter(({ at }) => at >= from && at <= until)
        const units = inside.reduce((sum, each) => sum + each.units, 0)
        return units - mostIn(algorithm, until - from)
      }),
  )
  return Math.max(0, ...excesses)
}

function mostIn(algorithm: LimitAlgorithm, ms: number): number {
  if (algorithm === 'sliding-window') return 10 * (Math.floor(ms / 60_000) + 1)
  if (algorithm === 'fixed-window') return 10 * (Math.floor(ms / 60_000) + 2)
  return 10 + ms / 6000
}

const work = fc.record({
  pauseMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8000 }), fc.integer({ min: 0, max: 90_000 })),
  cost: fc.integer({ min: 1, max: 10 }),
  used: fc.integer({ min: 0, max: 10 }),
})

describe('a limiter whose store cannot be asked', () => {
  const options = { limit: 10, period: '1m' } as const

  test('throws when it is closed, which it is by itself', async () => {
    store.mood = 'fails'
    await expect(coordination.rateLimiter('api', options).consume('someone')).rejects.toMatchObject({
      code: 'ERR_CACHE_UNAVAILABLE',
      retryable: true,
      cause: { code: 'ERR_CACHE_TIER_WRITE' },
    })
  })

  test('lets through and says so when it is open', async () => {
    store.mood = 'fails'
    const decision = await coordination.rateLimiter('api', { ...options, failure: 'open' }).consume('someone')
    expect(decision).toMatchObject({ allowed: true, assumed: true })
    expect(events).toContainEqual(expect.objectContaining({ type: 'degraded', failure: 'open', primitive: 'limiter' }))
  })

  test('takes its share of the limit in this process when it is local', async () => {
    store.mood = 'fails'
    expect(await takeAll({ ...options, failure: 'local', share: 0.3 })).toBe(3)
    const limiter = coordination.rateLimiter('api', { ...options, failure: 'local', share: 0.3 })
    expect(await limiter.peek('someone')).toMatchObject({ allowed: false, limit: 3, assumed: true })
    store.mood = 'answers'
    await runtime.advance(6000)
    await limiter.peek('someone')
    await runtime.settle()
    expect(await limiter.consume('someone')).toMatchObject({ allowed: true, limit: 10, remaining: 9, assumed: false })
  })

  test('has to be told its share: there is no default that allows too much', () => {
    expect(() => coordination.rateLimiter('api', { ...options, failure: 'local' })).toThrow('share')
    const local = createCoordination({ runtime, failure: 'local' })
    expect(() => local.rateLimiter('api', options)).toThrow('share')
  })

  test('is not asked again and again: after one deadline the answer is known at once, and the probe takes nothing', async () => {
    store.mood = 'is silent'
    const limiter = coordination.rateLimiter('api', { ...options, failure: 'open' })
    const from = runtime.clock.now()
    await runtime.until(limiter.consume('someone'))
    expect(runtime.clock.now() - from).toBe(1000)
    store.asked.length = 0
    for (let count = 0; count < 100; count++) await limiter.consume('someone')
    expect(runtime.clock.now() - from).toBe(1000)
    expect(store.asked).toEqual([])
    await runtime.advance(60_000)
    await limiter.consume('someone')
    expect(store.asked).toEqual(['read'])
    expect(coordination.stats()).toMatchObject({ breaker: 'half-open', primitives: [{ calls: 102, assumed: 102 }] })
  })
})

describe('the options of a limiter', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['no limit', { period: '1m' }],
    ['no period', { limit: 1 }],
    ['half a unit', { limit: 0.5, period: '1m' }],
    ['another algorithm', { limit: 1, period: '1m', algorithm: 'leaky' }],
    ['a burst of a window', { limit: 1, period: '1m', algorithm: 'fixed-window', burst: 2 }],
    ['a sliding window of a million', { limit: 1_000_000, period: '1m' }],
    ['numbers that are not exact any more', { limit: 2 ** 40, period: '1d', algorithm: 'gcra' }],
    ['an unknown one', { limit: 1, period: '1m', wait: 1 }],
  ]
  test.each(wrong)('are refused: %s', (_, options) => {
    expect(() => coordination.rateLimiter('api', options as RateLimiterOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining('limiter api') }),
    )
  })

  test.each([0, -1, 0.5, Number.NaN])('a cost of %d is refused', async (cost) => {
    const limiter = coordination.rateLimiter('api', { limit: 10, period: '1m' })
    await expect(limiter.consume('someone', { cost })).rejects.toThrow(RangeError)
  })

  test('a bucket lets its burst through at once, and gcra one at a time', async () => {
    expect(await takeAll({ algorithm: 'token-bucket', limit: 10, period: '1m', burst: 25 })).toBe(25)
    expect(await takeAll({ algorithm: 'gcra', limit: 10, period: '1m' }, 'spaced')).toBe(1)
    const spaced = await coordination.rateLimiter('api', { algorithm: 'gcra', limit: 10, period: '1m' }).peek('spaced')
    expect(spaced.retryAfterMs).toBe(6000)
  })
})

describe('the header fields of a limit', () => {
  const decision = {
    allowed: false,
    limit: 100,
    periodMs: 60_000,
    remaining: 0,
    retryAfterMs: 1200,
    resetAfterMs: 30_500,
    assumed: false,
  }

  test('are those of the drafts, in seconds that are rounded up', () => {
    expect(rateLimitHeaders(decision)).toEqual({
      'RateLimit-Policy': '"default";q=100;w=60',
      RateLimit: '"default";r=0;t=31',
      'RateLimit-Limit': '100',
      'RateLimit-Remaining': '0',
      'RateLimit-Reset': '31',
      'Retry-After': '2',
    })
  })

  test('are those that were asked for', () => {
    const allowed = { ...decision, allowed: true, retryAfterMs: 0, remaining: 3 }
    expect(Object.keys(rateLimitHeaders(allowed, { style: 'structured' }))).toEqual(['RateLimit-Policy', 'RateLimit'])
    expect(Object.keys(rateLimitHeaders(allowed, { style: 'separate' }))).toHaveLength(3)
    expect(rateLimitHeaders(allowed, { policy: 'a "b" \\' })['RateLimit']).toBe(String.raw`"a \"b\" \\";r=3;t=31`)
    expect(() => rateLimitHeaders(allowed, { policy: 'ü\r\nSet-Cookie: a' })).toThrow(RangeError)
  })

  test('do not say when for what is never allowed', () => {
    expect(rateLimitHeaders({ ...decision, retryAfterMs: Infinity })['Retry-After']).toBeUndefined()
  })
})
