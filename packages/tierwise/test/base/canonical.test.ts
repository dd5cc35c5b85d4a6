import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { canonicalDigest } from '../../src/base/canonical.ts'

describe('the digest of arguments', () => {
  test('does not depend on the order of properties, members and entries', () => {
    expect(canonicalDigest([{ a: 1, b: { c: 2, d: 3 } }])).toBe(canonicalDigest([{ b: { d: 3, c: 2 }, a: 1 }]))
    expect(canonicalDigest([new Set([1, 2])])).toBe(canonicalDigest([new Set([2, 1])]))
    expect(
      canonicalDigest([
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ]),
    ).toBe(
      canonicalDigest([
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ]),
    )
    expect(canonicalDigest([Object.assign(Object.create(null), { a: 1 })])).toBe(canonicalDigest([{ a: 1 }]))
  })

  test('is different for everything that is different', () => {
    const values: unknown[] = [
      [],
      [undefined],
      [null],
      [0],
      [-0],
      ['0'],
      [0n],
      ['0n'],
      [false],
      ['false'],
      [NaN],
      ['NaN'],
      [''],
      [[]],
      [[undefined]],
      [{}],
      ['{}'],
      [{ a: undefined }],
      [{ a: 1 }],
      [[['a', 1]]],
      [new Map([['a', 1]])],
      [new Map()],
      [new Set()],
      [new Set(['a', 1])],
      [new Date(0)],
      [new Date(1)],
      [new Date(NaN)],
      ['Date(0)'],
      [new URL('https://a.example/')],
      ['https://a.example/'],
      [new Uint8Array([1])],
      [new Uint16Array([1])],
      [new Int8Array([1])],
      ['a', 'b'],
      ['a,b'],
      ['a"', 'b'],
      [['a'], 'b'],
      [['a', 'b']],
      [{ 'a:1,b': 1 }],
      [{ a: 1, b: 1 }],
    ]
    const texts = values.map((args) => canonicalDigest(args as unknown[]))
    expect(new Set(texts).size).toBe(values.length)
  })

  test('is equal exactly for equal plain data', () => {
    const data = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(data, data, (one, other) => {
        expect(canonicalDigest([structuredClone(one)])).toBe(canonicalDigest([one]))
        expect(canonicalDigest([one]) === canonicalDigest([other])).toBe(isDeepStrictEqual(one, other))
      }),
    )
  })

  test('takes the same value twice, and none that contains itself', () => {
    const shared = { a: 1 }
    expect(canonicalDigest([shared, shared])).toBe(canonicalDigest([{ a: 1 }, { a: 1 }]))
    const loop: unknown[] = []
    loop.push(loop)
    expect(() => canonicalDigest(loop)).toThrow(expect.objectContaining({ name: 'KeyError', code: 'ERR_CACHE_KEY' }))
  })

  class Money {
    readonly amount = 1
  }

  test.each([
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['an instance of a class', new Money(), 'an instance of Money'],
    ['a promise', Promise.resolve(), 'an instance of Promise'],
    ['an error', new Error('e'), 'an instance of Error'],
  ])('refuses %s and says what to do', (_name, value, what) => {
    expect(() => canonicalDigest([value])).toThrow(
      `The arguments contain ${what}, which cannot become part of a key. Give the wrapped function a \`key\` option.`,
    )
  })

  test('has 64 hexadecimal digits', () => {
    expect(canonicalDigest([{ a: 1 }])).toMatch(/^[0-9a-f]{64}$/)
  })
})
