import { describe, expect, it } from 'vitest'
import { jsonCodec } from '../../src/codecs/index.ts'
import { failureOf } from './failure-of.ts'

const damaged = expect.objectContaining({ name: 'CodecError', code: 'ERR_CACHE_DECODE' }) as Error

describe('json codec', () => {
  const codec = jsonCodec()
  const encoded = (value: unknown): string => Buffer.from(codec.encode(value)).toString()
  const decodeText = (text: string): unknown => codec.decode(Buffer.from(text))

  it('writes plain data as plain JSON', () => {
    expect(encoded({ a: [1, null, 'é', true], b: {} })).toBe('{"a":[1,null,"é",true],"b":{}}')
  })

  it.each([
    ['{"$date":"1970-01-01T00:00:01.000Z"}', new Date(1000)],
    ['{"$map":["k",1]}', new Map([['k', 1]])],
    ['{"$set":[1]}', new Set([1])],
    ['{"$bigint":"-5"}', -5n],
    ['{"$number":"-0"}', -0],
    ['{"$undefined":true}', undefined],
    ['{"$buffer":"YWI="}', Buffer.from('ab')],
    ['{"$Uint8Array":"AQI="}', new Uint8Array([1, 2])],
    ['{"$regexp":["a+","g"]}', /a+/g],
    ['{"$url":"http://a/"}', new URL('http://a/')],
    ['{"$error":{"type":"TypeError","message":"x"}}', new TypeError('x')],
    ['{"$object":["$date",1]}', { $date: 1 }],
    ['{"$dictionary":["a",1]}', Object.assign(Object.create(null) as object, { a: 1 })],
    ['"\\ud800"', '\ud800'],
  ])('writes %s', (text, value) => {
    expect(encoded(value)).toBe(text)
  })

  it('writes a bigint of more than about a thousand digits in hexadecimal, which is read in linear time', () => {
    expect(encoded(-(2n ** 8000n))).toMatch(/^\{"\$bigint":"-0x10+"\}$/)
    expect(encoded(2n ** 2000n)).toMatch(/^\{"\$bigint":"\d+"\}$/)
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{"a":'],
    ['an unknown kind', '{"$function":"alert(1)"}'],
    ['an inherited name as a kind', '{"$__proto__":[]}'],
    ['an unknown number', '{"$number":"12"}'],
    ['a bigint of too many decimal digits', `{"$bigint":"${'9'.repeat(1001)}"}`],
    ['a bigint that is none', '{"$bigint":"1.5"}'],
    ['a date that is none', '{"$date":"tomorrow"}'],
    ['a map of an odd number of parts', '{"$map":[1]}'],
    ['a set that is no list', '{"$set":"ab"}'],
    ['bytes that are no text', '{"$buffer":[1]}'],
    ['a view with half an element', '{"$Int16Array":"AQ=="}'],
    ['an error of an unknown class', '{"$error":{"type":"constructor","message":""}}'],
    ['an error without a message', '{"$error":{"type":"Error","message":{}}}'],
    ['an error that gathers nothing', '{"$error":{"type":"AggregateError","message":""}}'],
    ['a malformed regular expression', '{"$regexp":["(",""]}'],
    ['a malformed URL', '{"$url":"nope"}'],
    ['a property name that is no string', '{"$object":[{},1]}'],
  ])('refuses %s', (_, text) => {
    expect(() => decodeText(text)).toThrow(damaged)
  })

  it('refuses what is nested too deeply', () => {
    const levels = 1_000_000
    expect(() => decodeText('['.repeat(levels) + ']'.repeat(levels))).toThrow('nested too deeply')
    expect(() => decodeText(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)).toThrow('nested too deeply')
  })

  it('does not quote the text in its errors', () => {
    expect(failureOf(() => decodeText('{"password":hunter2}'))).not.toContain('hunter2')
  })

  it('keeps prototypes out of the reach of marked objects', () => {
    const decoded = decodeText('{"$object":["__proto__",{"polluted":1}]}') as object
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(Object.hasOwn(decoded, '__proto__')).toBe(true)
    expect(
      decodeText('{"$error":{"type":"Error","message":"m","fields":{"__proto__":{"polluted":1}}}}'),
    ).toBeInstanceOf(Error)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})
