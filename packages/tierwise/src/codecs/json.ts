import type { ValueCodec } from '../contract/codec.ts'
import { CodecError } from '../errors.ts'
import { undecodable, unencodable } from './refusal.ts'
import { restore } from './tagged/kinds.ts'
import { maxTaggedDepth, tagValue, type Dialect } from './tagged/tag-value.ts'

/**
 * What JSON cannot say is an object with one property whose name is `$` and a kind: `{"$date":"2024-05-01T00:00:00.000Z"}`.
 * A plain object that looks like one is written as `$object`.
 */
const dialect: Dialect = {
  native: new Set(),
  carriesNumber: (value) => Number.isFinite(value) && !Object.is(value, -0),
  // `JSON.stringify` escapes lone surrogates, so every string comes back.
  carriesString: () => true,
  carriesObject: (keys) => keys.length !== 1 || !keys[0]?.startsWith('$'),
  wrap: (kind, payload) => ({ [`$${kind}`]: payload }),
}

/** Readable values: JSON with marks for what it lacks. Slower and larger than msgpack. */
export function jsonCodec(): ValueCodec {
  return { id: 2, name: 'json', encode, decode }
}

function encode(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(tagValue(value, dialect)))
  } catch (error) {
    throw error instanceof CodecError ? error : unencodable('value', 'reading it failed', error)
  }
}

function decode(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  return untag(parse(text), 0)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message quotes the text, so it is not kept as a cause.
    throw undecodable('the value is not JSON')
  }
}

/** Changes the parsed tree in place. */
function untag(node: unknown, depth: number): unknown {
  if (typeof node !== 'object' || node === null) return node
  if (depth > maxTaggedDepth) throw undecodable('the value is nested too deeply')
  if (Array.isArray(node)) return untagElements(node, depth)
  const object = node as Record<string, unknown>
  const keys = Object.keys(object)
  // `JSON.parse` makes `__proto__` an own property, and assigning to an own property leaves the prototype alone.
  for (const key of keys) object[key] = untag(object[key], depth + 1)
  const [first] = keys
  if (keys.length !== 1 || !first?.startsWith('$')) return object
  return restore(first.slice(1), object[first])
}

function untagElements(elements: unknown[], depth: number): unknown[] {
  for (let i = 0; i < elements.length; i++) elements[i] = untag(elements[i], depth + 1)
  return elements
}
