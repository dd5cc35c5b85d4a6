import { CodecError } from '../errors.ts'

/**
 * A deep copy that keeps types. `structuredClone` does not: it turns a Buffer into a plain byte array, a URL into an
 * empty object and an instance of a class into a plain one, and drops the `code` of an error.
 *
 * Instances keep their class and their own properties, also when a value contains itself; private fields cannot be
 * copied. Throws a `CodecError` for functions and symbols.
 */
export function cloneValue(value: unknown): unknown {
  return clone(value, new Map())
}

function clone(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw refusal(typeof value)
  return typeof value === 'object' && value !== null ? (copies.get(value) ?? cloneObject(value, copies)) : value
}

function cloneObject(value: object, copies: Map<object, unknown>): object {
  const whole = cloneWhole(value)
  const copy = whole ?? emptyLike(value)
  copies.set(value, copy)
  if (whole !== undefined) return whole
  copyMembers(value, copy, copies)
  copyProperties(value, copy, copies)
  return copy
}

function copyMembers(from: object, to: object, copies: Map<object, unknown>): void {
  if (from instanceof Map && to instanceof Map) {
    for (const [key, inner] of from) to.set(clone(key, copies), clone(inner, copies))
  } else if (from instanceof Set && to instanceof Set) for (const inner of from) to.add(clone(inner, copies))
}

/** Values whose content is not in properties and contains no other values. */
function cloneWhole(value: object): object | undefined {
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (value instanceof URL) return new URL(value.href)
  return isWhole(value) ? structuredClone(value) : undefined
}

function isWhole(value: object): boolean {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return true
  return value instanceof Date || value instanceof RegExp || value instanceof URL
}

function emptyLike(value: object): object {
  if (Array.isArray(value)) return Object.assign([], { length: value.length })
  if (value instanceof Map) return new Map()
  if (value instanceof Set) return new Set()
  const prototype = Object.getPrototypeOf(value) as object | null
  // Only what `Error` itself has made counts as an error to Node and to test runners.
  return value instanceof Error
    ? (Object.setPrototypeOf(new Error(), prototype) as object)
    : (Object.create(prototype) as object)
}

function copyProperties(from: object, to: object, copies: Map<object, unknown>): void {
  for (const name of Object.getOwnPropertyNames(from)) {
    const property = Object.getOwnPropertyDescriptor(from, name)
    if (property === undefined || (name === 'length' && Array.isArray(from))) continue
    if ('value' in property) property.value = clone(property.value, copies)
    // Defined, not assigned: a property called `__proto__` stays a property.
    Object.defineProperty(to, name, property)
  }
}

function refusal(type: string): CodecError {
  return new CodecError(`A ${type} cannot be copied. Store data only, or set \`isolation\` to 'share'.`, {
    code: 'ERR_CACHE_ENCODE',
    operation: 'clone',
  })
}
