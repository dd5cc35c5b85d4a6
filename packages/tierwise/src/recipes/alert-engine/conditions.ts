import type { Duration } from '../../index.ts'
import { duration, numberIn, oneOf, positiveInteger, readOptions, type OptionReader } from '../../base/option-reader.ts'

/** A value at a time, epoch milliseconds. */
export interface Sample {
  readonly at: number
  readonly value: number
}

/** When something is wrong. Each looks at the samples of the last `window`. */
export type AlertCondition =
  /** A value compared with a number. */
  | {
      readonly type: 'threshold'
      readonly operator: '>' | '>=' | '<' | '<=' | '==' | '!='
      readonly value: number
      /** What is compared. @default 'last' */
      readonly of?: 'last' | 'avg' | 'min' | 'max' | 'sum'
      /** @default '5m' */
      readonly window?: Duration
    }
  /** The last sample of the window compared with the first one. */
  | {
      readonly type: 'rate_of_change'
      /** More than this: percent of the first one, or with `unit` absolute. 0 or more. */
      readonly by: number
      /** @default 'percent' */
      readonly unit?: 'percent' | 'absolute'
      /** @default 'both' */
      readonly direction?: 'up' | 'down' | 'both'
      /** @default '5m' */
      readonly window?: Duration
    }
  /** No sample at all. */
  | { readonly type: 'absence'; /** @default '5m' */ readonly window?: Duration }
  /** The last sample is far from the mean of those before, in standard deviations of theirs. */
  | {
      readonly type: 'anomaly'
      /** Above 0. @default 3 */
      readonly deviations?: number
      /** Samples before the last one, without which nothing is said. A positive whole number. @default 10 */
      readonly minSamples?: number
      /** @default '1h' */
      readonly window?: Duration
    }

/** What a condition says. `no-data` leaves an alert as it is. */
export interface Verdict {
  readonly kind: 'breached' | 'fine' | 'no-data'
  /** What was compared; undefined where it is no finite number, as any change from 0 in percent. */
  readonly value: number | undefined
}

const finite: OptionReader<number> = numberIn({ min: -Number.MAX_VALUE, max: Number.MAX_VALUE })
const positive: OptionReader<number> = numberIn({ min: 0, max: Number.MAX_VALUE, open: true })

const tables = {
  threshold: {
    type: oneOf('threshold'),
    operator: oneOf('>', '>=', '<', '<=', '==', '!='),
    value: finite,
    of: oneOf('last', 'avg', 'min', 'max', 'sum'),
    window: duration,
  },
  rate_of_change: {
    type: oneOf('rate_of_change'),
    by: numberIn({ min: 0, max: Number.MAX_VALUE }),
    unit: oneOf('percent', 'absolute'),
    direction: oneOf('up', 'down', 'both'),
    window: duration,
  },
  absence: { type: oneOf('absence'), window: duration },
  anomaly: { type: oneOf('anomaly'), deviations: positive, minSamples: positiveInteger, window: duration },
} as const
const required = { threshold: ['operator', 'value'], rate_of_change: ['by'], absence: [], anomaly: [] } as const

/** @throws ConfigError ERR_CACHE_OPTION */
export function checkCondition(condition: AlertCondition, path: string): void {
  const type = oneOf(
    'threshold',
    'rate_of_change',
    'absence',
    'anomaly',
  )((condition as Partial<AlertCondition> | undefined)?.type, `${path}.type`)
  readOptions<object>(condition, path, tables[type])
  for (const name of required[type]) {
    const reader = (tables[type] as Record<string, OptionReader<unknown>>)[name]
    reader?.((condition as unknown as Record<string, unknown>)[name], `${path}.${name}`)
  }
}

export function windowOf(condition: AlertCondition): number {
  const standard = condition.type === 'anomaly' ? '1h' : '5m'
  return duration(condition.window ?? standard, 'window')
}

/** What a condition says of samples at a time. Their order plays no part; those outside of the window and those that are no number are left out. */
export function judgeSamples(condition: AlertCondition, samples: readonly Sample[], now: number): Verdict {
  const from = now - windowOf(condition)
  const known = samples.filter(({ at, value }) => at > from && at <= now && Number.isFinite(value))
  const values = known.sort((one, other) => one.at - other.at).map(({ value }) => value)
  const last = values.at(-1)
  if (condition.type === 'absence') return { kind: last === undefined ? 'breached' : 'fine', value: last }
  if (last === undefined) return { kind: 'no-data', value: undefined }
  if (condition.type === 'threshold') {
    const value = measures[condition.of ?? 'last'](values)
    return verdict(comparisons[condition.operator](value, condition.value), value)
  }
  return condition.type === 'anomaly' ? judgeAnomaly(condition, values) : judgeChange(condition, values)
}

function judgeChange(
  { by, unit = 'percent', direction = 'both' }: Extract<AlertCondition, { readonly type: 'rate_of_change' }>,
  values: readonly number[],
): Verdict {
  const [first, last] = [values[0] as number, values.at(-1) as number]
  if (values.length < 2) return { kind: 'no-data', value: undefined }
  const difference = last - first
  // Any change from nothing is more than any percentage of it.
  const change = unit === 'absolute' || difference === 0 ? difference : (difference / Math.abs(first)) * 100
  const counted = { up: change, down: -change, both: Math.abs(change) }[direction]
  return verdict(counted > by, change)
}

function judgeAnomaly(
  { deviations = 3, minSamples = 10 }: Extract<AlertCondition, { readonly type: 'anomaly' }>,
  values: readonly number[],
): Verdict {
  const [before, last] = [values.slice(0, -1), values.at(-1) as number]
  if (before.length < minSamples) return { kind: 'no-data', value: last }
  const mean = average(before)
  const deviation = Math.sqrt(average(before.map((value) => (value - mean) ** 2)))
  return verdict(Math.abs(last - mean) > deviations * deviation, last)
}

function verdict(isBreached: boolean, value: number): Verdict {
  return { kind: isBreached ? 'breached' : 'fine', value: Number.isFinite(value) ? value : undefined }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function average(values: readonly number[]): number {
  return sum(values) / values.length
}

const measures = {
  last: (values: readonly number[]): number => values.at(-1) as number,
  avg: average,
  min: (values: readonly number[]): number => values.reduce((least, value) => Math.min(least, value)),
  max: (values: readonly number[]): number => values.reduce((most, value) => Math.max(most, value)),
  sum,
} as const

const comparisons = {
  '>': (one: number, other: number): boolean => one > other,
  '>=': (one: number, other: number): boolean => one >= other,
  '<': (one: number, other: number): boolean => one < other,
  '<=': (one: number, other: number): boolean => one <= other,
  '==': (one: number, other: number): boolean => one === other,
  '!=': (one: number, other: number): boolean => one !== other,
} as const
