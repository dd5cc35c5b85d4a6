import { readdirSync, readFileSync } from 'node:fs'
import * as zlib from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { createEnvelope, jsonCodec, msgpackCodec } from '../../src/codecs/index.ts'
import type { Envelope, ValueCodec } from '../../src/contract/codec.ts'
import { sameValue } from '../codecs/same-value.ts'
import { goldenKeys, type GoldenFrame } from './envelope-cases.ts'

const folder = new URL('./envelope-v1/', import.meta.url)
const index = JSON.parse(readFileSync(new URL('index.json', folder), 'utf8')) as readonly GoldenFrame[]
const read = (file: string): Buffer => readFileSync(new URL(file, folder))

/** Node 20 cannot inflate the one file that needs zstd; it has to say so. */
const isReadable = ({ compression }: GoldenFrame): boolean =>
  compression?.algorithm !== 'zstd' || 'zstdDecompressSync' in zlib

describe('envelope format 1', () => {
  let json: ValueCodec
  let msgpack: ValueCodec

  beforeAll(async () => {
    json = jsonCodec()
    msgpack = await msgpackCodec()
  })

  function reader({ encryptionKeyId }: GoldenFrame): Envelope {
    const encryption = encryptionKeyId === undefined ? {} : { encryption: { keys: goldenKeys } }
    return createEnvelope({ codec: msgpack, readers: [json], ...encryption })
  }

  const expectedHead = ({ head }: GoldenFrame): object =>
    Object.fromEntries(Object.entries(head).map(([name, value]) => [name, value === 'forever' ? Infinity : value]))

  it('has a description of each file', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.bin'))
    expect(files.sort()).toEqual(index.map(({ file }) => file).sort())
  })

  it.each(index.filter(isReadable))('is still read: $file', (golden) => {
    const { key } = golden.head
    const { value, ...head } = reader(golden).decode(read(golden.file), key)
    expect({ ...head, key }).toStrictEqual(expectedHead(golden))
    const expected = json.decode(Buffer.from(JSON.stringify(golden.value)))
    expect(sameValue(value, expected)).toBe(true)
  })

  it.each(index)('shows its head without the value: $file', (golden) => {
    expect(reader(golden).head(read(golden.file))).toStrictEqual(expectedHead(golden))
  })

  it.each(index.filter((golden) => !isReadable(golden)))('says what this Node lacks: $file', (golden) => {
    expect(() => reader(golden).decode(read(golden.file), golden.head.key)).toThrow('lacks the compression 4')
  })

  it('is what the reference page shows', () => {
    const page = readFileSync(new URL('../../../../docs/reference/wire-format.md', import.meta.url), 'utf8')
    const [, example = ''] = /^```hex\n([^`]+)```$/m.exec(page) ?? []
    const hex = example.replaceAll(/ {3}.*$/gm, '').replaceAll(/\s/g, '')
    expect(hex).toBe(read('json-small.bin').toString('hex'))
  })

  it('is still written byte for byte the same', () => {
    for (const golden of index) {
      if (golden.compression !== undefined || golden.encryptionKeyId !== undefined || golden.softExpired === true)
        continue
      const frame = read(golden.file)
      const envelope = createEnvelope({ codec: golden.codec === 'json' ? json : msgpack, readers: [] })
      const entry = envelope.decode(frame, golden.head.key)
      expect(envelope.frame(golden.head.key, entry, envelope.encodeValue(entry.value))).toEqual(frame)
    }
  })
})
