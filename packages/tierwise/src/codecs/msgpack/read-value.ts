import { undecodable } from '../refusal.ts'
import { maxTaggedDepth } from '../tagged/tag-value.ts'
import { restore } from '../tagged/kinds.ts'
import { Cursor } from './cursor.ts'
import { readExtension, taggedExtension } from './extensions.ts'
import type { PropertyNames } from './property-names.ts'

/** The bytes of one value while it is read, and the names that values share. */
interface Reading {
  readonly cursor: Cursor
  readonly names: PropertyNames
}

type ReadToken = (reading: Reading, depth: number) => unknown

/**
 * Reads MessagePack as the codec writes it: one value, whole, nothing after it, every announced length really there, not
 * nested too deeply, and no extension but those that `packr.ts` asks for.
 *
 * The decoder of msgpackr would also read extensions that nobody asked for here and that hostile bytes could use, and
 * they cannot be turned off for one decoder: record definitions, which it compiles to functions; bundled strings, whose
 * offsets can make it read the same bytes again and again; back references; errors, whose class is looked up by name in a
 * plain object. Checking before it reads makes two passes of one, and it makes a view and property names anew for each
 * value.
 *
 * @throws CodecError ERR_CACHE_DECODE
 */
export function readValue(bytes: Buffer, names: PropertyNames): unknown {
  const cursor = new Cursor(bytes)
  const value = read({ cursor, names }, 0)
  if (cursor.left > 0) throw undecodable('the value is followed by further bytes')
  return value
}

function read(reading: Reading, depth: number): unknown {
  const token = reading.cursor.byte()
  if (token < 0x80) return token
  if (token < 0x90) return readMap(reading, token - 0x80, depth)
  if (token < 0xa0) return readArray(reading, token - 0x90, depth)
  if (token < 0xc0) return reading.cursor.text(token - 0xa0)
  if (token >= 0xe0) return token - 0x100
  return tokens[token - 0xc0]!(reading, depth)
}

/** What follows each token from 0xc0 to 0xdf. */
const tokens: readonly ReadToken[] = [
  () => null,
  unused,
  () => false,
  () => true,
  ...widths(
    [1, 2, 4],
    (width) =>
      ({ cursor }) =>
        readBytes(cursor, cursor.uint(width)),
  ),
  ...widths(
    [1, 2, 4],
    (width) =>
      ({ cursor }) =>
        readSized(cursor, cursor.uint(width)),
  ),
  ({ cursor }) => cursor.bytes.readFloatBE(cursor.pass(4)),
  ({ cursor }) => cursor.bytes.readDoubleBE(cursor.pass(8)),
  ...widths(
    [1, 2, 4],
    (width) =>
      ({ cursor }) =>
        cursor.uint(width),
  ),
  ({ cursor }) => cursor.bytes.readBigUInt64BE(cursor.pass(8)),
  ...widths(
    [1, 2, 4],
    (width) =>
      ({ cursor }) =>
        cursor.bytes.readIntBE(cursor.pass(width), width),
  ),
  ({ cursor }) => cursor.bytes.readBigInt64BE(cursor.pass(8)),
  ...widths([1, 2, 4, 8, 16], (width) => (reading, depth) => readFixed(reading, width, depth)),
  ...widths(
    [1, 2, 4],
    (width) =>
      ({ cursor }) =>
        cursor.text(cursor.uint(width)),
  ),
  ...widths([2, 4], (width) => (reading, depth) => readArray(reading, reading.cursor.uint(width), depth)),
  ...widths([2, 4], (width) => (reading, depth) => readMap(reading, reading.cursor.uint(width), depth)),
]

function widths(each: readonly number[], reader: (width: number) => ReadToken): readonly ReadToken[] {
  return each.map(reader)
}

function unused(): never {
  throw undecodable('the value is not MessagePack')
}

/** Grows with what is really there: an announced length is not believed. */
function readArray(reading: Reading, length: number, depth: number): unknown[] {
  descend(depth)
  const array: unknown[] = []
  for (let i = 0; i < length; i++) array.push(read(reading, depth + 1))
  return array
}

function readMap(reading: Reading, size: number, depth: number): object {
  descend(depth)
  const object: Record<string, unknown> = {}
  for (let i = 0; i < size; i++) {
    const name = readName(reading)
    object[name] = read(reading, depth + 1)
  }
  return object
}

function readName({ cursor, names }: Reading): string {
  const token = cursor.byte()
  const name = token >= 0xa0 && token < 0xc0 ? names.read(cursor, token - 0xa0) : readLongName(cursor, token)
  // The codec marks an object that has it. As a plain property it would replace the prototype.
  if (name === '__proto__') throw undecodable('a property that replaces the prototype')
  return name
}

function readLongName(cursor: Cursor, token: number): string {
  if (token < 0xd9 || token > 0xdb) throw undecodable('property name that is no string')
  return cursor.text(cursor.uint(2 ** (token - 0xd9)))
}

/** A `Buffer` with memory of its own. */
function readBytes(cursor: Cursor, length: number): Buffer {
  const from = cursor.pass(length)
  const copy = Buffer.from(new ArrayBuffer(length))
  copy.set(cursor.bytes.subarray(from, cursor.at))
  return copy
}

function readSized(cursor: Cursor, length: number): unknown {
  const type = cursor.byte()
  const from = cursor.pass(length)
  return readExtension(type, cursor.bytes.subarray(from, cursor.at))
}

function readFixed(reading: Reading, length: number, depth: number): unknown {
  const { cursor } = reading
  if (cursor.bytes[cursor.at] !== taggedExtension) return readSized(cursor, length)
  if (length !== 1) throw undecodable('malformed mark')
  descend(depth)
  cursor.pass(2)
  return restoreTagged(read(reading, depth + 1))
}

function restoreTagged(pair: unknown): unknown {
  if (!Array.isArray(pair) || pair.length !== 2) throw undecodable('malformed mark')
  const [kind, payload] = pair as [unknown, unknown]
  return restore(kind, payload)
}

function descend(depth: number): void {
  if (depth >= maxTaggedDepth) throw undecodable('the value is nested too deeply')
}
