import { afterEach, describe, expect, test } from 'vitest'

import { mapTier, sharedStore, fakeRuntime, testCache, type TestCache } from '../../src/testing/index.ts'
import type { NamespaceOptions } from '../../src/contract/options.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const chains = ['plain', 'shared'] as const

function open(chain: (typeof chains)[number], options: NamespaceOptions = {}): TestCache {
  const runtime = fakeRuntime()
  const middle =
    chain === 'shared'
      ? sharedStore({ clock: runtime.clock, random: runtime.random }).tier({ name: 'middle' })
      : mapTier({ name: 'middle', capabilities: { shared: false } })
  const opened = testCache()
    .memory()
    .tier(middle)
    .tier(mapTier({ name: 'last', capabilities: { shared: false } }))
    .runtime(runtime)
    .defaults({ tierTtl: { memory: '10s', middle: '1m' } })
    .namespace('n', { ttl: '1h', ...options })
    .build()
  stops.push(() => runtime.until(opened.stop()))
  return opened
}

describe.each(chains)('the stay of an entry in a tier, over a %s chain', (chain) => {
  test('ends before its life, which goes on further down', async () => {
    const { cache, runtime } = open(chain)
    await runtime.until(cache.set('key', 1))
    const held = async (): Promise<readonly unknown[]> => [
      cache.peek('key'),
      await runtime.until(cache.get('key', { tiers: ['middle'] })),
      await runtime.until(cache.get('key', { tiers: ['last'] })),
    ]
    expect(await held()).toEqual([1, 1, 1])
    expect(await runtime.until(cache.ttl('key'))).toBe(3_600_000)
    await runtime.advance(10_000)
    expect((await held())[0]).toBeUndefined()
    expect((await held())[2]).toBe(1)
    expect(await runtime.until(cache.ttl('key'))).toBe(3_590_000)
    await runtime.advance(50_000)
    expect(await held()).toEqual([undefined, undefined, 1])
  })

  test('begins anew when the entry comes up again', async () => {
    const { cache, runtime } = open(chain)
    await runtime.until(cache.set('key', 1))
    await runtime.advance(30_000)
    expect(cache.peek('key')).toBeUndefined()
    expect(await runtime.until(cache.get('key'))).toBe(1)
    await runtime.settle()
    await runtime.advance(4000)
    expect(cache.peek('key')).toBe(1)
    expect((await runtime.until(cache.getEntry('key')))?.expiresAt?.getTime()).toBe(runtime.clock.now() + 3_566_000)
    await runtime.advance(6000)
    expect(cache.peek('key')).toBeUndefined()
  })

  test('holds for what is loaded too', async () => {
    const { cache, runtime } = open(chain)
    await runtime.until(cache.getOrSet('key', () => 1))
    await runtime.advance(9_999)
    expect(cache.peek('key')).toBe(1)
    await runtime.advance(1)
    expect(cache.peek('key')).toBeUndefined()
    expect(await runtime.until(cache.getOrSet('key', () => 2))).toBe(1)
  })

  test('can differ in a namespace', async () => {
    const { cache, runtime } = open(chain, { tierTtl: { memory: '20s' } })
    await runtime.until(cache.set('key', 1))
    await runtime.advance(15_000)
    expect(cache.peek('key')).toBe(1)
  })
})

test('the stay in a tier that is not in the chain is refused', () => {
  expect(() =>
    testCache()
      .memory()
      .namespace('n', { tierTtl: { memroy: '1s' } })
      .build(),
  ).toThrow('`namespaces.n.tierTtl.memroy` is not an option. Did you mean `memory`?')
})
