import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { openStack, stackOpener, stacks } from '../stacks.ts'

const open = stackOpener()

const bytes = fc.uint8Array({ maxLength: 20 })

/** Everything a user may cache, nested in everything that nests. */
const { value } = fc.letrec<{ value: unknown; leaf: unknown; nest: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<unknown>(null, 0, -0, '', false, true, NaN, Infinity, -Infinity, 2 ** 53, -1, 1.5, 0n),
    fc.string({ unit: 'grapheme' }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    bytes,
    bytes.map((data) => Buffer.from(data)),
    bytes.map((data) => new Uint16Array(data)),
    bytes.map((data) => new Float64Array(data)),
    bytes.map((data) => new BigInt64Array([...data].map(BigInt))),
  ),
  nest: fc.oneof(
    { maxDepth: 3 },
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.record({ present: tie('value'), absent: fc.constant(undefined) }, { noNullPrototype: true }),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => [...items, undefined]),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, tie('leaf'), tie('nest')),
}))

describe.each(stacks)('values over $name', (definition) => {
  test('come back from every tier as what they were', async () => {
    const stack = open(definition)
    let at = 0
    const property = fc.asyncProperty(value, async (original) => {
      const key = `key${at++}`
      await stack.cache.set(key, original)
      for (const name of stack.names) {
        const back = await stack.cache.get(key, { tiers: [name] })
        expect(isDeepStrictEqual(back, original), `from ${name}`).toBe(true)
        expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(original))
        expect(Buffer.isBuffer(back)).toBe(Buffer.isBuffer(original))
      }
    })
    await fc.assert(property, { numRuns: 60 })
  })

  test('come back the same from a load, a batch and a promotion', async () => {
    const property = fc.asyncProperty(value, async (original) => {
      const stack = openStack(definition, { memoryEntries: 1 })
      expect(isDeepStrictEqual(await stack.cache.getOrSet('loaded', () => original), original)).toBe(true)
      await stack.cache.set('low', original, { tiers: [stack.names.at(-1)!] })
      expect(isDeepStrictEqual((await stack.cache.getMany(['low'])).get('low'), original)).toBe(true)
      await stack.runtime.settle()
      expect(isDeepStrictEqual(await stack.cache.get('low', { tiers: [stack.names.at(0)!] }), original)).toBe(true)
      const batch = await stack.cache.getOrSetMany(['loaded', 'batch'], () => new Map([['batch', original]]))
      expect(isDeepStrictEqual(batch.get('batch'), original)).toBe(true)
      await stack.stop()
    })
    await fc.assert(property, { numRuns: 15 })
  })

  test('that are undefined are refused, or the news that there is none', async () => {
    const { cache } = open(definition)
    await expect(cache.set('key', undefined)).rejects.toMatchObject({
      name: 'ValueError',
      code: 'ERR_CACHE_VALUE_UNDEFINED',
      key: 'key',
      namespace: 'test',
    })
    expect(await cache.getOrSet('key', () => undefined)).toBeUndefined()
    expect(await cache.has('key')).toBe(false)
  })

  test('that have no bytes are refused by set and kept in memory by a load', async () => {
    const stack = open(definition)
    const unstorable = { run: () => 1 }
    if (stack.below.length > 0) {
      await stack.cache.set('key', 'old')
      await expect(stack.cache.set('key', unstorable)).rejects.toMatchObject({
        name: 'CodecError',
        code: 'ERR_CACHE_ENCODE',
      })
      expect(await stack.cache.get('key')).toBe('old')
    }
    expect(await stack.cache.getOrSet('key', () => unstorable, { forceFresh: true })).toBe(unstorable)
    await stack.runtime.settle()
    expect(await stack.cache.get('key')).toBe(stack.names[0] === 'memory' ? unstorable : undefined)
    for (const name of stack.below) expect(await stack.cache.get('key', { tiers: [name] })).toBeUndefined()
  })

  test('with names that mean something to a prototype are just values', async () => {
    const { cache } = open(definition)
    const odd = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toString": 2}') as object
    await cache.set('__proto__', odd)
    await cache.set('constructor', 1)
    for (const name of open(definition).names) expect(await cache.get('constructor', { tiers: [name] })).toBe(1)
    const back = (await cache.get('__proto__')) as object
    expect(Object.keys(back)).toEqual(['__proto__', 'constructor', 'toString'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect(await cache.get('toString')).toBeUndefined()
  })

  test('are told apart by keys of every kind', async () => {
    const { cache } = open(definition)
    const keys = ['a', 'A', 'a ', ' a', 'ä', 'a\u0308', 'a:b', 'a/b', '*', '\n', '\u0000', '🚀', 'x'.repeat(4096)]
    await cache.setMany(keys.map((key, index) => [key, index] as const))
    expect(await cache.getMany(keys)).toEqual(new Map(keys.map((key, index) => [key, index])))
  })
})
