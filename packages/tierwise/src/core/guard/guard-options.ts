import { breakerOptions, defaultBreaker, type BreakerOverrides } from '../../base/breaker-options.ts'
import { duration, optionError, positiveInteger, readOptions, unknownName } from '../../base/option-reader.ts'
import type { OptionReader, OptionTable } from '../../base/option-reader.ts'
import type { BreakerSettings } from '../../base/breaker.ts'

/** The options of a guard after merging. */
export interface GuardSettings {
  readonly timeoutMs: number
  readonly connectTimeoutMs: number
  readonly retries: number
  readonly maxInFlight: number
  readonly breaker: BreakerSettings
}

/** What an option is when nobody sets it. */
export const defaultGuard: GuardSettings = {
  timeoutMs: 250,
  connectTimeoutMs: 5000,
  retries: 1,
  maxInFlight: 10_000,
  breaker: defaultBreaker,
}

const wholeNumber: OptionReader<number> = (raw, path) => (raw === 0 ? 0 : positiveInteger(raw, path))

/** The options of a guard, as the manager has them for all tiers and `guards` for one. */
export interface GuardOptionValues {
  readonly tierTimeout: number
  readonly connectTimeout: number
  readonly retries: number
  readonly maxInFlight: number
  readonly breaker: BreakerOverrides
}

export const guardTable: OptionTable<GuardOptionValues> = {
  tierTimeout: duration,
  connectTimeout: duration,
  retries: wholeNumber,
  maxInFlight: positiveInteger,
  breaker: breakerOptions,
}

/** Puts the options that were given over what held before. */
export function mergeGuard(base: GuardSettings, own: Partial<GuardOptionValues>): GuardSettings {
  return {
    timeoutMs: own.tierTimeout ?? base.timeoutMs,
    connectTimeoutMs: own.connectTimeout ?? base.connectTimeoutMs,
    retries: own.retries ?? base.retries,
    maxInFlight: own.maxInFlight ?? base.maxInFlight,
    breaker: { ...base.breaker, ...own.breaker },
  }
}

/** The guards of single tiers, by name. Throws a `ConfigError` for a tier that the chain does not have. */
export function readGuards(
  raw: unknown,
  path: string,
  tiers: { readonly names: readonly string[]; readonly base: GuardSettings },
): ReadonlyMap<string, GuardSettings> {
  if (raw === undefined) return new Map()
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw optionError(path, raw, 'an object of guards by the names of tiers')
  return new Map(
    Object.entries(raw).map(([name, own]) => {
      if (!tiers.names.includes(name)) throw unknownName(`${path}.${name}`, name, tiers.names)
      return [name, mergeGuard(tiers.base, readOptions(own, `${path}.${name}`, guardTable))]
    }),
  )
}
