import type { Duration, Lifetime, Size } from '../contract/options.ts'

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const unitBytes = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

/**
 * Milliseconds of a duration, or undefined when it is none (zero, negative, NaN, unknown unit).
 *
 * @example
 * console.log(parseDuration('5m')) // => 300000
 */
export function parseDuration(input: Duration): number | undefined {
  return parseAmount(input, /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/, unitMs)
}

/** As `parseDuration`; `'forever'` is `Infinity`. */
export function parseLifetime(input: Lifetime): number | undefined {
  return input === 'forever' ? Infinity : parseDuration(input)
}

/** Bytes of a size, or undefined when it is none. */
export function parseSize(input: Size): number | undefined {
  return parseAmount(input, /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/, unitBytes)
}

function parseAmount(input: unknown, pattern: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof input === 'number') return isAmount(input) ? input : undefined
  if (typeof input !== 'string') return undefined
  const [, digits, unit] = pattern.exec(input) ?? []
  if (digits === undefined || unit === undefined) return undefined
  const amount = Number(digits) * (units[unit] ?? NaN)
  return isAmount(amount) ? amount : undefined
}

function isAmount(amount: number): boolean {
  return Number.isFinite(amount) && amount > 0
}
