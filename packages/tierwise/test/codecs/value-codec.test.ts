import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { jsonCodec, msgpackCodec } from '../../src/codecs/index.ts'
import type { ValueCodec } from '../../src/contract/codec.ts'
import { CodecError } from '../../src/errors.ts'
import { anyValue } from './any-value.ts'
import { sameValue } from './same-value.ts'

const codecs = [
  { name: 'msgpack', id: 1, load: msgpackCodec },
  { name: 'json', id: 2, load: async () => jsonCodec() },
]

describe.each(codecs)('$name codec', ({ name, id, load }) => {
  let codec: ValueCodec

  beforeAll(async () => {
    codec = await load()
  })

  const roundTrip = (value: unknown): unknown => codec.decode(codec.encode(value))

  it('has the name and id that frames record', () => {
    expect([codec.name, codec.id]).toEqual([name, id])
  })

  it('gives any value back with its types', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 8 }), (value) => sameValue(roundTrip(value), value)),
      { numRuns: 2000 },
    )
  })

  it('keeps nothing of the bytes it decodes', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = Uint8Array.from(codec.encode(value))
        const decoded = codec.decode(bytes)
        bytes.fill(0xff)
        return sameValue(decoded, value)
      }),
      { numRuns: 500 },
    )
  })

  it('leaves the value that it encodes as it was', () => {
    fc.assert(
      fc.property(fc.clone(anyValue, 2), ([value, untouched]) => {
        codec.encode(value)
        return sameValue(value, untouched)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['the oldest date', new Date(-8.64e15)],
    ['the last date', new Date(8.64e15)],
    ['a date with milliseconds before 1970', new Date(-1)],
    ['an invalid date', new Date(NaN)],
    ['a bigint of 64 bits and its neighbours', [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n]],
    ['a bigint of 70 000 bits', [2n ** 70_000n + 1n, -(2n ** 70_000n) - 1n]],
    ['a Buffer as a Buffer', Buffer.from('bytes')],
    ['a Uint8Array as a Uint8Array', new Uint8Array([1, 2, 3])],
    [
      'an empty view of every kind',
      [new Uint8Array(), new Float64Array(), Buffer.alloc(0), new ArrayBuffer(0), new DataView(new ArrayBuffer(0))],
    ],
    ['bytes beyond 64 KiB', [Buffer.alloc(70_000, 7), new Float32Array(20_000).fill(1.5)]],
    ['a string beyond 64 KiB with wide characters', 'aé日😀'.repeat(20_000)],
    ['a lone surrogate in a long string', `${'x'.repeat(100)}\ud800`],
    ['an object of 70 000 properties', Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))],
    ['an object that looks like a marked date', { $date: '2024-05-01T00:00:00.000Z' }],
    ['an object that looks like a marked object', { $object: ['a', 1] }],
    ['an object whose properties have the names of methods', { constructor: 1, toJSON: 2, hasOwnProperty: 3 }],
    ['a map in a map, keyed by an object', new Map([[{ a: 1 }, new Map([[NaN, -0]])]])],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { toString: 1 })],
    ['an error that gathers others', new AggregateError([new TypeError('a'), 1], 'all', { cause: undefined })],
    ['undefined itself', undefined],
  ])('gives back %s', (_, value) => {
    expect(sameValue(roundTrip(value), value)).toBe(true)
  })

  it('gives an own property named __proto__ back as an own property', () => {
    const value: unknown = JSON.parse('{"a":{"__proto__":{"polluted":true},"constructor":{"prototype":1}}}')
    const decoded = roundTrip(value) as { a: object }
    expect(Object.keys(decoded.a)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(decoded.a)).toBe(Object.prototype)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('turns a hole of an array into undefined', () => {
    // oxlint-disable-next-line no-sparse-arrays
    expect(roundTrip([1, , 3])).toStrictEqual([1, undefined, 3])
  })

  it('writes an object that occurs twice, twice', () => {
    const shared = { at: new Date(0) }
    const [first, second] = roundTrip([shared, shared]) as [object, object]
    expect(first).toEqual(second)
    expect(first).not.toBe(second)
  })

  it('keeps fields of an error but not its stack', () => {
    const error = Object.assign(new RangeError('too far', { cause: 'wind' }), { code: 'E_FAR' })
    const decoded = roundTrip(error) as typeof error
    expect(decoded).toBeInstanceOf(RangeError)
    expect([decoded.message, decoded.cause, decoded.code]).toEqual(['too far', 'wind', 'E_FAR'])
    expect(decoded.stack).toBe('RangeError: too far')
  })

  it('gives a subclass of an error back as the built-in class with its name', () => {
    class QuotaError extends TypeError {
      override readonly name = 'QuotaError'
    }
    const decoded = roundTrip(new QuotaError('full')) as Error
    expect(Object.getPrototypeOf(decoded)).toBe(TypeError.prototype)
    expect(String(decoded)).toBe('QuotaError: full')
  })

  it('takes plain data of another realm', () => {
    expect(roundTrip(runInNewContext('({ list: [1, { a: "b" }] })'))).toStrictEqual({ list: [1, { a: 'b' }] })
  })

  class Point {
    readonly x = 1
    toJSON(): string {
      return 'not consulted'
    }
  }

  it.each([
    ['value.run', 'a function', { run: () => 1 }],
    ['value.after.run', 'a function', { before: { list: [1] }, after: { run: () => 1 } }],
    ['value.list[1]', 'a symbol', { list: [0, Symbol('s')] }],
    ['value["a key"].at[0]', 'an instance of Point', { 'a key': { at: [new Point()] } }],
    ['value', 'an instance of Promise', Promise.resolve()],
    ['value.m[1].s[0]', 'an instance of WeakMap', { m: new Map([['k', { s: new Set([new WeakMap()]) }]]) }],
    ['value.list', 'an instance of List', { list: new (class List extends Array {})() }],
    ['value.boxed', 'an instance of String', { boxed: Object('text') as unknown }],
    ['value.failure.cause.reason', 'a symbol', { failure: new Error('x', { cause: { reason: Symbol('y') } }) }],
  ])('refuses %s that holds %s', (path, what, value) => {
    expect(() => codec.encode(value)).toThrowError(expect.objectContaining({ code: 'ERR_CACHE_ENCODE' }))
    expect(() => codec.encode(value)).toThrow(`Cannot encode ${path}: ${what}`)
  })

  it('refuses a cycle and says where it closes', () => {
    const parent: { children: object[] } = { children: [] }
    parent.children.push({ parent })
    expect(() => codec.encode(parent)).toThrow('Cannot encode value.children[0].parent: it contains itself')
  })

  it('carries 256 levels and refuses more', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : new Map([[1, nested(levels - 1)]]))
    expect(sameValue(roundTrip(nested(256)), nested(256))).toBe(true)
    expect(() => codec.encode(nested(257))).toThrow('it is nested deeper than 256 levels')
    const chain = (levels: number): Error => new Error('e', levels === 1 ? {} : { cause: chain(levels - 1) })
    expect(sameValue(roundTrip(chain(256)), chain(256))).toBe(true)
  })

  it('reports a getter that throws', () => {
    const value = {
      get broken(): never {
        throw new Error('no')
      },
    }
    expect(() => codec.encode(value)).toThrow(CodecError)
  })

  it('refuses bytes after the value', () => {
    expect(() => codec.decode(Buffer.concat([codec.encode({ a: 1 }), codec.encode({ b: 2 })]))).toThrow(CodecError)
  })

  it('refuses every proper prefix of an encoding', () => {
    const bytes = codec.encode({
      text: 'abc',
      when: new Date(0),
      map: new Map([[1, Buffer.from('x')]]),
      big: 2n ** 80n,
    })
    for (let end = 0; end < bytes.length; end++) expect(() => codec.decode(bytes.subarray(0, end))).toThrow(CodecError)
  })
})
