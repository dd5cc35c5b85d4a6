import { describe, expect, onTestFinished, test } from 'vitest'

import { fakeRuntime, mapTier, sharedStore, testCache } from '../../../src/testing/index.ts'
import { stackOpener } from '../../stacks.ts'
import type { OpenStack } from '../../stacks.ts'

const open = stackOpener()

async function states({ cache, runtime }: OpenStack, key: string): Promise<readonly string[]> {
  return (await runtime.until(cache.inspect(key))).map(({ tier, state }) => `${tier} ${state}`)
}

describe('inspecting a key', () => {
  test('tells what each tier holds, whatever the tiers above hold', async () => {
    const stack = open('L1+L2+L3 plain', { namespace: { ttl: '10s', grace: '1m' } })
    const { cache, runtime } = stack
    expect(await states(stack, 'key')).toEqual(['memory absent', 'second absent', 'third absent'])
    await runtime.until(cache.set('key', 'old', { tags: ['tag'] }))
    await runtime.until(cache.set('key', 'new', { tiers: ['memory', 'third'], ttl: '1h' }))
    expect(await states(stack, 'key')).toEqual(['memory fresh', 'second absent', 'third fresh'])
    const [top, , last] = await runtime.until(cache.inspect('key'))
    expect(top?.entry).toMatchObject({ value: 'new', tier: 'memory', stale: false })
    expect(last).toMatchObject({ entry: { value: 'new', tier: 'third' }, sizeBytes: 4 })
  })

  test('tells stale from dead', async () => {
    const stack = open('L1+L2 plain', { namespace: { ttl: '10s', grace: '1m' } })
    const { cache, runtime } = stack
    await runtime.until(cache.set('key', 'value', { tags: ['tag'] }))
    await runtime.advance(20_000)
    expect(await states(stack, 'key')).toEqual(['memory stale', 'second stale'])
    await runtime.until(cache.invalidateTags(['tag']))
    expect(await states(stack, 'key')).toEqual(['memory absent', 'second dead'])
  })

  test('says when a tier cannot tell', async () => {
    const stack = open('L1+L2 plain')
    await stack.runtime.until(stack.cache.set('key', 'value'))
    stack.plan('second').fail('get')
    expect(await states(stack, 'key')).toEqual(['memory fresh', 'second unknown'])
  })

  test('counts nothing, fills nothing and hands out copies where the namespace does', async () => {
    const stack = open('L1+L2 plain', { namespace: { isolation: 'clone' } })
    const { cache, manager, runtime } = stack
    await runtime.until(cache.set('key', { deep: 1 } as never, { tiers: ['second'] }))
    await runtime.until(cache.inspect('key'))
    await runtime.settle()
    expect(cache.peek('key')).toBeUndefined()
    expect(manager.analytics().overall).toMatchObject({ gets: 0, promotions: 0, lookups: {} })
    await expect(cache.inspect('')).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
  })

  test('calls stale what this process cannot prove to be current', async () => {
    const runtime = fakeRuntime()
    const store = sharedStore({ clock: runtime.clock, random: runtime.random })
    const { cache, manager } = testCache()
      .memory()
      .tier(store.tier({ name: 'shared' }))
      .tier(mapTier({ name: 'own', capabilities: { shared: false } }))
      .runtime(runtime)
      .namespace('n', { ttl: '1h' })
      .build()
    onTestFinished(() => runtime.until(manager.stop()))
    await runtime.until(cache.set('key', 'value'))
    const seen = async (): Promise<readonly string[]> =>
      (await runtime.until(cache.inspect('key'))).map(({ tier, state }) => `${tier} ${state}`)
    expect(await seen()).toEqual(['memory fresh', 'shared fresh', 'own fresh'])
    store.instances[0]?.cut()
    await runtime.advance(10_000)
    expect(await seen()).toEqual(['memory stale', 'shared unknown', 'own stale'])
  })
})
