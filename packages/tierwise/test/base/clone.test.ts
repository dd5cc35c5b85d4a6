import { describe, expect, test } from 'vitest'
import { cloneValue } from '../../src/base/clone.ts'
import { CodecError } from '../../src/errors.ts'

class Money {
  readonly amount: number
  readonly parts: { n: number }[] = [{ n: 1 }]
  constructor(amount: number) {
    this.amount = amount
  }
  twice(): number {
    return this.amount * 2
  }
}

const values: Readonly<Record<string, unknown>> = {
  'a number': 1,
  'not a number': NaN,
  'a big integer': 10n ** 30n,
  'a text': 'x',
  undefined,
  null: null,
  'a date': new Date(5),
  'a buffer': Buffer.from('abc'),
  bytes: Uint8Array.of(1, 2),
  floats: Float32Array.of(0.5),
  'a view': new DataView(new ArrayBuffer(4)),
  'a regular expression': /a+/gi,
  'an address': new URL('https://example.org/a?b'),
  'a map of sets': new Map([[{ k: 1 }, new Set([[1], new Date(1)])]]),
  'a list with a hole': Object.assign([1], { 2: { a: undefined } }),
  'an object without a prototype': Object.assign(Object.create(null) as object, { a: Buffer.from('x') }),
  'an error': Object.assign(new TypeError('bad', { cause: new Error('inner') }), { code: 'E_BAD' }),
  'an instance': new Money(2),
}

describe('cloneValue', () => {
  test.each(Object.keys(values))('copies %s with its type', (name) => {
    const value = values[name]
    const copy = cloneValue(value)
    expect(copy).toStrictEqual(value)
    if (typeof value !== 'object' || value === null) return
    expect(copy).not.toBe(value)
    expect(Object.getPrototypeOf(copy)).toBe(Object.getPrototypeOf(value))
  })

  test('shares nothing that can be changed', () => {
    const value = {
      list: [new Date(1)],
      map: new Map([['k', { n: 1 }]]),
      bytes: Buffer.from('abc'),
      money: new Money(1),
    }
    const copy = cloneValue(value) as typeof value
    value.list[0]!.setTime(9)
    value.map.get('k')!.n = 9
    value.bytes[0] = 0
    value.money.parts[0]!.n = 9
    expect(copy.list[0]!.getTime()).toBe(1)
    expect(copy.map.get('k')).toEqual({ n: 1 })
    expect(copy.bytes.toString()).toBe('abc')
    expect(copy.money.parts).toEqual([{ n: 1 }])
    expect(copy.money.twice()).toBe(2)
  })

  test('keeps what refers to the same thing together, also in a circle', () => {
    const shared = { n: 1 }
    const value: { one: object; other: object; self?: object } = { one: shared, other: shared }
    value.self = value
    const copy = cloneValue(value) as typeof value
    expect(copy.one).toBe(copy.other)
    expect(copy.self).toBe(copy)
  })

  test('leaves a property called __proto__ a property', () => {
    const copy = cloneValue(JSON.parse('{"__proto__":{"polluted":true}}')) as object
    expect(Object.hasOwn(copy, '__proto__')).toBe(true)
    expect('polluted' in {}).toBe(false)
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  })

  test.each([() => 1, Symbol('s')])('refuses %s', (value) => {
    expect(() => cloneValue({ inside: [value] })).toThrow(CodecError)
  })
})
