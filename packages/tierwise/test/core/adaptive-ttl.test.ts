import { afterEach, describe, expect, test } from 'vitest'

import type { NamespaceOptions } from '../../src/contract/options.ts'
import { mapTier, testCache, type TestCache } from '../../src/testing/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function open(options: NamespaceOptions = {}): TestCache {
  const opened = testCache()
    .memory()
    .tier(mapTier())
    .namespace('n', { ttl: 1000, grace: '1d', adaptiveTtl: { min: 500, max: 5000 }, ...options })
    .build()
  stops.push(opened.stop)
  return opened
}

/** The ttl after each of the loads, each made when the value before it has just become stale. */
async function ttlsOver(
  { cache, runtime }: TestCache,
  values: readonly unknown[],
): Promise<readonly (number | undefined)[]> {
  const found: (number | undefined)[] = []
  for (const value of values) {
    await runtime.until(cache.getOrSet('key', () => value))
    const ttl = await cache.ttl('key')
    found.push(ttl)
    await runtime.advance(ttl ?? 0)
  }
  return found
}

describe('a ttl that follows its source', () => {
  test('doubles while the value stays the same, up to its longest', async () => {
    const same = () => ({ factor: 1, at: new Date(0) })
    expect(await ttlsOver(open(), [same(), same(), same(), same(), same()])).toEqual([1000, 2000, 4000, 5000, 5000])
  })

  test('halves when the value changes, down to its shortest', async () => {
    expect(await ttlsOver(open(), [1, 1, 2, 3, 4, 5])).toEqual([1000, 2000, 1000, 500, 500, 500])
  })

  test('is the same for batches', async () => {
    const { cache, runtime } = open()
    const load = () => runtime.until(cache.getOrSetMany(['key'], () => new Map([['key', 1]])))
    await load()
    await runtime.advance(1000)
    await load()
    expect(await cache.ttl('key')).toBe(2000)
  })

  test('counts a confirmed value as unchanged', async () => {
    const { cache, runtime } = open()
    await runtime.until(cache.getOrSet('key', () => 1))
    await runtime.advance(1000)
    await runtime.until(cache.getOrSet('key', ({ notModified }) => notModified() as number))
    expect(await cache.ttl('key')).toBe(2000)
  })

  test('stays below the cap', async () => {
    expect(await ttlsOver(open({ maxTtl: 1500 }), [1, 1, 1])).toEqual([1000, 1500, 1000])
  })

  test('leaves alone what somebody has asked for', async () => {
    const { cache, runtime } = open()
    await runtime.until(cache.getOrSet('key', () => 1, { ttl: 100 }))
    expect(await cache.ttl('key')).toBe(100)
    await runtime.advance(100)
    await runtime.until(
      cache.getOrSet('key', ({ setTtl }) => {
        setTtl(300)
        return 1
      }),
    )
    expect(await cache.ttl('key')).toBe(300)
  })
})
