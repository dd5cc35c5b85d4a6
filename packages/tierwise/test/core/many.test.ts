import { describe, expect, test } from 'vitest'

import { stackOpener, stacks, stacksWithTiers } from '../stacks.ts'

const open = stackOpener()

const keys = Array.from({ length: 20 }, (_, index) => `key${index}`)
const pairs = keys.map((key, index) => [key, index] as const)

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let release = (): void => undefined
  const opened = new Promise<void>((resolve) => (release = resolve))
  return { opened, open: () => release() }
}

describe.each(stacks)('batches over $name', (definition) => {
  test('keep each value with its key', async () => {
    const { cache } = open(definition)
    const results = await cache.setMany(pairs)
    expect([...results.keys()]).toEqual(keys)
    expect(new Set([...results.values()].map(({ version }) => version)).size).toBe(keys.length)
    expect(await cache.getMany([...keys].reverse())).toEqual(new Map(pairs))
    expect(await cache.getMany(['key3', 'missing', 'key1', 'key3'])).toEqual(
      new Map([
        ['key3', 3],
        ['key1', 1],
      ]),
    )
    expect(await cache.getMany([])).toEqual(new Map())
  })

  test('call the loader once, with the missing keys only', async () => {
    const { cache } = open(definition)
    await cache.setMany(pairs.slice(0, 10))
    const asked: (readonly string[])[] = []
    const values = await cache.getOrSetMany([...keys, 'key0', 'absent'], (missing) => {
      asked.push(missing)
      return new Map([...pairs, ['unasked', -1]])
    })
    expect(asked).toEqual([[...keys.slice(10), 'absent']])
    expect(values).toEqual(new Map(pairs))
    expect(await cache.getMany([...keys, 'unasked'])).toEqual(new Map(pairs))
    await cache.getOrSetMany(keys, () => Promise.reject(new Error('not needed')))
  })

  test('share single loads that are under way', async () => {
    const { cache, runtime } = open(definition)
    const reply = gate()
    const single = cache.getOrSet('key0', async () => {
      await reply.opened
      return 'single'
    })
    await runtime.settle()
    const asked: string[] = []
    const batch = cache.getOrSetMany(['key0', 'key1'], (missing) => {
      asked.push(...missing)
      return new Map(missing.map((key) => [key, 'batch']))
    })
    await runtime.settle()
    reply.open()
    expect(await single).toBe('single')
    expect(await batch).toEqual(
      new Map([
        ['key0', 'single'],
        ['key1', 'batch'],
      ]),
    )
    expect(asked).toEqual(['key1'])
  })

  test('are shared by single loads and by other batches', async () => {
    const { cache, runtime, manager } = open(definition)
    const reply = gate()
    const first = cache.getOrSetMany(['a', 'b', 'absent'], async (missing) => {
      await reply.opened
      return new Map(missing.filter((key) => key !== 'absent').map((key) => [key, `${key} of the batch`]))
    })
    await runtime.settle()
    const failing = (): never => {
      throw new Error('not needed')
    }
    const single = cache.getOrSet('a', failing)
    const absent = cache.getOrSet('absent', failing)
    const asked: string[] = []
    const second = cache.getOrSetMany(['b', 'c'], (missing) => {
      asked.push(...missing)
      return new Map(missing.map((key) => [key, 'second']))
    })
    await runtime.settle()
    reply.open()
    expect(await first).toEqual(
      new Map([
        ['a', 'a of the batch'],
        ['b', 'b of the batch'],
      ]),
    )
    expect(await single).toBe('a of the batch')
    expect(await absent).toBeUndefined()
    expect(await second).toEqual(
      new Map([
        ['b', 'b of the batch'],
        ['c', 'second'],
      ]),
    )
    expect(asked).toEqual(['c'])
    expect(manager.analytics().overall.loads, 'one for each key').toBe(4)
  })

  test('fail once for everybody when the loader does', async () => {
    const { cache } = open(definition)
    let calls = 0
    const loader = (): never => {
      calls++
      throw new Error('down')
    }
    const results = await Promise.allSettled([
      cache.getOrSetMany(['a', 'b'], loader),
      cache.getOrSetMany(['b', 'a'], loader),
      cache.getOrSet('a', loader),
    ])
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(calls).toBe(1)
    expect(results[0]).toMatchObject({ reason: { code: 'ERR_CACHE_LOADER', cause: { message: 'down' } } })
  })

  test('store nothing at all when one value cannot be stored', async () => {
    const { cache } = open(definition)
    await cache.set('a', 'old')
    await expect(
      cache.setMany([
        ['a', 'new'],
        ['b', undefined],
      ]),
    ).rejects.toMatchObject({ name: 'ValueError', code: 'ERR_CACHE_VALUE_UNDEFINED', key: 'b' })
    expect(await cache.getMany(['a', 'b'])).toEqual(new Map([['a', 'old']]))
  })

  test('count null as a value, once', async () => {
    const { cache, manager } = open(definition)
    await cache.setMany([
      ['null', null],
      ['zero', 0],
      ['empty', ''],
      ['false', false],
    ])
    const expected = new Map<string, unknown>([
      ['null', null],
      ['zero', 0],
      ['empty', ''],
      ['false', false],
    ])
    expect(await cache.getMany(expected.keys())).toEqual(expected)
    expect(await cache.getOrSetMany(expected.keys(), () => new Map())).toEqual(expected)
    expect(manager.analytics().overall).toMatchObject({ hits: 8, misses: 0 })
  })

  test('refuse a key that is none before anything happens', async () => {
    const { cache } = open(definition)
    await expect(cache.getMany(['a', ''])).rejects.toMatchObject({ name: 'KeyError', code: 'ERR_CACHE_KEY' })
    await expect(
      cache.setMany([
        ['a', 1],
        ['\ud800', 1],
      ]),
    ).rejects.toMatchObject({ name: 'KeyError' })
    await expect(cache.deleteMany(['a'.repeat(4097)])).rejects.toMatchObject({ name: 'KeyError' })
    expect(await cache.get('a')).toBeUndefined()
  })
})

describe.each(stacksWithTiers)('batches and the tiers of $name', (definition) => {
  test('cost one call a tier', async () => {
    const stack = open(definition)
    await stack.manager.start()
    const calls = (operation: 'get' | 'set' | 'delete'): number[] =>
      stack.below.map((name) => stack.plan(name).callsOf(operation).length)
    const once = stack.below.map(() => 1)
    await stack.cache.getMany(keys)
    expect(calls('get')).toEqual(once)
    await stack.cache.setMany(pairs)
    expect(calls('set')).toEqual(once)
    await stack.cache.deleteMany(keys)
    expect(calls('delete')).toEqual(once)
    await stack.cache.getOrSetMany(keys, () => new Map(pairs))
    await stack.runtime.settle()
    expect(calls('get')).toEqual(once.map(() => 2))
    expect(calls('set')).toEqual(once.map(() => 2))
  })

  test('ask each tier only for what the ones above do not have', async () => {
    const stack = open(definition)
    const parts = stack.names.map((name, index) => ({ name, key: `only${index}` }))
    for (const { name, key } of parts) await stack.cache.set(key, name, { tiers: [name] })
    const asked = parts.map(({ key }) => key)
    expect(await stack.cache.getMany([...asked, 'nowhere'])).toEqual(new Map(parts.map(({ name, key }) => [key, name])))
    for (const [index, name] of stack.names.entries()) {
      if (name === 'memory') continue
      const sent = stack
        .plan(name)
        .callsOf('get')
        .map(({ keys: storageKeys }) => storageKeys.map((key) => key.split(':').at(-1)))
      expect(sent, name).toEqual([[...asked.slice(index), 'nowhere']])
    }
  })

  test('find part of the keys when a tier fails, and load the rest', async () => {
    const stack = open(definition)
    const [first = '', ...others] = stack.names
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    await stack.cache.set('b', 2, { tiers: [stack.below.at(-1)!] })
    stack.plan(stack.below.at(-1)!).fail('get')
    const held = first === 'memory' || others.length > 0 ? new Map([['a', 1]]) : new Map()
    expect(await stack.cache.getMany(['a', 'b'])).toEqual(held)
    expect(await stack.cache.getOrSetMany(['a', 'b'], (missing) => new Map(missing.map((key) => [key, 9])))).toEqual(
      new Map([
        ['a', held.get('a') ?? 9],
        ['b', 9],
      ]),
    )
  })
})
