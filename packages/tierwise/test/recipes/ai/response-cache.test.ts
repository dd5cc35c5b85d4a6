import { afterEach, describe, expect, it } from 'vitest'

import { createCacheManager, ConfigError, KeyError, LoaderError } from '../../../src/index.ts'
import { aiResponseCache, createLegacyKeyGenerator } from '../../../src/recipes/ai/index.ts'
import type { AiRequest, AiResponseCacheOptions } from '../../../src/recipes/ai/index.ts'
import { mapTier, testCache } from '../../../src/testing/index.ts'
import type { TestCache } from '../../../src/testing/index.ts'

const open: TestCache<string>[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop()
})

function build(options: AiResponseCacheOptions = {}, builder = testCache().memory().tier(mapTier())) {
  const made = builder.namespace('ai', { grace: false }).namespace('legacy').build()
  open.push(made as TestCache<string>)
  const answers = aiResponseCache(made.cache, {
    keys: { secret: 'a secret of 16 bytes or more' },
    runtime: made.runtime,
    ...options,
  })
  return { ...made, answers }
}

const request: AiRequest = { operation: 'summarize', model: 'm', text: 'Steel is an alloy.' }

describe('answers', () => {
  it('are made once, and say whether they were there', async () => {
    const { answers, runtime } = build()
    let calls = 0
    const call = async (): Promise<string> => `answer ${++calls}`
    const first = await answers.respond(request, call)
    expect(first).toMatchObject({ response: 'answer 1', cached: false, source: 'call' })
    await runtime.advance(1000)
    const second = await answers.respond(request, call)
    expect(second).toMatchObject({
      response: 'answer 1',
      cached: true,
      source: 'cache',
      cachedAt: first.cachedAt,
      key: first.key,
    })
    expect(await answers.find(request)).toMatchObject({ response: 'answer 1', cached: true })
    expect(await answers.find({ ...request, text: 'other' })).toBeUndefined()
  })

  it('come from one call when the same is asked at once', async () => {
    const { answers } = build()
    let calls = 0
    const call = async (): Promise<number> => ++calls
    const all = await Promise.all(Array.from({ length: 20 }, () => answers.respond(request, call)))
    expect(calls).toBe(1)
    expect(all.map(({ source }) => source).sort()).toEqual(['call', ...Array(19).fill('shared')])
    expect(all.every(({ cached }) => !cached)).toBe(true)
    expect(answers.statistics()['summarize']).toMatchObject({
      requests: 20,
      misses: 1,
      shared: 19,
      hits: 0,
      hitRate: 0.95,
    })
  })

  it.each([
    ['summarize', 2 * 3600],
    ['sentiment', 24 * 3600],
    ['key_points', 2 * 3600],
    ['questions', 3600],
    ['qa', 1800],
    ['constructor', 300],
  ])('of %s live as long as the operation says', async (operation, seconds) => {
    const { answers, cache } = build()
    const { key } = await answers.respond({ ...request, operation }, () => 1)
    expect(await cache.ttl(key)).toBe(seconds * 1000)
  })

  it('live as long as the options or the request say', async () => {
    const { answers, cache } = build({ operationTtls: { qa: '1m' } })
    const { key } = await answers.respond({ ...request, operation: 'qa' }, () => 1)
    expect(await cache.ttl(key)).toBe(60_000)
    const own = await answers.respond({ ...request, ttl: '5s' }, () => 1)
    expect(await cache.ttl(own.key)).toBe(5000)
  })

  it('are kept only when they should be', async () => {
    const { answers } = build({ shouldCache: (response) => response !== 'I cannot do that.' })
    expect((await answers.respond(request, () => 'I cannot do that.')).response).toBe('I cannot do that.')
    expect((await answers.respond(request, () => undefined)).response).toBeUndefined()
    expect((await answers.respond(request, () => 'done')).cached).toBe(false)
    expect((await answers.respond(request, () => 'again')).response).toBe('done')
  })

  it('fail as the call did, and are asked for again', async () => {
    const { answers } = build()
    const cause = new Error('rate limit')
    const failed = await answers.respond(request, () => Promise.reject(cause)).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(LoaderError)
    expect(failed).toMatchObject({ cause })
    expect((await answers.respond(request, () => 1)).response).toBe(1)
    expect(answers.statistics()['summarize']).toMatchObject({ failures: 1, requests: 1 })
  })

  it('are invalidated by operation, model, tenant and tag, and one by one', async () => {
    const { answers } = build()
    const kinds: AiRequest[] = [
      { ...request, operation: 'qa' },
      { ...request, model: 'n' },
      { ...request, tenant: 'acme' },
      { ...request, tags: ['docs'], question: 'tagged' },
      { ...request, question: 'single' },
      request,
    ]
    const fill = async (): Promise<void> =>
      void (await Promise.all(kinds.map((each) => answers.respond(each, () => 1))))
    const held = async (): Promise<number[]> => {
      const found = await Promise.all(kinds.map((each) => answers.find(each)))
      return found.flatMap((each, at) => (each === undefined ? [] : [at]))
    }
    await fill()
    await answers.invalidate({ operations: ['qa'] })
    expect(await held()).toEqual([1, 2, 3, 4, 5])
    await answers.invalidate({ models: ['n'], tenants: ['acme'] })
    expect(await held()).toEqual([3, 4, 5])
    await answers.invalidate({ tags: ['docs'] })
    expect(await held()).toEqual([4, 5])
    expect([await answers.delete(kinds[4]!), await answers.delete(kinds[4]!)]).toEqual([true, false])
    expect(await held()).toEqual([5])
  })

  it('are found by the pattern of their legible parts', async () => {
    const { answers, cache } = build()
    await answers.respond(request, () => 1)
    await answers.respond({ ...request, model: 'a/b', tenant: 'acme' }, () => 1)
    expect(await cache.invalidatePattern(answers.keys.pattern({ model: 'a/b' }))).toBe(1)
    expect(await cache.invalidatePattern(answers.keys.pattern({ operation: 'summarize', tenant: '' }))).toBe(1)
  })

  it('save time, tokens and cost, which is counted by operation in bounded space', async () => {
    const usageOf = () => ({ inputTokens: 100, outputTokens: 20, cost: 0.5 })
    const { answers, runtime } = build({ usageOf })
    const slow = async (): Promise<number> => {
      await runtime.advance(700)
      return 1
    }
    await answers.respond(request, slow)
    await answers.respond(request, slow)
    await answers.respond(request, slow)
    expect(answers.statistics()['summarize']).toEqual({
      requests: 3,
      hits: 2,
      shared: 0,
      misses: 1,
      legacyHits: 0,
      failures: 0,
      hitRate: 2 / 3,
      savedMs: 1400,
      savedInputTokens: 200,
      savedOutputTokens: 40,
      savedCost: 1,
      spentCost: 0.5,
      textTiers: { small: 3, medium: 0, large: 0, xlarge: 0 },
    })
    for (let count = 0; count < 100; count++) await answers.respond({ ...request, operation: `op${count}` }, () => 1)
    expect(Object.keys(answers.statistics()).length).toBe(65)
    expect(answers.statistics()['other']?.requests).toBe(37)
  })

  it('of long texts stay out of memory, unless the operation or many requests say otherwise', async () => {
    const { answers, cache } = build({ textTiers: { tiers: ['map'] } })
    const inMemory = async (operation: string, length: number, times = 1): Promise<boolean> => {
      const asked = { ...request, operation, text: 'x'.repeat(length), question: `${times}` }
      for (let count = 0; count < times; count++) await answers.respond(asked, () => 1)
      expect((await answers.find(asked))?.response).toBe(1)
      return cache.peek(answers.keys.key(asked as never)) !== undefined
    }
    expect(await inMemory('qa', 499)).toBe(true)
    expect(await inMemory('qa', 500)).toBe(false)
    expect(await inMemory('summarize', 500)).toBe(true)
    expect(await inMemory('summarize', 4999)).toBe(true)
    expect(await inMemory('summarize', 5000)).toBe(false)
    expect(await inMemory('sentiment', 49_999)).toBe(true)
    expect(await inMemory('sentiment', 50_000)).toBe(false)
    expect(await inMemory('qa', 500, 9)).toBe(false)
    expect(await inMemory('qa', 500, 11)).toBe(true)
    expect(answers.statistics()['sentiment']?.textTiers).toEqual({ small: 0, medium: 0, large: 1, xlarge: 1 })
  })

  it('are read from an older cache where there are none, with the life they have left, and never written there', async () => {
    const { manager, runtime } = build()
    const older = manager.namespace('legacy')
    const key = createLegacyKeyGenerator().key({
      text: request.text as string,
      operation: 'summarize',
      options: { max_length: 5 },
    })
    const stored = Buffer.from('rawj:{"summary":"old","cached_at":"2025-12-31T23:00:00"}')
    await older.set(key, stored, { ttl: '10m' })
    const answers = aiResponseCache(manager.namespace('ai'), { runtime, legacy: { cache: older } })
    const asked = { ...request, options: { max_length: 5 } }
    const first = await answers.respond(asked, () => 'not called')
    expect(first).toMatchObject({ response: { summary: 'old' }, cached: true, source: 'legacy' })
    expect(first.cachedAt).toEqual(new Date('2025-12-31T23:00:00Z'))
    expect(await manager.namespace('ai').ttl(first.key)).toBe(600_000)
    await older.delete(key)
    expect((await answers.respond(asked, () => 'not called')).source).toBe('legacy')
    const other = await answers.respond({ ...asked, text: 'other' }, () => 'called')
    expect(other).toMatchObject({ response: 'called', source: 'call' })
    for await (const left of older.keys()) expect.unreachable(left)
    expect(answers.statistics()['summarize']).toMatchObject({ legacyHits: 2, misses: 1 })
  })

  it('are not read from an older cache when they are pickled', async () => {
    const { manager, runtime } = build()
    const older = manager.namespace('legacy')
    const key = createLegacyKeyGenerator().key({ text: request.text as string, operation: 'summarize' })
    await older.set(key, Buffer.from('raw:\x80\x04N.', 'latin1'))
    const answers = aiResponseCache(manager.namespace('ai'), { runtime, legacy: { cache: older } })
    expect((await answers.respond(request, () => 'called')).source).toBe('call')
  })

  it('end for one who stops waiting, and for the call when all have', async () => {
    const { answers } = build()
    const [one, other] = [new AbortController(), new AbortController()]
    let seen: AbortSignal | undefined
    const call = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      seen = signal
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    const waits = [one, other].map(({ signal }) =>
      answers.respond({ ...request, signal }, call).catch((error: Error) => error.name),
    )
    await new Promise((resolve) => setImmediate(resolve))
    one.abort()
    expect(await waits[0]).toBe('AbortedError')
    expect(seen?.aborted).toBe(false)
    other.abort()
    expect(await waits[1]).toBe('AbortedError')
    expect(seen?.aborted).toBe(true)
  })

  it('are made anew when that is asked for', async () => {
    const { answers } = build()
    await answers.respond(request, () => 1)
    expect((await answers.respond({ ...request, forceFresh: true }, () => 2)).source).toBe('call')
    expect((await answers.respond(request, () => 3)).response).toBe(2)
  })

  it('have a namespace of the manager, and need a model', async () => {
    const { manager } = build()
    const answers = aiResponseCache(manager, { keys: { model: 'default' } })
    const { key } = await answers.respond({ operation: 'qa', text: 'a' }, () => 1)
    expect(await manager.namespace('ai_responses').has(key)).toBe(true)
    await answers.invalidate({ models: ['default'] })
    expect(await answers.find({ operation: 'qa', text: 'a' })).toBeUndefined()
    await expect(aiResponseCache(manager).respond({ operation: 'qa' }, () => 1)).rejects.toThrow(KeyError)
  })

  it.each([
    [{ maxRecordBytes: 0 }],
    [{ waitForOthers: 'soon' as never }],
    [{ replay: 'slow' as never }],
    [{ replay: { every: -1 } }],
    [{ operationTtls: { qa: 0 } }],
    [{ keys: { secret: 'short' } }],
  ])('refuse wrong options: %j', (options) => {
    expect(() => build(options)).toThrow(ConfigError)
  })
})

it('keeps what another process has asked for, for those with the same secret', async () => {
  const store = mapTier()
  const secret = 'a secret of 16 bytes or more'
  const asked = { ...request, text: undefined, messages: [{ role: 'user', content: [new Uint8Array([1, 2])] }] }
  const respond = async (keys: AiResponseCacheOptions['keys'], answer: number): Promise<unknown> => {
    await using manager = createCacheManager({ tiers: [store] })
    return (await aiResponseCache(manager, { keys: keys! }).respond(asked, () => ({ answer, at: new Date(0) })))
      .response
  }
  expect(await respond({ secret }, 1)).toEqual({ answer: 1, at: new Date(0) })
  expect(await respond({ secret }, 2)).toEqual({ answer: 1, at: new Date(0) })
  expect(await respond({ secret: 'another secret of 16 bytes' }, 3)).toEqual({ answer: 3, at: new Date(0) })
})
