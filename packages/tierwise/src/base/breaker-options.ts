import type { BreakerSettings } from './breaker.ts'
import { duration, numberIn, optionError, positiveInteger, readOptions } from './option-reader.ts'
import type { OptionReader, OptionTable } from './option-reader.ts'

/** What a breaker is set to when nobody says anything. */
export const defaultBreaker: BreakerSettings = {
  failures: 5,
  failureRate: 0.5,
  minCalls: 20,
  windowMs: 10_000,
  openForMs: 5000,
  probes: 3,
}

/** What somebody says about it. */
export type BreakerOverrides = Partial<BreakerSettings>

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

/** Reads `BreakerOptions`. */
export const breakerOptions: OptionReader<BreakerOverrides> = (raw, path) => {
  const { window, openFor, ...own } = readOptions(raw, path, breakerTable)
  return {
    ...own,
    ...(window === undefined ? {} : { windowMs: window }),
    ...(openFor === undefined ? {} : { openForMs: openFor }),
  }
}
