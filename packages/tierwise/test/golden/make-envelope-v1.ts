/*
 * Writes the golden files of envelope format 1. It was run once; frames that were released are decoded for ever, so it
 * refuses to overwrite a file and serves to add new ones. It needs a Node that runs TypeScript and has zstd (22.18):
 *
 *   node packages/tierwise/test/golden/make-envelope-v1.ts
 */
import { writeFileSync } from 'node:fs'
import { createEnvelope, jsonCodec, msgpackCodec } from '../../src/codecs/index.ts'
import type { EnvelopeOptions } from '../../src/contract/codec.ts'
import type { EntryHead } from '../../src/contract/entry.ts'
import { goldenKeys, type GoldenFrame } from './envelope-cases.ts'

interface Recipe extends Pick<GoldenFrame, 'file' | 'codec' | 'compression' | 'encryptionKeyId' | 'softExpired'> {
  readonly key?: string
  readonly head?: Partial<EntryHead>
  readonly value: unknown
}

const life: EntryHead = {
  version: 1_714_521_600_000_001,
  createdAt: 1_714_521_600_000.5,
  freshUntil: 1_714_521_660_000.25,
  usableUntil: 1_714_525_200_000,
  tags: ['ecoinvent', 'région/日本'],
  tagClock: 12,
  loadMs: 87.375,
  sizeBytes: 0,
}

const error = Object.assign(new RangeError('too far', { cause: new AggregateError([1, 'two'], 'many') }), {
  code: 'E_FAR',
})
error.name = 'DistanceError'

const everything = {
  nothing: [null, undefined, true, false],
  numbers: [
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    0.1,
    -1,
    127,
    128,
    255,
    65_536,
    -33,
    -129,
    -32_769,
    2 ** 32,
    2 ** 53 - 1,
    5e-324,
  ],
  strings: ['', 'ascii', 'é日😀', 'lone \ud800 surrogate', 'x'.repeat(300)],
  bigints: [0n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, -(2n ** 200n)],
  dates: [new Date(0), new Date(1_714_521_600_500), new Date(-1), new Date(8.64e15), new Date(-8.64e15), new Date(NaN)],
  maps: [
    new Map(),
    new Map<unknown, unknown>([
      ['k', 1],
      [{ a: 1 }, new Map([[NaN, 'nan']])],
    ]),
  ],
  sets: [new Set(), new Set([1, 'a', new Set([null])])],
  bytes: [
    Buffer.from('buffer'),
    new ArrayBuffer(3),
    new DataView(new Uint8Array([1, 2, 3]).buffer),
    new Uint8Array([1, 2]),
    new Int8Array([-1]),
    new Uint8ClampedArray([255]),
    new Int16Array([-2]),
    new Uint16Array([65_535]),
    new Int32Array([-3]),
    new Uint32Array([4_294_967_295]),
    new Float32Array([1.5]),
    new Float64Array([Math.PI]),
    new BigInt64Array([-4n]),
    new BigUint64Array([5n]),
  ],
  patterns: [/a\/b/giu, new URL('https://example.org/p?q=é#f')],
  error,
  objects: [
    {},
    { nested: { deep: [1, { deeper: true }] } },
    JSON.parse('{"__proto__":{"x":1},"constructor":2}') as object,
    Object.assign(Object.create(null) as object, { bare: 1 }),
    { $date: 'not a mark' },
    { 'lone \udc00 key': 1 },
  ],
}
const rows = Array.from({ length: 50 }, (_, id) => ({ id, unit: 'kg CO2e', at: new Date(1_714_521_600_000 + id) }))

const recipes: readonly Recipe[] = [
  { file: 'json-small.bin', codec: 'json', key: 'greeting', value: { hello: 'world' }, head: { tags: ['demo'] } },
  { file: 'msgpack-everything.bin', codec: 'msgpack', value: everything },
  { file: 'json-everything.bin', codec: 'json', value: everything },
  { file: 'msgpack-null.bin', codec: 'msgpack', value: null, head: { tags: [], loadMs: 0, tagClock: 0, version: 1 } },
  {
    file: 'msgpack-forever.bin',
    codec: 'msgpack',
    value: 'kept',
    head: { freshUntil: Infinity, usableUntil: Infinity },
  },
  {
    file: 'msgpack-largest-counters.bin',
    codec: 'msgpack',
    value: 1,
    head: { version: 2 ** 53 - 1, tagClock: 2 ** 53 - 1 },
  },
  { file: 'msgpack-soft-expired.bin', codec: 'msgpack', value: 'stale', softExpired: true },
  { file: 'msgpack-wide-key.bin', codec: 'msgpack', key: 'ключ:日本:😀', value: 'v' },
  { file: 'msgpack-gzip.bin', codec: 'msgpack', value: rows, compression: { algorithm: 'gzip' } },
  { file: 'msgpack-deflate.bin', codec: 'msgpack', value: rows, compression: { algorithm: 'deflate' } },
  { file: 'msgpack-brotli.bin', codec: 'msgpack', value: rows, compression: { algorithm: 'brotli' } },
  { file: 'msgpack-zstd.bin', codec: 'msgpack', value: rows, compression: { algorithm: 'zstd' } },
  { file: 'json-gzip.bin', codec: 'json', value: rows, compression: { algorithm: 'gzip' } },
  { file: 'msgpack-encrypted.bin', codec: 'msgpack', value: { secret: 'plain' }, encryptionKeyId: 7 },
  { file: 'json-gzip-encrypted.bin', codec: 'json', value: rows, compression: {}, encryptionKeyId: 0 },
  {
    file: 'msgpack-encrypted-soft-expired.bin',
    codec: 'msgpack',
    value: 'stale',
    encryptionKeyId: 7,
    softExpired: true,
  },
]

const folder = new URL('./envelope-v1/', import.meta.url)
const codecs = { msgpack: await msgpackCodec(), json: jsonCodec() }
const index = recipes.map((recipe) => write(recipe))
writeFileSync(new URL('index.json', folder), `${JSON.stringify(index, null, 2)}\n`, { flag: 'wx' })

function write({ key = 'factors:steel', head, value, ...made }: Recipe): GoldenFrame {
  const envelope = createEnvelope({ codec: codecs[made.codec], ...layers(made) })
  const payload = envelope.encodeValue(value)
  const frame = envelope.frame(key, { ...life, ...head }, payload)
  if (made.softExpired === true) frame[3] = 1
  writeFileSync(new URL(made.file, folder), frame, { flag: 'wx' })
  return { ...made, head: expected({ ...life, ...head, sizeBytes: payload.length }, key, made), value: inJson(value) }
}

function layers({ compression, encryptionKeyId }: Omit<Recipe, 'value'>): Partial<EnvelopeOptions> {
  const keys = goldenKeys.filter(({ id }) => id === encryptionKeyId)
  return { ...(compression && { compression }), ...(keys.length > 0 && { encryption: { keys } }) }
}

function expected(head: EntryHead, key: string, { softExpired }: Pick<Recipe, 'softExpired'>): GoldenFrame['head'] {
  const named = (ms: number): number | 'forever' => (ms === Infinity ? 'forever' : ms)
  const freshUntil = softExpired === true ? 0 : named(head.freshUntil)
  return { key, ...head, freshUntil, usableUntil: named(head.usableUntil) }
}

function inJson(value: unknown): unknown {
  return JSON.parse(Buffer.from(codecs.json.encode(value)).toString()) as unknown
}
