import { Packr } from 'msgpackr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../../src/testing/index.ts'
import { seededRandom } from '../../../../src/testing/seeded-random.ts'
import { progressMessage, readMessage } from '../../../../src/tiers/redis/bus/message.ts'
import { readPacked } from '../../../../src/tiers/redis/bus/packed.ts'

const packr = new Packr({ useRecords: false, int64AsType: 'number' })
const pack = (value: unknown): Buffer => Buffer.from(packr.pack(value))

const texts = ['', 'a', 'ключ', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'x'.repeat(256), 'y'.repeat(70_000)]
const numbers = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1].flatMap((n) => [
  n,
  n === 0 ? 0.5 : -n,
])

describe('readPacked', () => {
  it('reads texts, numbers and lists of every size', () => {
    for (const value of [...texts, ...numbers, [], [1, ['a', [-1]]], Array.from({ length: 70_000 }, (_, i) => i)])
      expect(readPacked(pack(value))).toEqual(value)
    for (const text of texts) expect(readPacked(pack(Buffer.from(text)))).toBe(text)
    expect(readPacked(Buffer.from([0xca, 0x3f, 0, 0, 0]))).toBe(0.5)
  })

  it.each([
    ['nil', pack(null)],
    ['true', pack(true)],
    ['a map', pack({ a: 1 })],
    ['an extension', Buffer.from([0xd4, 1, 1])],
    ['nothing', Buffer.alloc(0)],
    ['two values', Buffer.from([1, 1])],
    ['a text that is cut short', Buffer.from([0xd9, 5, 0x61])],
    ['a number that is cut short', Buffer.from([0xcf, 0, 0])],
    ['a list that is longer than the bytes', Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])],
    ['lists that are nested too deeply', pack([[[[[[[[[1]]]]]]]]])],
  ])('refuses %s', (_, bytes) => {
    expect(() => readPacked(bytes)).toThrow(RangeError)
  })
})

describe('readMessage', () => {
  const change = [1, 7, 'before', 'id', 'source', [['S', 'k', 5]]]

  it('reads the messages of the scripts', () => {
    expect(readMessage(pack(change))).toEqual({
      kind: 'changes',
      sequence: 7,
      before: 'before',
      id: 'id',
      source: 'source',
      changes: [{ kind: 'key', operation: 'set', key: 'k', version: 5 }],
    })
    const changes = [
      ['D', 'a', 1],
      ['X', 'b', 2],
      ['T', ['x', 'y'], 3],
    ]
    expect(readMessage(pack([1, 1, '', 'id', 'me', changes]))).toMatchObject({
      before: '',
      changes: [
        { kind: 'key', operation: 'delete', key: 'a', version: 1 },
        { kind: 'key', operation: 'expire', key: 'b', version: 2 },
        { kind: 'tags', names: ['x', 'y'], clock: 3 },
      ],
    })
    expect(readMessage(pack([1, 0, 'key']))).toEqual({ kind: 'arrived', key: 'key' })
    expect(readMessage(progressMessage)).toEqual({ kind: 'progress' })
    expect(readPacked(progressMessage)).toEqual([1, -1])
  })

  it('refuses everything else', () => {
    const wrong: unknown[] = [
      'text',
      1,
      [],
      [2, 7, '', 'id', 'me', []],
      [1, 0],
      [1, 0, 5],
      [1, -2, '', 'id', 'me', []],
      [1, 'x', '', 'id', 'me', []],
      [1, 7, 0, 'id', 'me', []],
      [1, 7, '', 0, 'me', []],
      [1, 7, '', 'id', 0, []],
      [1, 7, '', 'id', 'me'],
      [1, 7, '', 'id', 'me', 'x'],
      [1, 7, '', 'id', 'me', ['x']],
      [1, 7, '', 'id', 'me', [['S', 1, 1]]],
      [1, 7, '', 'id', 'me', [['S', 'k']]],
      [1, 7, '', 'id', 'me', [['S', 'k', -1]]],
      [1, 7, '', 'id', 'me', [['Q', 'k', 1]]],
      [1, 7, '', 'id', 'me', [['T', 'x', 1]]],
      [1, 7, '', 'id', 'me', [['T', [1], 1]]],
      [1, 7, '', 'id', 'me', [['T', ['x'], '1']]],
    ]
    for (const value of wrong) expect(readMessage(pack(value)), JSON.stringify(value)).toBe(undefined)
  })

  it('never throws, whatever the bytes are', () => {
    const random = seededRandom(20_261_101)
    const good = pack(change)
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(good)
      for (let hits = 1 + random.int(3); hits > 0; hits--) bytes[random.int(bytes.length)] = random.int(256)
      readMessage(bytes.subarray(0, 1 + random.int(bytes.length)))
      readMessage(bytes)
    }
  })
})

describe('a server', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  it('packs what is read here', async () => {
    const hex = async (lua: string): Promise<Buffer> => {
      const toHex = "return (cmsgpack.pack(%):gsub('.', function(c) return string.format('%02x', c:byte()) end))"
      return Buffer.from(await server.command('EVAL', toHex.replace('%', lua), '0'), 'hex')
    }
    for (const number of numbers)
      expect(readPacked(await hex(`{ ${number < 0 ? `0${number}` : number} }`))).toEqual([number])
    for (const text of texts.slice(0, -1)) expect(readPacked(await hex(`{ '${text}' }`))).toEqual([text])
    expect(readPacked(await hex("{ 1, 2, { { 'T', { 'a', 'b' }, 3 } } }"))).toEqual([1, 2, [['T', ['a', 'b'], 3]]])
    // An empty table could be a list or a map; changes and names are never empty.
    const version = 1_767_225_600_000_123
    expect(readMessage(await hex(`{ 1, 7, '', 'id', 'me', { { 'S', 'k', ${version} } } }`))).toMatchObject({
      changes: [{ version }],
    })
  })
})
