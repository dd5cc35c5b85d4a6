import { describe, expect, test } from 'vitest'

import type { StandardSchema } from '../../src/contract/schema.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { stackOpener, stacks, stacksWithTiers } from '../stacks.ts'

const open = stackOpener()

interface Box {
  list: number[]
  inner: { n: number }
}

const box = (): Box => ({ list: [1], inner: { n: 1 } })

describe.each(stacks)('isolation over $name', (definition) => {
  test('by cloning keeps the types of what is inside', async () => {
    const { cache } = open(definition, { namespace: { isolation: 'clone' } })
    const value = { bytes: Buffer.from('abc'), at: new Date(5), ids: new Set([1n]) }
    await cache.set('key', value)
    const read = await cache.get('key')
    expect(read).toStrictEqual(value)
    expect(Buffer.isBuffer((read as typeof value).bytes)).toBe(true)
  })

  test('by cloning keeps callers out of the cache and out of each other', async () => {
    const { cache } = open(definition, { namespace: { isolation: 'clone' } })
    const original = box()
    await cache.set('set', original)
    original.list.push(2)
    const loaded = box()
    const [one, two] = (await Promise.all([
      cache.getOrSet('load', () => loaded),
      cache.getOrSet('load', () => loaded),
    ])) as [Box, Box]
    expect(one).not.toBe(two)
    one.inner.n = 9
    loaded.inner.n = 8
    for (const key of ['set', 'load']) {
      const reads = [
        await cache.get(key),
        await cache.getOrSet(key, box),
        (await cache.getMany([key])).get(key),
        (await cache.getOrSetMany([key], () => new Map())).get(key),
        (await cache.getEntry(key))?.value,
        ...(definition.hasMemory ? [cache.peek(key)] : []),
      ] as Box[]
      for (const read of reads) {
        expect(read).toEqual(box())
        read.list.push(3)
        read.inner.n = 7
      }
    }
  })

  test('by freezing makes a change throw, at every depth', async () => {
    const { cache } = open(definition, { namespace: { isolation: 'freeze' } })
    await cache.set('set', box())
    await cache.getOrSet('load', box)
    for (const key of ['set', 'load']) {
      const read = (await cache.get(key)) as Box
      expect(() => read.list.push(2)).toThrow(TypeError)
      expect(() => {
        read.inner.n = 2
      }).toThrow(TypeError)
      expect(await cache.get(key)).toEqual(box())
    }
  })

  test('by freezing copes with values that contain themselves in memory', async () => {
    const { cache } = open(definition, { namespace: { isolation: 'freeze' } })
    const loop: { self?: unknown } = {}
    loop.self = loop
    const loaded = await cache.getOrSet('loop', () => loop)
    expect(loaded).toBe(loop)
  })

  test('by sharing hands out the object itself from memory', async () => {
    const { cache } = open(definition)
    const original = box()
    await cache.set('key', original)
    if (definition.hasMemory) expect(await cache.get('key')).toBe(original)
    else expect(await cache.get('key')).toEqual(original)
  })
})

const numbers = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'test', validate },
})

const verdicts: Readonly<Record<string, StandardSchema>> = {
  'in the same call': numbers((value) =>
    typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] },
  ),
  later: numbers(async (value) => (typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] })),
  'by throwing': numbers((value) => {
    if (typeof value === 'number') return { value }
    throw new Error('not a number')
  }),
}

describe.each(stacksWithTiers)('a schema over $name', (definition) => {
  test.each(Object.keys(verdicts))(
    'turns what no longer fits into a miss and an event, when it answers %s',
    async (how) => {
      const stack = open(definition, { namespace: { schema: verdicts[how]! } })
      const events: unknown[] = []
      stack.manager.on('bad-record', ({ tier, reason }) => void events.push([tier, reason]))
      await stack.cache.setMany(
        [
          ['old', 'text'],
          ['new', 1],
        ],
        { tiers: stack.below },
      )
      expect(await stack.cache.get('old')).toBeUndefined()
      expect(events).toEqual(stack.below.map((tier) => [tier, 'schema']))
      expect(await stack.cache.getMany(['old', 'new'])).toEqual(new Map([['new', 1]]))
      expect(await stack.cache.getOrSet('old', () => 2)).toBe(2)
      expect(await stack.cache.get('old')).toBe(2)
    },
  )
})

describe('namespaces', () => {
  const runtime = fakeRuntime()

  test.each(stacks.map(({ name }) => name))('never share a key, over %s', async (name) => {
    const { manager, cache } = open(name)
    const others = ['a', 'b', 'a.b', 'a-b', 'A', '__proto__', 'constructor', '1'].map((other) =>
      manager.namespace<string>(other),
    )
    await cache.set('b:key', 'test')
    for (const other of others) await other.set('key', other.name)
    for (const other of others) expect(await other.get('key')).toBe(other.name)
    expect(await manager.namespace('a').get('b:key')).toBeUndefined()
    await others[0]!.clear()
    for (const other of others.slice(1)) expect(await other.get('key')).toBe(other.name)
    expect(Object.keys(manager.analytics().namespaces).sort()).toEqual(
      ['test', ...others.map((other) => other.name)].sort(),
    )
  })

  test('retire all entries of another version at once', async () => {
    const tier = mapTier()
    const version = async (name: string | number | undefined): Promise<unknown> => {
      const manager = createCacheManager({
        tiers: [memory(), tier],
        runtime,
        namespaces: { n: name === undefined ? {} : { version: name } },
      })
      const cache = manager.namespace('n')
      const held = await cache.get('key')
      await cache.set('key', `of ${String(name)}`)
      await manager.stop()
      return held
    }
    expect(await version(undefined)).toBeUndefined()
    expect(await version('2')).toBeUndefined()
    expect(await version(2)).toBe('of 2')
    expect(await version(1)).toBe('of undefined')
  })

  test('answer to their aliases with one policy, one memory and one set of counters', async () => {
    const manager = createCacheManager({
      tiers: [memory()],
      runtime,
      namespaces: { factors: { aliases: ['factor_broker'], ttl: 1000 } },
    })
    const cache = manager.namespace('factors')
    expect(manager.namespace('factor_broker')).toBe(cache)
    await manager.namespace('factor_broker').set('key', 1)
    expect(await cache.ttl('key')).toBe(1000)
    expect(Object.keys(manager.analytics().namespaces)).toEqual(['factors'])
    await manager.stop()
  })

  test('use only their own tiers', async () => {
    const manager = createCacheManager({
      tiers: [memory(), mapTier()],
      runtime,
      namespaces: { local: { tiers: ['memory'] }, remote: { tiers: ['map'] } },
    })
    const { tiers: local } = await manager.namespace('local').set('key', 1)
    const { tiers: remote } = await manager.namespace('remote').set('key', 1)
    expect([local, remote]).toEqual([{ memory: 'applied' }, { map: 'applied' }])
    expect(manager.namespace('remote').peek('key')).toBeUndefined()
    await expect(manager.namespace('local').get('key', { tiers: ['map'] })).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'ERR_CACHE_OPTION',
    })
    await manager.stop()
  })

  test('are reached through the manager as through their own view', async () => {
    const manager = createCacheManager({ tiers: [memory()], runtime })
    const at = { namespace: 'n' }
    await manager.set('key', 1, at)
    expect(await manager.get('key', at)).toBe(1)
    expect(await manager.getOrSet('other', () => 2, at)).toBe(2)
    expect(await manager.delete('key', at)).toBe(true)
    expect(await manager.namespace('n').getMany(['key', 'other'])).toEqual(new Map([['other', 2]]))
    await manager.stop()
  })
})
