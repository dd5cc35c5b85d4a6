import type { SeededRandom } from '../../src/testing/seeded-random.ts'

/** Numbers at which lengths and counts go wrong. */
const telling = [
  0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]

/** Headers of MessagePack that announce much, refer elsewhere, or nest. */
const headers = [
  'ddffffffff',
  'dcffff',
  'dfffffffff',
  'deffff',
  'c6ffffffff',
  'dbffffffff',
  'c9ffffffff74',
  'd47240',
  'd5724001',
  'd66200000001',
  'd66900000001',
  'd67000000001',
  'd46500',
  'd47300',
  'd47800',
  'd45400',
  'd4540092a36d6170',
  'd4540092a66f626a65637492a95f5f70726f746f5f5f',
  'aa5f5f70726f746f5f5f',
  'ab636f6e7374727563746f72',
  'c1',
  'd4ffff',
  'c70cff',
].map((hex) => Buffer.from(hex, 'hex'))

/** Pieces of text that a reader of marked JSON could trip over. */
const texts = [
  '{"__proto__":',
  '{"$map":[',
  '{"$object":["__proto__",',
  '{"$error":{"type":"constructor","message":"',
  '{"$bigint":"9999',
  '{"$',
  '"$date"',
  '[[[[[[[[',
  '{"a":{"a":{"a":',
  ']',
  '}',
  '"',
  '\\ud800',
  '1e999',
  'null',
].map((text) => Buffer.from(text))

type Mutation = (bytes: Buffer, random: SeededRandom, corpus: readonly Buffer[]) => Buffer

function splice(
  bytes: Buffer,
  piece: Uint8Array,
  { random, removed }: { random: SeededRandom; removed: number },
): Buffer {
  const at = random.int(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + removed))])
}

const mutations: readonly Mutation[] = [
  function flipBits(bytes, random) {
    for (let n = 1 + random.int(3); n > 0; n--) {
      const at = random.int(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8))
    }
    return bytes
  },
  function setByte(bytes, random) {
    bytes[random.int(bytes.length)] = random.int(256)
    return bytes
  },
  function setLengthField(bytes, random) {
    const value = random.pick(telling)
    const [at, size] = random.pick([
      [56, 2],
      [58, 2],
      [60, 4],
      [64, 4],
      [68, 2],
    ] as const)
    if (bytes.length >= at + size) bytes.writeUIntBE(value % 2 ** (8 * size), at, size)
    return bytes
  },
  function setAnyNumber(bytes, random) {
    const size = random.pick([1, 2, 4] as const)
    if (bytes.length >= size)
      bytes.writeUIntBE(random.pick(telling) % 2 ** (8 * size), random.int(bytes.length - size + 1), size)
    return bytes
  },
  (bytes, random) => bytes.subarray(0, random.int(bytes.length)),
  (bytes, random) => splice(bytes, Buffer.alloc(random.int(20), random.int(256)), { random, removed: 0 }),
  (bytes, random) => splice(bytes, random.pick(headers), { random, removed: random.int(8) }),
  (bytes, random) => splice(bytes, random.pick(texts), { random, removed: random.int(8) }),
  function splicePart(bytes, random, corpus) {
    const other = random.pick(corpus)
    const from = random.int(other.length)
    return splice(bytes, other.subarray(from, from + random.int(60)), { random, removed: random.int(60) })
  },
]

/** One of the corpus, damaged once to four times. */
export function mutate(corpus: readonly Buffer[], random: SeededRandom): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(corpus))
  for (let n = 1 + random.int(4); n > 0 && bytes.length > 0; n--) bytes = random.pick(mutations)(bytes, random, corpus)
  return bytes
}
