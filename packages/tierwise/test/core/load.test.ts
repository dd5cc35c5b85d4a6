import { describe, expect, test, vi } from 'vitest'
import type { LoaderContext } from '../../src/contract/loader.ts'
import { CacheError, LicenseViolationError, LoaderError } from '../../src/errors.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import type { TestCache } from '../../src/testing/test-cache.ts'
import { starter } from './started.ts'

const started = starter()

describe('getOrSet', () => {
  test('loads a missing value once and answers from memory afterwards', async () => {
    const { cache, manager } = started(testCache().memory().build())
    const loader = vi.fn(async () => 'loaded')

    expect(await cache.getOrSet('k', loader)).toBe('loaded')
    expect(await cache.getOrSet('k', loader)).toBe('loaded')

    expect(loader).toHaveBeenCalledTimes(1)
    expect(manager.analytics().overall).toMatchObject({ hits: 1, misses: 1, loads: 1 })
  })

  test('runs the loader once for many concurrent callers and counts the loads it saved', async () => {
    const { cache, manager } = started(testCache().memory().tier(mapTier()).build())
    const loader = vi.fn(async () => ({ n: 1 }))

    const values = await Promise.all(Array.from({ length: 100 }, () => cache.getOrSet('k', loader)))

    expect(loader).toHaveBeenCalledTimes(1)
    expect(new Set(values).size).toBe(1)
    expect(manager.analytics().overall).toMatchObject({ loads: 1, loadsSaved: 99, misses: 100 })
  })

  test('rejects all callers of a failing loader at once, having run it once', async () => {
    const { cache } = started(testCache().memory().tier(mapTier()).build())
    const failure = new Error('source is down')
    const loader = vi.fn(() => Promise.reject(failure))

    const results = await Promise.allSettled(Array.from({ length: 20 }, () => cache.getOrSet('k', loader)))

    expect(loader).toHaveBeenCalledTimes(1)
    expect(results.every((result) => result.status === 'rejected')).toBe(true)
    const [first] = results as PromiseRejectedResult[]
    expect(first?.reason).toBeInstanceOf(LoaderError)
    expect(first?.reason).toMatchObject({ code: 'ERR_CACHE_LOADER', key: 'k', namespace: 'test', cause: failure })
  })

  test('runs the loader again after a failure when nothing asks to remember it', async () => {
    const { cache } = started(testCache().memory().build())
    const loader = vi.fn(() => Promise.reject(new Error('down')))

    await expect(cache.getOrSet('k', loader)).rejects.toThrow(LoaderError)
    await expect(cache.getOrSet('k', loader)).rejects.toThrow(LoaderError)

    expect(loader).toHaveBeenCalledTimes(2)
  })

  test('turns a loader that throws synchronously into a rejection', async () => {
    const { cache } = started(testCache().memory().build())
    const loader = (): string => {
      throw new TypeError('bad input')
    }
    await expect(cache.getOrSet('k', loader)).rejects.toMatchObject({
      code: 'ERR_CACHE_LOADER',
      cause: new TypeError('bad input'),
    })
  })

  test.each([null, 0, '', false])('stores %j like any other value', async (value) => {
    const { cache } = started(testCache().memory().tier(mapTier()).build())
    const loader = vi.fn(async () => value)
    await cache.getOrSet('k', loader)
    expect(await cache.getOrSet('k', loader)).toBe(value)
    expect(loader).toHaveBeenCalledTimes(1)
  })

  test('does not store undefined and hands it to the callers', async () => {
    const { cache } = started(testCache().memory().tier(mapTier()).build())
    const loader = vi.fn(async () => undefined)
    expect(await cache.getOrSet('k', loader)).toBeUndefined()
    expect(await cache.getOrSet('k', loader)).toBeUndefined()
    expect(loader).toHaveBeenCalledTimes(2)
    expect(await cache.has('k')).toBe(false)
  })

  test('loads again with forceFresh and replaces the value in every tier', async () => {
    const { cache, manager } = started(testCache().memory().tier(mapTier()).build())
    await cache.set('k', 'old')
    expect(await cache.getOrSet('k', () => 'new', { forceFresh: true })).toBe('new')
    expect(cache.peek('k')).toBe('new')
    expect(await cache.get('k', { tiers: ['map'] })).toBe('new')
    expect(manager.analytics().overall.loads).toBe(1)
  })

  test('refuses an option that is none, with the nearest name', async () => {
    const { cache } = started(testCache().memory().build())
    const options = { hardTimeot: 100 } as object
    await expect(cache.getOrSet('k', () => 1, options)).rejects.toThrow(
      '`options.hardTimeot` is not an option. Did you mean `hardTimeout`?',
    )
  })
})

describe('the loader context', () => {
  const keep = (): { contexts: LoaderContext<unknown>[]; loader: (context: LoaderContext<unknown>) => unknown } => {
    const contexts: LoaderContext<unknown>[] = []
    return { contexts, loader: (context) => contexts.push(context) }
  }

  test('names the key and has no previous value on a first load', async () => {
    const { cache } = started(testCache().memory().build())
    const { contexts, loader } = keep()
    await cache.getOrSet('k', loader)
    expect(contexts[0]).toMatchObject({ key: 'k', previous: undefined })
    expect(contexts[0]?.signal.aborted).toBe(false)
  })

  test('offers the stale value and its age', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ ttl: '1s', grace: '1m' }).build())
    await cache.set('k', 'old')
    await runtime.advance(3000)
    const { contexts, loader } = keep()
    await cache.getOrSet('k', loader)
    expect(contexts[0]?.previous).toEqual({ value: 'old', ageMs: 3000 })
  })

  test('sets a ttl of its own', async () => {
    const { cache } = started(testCache().memory().tier(mapTier()).defaults({ ttl: '1m' }).build())
    await cache.getOrSet('k', ({ setTtl }) => (setTtl('2h'), 'v'))
    expect(await cache.ttl('k')).toBe(2 * 3_600_000)
  })

  test('sets tags that invalidate the value later', async () => {
    const { cache } = started(testCache().memory().tier(mapTier()).build())
    await cache.getOrSet('k', ({ setTags }) => (setTags(['late']), 'v'), { tags: ['early'] })
    expect((await cache.getEntry('k'))?.tags).toEqual(['early', 'late'])
    await cache.invalidateTags(['late'])
    expect(await cache.get('k')).toBeUndefined()
  })

  test('skips storing when asked to', async () => {
    const { cache } = started(testCache().memory().tier(mapTier()).build())
    expect(await cache.getOrSet('k', ({ skip }) => (skip(), 'v'))).toBe('v')
    expect(await cache.get('k')).toBeUndefined()
  })

  test('renews the previous value with notModified, keeping its tags', async () => {
    const { cache, runtime } = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1m' }).build(),
    )
    await cache.set('k', 'same', { tags: ['t'] })
    await runtime.advance(2000)
    expect(await cache.getOrSet('k', ({ notModified }) => notModified())).toBe('same')
    expect(await cache.ttl('k')).toBe(1000)
    const entry = await cache.getEntry('k')
    expect(entry?.tags).toEqual(['t'])
    expect(runtime.clock.now() - (entry?.createdAt.getTime() ?? 0)).toBe(2000)
  })

  test('refuses notModified without a previous value', async () => {
    const { cache } = started(testCache().memory().build())
    await expect(cache.getOrSet('k', ({ notModified }) => notModified())).rejects.toThrow('there is none')
  })

  test('refuses a ttl longer than the licence allows', async () => {
    const { cache } = started(
      testCache().memory().namespace('licensed', { ttl: '1h', maxTtl: '24h', license: 'ecoinvent' }).build(),
    )
    const load = cache.getOrSet('k', ({ setTtl }) => (setTtl('25h'), 'v'))
    await expect(load).rejects.toBeInstanceOf(LicenseViolationError)
    await expect(load).rejects.toMatchObject({
      licenseSource: 'ecoinvent',
      requestedTtlMs: 90_000_000,
      maxAllowedTtlMs: 86_400_000,
      ttlHours: 25,
    })
  })
})

describe('negativeTtl', () => {
  test('repeats a failure without running the loader until it ends', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ negativeTtl: '10s' }).build())
    const loader = vi.fn(() => Promise.reject(new Error('down')))
    const first = await cache.getOrSet('k', loader).catch((error: unknown) => error)
    const second = await cache.getOrSet('k', loader).catch((error: unknown) => error)
    expect(second).toBe(first)
    expect(loader).toHaveBeenCalledTimes(1)
    await runtime.advance(10_000)
    await cache.getOrSet('k', loader).catch(() => undefined)
    expect(loader).toHaveBeenCalledTimes(2)
  })

  test('remembers that there is no value', async () => {
    const { cache, runtime } = started(testCache().memory().defaults({ negativeTtl: '10s' }).build())
    const loader = vi.fn(async () => undefined)
    await cache.getOrSet('k', loader)
    await cache.getOrSet('k', loader)
    expect(loader).toHaveBeenCalledTimes(1)
    await runtime.advance(10_001)
    await cache.getOrSet('k', loader)
    expect(loader).toHaveBeenCalledTimes(2)
  })

  test.each([
    ['set', async (cache: TestCache['cache']) => void (await cache.set('k', 'v'))],
    ['delete', async (cache: TestCache['cache']) => void (await cache.delete('k'))],
    ['clear', async (cache: TestCache['cache']) => cache.clear()],
  ])('is forgotten by %s', async (_verb, change) => {
    const { cache } = started(testCache().memory().defaults({ negativeTtl: '10s' }).build())
    await cache.getOrSet('k', () => Promise.reject(new Error('down'))).catch(() => undefined)
    await change(cache)
    expect(await cache.getOrSet('k', () => 'v')).toBe('v')
  })
})

describe('an aborted caller', () => {
  test('leaves alone and does not cancel the others', async () => {
    const { cache } = started(testCache().memory().build())
    let finish!: (value: string) => void
    let signal!: AbortSignal
    const loader = (context: LoaderContext<unknown>): Promise<string> => {
      signal = context.signal
      return new Promise((resolve) => (finish = resolve))
    }
    const leaving = new AbortController()
    const one = cache.getOrSet('k', loader, { signal: leaving.signal })
    const other = cache.getOrSet('k', loader)
    await Promise.resolve()
    leaving.abort(new Error('client went away'))

    await expect(one).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED', cause: new Error('client went away') })
    await vi.waitFor(() => expect(finish).toBeDefined())
    expect(signal.aborted).toBe(false)
    finish('v')
    expect(await other).toBe('v')
  })

  test('aborts the loader when it was the last one', async () => {
    const { cache, runtime } = started(testCache().memory().build())
    const leaving = new AbortController()
    let signal: AbortSignal | undefined
    const load = cache.getOrSet(
      'k',
      (context) => {
        signal = context.signal
        return new Promise((_, reject) =>
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error)),
        )
      },
      { signal: leaving.signal },
    )
    const rejection = expect(load).rejects.toBeInstanceOf(CacheError)
    await runtime.settle()
    leaving.abort()
    await rejection
    expect(signal?.aborted).toBe(true)
  })

  test('is rejected at once when its signal was aborted before', async () => {
    const { cache } = started(testCache().memory().build())
    const load = cache.getOrSet('k', () => 'v', { signal: AbortSignal.abort() })
    await expect(load).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' })
  })
})
