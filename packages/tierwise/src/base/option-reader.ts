import leven from 'leven'
import type { Duration, Lifetime, Size } from '../contract/options.ts'
import { ConfigError } from '../errors.ts'
import { parseDuration, parseLifetime, parseSize } from './duration.ts'

/** Turns the raw value of one option into the resolved one; throws a `ConfigError` that names path, value and what is allowed. */
export type OptionReader<T> = (raw: unknown, path: string) => T

/** One reader for each option of a group. */
export type OptionTable<T> = { readonly [K in keyof T]: OptionReader<T[K]> }

/** Resolves the options that are present. Unknown names are refused with the nearest known one. */
export function readOptions<T extends object>(raw: unknown, path: string, table: OptionTable<T>): Partial<T> {
  if (raw === undefined) return {}
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw optionError(path, raw, 'an object of options')
  const resolved: Partial<T> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (!Object.hasOwn(table, name)) throw unknownName(`${path}.${name}`, name, Object.keys(table))
    const key = name as keyof T
    if (value !== undefined) resolved[key] = table[key](value, `${path}.${name}`)
  }
  return resolved
}

export function unknownName(path: string, name: string, known: readonly string[]): ConfigError {
  const [nearest] = known.toSorted((a, b) => leven(a, name) - leven(b, name))
  const near = nearest !== undefined && leven(nearest, name) <= Math.max(2, name.length / 3)
  const hint = near ? `Did you mean \`${nearest}\`?` : `Known: ${known.join(', ')}.`
  return new ConfigError(`\`${path}\` is not an option. ${hint}`, { code: 'ERR_CACHE_OPTION' })
}

export function optionError(path: string, raw: unknown, allowed: string): ConfigError {
  return new ConfigError(`\`${path}\` is ${show(raw)}; it must be ${allowed}.`, { code: 'ERR_CACHE_OPTION' })
}

export const duration: OptionReader<number> = (raw, path) => {
  const ms = parseDuration(raw as Duration)
  if (ms === undefined)
    throw optionError(path, raw, "a positive number of milliseconds or a text like '500ms', '30s', '5m', '2h', '1d'")
  return ms
}

export const lifetime: OptionReader<number> = (raw, path) => {
  const ms = parseLifetime(raw as Lifetime)
  if (ms === undefined)
    throw optionError(path, raw, "a positive number of milliseconds, a text like '30s' or '5m', or 'forever'")
  return ms
}

export const size: OptionReader<number> = (raw, path) => {
  const bytes = parseSize(raw as Size)
  if (bytes === undefined)
    throw optionError(path, raw, "a positive number of bytes or a text like '512kb', '64mb', '1gb'")
  return bytes
}

/** `false` switches the option off and reads as `off`. */
export function orOff(reader: OptionReader<number>, off: number): OptionReader<number> {
  return (raw, path) => (raw === false ? off : reader(raw, path))
}

export function numberIn(range: { min: number; max: number; open?: boolean }): OptionReader<number> {
  const { min, max, open = false } = range
  return (raw, path) => {
    const fits = typeof raw === 'number' && (open ? raw > min && raw < max : raw >= min && raw <= max)
    if (!fits)
      throw optionError(
        path,
        raw,
        open ? `a number between ${min} and ${max}, both excluded` : `a number from ${min} to ${max}`,
      )
    return raw
  }
}

export const positiveInteger: OptionReader<number> = (raw, path) => {
  if (!Number.isSafeInteger(raw) || (raw as number) <= 0) throw optionError(path, raw, 'a positive whole number')
  return raw as number
}

export const boolean: OptionReader<boolean> = (raw, path) => {
  if (typeof raw !== 'boolean') throw optionError(path, raw, 'true or false')
  return raw
}

export const text: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || raw === '') throw optionError(path, raw, 'a text that is not empty')
  return raw
}

export const texts: OptionReader<readonly string[]> = (raw, path) => {
  if (!Array.isArray(raw)) throw optionError(path, raw, 'a list of texts')
  return Object.freeze(raw.map((item, index) => text(item, `${path}[${index}]`)))
}

export function oneOf<const T extends string>(...allowed: readonly T[]): OptionReader<T> {
  return (raw, path) => {
    const found = allowed.find((item) => item === raw)
    if (found === undefined) throw optionError(path, raw, `one of ${allowed.map((item) => `'${item}'`).join(', ')}`)
    return found
  }
}

/** Takes the value as it is when `test` accepts it. */
export function shaped<T>(allowed: string, test: (raw: unknown) => raw is T): OptionReader<T> {
  return (raw, path) => {
    if (!test(raw)) throw optionError(path, raw, allowed)
    return raw
  }
}

/** Only scalars are shown: an object may carry a secret. */
function show(raw: unknown): string {
  if (typeof raw === 'string') return raw.length <= 40 ? `'${raw}'` : 'a long text'
  if (typeof raw === 'number' || typeof raw === 'boolean' || raw === null || raw === undefined) return String(raw)
  return Array.isArray(raw) ? 'a list' : `a value of type ${typeof raw}`
}
