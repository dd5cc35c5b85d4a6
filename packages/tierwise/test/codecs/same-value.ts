import { isDeepStrictEqual } from 'node:util'

/**
 * Whether a decoded value is what was encoded: same types, same contents, same property order.
 *
 * `isDeepStrictEqual` is too generous for this: on Node 20 it takes any two URLs for equal, ignores the causes of errors,
 * and any two invalid dates differ.
 */
export function sameValue(actual: unknown, expected: unknown): boolean {
  if (typeof actual !== 'object' || actual === null || typeof expected !== 'object' || expected === null) {
    return Object.is(actual, expected)
  }
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false
  if (expected instanceof Date) return Object.is((actual as Date).getTime(), expected.getTime())
  if (expected instanceof URL || expected instanceof RegExp) return String(actual) === String(expected)
  if (expected instanceof Map) return sameList([...(actual as typeof expected)].flat(1), [...expected].flat(1))
  if (expected instanceof Set) return sameList([...(actual as typeof expected)], [...expected])
  if (expected instanceof Error) return sameError(actual as Error, expected)
  if (ArrayBuffer.isView(expected) || expected instanceof ArrayBuffer) return isDeepStrictEqual(actual, expected)
  if (Array.isArray(expected)) return sameList(actual as unknown[], expected)
  return sameList(Object.entries(actual).flat(1), Object.entries(expected).flat(1))
}

function sameList(actual: readonly unknown[], expected: readonly unknown[]): boolean {
  return actual.length === expected.length && actual.every((item, i) => sameValue(item, expected[i]))
}

function sameError(actual: Error, expected: Error): boolean {
  return sameList(partsOf(actual), partsOf(expected))
}

function partsOf(error: Error): unknown[] {
  const { name, message, cause, errors } = error as AggregateError
  const fields = Object.entries(error).filter(([key]) => key !== 'cause' && key !== 'errors')
  return [name, message, Object.hasOwn(error, 'cause'), cause, errors, fields]
}
