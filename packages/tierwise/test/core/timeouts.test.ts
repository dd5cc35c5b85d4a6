import { describe, expect, test, vi } from 'vitest'
import type { LoaderContext } from '../../src/contract/loader.ts'
import { TimeoutError } from '../../src/errors.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import type { TestCache } from '../../src/testing/test-cache.ts'
import { slowLoader } from './slow-loader.ts'
import { starter } from './started.ts'

const started = starter()

const aged = async (cache: TestCache): Promise<void> => {
  await cache.cache.set('k', 'old')
  await cache.runtime.advance(2000)
}

describe('the soft timeout', () => {
  test('serves the stale value while the load goes on and stores its result', async () => {
    const test = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1h', softTimeout: '100ms' }).build(),
    )
    await aged(test)
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    await test.runtime.advance(100)
    expect(await answer).toBe('old')

    finish('new')
    await test.runtime.settle()
    expect(await test.cache.get('k')).toBe('new')
    expect(test.manager.analytics().overall.staleHits).toBe(1)
  })

  test('waits for the loader when there is nothing stale', async () => {
    const test = started(testCache().memory().defaults({ softTimeout: '100ms' }).build())
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    await test.runtime.advance(5000)
    finish('new')
    expect(await answer).toBe('new')
  })

  test('finds the stale value in a lower tier', async () => {
    const test = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1h', softTimeout: '100ms' }).build(),
    )
    await test.cache.set('k', 'old', { tiers: ['map'] })
    await test.runtime.advance(2000)
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    await test.runtime.advance(100)
    expect(await answer).toBe('old')
    finish('new')
  })

  test('does not let a load that was overtaken by an invalidation store its result', async () => {
    const test = started(
      testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1h', softTimeout: '100ms' }).build(),
    )
    await aged(test)
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    await test.runtime.advance(100)
    expect(await answer).toBe('old')

    await test.cache.delete('k')
    finish('loaded before the delete')
    await test.runtime.settle()
    expect(await test.cache.get('k')).toBeUndefined()
    expect(test.manager.analytics().overall.rejectedFills).toBe(1)
  })
})

describe('the hard timeout', () => {
  test('rejects with what to do, and aborts the loader', async () => {
    const test = started(testCache().memory().defaults({ hardTimeout: '1s' }).build())
    const { loader, contexts, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    const rejection = expect(answer).rejects.toThrow(/did not answer within 1000 ms.*Raise `hardTimeout`/)
    await test.runtime.advance(1000)
    await rejection
    await expect(answer).rejects.toMatchObject({
      name: 'TimeoutError',
      code: 'ERR_CACHE_LOADER_TIMEOUT',
      key: 'k',
      retryable: true,
    })
    expect(contexts[0]?.signal.aborted).toBe(true)
    expect(contexts[0]?.signal.reason).toBeInstanceOf(TimeoutError)
    finish('late')
  })

  test('serves the stale value instead, if there is one', async () => {
    const test = started(testCache().memory().defaults({ ttl: '1s', grace: '1h', hardTimeout: '1s' }).build())
    await aged(test)
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader)
    await test.runtime.advance(1000)
    expect(await answer).toBe('old')
    finish('late')
  })

  test('lets a late result be stored when nothing happened meanwhile', async () => {
    const test = started(testCache().memory().defaults({ hardTimeout: '1s' }).build())
    const { loader, finish } = slowLoader()
    const answer = test.cache.getOrSet('k', loader).catch(() => 'timed out')
    await test.runtime.advance(1000)
    expect(await answer).toBe('timed out')
    finish('late')
    await test.runtime.settle()
    expect(await test.cache.get('k')).toBe('late')
  })

  test('starts a new load for later callers, whose result a late one never replaces', async () => {
    const test = started(testCache().memory().tier(mapTier()).defaults({ hardTimeout: '1s' }).build())
    const first = slowLoader()
    const answer = test.cache.getOrSet('k', first.loader).catch(() => 'timed out')
    await test.runtime.advance(1000)
    await answer

    expect(await test.cache.getOrSet('k', () => 'second')).toBe('second')
    first.finish('first, late')
    await test.runtime.settle()
    expect(await test.cache.get('k')).toBe('second')
    expect(await test.cache.get('k', { tiers: ['map'] })).toBe('second')
  })

  test('counts from the call of each caller', async () => {
    const test = started(testCache().memory().build())
    const { loader, finish } = slowLoader()
    const patient = test.cache.getOrSet('k', loader)
    const hasty = test.cache.getOrSet('k', loader, { hardTimeout: '50ms' }).catch((error: unknown) => error)
    await test.runtime.advance(50)
    expect(await hasty).toBeInstanceOf(TimeoutError)
    finish('v')
    expect(await patient).toBe('v')
  })

  test('leaves no timer behind when the loader is in time', async () => {
    const test = started(testCache().memory().defaults({ softTimeout: '1s', hardTimeout: '2s' }).build())
    const before = test.runtime.pendingTimers.length
    await test.cache.getOrSet('k', async (_: LoaderContext<unknown>) => 'v')
    const after = test.runtime.pendingTimers.filter(
      (timer) => timer.everyMs === undefined && timer.dueAt <= test.runtime.clock.now() + 2000,
    )
    expect(after.length).toBeLessThanOrEqual(before + 1)
  })
})

describe('a failing loader with a stale value', () => {
  test('serves it, and does not try again before the back-off ends', async () => {
    const test = started(testCache().memory().defaults({ ttl: '1s', grace: '1h', graceBackoff: '10s' }).build())
    await aged(test)
    const loader = vi.fn(() => Promise.reject(new Error('down')))

    expect(await test.cache.getOrSet('k', loader)).toBe('old')
    expect(await test.cache.getOrSet('k', loader)).toBe('old')
    expect(loader).toHaveBeenCalledTimes(1)

    await test.runtime.advance(10_000)
    expect(await test.cache.getOrSet('k', loader)).toBe('old')
    expect(loader).toHaveBeenCalledTimes(2)
    expect(test.manager.analytics().overall).toMatchObject({ staleHits: 3, loadFailures: 2 })
  })

  test('rejects once the grace has ended', async () => {
    const test = started(testCache().memory().defaults({ ttl: '1s', grace: '5s' }).build())
    await aged(test)
    await test.runtime.advance(4000)
    await expect(test.cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toMatchObject({
      code: 'ERR_CACHE_LOADER',
    })
  })

  test('never serves it from a plain get', async () => {
    const test = started(testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1h' }).build())
    await aged(test)
    expect(await test.cache.get('k')).toBeUndefined()
    expect((await test.cache.getEntry('k'))?.stale).toBe(true)
  })

  test('does not serve a value whose tag was invalidated', async () => {
    const test = started(testCache().memory().tier(mapTier()).defaults({ ttl: '1s', grace: '1h' }).build())
    await test.cache.set('k', 'old', { tags: ['t'] })
    await test.runtime.advance(2000)
    await test.cache.invalidateTags(['t'])
    await expect(test.cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toMatchObject({
      code: 'ERR_CACHE_LOADER',
    })
  })
})
