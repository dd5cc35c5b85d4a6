import { describe, expect, test } from 'vitest'

import {
  boolean,
  numberIn,
  oneOf,
  optionError,
  orOff,
  positiveInteger,
  readOptions,
  shaped,
  text,
  texts,
  unknownName,
} from '../../src/base/option-reader.ts'
import { ConfigError } from '../../src/errors.ts'

const table = { count: positiveInteger, name: text, on: boolean, mode: oneOf('fast', 'slow') }

describe('options', () => {
  test('are resolved by their readers, the given ones only', () => {
    expect(readOptions({ count: 5, name: undefined, mode: 'fast' }, 'options', table)).toEqual({
      count: 5,
      mode: 'fast',
    })
    expect(readOptions(undefined, 'options', table)).toEqual({})
    expect(readOptions(Object.create(null), 'options', table)).toEqual({})
  })

  test('that nobody knows are refused with the nearest name, or with all of them', () => {
    expect(() => readOptions({ conut: 5 }, 'options', table)).toThrow(
      '`options.conut` is not an option. Did you mean `count`?',
    )
    expect(() => readOptions({ somethingElse: 5 }, 'options', table)).toThrow(
      '`options.somethingElse` is not an option. Known: count, name, on, mode.',
    )
    expect(() => readOptions({ toString: 5 }, 'options', table)).toThrow('`options.toString` is not an option.')
    expect(() => readOptions(JSON.parse('{"__proto__": 5}'), 'options', table)).toThrow(
      '`options.__proto__` is not an option.',
    )
    expect(unknownName('x', 'x', []).message).toBe('`x` is not an option. Known: .')
  })

  test.each([null, 5, 'text', [], () => 1])('are an object, not %j', (given) => {
    expect(() => readOptions(given, 'options', table)).toThrow(/^`options` is .*; it must be an object of options\.$/)
  })

  test('are shown in an error only as far as they cannot be secret', () => {
    const shown = (value: unknown): string => optionError('o', value, 'x').message
    expect(shown({ password: 'secret' })).toBe('`o` is a value of type object; it must be x.')
    expect(shown(['secret'])).toBe('`o` is a list; it must be x.')
    expect(shown('s'.repeat(41))).toBe('`o` is a long text; it must be x.')
    expect(shown('short')).toBe("`o` is 'short'; it must be x.")
    expect(shown(() => 'secret')).toBe('`o` is a value of type function; it must be x.')
    expect(optionError('o', 1, 'x')).toBeInstanceOf(ConfigError)
    expect(optionError('o', 1, 'x').code).toBe('ERR_CACHE_OPTION')
  })
})

describe('a reader', () => {
  test('of numbers keeps to its range, with or without the ends', () => {
    const closed = numberIn({ min: 0, max: 1 })
    const open = numberIn({ min: 0, max: 1, open: true })
    expect([closed(0, 'p'), closed(1, 'p'), open(0.5, 'p')]).toEqual([0, 1, 0.5])
    for (const wrong of [-0.1, 1.1, NaN, '0.5', null]) expect(() => closed(wrong, 'p')).toThrow('a number from 0 to 1')
    for (const wrong of [0, 1, NaN]) expect(() => open(wrong, 'p')).toThrow('a number between 0 and 1, both excluded')
  })

  test('that can be off takes false and nothing else for it', () => {
    const reader = orOff(positiveInteger, 0)
    expect([reader(false, 'p'), reader(3, 'p')]).toEqual([0, 3])
    for (const wrong of [0, null, '']) expect(() => reader(wrong, 'p')).toThrow(ConfigError)
  })

  test('of whole numbers refuses what cannot be counted', () => {
    for (const wrong of [0, -1, 1.5, 2 ** 53, NaN, '5', 5n])
      expect(() => positiveInteger(wrong, 'p')).toThrow('a positive whole number')
  })

  test('of texts names the one that is wrong, and freezes the list', () => {
    expect(texts(['a', 'b'], 'p')).toEqual(['a', 'b'])
    expect(Object.isFrozen(texts(['a'], 'p'))).toBe(true)
    expect(() => texts(['a', 5], 'p')).toThrow('`p[1]` is 5; it must be a text that is not empty.')
    expect(() => texts('a', 'p')).toThrow("`p` is 'a'; it must be a list of texts.")
  })

  test('of a shape takes what its test accepts, as it is', () => {
    const reader = shaped('a date', (raw): raw is Date => raw instanceof Date)
    const date = new Date(0)
    expect(reader(date, 'p')).toBe(date)
    expect(() => reader(0, 'p')).toThrow('`p` is 0; it must be a date.')
  })

  test('of a choice lists what there is', () => {
    expect(() => oneOf('a', 'b')('c', 'p')).toThrow("`p` is 'c'; it must be one of 'a', 'b'.")
    expect(() => boolean('true', 'p')).toThrow("`p` is 'true'; it must be true or false.")
  })
})
