import { jsonCodec } from '../codecs/json.ts'
import { ValueError } from '../errors.ts'

const codec = jsonCodec()

/**
 * The text of a value: JSON with marks for dates, maps, bytes and what else it lacks. Equal values have equal texts whatever the
 * order of their properties, so that a store can compare them.
 *
 * @throws ValueError ERR_CACHE_VALUE_UNDEFINED
 * @throws CodecError ERR_CACHE_ENCODE
 */
export function textOf(value: unknown, operation: string): string {
  if (value === undefined)
    throw new ValueError('`undefined` has no text; use null for a known absence.', {
      code: 'ERR_CACHE_VALUE_UNDEFINED',
      operation,
    })
  const text = Buffer.from(codec.encode(value)).toString('utf8')
  return text.includes('{') ? JSON.stringify(JSON.parse(text), inOrder) : text
}

/** @throws CodecError ERR_CACHE_DECODE when it was not written by `textOf` */
export function valueOf(text: string): unknown {
  return codec.decode(Buffer.from(text))
}

function inOrder(_: string, node: unknown): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return node
  const pairs = Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(pairs)
}
