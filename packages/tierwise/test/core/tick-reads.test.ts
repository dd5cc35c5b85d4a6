import { describe, expect, test } from 'vitest'
import type { Tier, TierContext, TierDefinition } from '../../src/contract/tier.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { TierError } from '../../src/errors.ts'
import { mapTier } from '../../src/testing/map-tier.ts'

/** A tier of which each `get` is written down, and may be held back or fail. */
function watched(
  name: string,
  before: (keys: readonly string[]) => Promise<void> = async () => {},
  partOf?: (key: string) => number,
): { readonly definition: TierDefinition; readonly asked: string[][] } {
  const store = mapTier({ name })
  const asked: string[][] = []
  const create = (context: TierContext): Tier => {
    const tier = store.create(context) as Tier
    return new Proxy(tier, {
      get(target, property) {
        if (property === 'partOf') return partOf
        if (property !== 'get') {
          const value: unknown = Reflect.get(target, property, target)
          return typeof value === 'function' ? value.bind(target) : value
        }
        return async (...args: Parameters<Tier['get']>) => {
          asked.push([...args[0]])
          await before(args[0])
          return target.get(...args)
        }
      },
    })
  }
  return { definition: { name, create }, asked }
}

const shortKeys = (asked: readonly (readonly string[])[]): string[][] =>
  asked.map((keys) => keys.map((key) => key.slice(key.lastIndexOf(':') + 1)))

describe('reads of single keys in one tick', () => {
  test('go to a tier as one batch, each key once, and each caller gets its own value', async () => {
    const tier = watched('shared')
    await using manager = createCacheManager({ tiers: [tier.definition] })
    const cache = manager.namespace<number>('factors')
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    const answers = await Promise.all(['a', 'b', 'a', 'c'].map((key) => cache.get(key)))
    expect(answers).toEqual([1, 2, 1, undefined])
    expect(shortKeys(tier.asked)).toEqual([['a', 'b', 'c']])
  })

  test('of loads are one batch', async () => {
    const tier = watched('shared')
    await using manager = createCacheManager({ tiers: [tier.definition] })
    const cache = manager.namespace<number>('factors')
    await cache.set('a', 1)
    const answers = await Promise.all([cache.getOrSet('a', () => 3), cache.getOrSet('b', () => 2)])
    expect(answers).toEqual([1, 2])
    expect(shortKeys(tier.asked)).toEqual([['a', 'b']])
  })

  test('do not wait for keys that are looked for further down', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const upper = watched('upper')
    const lower = watched('lower', () => held)
    await using manager = createCacheManager({ tiers: [upper.definition, lower.definition] })
    const cache = manager.namespace<number>('factors')
    await cache.set('a', 1)
    const absent = cache.get('absent')
    expect(await cache.get('a')).toBe(1)
    release()
    expect(await absent).toBeUndefined()
  })

  test('fail only where their part of the tier fails', async () => {
    const fail = async (keys: readonly string[]): Promise<void> => {
      if (keys.some((key) => key.endsWith('down'))) throw new TierError('node is down', { code: 'ERR_CACHE_TIER_READ' })
    }
    const tier = watched('shared', fail, (key) => (key.endsWith('down') ? 1 : 0))
    await using manager = createCacheManager({ tiers: [tier.definition] })
    const cache = manager.namespace<number>('factors')
    await cache.setMany([
      ['up', 1],
      ['down', 2],
    ])
    expect(await Promise.all([cache.get('up'), cache.get('down')])).toEqual([1, undefined])
    expect(await cache.getMany(['up', 'down'])).toEqual(new Map([['up', 1]]))
  })
})
