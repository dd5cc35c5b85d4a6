/** How long points are: the intervals of a series. */
export type MetricInterval = '1s' | '5s' | '1m' | '5m' | '1h'

/** An interval, and how long its points are kept. In milliseconds. */
export interface Resolution {
  readonly interval: MetricInterval
  readonly ms: number
  readonly keepMs: number
}

const dayMs = 86_400_000

/** From the finest on. */
export const resolutions: readonly Resolution[] = [
  { interval: '1s', ms: 1000, keepMs: 3_600_000 },
  { interval: '5s', ms: 5000, keepMs: dayMs },
  { interval: '1m', ms: 60_000, keepMs: 7 * dayMs },
  { interval: '5m', ms: 300_000, keepMs: 30 * dayMs },
  { interval: '1h', ms: 3_600_000, keepMs: 365 * dayMs },
]

export function resolutionOf(interval: MetricInterval): Resolution {
  const found = resolutions.find((each) => each.interval === interval)
  if (found === undefined) throw new RangeError("An interval is '1s', '5s', '1m', '5m' or '1h'.")
  return found
}

/** What was recorded in an interval. `at` is its beginning, epoch milliseconds. */
export interface MetricPoint {
  readonly at: number
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly avg: number
  /** The value that was recorded last. */
  readonly last: number
}

/** Values that were added up: count, sum, min, max, last, and when that was. */
export type Aggregate = readonly [count: number, sum: number, min: number, max: number, last: number, lastAt: number]

export function aggregateOf(value: number, at: number): Aggregate {
  return [1, value, value, value, value, at]
}

export function merge(one: Aggregate, other: Aggregate): Aggregate {
  const later = other[5] >= one[5] ? other : one
  return [
    one[0] + other[0],
    one[1] + other[1],
    Math.min(one[2], other[2]),
    Math.max(one[3], other[3]),
    later[4],
    later[5],
  ]
}

/** Undefined for nothing. */
export function pointOf(at: number, parts: Iterable<Aggregate>): MetricPoint | undefined {
  let all: Aggregate | undefined
  for (const part of parts) all = all === undefined ? part : merge(all, part)
  if (all === undefined) return undefined
  const [count, sum, min, max, last] = all
  return { at, count, sum, min, max, avg: sum / count, last }
}

export function startOf(at: number, { ms }: Pick<Resolution, 'ms'>): number {
  return Math.floor(at / ms) * ms
}
