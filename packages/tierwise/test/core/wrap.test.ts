import { afterEach, describe, expect, test, vi } from 'vitest'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { memory } from '../../src/tiers/memory/index.ts'

const manager = createCacheManager({ tiers: [memory()] })
afterEach(() => manager.clear())

describe('wrap', () => {
  test('caches by the arguments, whatever the order of their properties', async () => {
    const fn = vi.fn(async (query: { a: number; b: number }) => query.a + query.b)
    const add = manager.namespace<number>('wrap').wrap(fn)
    expect(await add({ a: 1, b: 2 })).toBe(3)
    expect(await add({ b: 2, a: 1 })).toBe(3)
    expect(fn).toHaveBeenCalledTimes(1)
  })

  test('tells 1 from "1"', async () => {
    const fn = vi.fn(async (id: number | string) => typeof id)
    const kind = manager.namespace<string>('wrap').wrap(fn)
    expect(await kind(1)).toBe('number')
    expect(await kind('1')).toBe('string')
  })

  test('tells a list with a hole from an empty one', async () => {
    const length = manager.namespace<number>('wrap').wrap(async (list: unknown[]) => list.length)
    expect([await length([]), await length(Object.assign([], { length: 1 }))]).toEqual([0, 1])
  })

  test('uses the key function and the load options', async () => {
    const cache = manager.namespace<string>('wrap')
    const greet = cache.wrap(async (name: string) => `hello ${name}`, { key: (name) => `greeting:${name}`, ttl: '1h' })
    await greet('ann')
    expect(cache.peek('greeting:ann')).toBe('hello ann')
    expect(await cache.ttl('greeting:ann')).toBeGreaterThan(3_500_000)
  })

  test('rejects arguments that have no content to compare', async () => {
    const wrapped = manager.namespace<string>('wrap').wrap(async (_callback: () => void) => 'v')
    await expect(wrapped(() => undefined)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
  })

  test('rejects an object whose class has no name', async () => {
    const wrapped = manager.namespace<string>('wrap').wrap(async (_value: unknown) => 'v')
    await expect(wrapped(Object.create(Object.create(null) as object))).rejects.toThrow(
      'an instance of an unnamed class',
    )
  })
})
