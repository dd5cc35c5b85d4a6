import { createHash } from 'node:crypto'
import { KeyError } from '../errors.ts'

/**
 * A text for a list of arguments that is the same for equal arguments and different for different ones: property order
 * does not matter, types do (`1`, `'1'` and `1n` differ). Throws a `KeyError` for what has no content to compare:
 * functions, symbols, instances of classes, cycles.
 */
function canonicalText(args: readonly unknown[]): string {
  return write(args, [])
}

/** SHA-256 of the canonical text, 64 hexadecimal digits. */
export function canonicalDigest(args: readonly unknown[]): string {
  return createHash('sha256').update(canonicalText(args)).digest('hex')
}

function write(value: unknown, parents: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, parents)
    default:
      throw refusal(`a ${typeof value}`)
  }
}

function writeObject(value: object, parents: readonly object[]): string {
  if (parents.includes(value)) throw refusal('a value that contains itself')
  const inside = [...parents, value]
  if (Array.isArray(value)) return `[${Array.from(value, (item) => write(item, inside)).join()}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof URL) return `URL(${JSON.stringify(value.href)})`
  if (ArrayBuffer.isView(value)) return writeBytes(value)
  if (value instanceof Set)
    return `Set{${[...value]
      .map((item) => write(item, inside))
      .sort()
      .join()}}`
  if (value instanceof Map)
    return `Map{${[...value]
      .map((pair) => write(pair, inside))
      .sort()
      .join()}}`
  return writeRecord(value, inside)
}

function writeBytes(view: ArrayBufferView): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  return `${Object.prototype.toString.call(view).slice(8, -1)}(${bytes.toString('base64')})`
}

function writeRecord(value: object, inside: readonly object[]): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw refusal(`an instance of ${value.constructor?.name ?? 'an unnamed class'}`)
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${write(field, inside)}`).join()}}`
}

function refusal(what: string): KeyError {
  return new KeyError(
    `The arguments contain ${what}, which cannot become part of a key. Give the wrapped function a \`key\` option.`,
    { code: 'ERR_CACHE_KEY', operation: 'wrap' },
  )
}
