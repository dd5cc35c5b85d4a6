import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createEnvelope, jsonCodec, msgpackCodec } from '../../src/codecs/index.ts'
import type { Envelope, EnvelopeOptions, ValueCodec } from '../../src/contract/codec.ts'
import type { EntryHead } from '../../src/contract/entry.ts'
import { CodecError } from '../../src/errors.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { mutate } from './mutate.ts'
import { reseal } from './reseal.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now())

/** Generous, for a machine that is busy with other things: what it must catch takes minutes or gigabytes. */
const slowestMs = 1000
const mostGrowthBytes = 400 * 1024 * 1024

const life: EntryHead = {
  version: 9,
  createdAt: 1_700_000_000_000,
  freshUntil: 1_700_000_060_000,
  usableUntil: Infinity,
  tags: ['a', 'tag'],
  tagClock: 3,
  loadMs: 1,
  sizeBytes: 0,
}

const values: readonly unknown[] = [
  { id: 'steel', factor: 1.5, list: [1, 2, 3, null, true], nested: { deep: [{ a: 'text' }, 'é日'] } },
  [
    new Map<unknown, unknown>([
      ['k', 1],
      [{ a: 1 }, -0],
    ]),
    new Set([1, 'a']),
    new Date(0),
    new Date(NaN),
    2n ** 70n,
    -5n,
    undefined,
  ],
  [
    Buffer.from('bytes'),
    new Float64Array([1, 2]),
    new DataView(new ArrayBuffer(4)),
    /a+/g,
    new URL('http://a/'),
    '\ud800',
  ],
  [
    new TypeError('x', { cause: new AggregateError([1], 'y') }),
    Object.assign(Object.create(null) as object, { b: 1 }),
    { $date: 1 },
  ],
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  'x'.repeat(200),
]

describe(`hostile bytes (FUZZ_SEED=${seed})`, { timeout: 240_000 }, () => {
  const random = seededRandom(seed)
  const prototype = JSON.stringify(Object.getOwnPropertyNames(Object.prototype))
  let msgpack: ValueCodec
  let json: ValueCodec
  let slowest = 0
  let memoryBefore = 0

  beforeAll(async () => {
    msgpack = await msgpackCodec()
    json = jsonCodec()
    memoryBefore = process.memoryUsage.rss()
  })

  afterAll(() => {
    expect(slowest).toBeLessThan(slowestMs)
    expect(process.memoryUsage.rss() - memoryBefore).toBeLessThan(mostGrowthBytes)
  })

  function attack(runs: number, draw: () => Buffer, decode: (bytes: Buffer) => unknown): void {
    for (let run = 0; run < runs; run++) {
      const bytes = draw()
      const started = performance.now()
      const failure = attempt(decode, bytes)
      slowest = Math.max(slowest, performance.now() - started)
      if (failure !== undefined) throw new Error(`${bytes.toString('hex')} broke it`, { cause: failure })
      if (run % 1000 === 0) expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(prototype)
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  }

  function attempt(decode: (bytes: Buffer) => unknown, bytes: Buffer): unknown {
    try {
      decode(bytes)
      return undefined
    } catch (error) {
      return error instanceof CodecError ? undefined : error
    }
  }

  function framesOf(options: Partial<EnvelopeOptions>): [Envelope, Buffer[]] {
    const envelope = createEnvelope({ codec: msgpack, readers: [json], ...options })
    const inJson = createEnvelope({ ...options, codec: json })
    const frames = values.flatMap((value) =>
      [envelope, inJson].map((each) => each.frame('k', life, each.encodeValue(value))),
    )
    return [envelope, frames.map((frame) => Buffer.from(frame))]
  }

  it('are decoded or refused when they are frames, 100 000 of them', () => {
    const [envelope, corpus] = framesOf({})
    attack(
      100_000,
      () => mutate(corpus, random),
      (bytes) => envelope.decode(bytes, 'k'),
    )
  })

  it('are decoded or refused when they are frames with a right checksum, 100 000 of them', () => {
    const [envelope, corpus] = framesOf({})
    attack(
      100_000,
      () => reseal(mutate(corpus, random)),
      (bytes) => {
        envelope.head(bytes)
        envelope.decode(bytes, 'k')
      },
    )
  })

  it('are decoded or refused when they are compressed frames with a right checksum, 50 000 of them', () => {
    const [envelope, corpus] = framesOf({ compression: { threshold: 0 }, maxPayloadBytes: 1_000_000 })
    attack(
      50_000,
      () => reseal(mutate(corpus, random)),
      (bytes) => envelope.decode(bytes, 'k'),
    )
  })

  it('are decoded or refused when they are encrypted frames with a right checksum, 50 000 of them', () => {
    const [envelope, corpus] = framesOf({ encryption: { keys: [{ id: 1, secret: Buffer.alloc(32) }] } })
    attack(
      50_000,
      () => reseal(mutate(corpus, random)),
      (bytes) => envelope.decode(bytes, 'k'),
    )
  })

  it('are decoded or refused when they are msgpack values, 200 000 of them', () => {
    const corpus = values.map((value) => Buffer.from(msgpack.encode(value)))
    attack(
      200_000,
      () => mutate(corpus, random),
      (bytes) => msgpack.decode(bytes),
    )
  })

  it('are decoded or refused when they are JSON values, 100 000 of them', () => {
    const corpus = values.map((value) => Buffer.from(json.encode(value)))
    attack(
      100_000,
      () => mutate(corpus, random),
      (bytes) => json.decode(bytes),
    )
  })
})
