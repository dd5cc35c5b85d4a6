import * as z from 'zod'
import { parseDuration, parseSize } from '../../base/duration.ts'
import type { Duration, Lifetime, Size } from '../../contract/options.ts'

/**
 * Building blocks of the schema. Each carries what is allowed as its message: `validate.ts` makes the sentence around it.
 * Types are given, not inferred, so that the schema of options is held against the interface of those options.
 */

export type Leaf<T> = z.ZodType<T, T>
export type Section<T> = z.ZodObject & z.ZodType<T, T>

const amount = '(?:[1-9]\\d*(?:\\.\\d+)?|0\\.\\d*[1-9]\\d*)'

function amountLeaf<T>(units: string, allowed: string, title: string): Leaf<T> {
  const error = allowed
  const number = z.number({ error }).positive({ error })
  const text = z.string({ error }).regex(new RegExp(`^${amount}(?:${units})$`), { error })
  return z.union([number, text], { error }).meta({ title }) as unknown as Leaf<T>
}

export const duration: Leaf<Duration> = amountLeaf(
  'ms|s|m|h|d',
  "a positive number of milliseconds or a text like '500ms', '30s', '5m', '2h', '1d'",
  'duration',
)

export const size: Leaf<Size> = amountLeaf(
  'b|kb|mb|gb',
  "a positive number of bytes or a text like '512kb', '64mb', '1gb'",
  'size',
)

const lifetimeText = "a positive number of milliseconds, a text like '30s' or '5m', or 'forever'"

export const lifetime: Leaf<Lifetime> = either(
  [z.literal('forever'), amountLeaf('ms|s|m|h|d', lifetimeText, 'duration')],
  lifetimeText,
)

export const durationOrOff: Leaf<Duration | false> = either(
  [z.literal(false), duration],
  "false, or a positive number of milliseconds or a text like '500ms', '30s', '5m', '2h', '1d'",
)

export const off: Leaf<false> = z.literal(false)

/** A duration of at least so many milliseconds. */
export function durationFrom(leastMs: number, error: string): Leaf<Duration> {
  return duration.refine((value) => (parseDuration(value) ?? 0) >= leastMs, { error, abort: true }) as Leaf<Duration>
}

export function sizeFrom(leastBytes: number, error: string): Leaf<Size> {
  return size.refine((value) => (parseSize(value) ?? 0) >= leastBytes, { error, abort: true }) as Leaf<Size>
}

/** The first of the parts that takes the value; `allowed` is said when none does. */
export function either<T>(parts: readonly z.ZodType[], allowed: string): Leaf<T> {
  return z.union(parts as readonly [z.ZodType, z.ZodType], { error: allowed }) as unknown as Leaf<T>
}

export const boolean: Leaf<boolean> = z.boolean({ error: 'true or false' })

const textAllowed = 'a text that is not empty'
export const text: Leaf<string> = z.string({ error: textAllowed }).min(1, { error: textAllowed })

export const anyText: Leaf<string> = z.string({ error: 'a text' })

export const texts: Leaf<readonly string[]> = z.array(text, { error: 'a list of texts' })

export function oneOf<const T extends string>(...allowed: readonly T[]): Leaf<T> {
  return z.enum(allowed as readonly [T, ...T[]], {
    error: `one of ${allowed.map((item) => `'${item}'`).join(', ')}`,
  }) as unknown as Leaf<T>
}

export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): Leaf<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  const error = min === 1 && max === Number.MAX_SAFE_INTEGER ? 'a positive whole number' : `a whole number ${range}`
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
}

export function share(range: { readonly aboveZero?: boolean; readonly below?: number } = {}): Leaf<number> {
  const most = range.below ?? 1
  const from = range.aboveZero === true ? 'above 0 and' : 'of at least 0 and'
  const error = `a number ${from} ${range.below === undefined ? 'at most' : 'below'} ${most}`
  const low = range.aboveZero === true ? z.number({ error }).gt(0, { error }) : z.number({ error }).min(0, { error })
  return range.below === undefined ? low.max(most, { error }) : low.lt(most, { error })
}

export const number: Leaf<number> = z.number({ error: 'a number' })

/** A name of PostgreSQL. */
export function nameOf(longest: number): Leaf<string> {
  const error = `a name of at most ${longest} bytes without NUL`
  return z
    .string({ error })
    .min(1, { error })
    .refine((name) => !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= longest, { error })
}

const versionAllowed = 'a number or a text of letters, digits, `_`, `-` and `.`'

/** A part of storage keys, at most 128 characters. */
export const version: Leaf<string | number> = either([z.number(), namePart(versionAllowed)], versionAllowed)

export function namePart(error: string): Leaf<string> {
  return z.string({ error }).regex(/^[\w.-]{1,128}$/, { error })
}

/** Bytes in base64. */
export function base64Of(bytes: number): Leaf<string> {
  const error = `${bytes} bytes in base64`
  const characters = Math.ceil((bytes * 4) / 3)
  return z.string({ error }).regex(new RegExp(`^[\\w+/-]{${characters}}={0,2}$`), { error })
}

/** A text that is a regular expression, or a regular expression from a code file. */
const expressionAllowed = 'a regular expression as a text'
export const expression: Leaf<RegExp | string> = either(
  [
    z
      .string({ error: expressionAllowed })
      .min(1, { error: expressionAllowed })
      .refine(isExpression, { error: expressionAllowed }),
    fromCode<RegExp>((value) => value instanceof RegExp, expressionAllowed),
  ],
  expressionAllowed,
)

function isExpression(source: string): boolean {
  try {
    return new RegExp(source, 'u').source !== ''
  } catch {
    return false
  }
}

/** What only a code file can hold: JSON Schema has no word for it. */
export function fromCode<T>(test: (value: unknown) => boolean, allowed = 'a value from a code file'): Leaf<T> {
  return z.custom<T>(test, { error: allowed }).meta({ fromCode: true }) as unknown as Leaf<T>
}

export type Shape<T> = { readonly [K in keyof T]-?: Leaf<Exclude<T[K], undefined>> }
type RequiredName<T> = { [K in keyof T]-?: undefined extends T[K] ? never : K }[keyof T]

/**
 * An object with these options and no others: every option of the interface, each with a schema of its type. `name` is
 * that of the interface, whose comments describe the options; `required` names those without which there is none.
 */
export function section<T>(name: string, shape: Shape<T>, required: readonly RequiredName<T>[] = []): Section<T> {
  const members = Object.entries<z.ZodType>(shape).map(([key, member]) => [
    key,
    (required as readonly PropertyKey[]).includes(key) ? member : z.exactOptional(member),
  ])
  const error = ({ code }: { readonly code?: string }): string =>
    code === 'unrecognized_keys' ? Object.keys(shape).join(', ') : 'an object of options'
  return z.strictObject(Object.fromEntries(members), { error }).meta({ id: name }) as unknown as Section<T>
}

/** An object of such values by names of the user's choice. */
export function byName<T>(value: z.ZodType<T, T>, allowed: string): Leaf<Readonly<Record<string, T>>> {
  return z.record(z.string(), value, { error: allowed }) as unknown as Leaf<Readonly<Record<string, T>>>
}

export function listOf<T>(item: z.ZodType<T, T>, allowed: string, least = 0): Leaf<readonly T[]> {
  const list = z.array(item, { error: allowed })
  return (least > 0 ? list.min(least, { error: allowed }) : list) as unknown as Leaf<readonly T[]>
}
