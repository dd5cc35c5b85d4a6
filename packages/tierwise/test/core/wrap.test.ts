import { afterEach, describe, expect, test, vi } from 'vitest'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { cached, invalidates } from '../../src/decorators/index.ts'
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

describe('decorators', () => {
  // The test runner does not lower decorators, so they are applied by hand, as the compiled code does.
  const decorate = <This, A extends unknown[], R>(
    decorator: (
      method: (this: This, ...args: A) => Promise<R>,
      context: ClassMethodDecoratorContext<This>,
    ) => (this: This, ...args: A) => Promise<R>,
    name: string,
    method: (this: This, ...args: A) => Promise<R>,
  ): ((this: This, ...args: A) => Promise<R>) =>
    decorator(method, { name } as unknown as ClassMethodDecoratorContext<This>)

  test('cached answers from the cache for equal arguments, whoever the receiver is', async () => {
    const calls = vi.fn()
    const find = decorate(
      cached({ namespace: 'methods', manager }),
      'find',
      async function (this: { id: number }, user: string) {
        calls(this.id)
        return `${user} by ${this.id}`
      },
    )
    expect(await find.call({ id: 1 }, 'ann')).toBe('ann by 1')
    expect(await find.call({ id: 2 }, 'ann')).toBe('ann by 1')
    expect(calls).toHaveBeenCalledTimes(1)
  })

  test('cached keeps methods of different names apart', async () => {
    const one = decorate(cached({ namespace: 'methods', manager }), 'one', async (_: string) => 1)
    const two = decorate(cached({ namespace: 'methods', manager }), 'two', async (_: string) => 2)
    expect([await one.call({}, 'x'), await two.call({}, 'x')]).toEqual([1, 2])
  })

  test('invalidates removes keys, tags and patterns after the method has succeeded', async () => {
    const cache = manager.namespace<string>('methods')
    await cache.set('user:1', 'old')
    await cache.set('list:a', 'old')
    await cache.set('tagged', 'old', { tags: ['users'] })
    const save = decorate(
      invalidates<object, [id: number], string>({
        namespace: 'methods',
        manager,
        keys: (id) => [`user:${id}`],
        tags: () => ['users'],
        pattern: () => 'list:*',
      }),
      'save',
      async (_id: number) => 'saved',
    )
    expect(await save.call({}, 1)).toBe('saved')
    expect([await cache.get('user:1'), await cache.get('list:a'), await cache.get('tagged')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test('invalidates leaves everything when the method fails', async () => {
    const cache = manager.namespace<string>('methods')
    await cache.set('user:1', 'old')
    const save = decorate(
      invalidates<object, [], never>({ namespace: 'methods', manager, keys: () => ['user:1'] }),
      'save',
      () => Promise.reject(new Error('no')),
    )
    await expect(save.call({})).rejects.toThrow('no')
    expect(await cache.get('user:1')).toBe('old')
  })
})
