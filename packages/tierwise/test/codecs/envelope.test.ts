import * as zlib from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createEnvelope, jsonCodec, msgpackCodec } from '../../src/codecs/index.ts'
import type { Envelope, EnvelopeOptions, ValueCodec } from '../../src/contract/codec.ts'
import type { EntryHead } from '../../src/contract/entry.ts'
import { ConfigError } from '../../src/errors.ts'
import { anyValue } from './any-value.ts'
import { reseal } from './reseal.ts'
import { sameValue } from './same-value.ts'

const secret = Buffer.alloc(32, 7)
const life: EntryHead = {
  version: 42,
  createdAt: 1_700_000_000_000.125,
  freshUntil: 1_700_000_060_000,
  usableUntil: Infinity,
  tags: ['ecoinvent', 'région'],
  tagClock: 3,
  loadMs: 12.5,
  sizeBytes: 0,
}
const hasZstd = 'zstdCompressSync' in zlib

const damaged = expect.objectContaining({ name: 'CodecError', code: 'ERR_CACHE_DECODE' }) as Error
const unencodable = expect.objectContaining({ name: 'CodecError', code: 'ERR_CACHE_ENCODE' }) as Error

describe('envelope', () => {
  let codec: ValueCodec
  let plain: Envelope

  beforeAll(async () => {
    codec = await msgpackCodec()
    plain = createEnvelope({ codec })
  })

  const build = (options: Partial<EnvelopeOptions>): Envelope => createEnvelope({ codec, ...options })

  function frameOf(
    envelope: Envelope,
    value: unknown,
    { key = 'k', ...head }: Partial<EntryHead> & { key?: string } = {},
  ): Buffer {
    return Buffer.from(envelope.frame(key, { ...life, ...head }, envelope.encodeValue(value)))
  }

  const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed())
  const anyCounter = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32, 2 ** 53 - 1))
  const anyTime = fc.oneof(
    fc.integer({ min: 0, max: 4e15 }).map((micros) => micros / 1000),
    fc.constantFrom(0, Infinity),
  )
  const anyHead = fc.record({
    version: anyCounter,
    createdAt: anyTime,
    freshUntil: anyTime,
    usableUntil: anyTime,
    tags: fc.array(anyText, { maxLength: 5 }),
    tagClock: anyCounter,
    loadMs: anyTime,
    sizeBytes: fc.constant(0),
  })

  it.each<[string, Partial<EnvelopeOptions>]>([
    ['plain', {}],
    ['gzip', { compression: { threshold: 0 } }],
    ['deflate', { compression: { algorithm: 'deflate', threshold: 20, level: 9 } }],
    ['brotli', { compression: { algorithm: 'brotli', threshold: 0, level: 1 } }],
    ['encrypted', { encryption: { keys: [{ id: 255, secret }] } }],
    ['compressed and encrypted', { compression: { threshold: 0 }, encryption: { keys: [{ id: 0, secret }] } }],
    ...(hasZstd
      ? [['zstd', { compression: { algorithm: 'zstd', threshold: 0, level: 3 } }] as [string, Partial<EnvelopeOptions>]]
      : []),
  ])('gives any entry back, %s', (_, options) => {
    const envelope = build(options)
    fc.assert(
      fc.property(anyText, anyHead, anyValue, (key, head, value) => {
        const payload = envelope.encodeValue(value)
        const frame = envelope.frame(key, head, payload)
        const { value: decoded, ...decodedHead } = envelope.decode(frame, key)
        expect(decodedHead).toStrictEqual({ ...head, sizeBytes: payload.length })
        expect(envelope.head(frame)).toStrictEqual({ ...head, key, sizeBytes: payload.length })
        return sameValue(decoded, value)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps what servers read and patch at fixed offsets', () => {
    const frame = frameOf(plain, 1)
    expect(frame.toString('latin1', 0, 2)).toBe('TW')
    expect([frame[2], frame[3]]).toEqual([1, 0])
    expect(frame.readBigUInt64BE(4)).toBe(42n)
    expect(frame.readBigUInt64BE(12)).toBe(1_700_000_060_000_000n)
  })

  it('reads a frame whose soft-expired bit was set in place as stale at once', () => {
    const frame = frameOf(plain, 'v')
    frame[3] = 1
    expect(plain.decode(frame, 'k')).toMatchObject({
      value: 'v',
      freshUntil: 0,
      usableUntil: Infinity,
      createdAt: life.createdAt,
    })
    expect(plain.head(frame).freshUntil).toBe(0)
  })

  it('reads a soft-expired frame that is encrypted', () => {
    const envelope = build({ encryption: { keys: [{ id: 1, secret }] } })
    const frame = frameOf(envelope, 'v')
    frame[3] = 1
    expect(envelope.decode(frame, 'k')).toMatchObject({ value: 'v', freshUntil: 0 })
  })

  it('rounds times to microseconds and takes a time before 1970 for 1970', () => {
    const frame = frameOf(plain, 1, { createdAt: 1.00049, freshUntil: -5, usableUntil: 1e300 })
    expect(plain.head(frame)).toMatchObject({ createdAt: 1, freshUntil: 0, usableUntil: Infinity })
  })

  it('refuses a frame with any bit flipped, apart from the flags', () => {
    const frame = frameOf(plain, { a: 'text' })
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const at = bit >> 3
      if (at === 3) continue
      const flipped = Buffer.from(frame)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7))
      // A flipped format byte reads as a newer format.
      const code = at === 2 && (flipped[2] ?? 0) > 1 ? 'ERR_CACHE_FORMAT_NEWER' : 'ERR_CACHE_DECODE'
      expect(() => plain.decode(flipped, 'k')).toThrowError(expect.objectContaining({ code }))
      expect(() => plain.head(flipped)).toThrowError(expect.objectContaining({ code }))
    }
  })

  it('refuses every proper prefix of a frame and every longer one', () => {
    const frame = frameOf(plain, { a: 'text' })
    for (let end = 0; end < frame.length; end++) {
      expect(() => plain.decode(frame.subarray(0, end), 'k')).toThrow(damaged)
      expect(() => plain.decode(reseal(Buffer.from(frame.subarray(0, end))), 'k')).toThrow(damaged)
    }
    expect(() => plain.decode(reseal(Buffer.concat([frame, Buffer.alloc(1)])), 'k')).toThrow(damaged)
  })

  it('refuses a frame that lies under another key', () => {
    const frame = frameOf(plain, 'secret', { key: 'user:1' })
    expect(() => plain.decode(frame, 'user:2')).toThrow(damaged)
    expect(plain.head(frame).key).toBe('user:1')
  })

  it.each([
    ['only the start of its key', 'user:1', 'user:'],
    ['its key and what follows it', 'user:1', 'user:1\0\tecoinvent'],
    ['another key of as many characters', 'région', 'régiom'],
    ['another key of as many bytes', 'é1', 'è1'],
    ['a key of the same bytes in Latin-1', 'é', 'Ã©'],
    ['an empty key', 'k', ''],
  ])('refuses a frame when it is asked for %s', (_, key, asked) => {
    const frame = frameOf(plain, 'secret', { key })
    expect(() => plain.decode(frame, asked)).toThrow('another key')
    expect(plain.decode(frame, key).value).toBe('secret')
  })

  it('names a newer format as such', () => {
    const frame = frameOf(plain, 1)
    frame[2] = 2
    expect(() => plain.decode(frame, 'k')).toThrowError(expect.objectContaining({ code: 'ERR_CACHE_FORMAT_NEWER' }))
  })

  it('reads a frame out of the middle of a larger Uint8Array and keeps nothing of it', () => {
    const frame = frameOf(plain, { bytes: Buffer.from('abc'), text: 'x'.repeat(50) })
    const page = new Uint8Array(frame.length + 20)
    page.set(frame, 13)
    const entry = plain.decode(page.subarray(13, 13 + frame.length), 'k')
    page.fill(0)
    expect(entry.value).toStrictEqual({ bytes: Buffer.from('abc'), text: 'x'.repeat(50) })
    expect(entry.tags).toEqual(life.tags)
  })

  it('does not decode the value to read the head', () => {
    const decode = vi.fn(codec.decode)
    const envelope = createEnvelope({ codec: { ...codec, decode } })
    envelope.head(frameOf(envelope, { a: 1 }))
    expect(decode).not.toHaveBeenCalled()
  })

  describe('heads and keys', () => {
    it.each<[string, Partial<EntryHead> & { key?: string }]>([
      ['a key with a lone surrogate', { key: 'a\ud800' }],
      ['a key beyond 64 KiB', { key: 'k'.repeat(65_536) }],
      ['a tag with a lone surrogate', { tags: ['\udc00'] }],
      ['more than 65 535 tags', { tags: Array<string>(65_536).fill('t') }],
      ['a version beyond 2^53', { version: 2 ** 53 }],
      ['a negative tag clock', { tagClock: -1 }],
      ['a fractional version', { version: 1.5 }],
      ['a time that is NaN', { freshUntil: NaN }],
    ])('refuses %s', (_, head) => {
      expect(() => frameOf(plain, 1, head)).toThrow(unencodable)
    })

    it('carries a key of 65 535 bytes', () => {
      const key = 'é'.repeat(32_767) + 'x'
      expect(plain.decode(frameOf(plain, 1, { key }), key).value).toBe(1)
    })

    it.each([
      ['a version beyond 2^53', 4],
      ['a tag clock beyond 2^53', 36],
    ])('refuses a frame with %s', (_, at) => {
      const frame = frameOf(plain, 1)
      frame[at] = 0xff
      expect(() => plain.head(reseal(frame))).toThrow(damaged)
    })

    it('refuses a frame that announces another size of its value', () => {
      const frame = frameOf(plain, 'text')
      frame.writeUInt32BE(frame.readUInt32BE(64) + 1, 64)
      expect(() => plain.decode(reseal(frame), 'k')).toThrow('announced size')
    })

    it('refuses a frame with an attribute that it does not know', () => {
      const frame = frameOf(plain, 1)
      frame[53] = 0x80
      expect(() => plain.decode(reseal(frame), 'k')).toThrow(damaged)
    })
  })

  describe('compression', () => {
    const text = 'the same words again and again '.repeat(100)

    it('starts at its threshold', () => {
      const envelope = build({ compression: { threshold: 3000 } })
      expect(frameOf(envelope, text.slice(0, 2990)).length).toBeGreaterThan(2990)
      expect(frameOf(envelope, text).length).toBeLessThan(300)
    })

    it('is at 1024 bytes and gzip unless said otherwise', () => {
      const envelope = build({ compression: {} })
      expect(frameOf(envelope, text.slice(0, 1000))[53]).toBe(0)
      expect(frameOf(envelope, text.slice(0, 1024))[53]).toBe(1)
    })

    it('is left out when the value does not shrink', () => {
      const envelope = build({ compression: { threshold: 0 } })
      expect(frameOf(envelope, 'a')[53]).toBe(0)
    })

    it('is left out when the value could not be inflated again', () => {
      const envelope = build({ compression: { threshold: 0 }, maxPayloadBytes: 1000 })
      expect(envelope.decode(frameOf(envelope, text), 'k').value).toBe(text)
    })

    it('can be read by an envelope that does not compress', () => {
      for (const algorithm of ['gzip', 'deflate', 'brotli'] as const) {
        expect(plain.decode(frameOf(build({ compression: { algorithm } }), text), 'k').value).toBe(text)
      }
    })

    it('does not inflate beyond the limit', () => {
      const frame = frameOf(build({ compression: {} }), text)
      expect(() => build({ maxPayloadBytes: 3000 }).decode(frame, 'k')).toThrow('more than 3000 bytes')
    })

    it('does not inflate beyond the size that the frame announces', () => {
      const frame = frameOf(build({ compression: {} }), text)
      const size = frame.readUInt32BE(64)
      for (const announced of [0, 1, size - 1, size + 1, 2 ** 26]) {
        frame.writeUInt32BE(announced, 64)
        expect(() => plain.decode(reseal(frame), 'k')).toThrow(damaged)
      }
    })

    it('stops inflating where the announced size is reached', () => {
      const bomb = frameOf(build({ compression: {} }), Buffer.alloc(20_000_000))
      bomb.writeUInt32BE(1000, 64)
      const cause = expect.objectContaining({ code: 'ERR_BUFFER_TOO_LARGE' }) as Error
      expect(() => plain.decode(reseal(bomb), 'k')).toThrowError(expect.objectContaining({ cause }))
    })

    it('refuses a compression that does not exist', () => {
      const frame = frameOf(build({ compression: {} }), text)
      frame[53] = 7
      expect(() => plain.decode(reseal(frame), 'k')).toThrow(damaged)
    })

    it('refuses a level or an algorithm that cannot be had', () => {
      expect(() => build({ compression: { level: 99 } })).toThrow(ConfigError)
      expect(() => build({ compression: { algorithm: 'lzma' as 'gzip' } })).toThrow(ConfigError)
    })

    it('takes zstd exactly where the runtime has it', () => {
      const compress = (): Buffer => frameOf(build({ compression: { algorithm: 'zstd' } }), text)
      if (hasZstd) expect(plain.decode(compress(), 'k').value).toBe(text)
      else expect(compress).toThrow(/needs Node 22\.15/)
    })
  })

  describe('encryption', () => {
    const key1 = { id: 1, secret: Buffer.alloc(32, 1) }
    const key2 = { id: 2, secret: Buffer.alloc(32, 2) }

    it('hides the value', () => {
      const frame = frameOf(build({ encryption: { keys: [key1] } }), 'plain text')
      expect(frame.includes('plain text')).toBe(false)
      expect(frameOf(plain, 'plain text').includes('plain text')).toBe(true)
    })

    it('never seals the same value into the same bytes', () => {
      const envelope = build({ encryption: { keys: [key1] } })
      expect(frameOf(envelope, 'v').equals(frameOf(envelope, 'v'))).toBe(false)
    })

    it('reads frames of an older key after a rotation, and writes with the newest', () => {
      const old = frameOf(build({ encryption: { keys: [key1] } }), 'v')
      const rotated = build({ encryption: { keys: [key2, key1] } })
      expect(rotated.decode(old, 'k').value).toBe('v')
      expect(frameOf(rotated, 'v')[54]).toBe(2)
    })

    it('refuses a key that is not configured and a secret that is not the right one', () => {
      const frame = frameOf(build({ encryption: { keys: [key1] } }), 'v')
      expect(() => build({ encryption: { keys: [key2] } }).decode(frame, 'k')).toThrow('key 1, which is not configured')
      expect(() => build({ encryption: { keys: [{ ...key2, id: 1 }] } }).decode(frame, 'k')).toThrow(damaged)
      expect(() => plain.decode(frame, 'k')).toThrow(damaged)
    })

    it('refuses an unencrypted frame, which anybody could have written', () => {
      const envelope = build({ encryption: { keys: [key1] } })
      expect(() => envelope.decode(frameOf(plain, 'v'), 'k')).toThrow('the frame is not encrypted')
    })

    it('refuses a frame of which anything but the flags was changed, checksum included', () => {
      const envelope = build({ encryption: { keys: [key1] } })
      const frame = frameOf(envelope, 'v')
      for (let at = 4; at < frame.length - 4; at++) {
        const changed = Buffer.from(frame)
        changed[at] = (changed[at] ?? 0) ^ 1
        expect(() => envelope.decode(reseal(changed), envelope.head(frame).key)).toThrow(damaged)
      }
    })

    it('refuses a frame that was moved to another key', () => {
      const envelope = build({ encryption: { keys: [key1] } })
      const frame = frameOf(envelope, 'v', { key: 'user:1' })
      frame.write('user:2', 68)
      expect(envelope.head(reseal(frame)).key).toBe('user:2')
      expect(() => envelope.decode(frame, 'user:2')).toThrow(damaged)
    })

    it.each([
      ['no key', []],
      ['a short secret', [{ id: 1, secret: Buffer.alloc(16) }]],
      ['one id twice', [key1, { ...key2, id: 1 }]],
      ['an id beyond a byte', [{ ...key1, id: 256 }]],
    ])('refuses %s', (_, keys) => {
      expect(() => build({ encryption: { keys } })).toThrow(ConfigError)
    })
  })

  describe('codecs', () => {
    const upper: ValueCodec = {
      id: 200,
      name: 'upper',
      encode: (value) => Buffer.from(String(value).toUpperCase()),
      decode: (bytes) => {
        if (bytes.length === 0) throw new Error('nothing here')
        return Buffer.from(bytes).toString()
      },
    }

    it('reads frames of every codec among its readers', () => {
      const json = jsonCodec()
      const both = createEnvelope({ codec: json, readers: [codec, json, upper] })
      for (const [envelope, value] of [
        [plain, 'V'],
        [both, 'V'],
        [createEnvelope({ codec: upper }), 'v'],
      ] as const) {
        expect(both.decode(frameOf(envelope, value), 'k').value).toBe('V')
      }
    })

    it('refuses a frame of a codec that it was not given', () => {
      expect(() => createEnvelope({ codec: jsonCodec() }).decode(frameOf(plain, 1), 'k')).toThrow(
        'codec 1, which is not configured',
      )
    })

    it('reports what a codec throws as undecodable', () => {
      const envelope = createEnvelope({ codec: upper })
      expect(() => envelope.decode(envelope.frame('k', life, new Uint8Array(0)), 'k')).toThrow(damaged)
    })

    it('refuses two codecs with one id and ids beyond a byte', () => {
      expect(() => createEnvelope({ codec, readers: [{ ...upper, id: 1 }] })).toThrow(ConfigError)
      expect(() => createEnvelope({ codec: { ...upper, id: 256 } })).toThrow(ConfigError)
      expect(() => createEnvelope({ codec: { ...upper, id: 0 } })).toThrow(ConfigError)
    })
  })
})
