import { KeyError } from '../errors.ts'

/** UTF-16 units; longer keys are almost always a mistake, and every tier has to carry them. */
const longestKey = 4096

/** Letters, digits and `_ - .`: a name is a part of a stored key, and `:` separates parts. */
const namePattern = /^[\w.-]{1,128}$/

/** Throws a `KeyError` for what cannot be a key: not a string, empty, longer than 4096 characters, or with half a surrogate pair. */
export function checkKey(key: unknown, operation: string): asserts key is string {
  if (typeof key !== 'string') throw keyError(`A key must be a string, not ${describe(key)}`, operation)
  if (key === '') throw keyError('A key must not be empty', operation)
  if (key.length > longestKey)
    throw keyError(`A key must not be longer than ${longestKey} characters, this one has ${key.length}`, operation)
  if (!key.isWellFormed())
    throw keyError('A key must be well-formed Unicode, this one contains half of a surrogate pair', operation)
}

/** Whether it can be the name of a namespace, a tenant or a primitive. */
export function isNamePart(text: string): boolean {
  return namePattern.test(text)
}

function keyError(message: string, operation: string): KeyError {
  return new KeyError(`${message}.`, { code: 'ERR_CACHE_KEY', operation })
}

function describe(value: unknown): string {
  return value === null ? 'null' : `a value of type ${typeof value}`
}
