import { undecodable } from '../refusal.ts'
import type { Kind, TagPart } from './kind.ts'

interface ErrorPayload {
  readonly type: string
  readonly message: string
  readonly name?: string
  readonly cause?: unknown
  readonly errors?: unknown
  readonly fields?: unknown
}

const classes: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [Class.name, Class]),
)
const aggregate = 'AggregateError'
const inherent = new Set(['name', 'message', 'stack', 'cause', 'errors'])

/**
 * An error: its built-in class, name, message, cause, the errors it gathers, and its own fields (`code`). Not its stack,
 * which is of no use in another process. A subclass comes back as the built-in class it extends, with its name.
 */
export const errorKind: Kind = {
  name: 'error',
  payload(value, tag) {
    const error = value as Error & { errors?: unknown }
    const type = builtInClass(error)
    return {
      type,
      message: tag(String(error.message), 'message'),
      ...(error.name !== type && { name: tag(String(error.name), 'name') }),
      ...(Object.hasOwn(error, 'cause') && { cause: tag(error.cause, 'cause') }),
      ...(type === aggregate && { errors: tag(error.errors, 'errors') }),
      ...ownFields(error, tag),
    }
  },
  restore(payload) {
    const parts = checked(payload)
    const error = construct(parts)
    for (const [key, value] of Object.entries((parts.fields ?? {}) as object)) {
      Object.defineProperty(error, key, { ...hidden, value, enumerable: true })
    }
    if (parts.name !== undefined) Object.defineProperty(error, 'name', { ...hidden, value: parts.name })
    const stack = `${error.name}: ${error.message}`
    return Object.defineProperty(error, 'stack', { ...hidden, value: stack })
  },
}

const hidden = { writable: true, enumerable: false, configurable: true } as const

function builtInClass(error: Error): string {
  let prototype = Object.getPrototypeOf(error) as object | null
  while (prototype !== null) {
    if (prototype === AggregateError.prototype) return aggregate
    for (const [name, Class] of classes) if (Class.prototype === prototype) return name
    prototype = Object.getPrototypeOf(prototype) as object | null
  }
  return 'Error'
}

function ownFields(error: Error, tag: TagPart): { fields?: unknown } {
  const own = Object.entries(error).filter(([key]) => !inherent.has(key))
  return own.length === 0 ? {} : { fields: tag(Object.fromEntries(own), 'fields') }
}

function checked(payload: unknown): ErrorPayload {
  const parts = (payload ?? {}) as ErrorPayload
  const wellFormed =
    typeof parts.type === 'string' &&
    typeof parts.message === 'string' &&
    (parts.name === undefined || typeof parts.name === 'string') &&
    (parts.fields === undefined || (typeof parts.fields === 'object' && parts.fields !== null))
  if (!wellFormed) throw undecodable('malformed error')
  return parts
}

function construct(parts: ErrorPayload): Error {
  const options = Object.hasOwn(parts, 'cause') ? { cause: parts.cause } : undefined
  if (parts.type === aggregate) {
    if (!Array.isArray(parts.errors)) throw undecodable('malformed error')
    return new AggregateError(parts.errors as unknown[], parts.message, options)
  }
  const Class = classes.get(parts.type)
  if (Class === undefined) throw undecodable('error of an unknown class')
  return new Class(parts.message, options)
}
