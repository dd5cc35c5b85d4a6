import { duration, numberIn, oneOf, optionError, positiveInteger, readOptions } from '../../base/option-reader.ts'
import type { LimitRule } from '../../contract/coordination.ts'
import type { Duration } from '../../contract/options.ts'
import { ConfigError } from '../../errors.ts'
import type { CoordinationFailure } from '../steps.ts'

/**
 * How often something may be done. All of them are exact and by the clock of the store:
 *
 * - `token-bucket`: `burst` at once (default: `limit`), refilled evenly with `limit` in a `period`. At most `burst + limit` in a period.
 * - `gcra`: the generic cell rate algorithm: evenly spaced, `burst` (default: 1) of which may come at once.
 * - `fixed-window`: `limit` in a window of `period` that begins with the first. Cheapest; twice the limit around the end of a window.
 * - `sliding-window`: `limit` in any stretch of `period`. Each one is noted, so the memory grows with the limit.
 */
export type LimitAlgorithm = 'token-bucket' | 'gcra' | 'fixed-window' | 'sliding-window'

/** What `rateLimiter` takes. */
export interface RateLimiterOptions {
  /** Which of them. @default 'sliding-window' */
  readonly algorithm?: LimitAlgorithm
  /** Units in a period. A positive whole number. */
  readonly limit: number
  /** The stretch of time that the limit is for. */
  readonly period: Duration
  /** Units that may come at once, with `token-bucket` and `gcra`. @default `limit` for a bucket, 1 for gcra */
  readonly burst?: number
  /**
   * When the store cannot be asked: `closed` throws, `open` allows and says `assumed`, `local` counts in this process, against
   * its `share` of the limit. @default that of the coordination
   */
  readonly failure?: CoordinationFailure
  /** With `local`: this process's part of the limit, above 0 and at most 1; one divided by the number of processes keeps the sum. */
  readonly share?: number
}

export interface LimiterSettings {
  readonly algorithm: LimitAlgorithm
  readonly rule: LimitRule
  readonly failure: CoordinationFailure | undefined
  /** What stands in with `local`. */
  readonly localRule: LimitRule
}

const table = {
  algorithm: oneOf('token-bucket', 'gcra', 'fixed-window', 'sliding-window'),
  limit: positiveInteger,
  period: duration,
  burst: positiveInteger,
  failure: oneOf('closed', 'open', 'local'),
  share: numberIn({ min: 0, max: 1 }),
}

/** Each request is noted, so more than this is no sliding window any more. */
const longestLog = 100_000

/** @throws ConfigError ERR_CACHE_OPTION */
export function readLimiterOptions(
  raw: RateLimiterOptions,
  path: string,
  standard: CoordinationFailure,
): LimiterSettings {
  const options = readOptions<RawLimiter>(raw, path, table)
  const { algorithm = 'sliding-window', limit, period, burst, failure, share } = options
  if (limit === undefined) throw optionError(`${path}.limit`, limit, 'a positive whole number')
  if (period === undefined) throw optionError(`${path}.period`, period, "a time like '1m'")
  if ((failure ?? standard) === 'local' && (share === undefined || share === 0))
    throw optionError(`${path}.share`, share, 'above 0 and at most 1 with `failure: local`')
  const asked = { algorithm, limit, periodMs: Math.ceil(period), burst }
  const wrong = whatIsWrong(asked)
  if (wrong !== undefined) throw new ConfigError(`\`${path}\`: ${wrong}`, { code: 'ERR_CACHE_OPTION' })
  return { algorithm, rule: ruleOf(asked, 1), failure, localRule: ruleOf(asked, share ?? 1) }
}

function whatIsWrong({ algorithm, limit, periodMs, burst }: AskedLimit): string | undefined {
  if (burst !== undefined && algorithm.endsWith('window'))
    return '`burst` is for `token-bucket` and `gcra`; a window has none.'
  if (algorithm === 'sliding-window' && limit > longestLog)
    return `a sliding window notes each of ${limit}. Use \`gcra\` or \`token-bucket\` above ${longestLog}.`
  // Parts of a unit are counted in whole numbers, see LimitRule.
  return Number.isSafeInteger(Math.max(limit, burst ?? 1) * periodMs)
    ? undefined
    : 'the limit times the period in milliseconds must be below 2^53.'
}

interface RawLimiter {
  readonly algorithm: LimitAlgorithm
  readonly limit: number
  readonly period: number
  readonly burst: number
  readonly failure: CoordinationFailure
  readonly share: number
}

interface AskedLimit {
  readonly algorithm: LimitAlgorithm
  readonly limit: number
  readonly periodMs: number
  readonly burst: number | undefined
}

function ruleOf({ algorithm, limit, periodMs, burst }: AskedLimit, share: number): LimitRule {
  const part = (units: number): number => Math.max(1, Math.floor(units * share))
  if (algorithm === 'fixed-window' || algorithm === 'sliding-window')
    return { kind: algorithm, limit: part(limit), periodMs }
  const capacity = burst ?? (algorithm === 'gcra' ? 1 : limit)
  return { kind: 'bucket', capacity: part(capacity), limit: part(limit), periodMs }
}
