import { duration, numberIn, optionError, positiveInteger, readOptions, unknownName } from '../../base/option-reader.ts'
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
  breaker: { failures: 5, failureRate: 0.5, minCalls: 20, windowMs: 10_000, openForMs: 5000, probes: 3 },
}

const breakerTable: OptionTable<{
  failures: number
  failureRate: number
  minCalls: number
  window: number
  openFor: number
  probes: number
}> = {
  failures: positiveInteger,
  failureRate: (raw, path) => {
    const share = numberIn({ min: 0, max: 1 })(raw, path)
    if (share === 0) throw optionError(path, raw, 'above 0 and at most 1')
    return share
  },
  minCalls: positiveInteger,
  window: duration,
  openFor: duration,
  probes: positiveInteger,
}

const wholeNumber: OptionReader<number> = (raw, path) => (raw === 0 ? 0 : positiveInteger(raw, path))

type BreakerOverrides = Partial<BreakerSettings>

const breaker: OptionReader<BreakerOverrides> = (raw, path) => {
  const { window, openFor, ...own } = readOptions(raw, path, breakerTable)
  return {
    ...own,
    ...(window === undefined ? {} : { windowMs: window }),
    ...(openFor === undefined ? {} : { openForMs: openFor }),
  }
}

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
  breaker,
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
