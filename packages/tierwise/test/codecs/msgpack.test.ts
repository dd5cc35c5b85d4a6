import { addExtension, Packr } from 'msgpackr'
import { beforeAll, describe, expect, it } from 'vitest'
import { msgpackCodec } from '../../src/codecs/index.ts'
import { scan } from '../../src/codecs/msgpack/scan.ts'
import type { ValueCodec } from '../../src/contract/codec.ts'
import { failureOf } from './failure-of.ts'

const damaged = expect.objectContaining({ name: 'CodecError', code: 'ERR_CACHE_DECODE' }) as Error

describe('msgpack codec', () => {
  let codec: ValueCodec

  beforeAll(async () => {
    codec = await msgpackCodec()
  })

  const decodeHex = (hex: string): unknown => codec.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))

  it('writes plain data and dates as any MessagePack reader expects them', () => {
    const bytes = Buffer.from(codec.encode({ a: [1, null, 'é', true], at: new Date(1000) }))
    expect(bytes.toString('hex')).toBe('82a1619401c0a2c3a9c3a26174d6ff00000001')
  })

  it('marks what MessagePack lacks with extension 84', () => {
    expect(Buffer.from(codec.encode(new Map([['k', 1]]))).toString('hex')).toBe('d4540092a36d617092a16b01')
  })

  it.each([
    ['nothing', ''],
    ['the unused token', 'c1'],
    ['an array that announces 2^32 - 1 elements', 'dd ffffffff 00'],
    ['a map that announces 2^32 - 1 properties', 'df ffffffff a161 00'],
    ['bytes that announce 4 GiB', 'c6 ffffffff 00'],
    ['a string that announces 4 GiB', 'db ffffffff 61'],
    ['a typed array that announces 4 GiB', 'c9 ffffffff 74 01 00'],
    ['a property name that is no string', '81 01 02'],
    ['a property name that is an object', '81 80 02'],
    ['a timestamp that is cut off', 'd7ff 00000000'],
    ['a typed array of an unknown type', 'c70274 6300'],
    ['a typed array with half an element', 'c70374 0300'],
    ['an empty bigint', 'c70042'],
    ['a mark of two bytes', 'd55400 0092a36d617090'],
    ['a mark without a pair', 'd45400 01'],
    ['a mark of an unknown kind', 'd45400 92 a3617070 90'],
    ['a mark of an inherited name', 'd45400 92 ab636f6e7374727563746f72 90'],
    ['a map of an odd number of parts', 'd45400 92 a36d6170 91 01'],
    ['an object whose property name is an object', 'd45400 92 a66f626a656374 92 80 01'],
    ['an error of an unknown class', 'd45400 92 a56572726f72 82 a474797065 a8 46756e6374696f6e a7 6d657373616765 a0'],
    ['a malformed regular expression', 'd45400 92 a6726567657870 92 a128 a0'],
    ['a malformed URL', 'd45400 92 a375726c a3 6e6f70'],
    ['a string of half a code unit', 'd45400 92 a6737472696e67 c40161'],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeHex(hex)).toThrow(damaged)
  })

  it.each([
    ['a record definition', '92 d47240 91a161 01 40 02'],
    ['a record definition of two bytes', 'd5724001 91a161 01'],
    ['bundled strings', 'd66200000006 c103 a0 a3616263'],
    ['a back reference', '92 d66900000001 90 d67000000001'],
    ['an error as msgpackr writes it', 'd46500 93 a7 76616c75654f66 a0 c0'],
    ['a set as msgpackr writes it', 'd47300 01'],
    ['a regular expression as msgpackr writes it', 'd47800 92 a128 a0'],
    ['an extension of somebody else', 'd40100'],
  ])('does not let msgpackr act on %s', (_, hex) => {
    expect(() => decodeHex(hex)).toThrow('part of an unknown type')
  })

  it('does not hand msgpackr anything that is cut off', () => {
    for (const hex of [
      'c6ffffffff00',
      'db00000002 61',
      'a261',
      'cb00',
      'd7ff00000000',
      'c9ffffffff7400',
      '9201',
      '81a161',
    ]) {
      expect(() => scan(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow('ends too early')
    }
  })

  it('refuses what is nested too deeply, however it is nested', () => {
    for (const opening of ['91', '81a161', 'd45400', 'dc0001', 'dd00000001']) {
      expect(() => decodeHex(opening.repeat(200_000))).toThrow('nested too deeply')
    }
  })

  it('does not allocate what false lengths announce', () => {
    const before = process.memoryUsage.rss()
    for (let run = 0; run < 2000; run++) {
      expect(() => decodeHex('dcffff'.repeat(300))).toThrow(damaged)
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024)
  })

  it('does not quote the bytes in its errors', () => {
    const bytes = Buffer.concat([codec.encode({ password: 'hunter2' }), Buffer.from([1])])
    expect(failureOf(() => codec.decode(bytes))).not.toContain('hunter2')
  })

  it('leaves no trace on the bytes it decodes', () => {
    const bytes = Buffer.from(codec.encode({ a: 1 }))
    codec.decode(bytes)
    expect(Object.keys(bytes)).toEqual(Object.keys(Buffer.from(bytes)))
  })

  it('leaves msgpackr as it is for others in the process', () => {
    const packr = new Packr({ moreTypes: true })
    const value = { map: new Map([[1, 2]]), set: new Set([1]), text: 'x' }
    expect(packr.unpack(packr.pack(value))).toEqual(value)
  })

  it('refuses a value that an extension of the application replaced rather than read it as another type', () => {
    class Money {}
    addExtension({ Class: Money, type: 33, write: () => 1, read: () => 'money' })
    expect(() => codec.encode(new Money())).toThrow('an instance of Money')
    expect(() => decodeHex('d4210001')).toThrow(damaged)
  })
})
