import { isDeepStrictEqual } from 'node:util'

/**
 * Whether a decoded value is what was encoded: same types, same contents, same property order.
 *
 * `isDeepStrictEqual` is too generous for this: on Node 20 it takes any two URLs for equal, ignores the causes of errors,
 * and any two invalid dates differ.
 */
export function sameValue(actual: unknown, expected: unknown): boolean {
  if (!isObject(actual) || !isObject(expected)) return Object.is(actual, expected)
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false
  if (ArrayBuffer.isView(expected) || expected instanceof ArrayBuffer) return isDeepStrictEqual(actual, expected)
  return sameList(contents(actual), contents(expected))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function contents(value: object): readonly unknown[] {
  if (value instanceof Date) return [value.getTime()]
  if (value instanceof URL) return [value.href]
  if (value instanceof RegExp) return [value.source, value.flags]
  if (value instanceof Map) return [...value].flat(1)
  if (value instanceof Error) return errorContents(value)
  if (value instanceof Set || Array.isArray(value)) return [...value]
  return Object.entries(value).flat(1)
}

function sameList(actual: readonly unknown[], expected: readonly unknown[]): boolean {
  return actual.length === expected.length && actual.every((item, i) => sameValue(item, expected[i]))
}

function errorContents(error: Error): unknown[] {
  const { name, message, cause, errors } = error as AggregateError
  const fields = Object.entries(error).filter(([key]) => key !== 'cause' && key !== 'errors')
  return [name, message, Object.hasOwn(error, 'cause'), cause, errors, fields]
}
