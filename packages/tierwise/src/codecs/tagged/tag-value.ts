import { unencodable } from '../refusal.ts'
import { dictionaryKind, objectKind } from './collection-kinds.ts'
import type { Kind } from './kind.ts'
import { kindOf } from './kinds.ts'
import { bigintKind, numberKind, stringKind, undefinedKind } from './scalar-kinds.ts'

/** What a format can carry without help. */
export interface Dialect {
  /** Names of the kinds that it carries as they are. */
  readonly native: ReadonlySet<string>
  carriesNumber(value: number): boolean
  carriesString(value: string): boolean
  /** Whether an object with these property names comes back as it was. */
  carriesObject(keys: readonly string[]): boolean
  /** How it marks a part of any other kind. */
  wrap(kind: string, payload: unknown): unknown
}

/** Values may be nested this deeply. */
const maxDepth = 256

/** What one level of a value may become: a mark, a list of what the mark holds, and a payload of two levels. */
export const maxTaggedDepth: number = 4 * (maxDepth + 1)

/**
 * Turns any value into what a format can carry, or refuses it with the path of the part that has no faithful form:
 * functions, symbols, instances of classes, cycles.
 *
 * Parts that need no help are returned by reference and their parents with them, so plain data costs a walk but no copy.
 * What counts is what the types promise: elements of arrays, own enumerable string-keyed properties of objects. A hole in
 * an array becomes `undefined`, an object that occurs twice is written twice, `toJSON` is not consulted.
 */
export function tagValue(value: unknown, dialect: Dialect): unknown {
  return new Tagger(dialect).tag(value)
}

type Step = string | number

class Tagger {
  readonly #dialect: Dialect
  readonly #ancestors: object[] = []
  readonly #steps: Step[] = []

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  tag(value: unknown, step?: Step): unknown {
    switch (typeof value) {
      case 'boolean':
        return value
      case 'string':
        return this.#dialect.carriesString(value) ? value : this.#wrap(stringKind, value)
      case 'number':
        return this.#dialect.carriesNumber(value) ? value : this.#wrap(numberKind, value)
      case 'undefined':
        return this.#wrap(undefinedKind, value)
      case 'bigint':
        return this.#wrap(bigintKind, value)
      case 'object':
        return value === null ? null : this.#tagObject(value, step)
      default:
        throw this.#refuse(step, `a ${typeof value} cannot be stored; leave it out or store what it stands for`)
    }
  }

  #tagObject(value: object, step: Step | undefined): unknown {
    const shape = shapeOf(value)
    if (shape === undefined)
      throw this.#refuse(step, `an instance of ${className(value)} would lose its class; store plain data`)
    if (typeof shape === 'object' && this.#dialect.native.has(shape.name)) return value
    this.#enter(value, step)
    const tagged = this.#tagShape(value, shape)
    this.#ancestors.pop()
    this.#steps.pop()
    return tagged
  }

  #tagShape(value: object, shape: Shape): unknown {
    if (shape === 'plain') return this.#tagPlain(value as Record<string, unknown>)
    return shape === 'array' ? this.#tagArray(value as unknown[]) : this.#wrap(shape, value)
  }

  #tagPlain(value: Record<string, unknown>): unknown {
    const keys = Object.keys(value)
    if (!this.#dialect.carriesObject(keys)) return this.#wrap(objectKind, value)
    let copy: Record<string, unknown> | undefined
    for (const key of keys) {
      const part = value[key]
      const tagged = this.tag(part, key)
      if (Object.is(tagged, part)) continue
      copy ??= { ...value }
      copy[key] = tagged
    }
    return copy ?? value
  }

  #tagArray(value: readonly unknown[]): unknown {
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const part = value[i]
      const tagged = this.tag(part, i)
      if (Object.is(tagged, part)) continue
      copy ??= value.slice()
      copy[i] = tagged
    }
    return copy ?? value
  }

  #wrap(kind: Kind, value: unknown): unknown {
    if (this.#dialect.native.has(kind.name)) return value
    return this.#dialect.wrap(
      kind.name,
      kind.payload(value, (part, step) => this.tag(part, step)),
    )
  }

  #enter(value: object, step: Step | undefined): void {
    if (this.#ancestors.includes(value)) throw this.#refuse(step, 'it contains itself')
    if (this.#ancestors.length === maxDepth) throw this.#refuse(step, `it is nested deeper than ${maxDepth} levels`)
    this.#ancestors.push(value)
    // The root has no step; an empty one keeps both stacks of one length.
    this.#steps.push(step ?? '')
  }

  #refuse(step: Step | undefined, reason: string): Error {
    const steps = this.#steps.slice(1)
    if (step !== undefined) steps.push(step)
    const shown = steps.slice(0, 20).map(renderStep).join('')
    return unencodable(`value${shown}${steps.length > 20 ? '...' : ''}`, reason)
  }
}

type Shape = Kind | 'plain' | 'array'

function shapeOf(value: object): Shape | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype) return 'plain'
  if (prototype === null) return dictionaryKind
  // `Array.prototype` is itself an array, in this realm and in others; the prototype of a subclass is not.
  if (Array.isArray(value)) return Array.isArray(prototype) ? 'array' : undefined
  return kindOf(value, prototype) ?? (isForeignObjectPrototype(prototype) ? 'plain' : undefined)
}

/** Plain objects of another realm (a `vm` context, a test runner) have another `Object.prototype`. */
function isForeignObjectPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function className(value: object): string {
  const constructor: unknown = (Object.getPrototypeOf(value) as { constructor?: unknown }).constructor
  return (typeof constructor === 'function' && constructor.name) || 'a class'
}

function renderStep(step: Step): string {
  if (typeof step === 'number') return `[${step}]`
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}
