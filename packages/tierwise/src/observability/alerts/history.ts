import type { Series } from './expression.ts'
import { gather, labelsKey, type LabelledValue, type Vector } from './vector.ts'

/** The series at one time, in the order of the history. */
interface Reading {
  readonly at: number
  readonly vectors: readonly Vector[]
}

/** What was read of some series, as far back as is asked for. */
export class History {
  readonly #series: readonly Series[]
  readonly #longestMs: number
  #readings: Reading[] = []

  constructor(series: readonly Series[], longestMs: number) {
    this.#series = series
    this.#longestMs = longestMs
  }

  /** `read` gives a series as of now, epoch milliseconds `at`. */
  add(at: number, read: (series: Series) => Vector): void {
    this.#readings.push({ at, vectors: this.#series.map(read) })
    // One from before the window stays: it is where the window begins.
    const first = this.#readings.findLastIndex((reading) => reading.at <= at - this.#longestMs)
    if (first > 0) this.#readings.splice(0, first)
  }

  latest(series: Series): Vector {
    return this.#vectorOf(this.#readings.at(-1), series)
  }

  highest(series: Series, windowMs: number): Vector {
    const now = this.#readings.at(-1)?.at ?? 0
    const recent = this.#readings.filter(({ at }) => at >= now - windowMs)
    const values = recent.flatMap((reading) => [...this.#vectorOf(reading, series).values()])
    return gather(values, series.by, Math.max)
  }

  /** Growth in a second, from the oldest reading in the window to now. Nothing before there are two readings. */
  perSecond(series: Series, windowMs: number): Vector {
    const last = this.#readings.at(-1)
    const first = last && this.#readings.find(({ at }) => at >= last.at - windowMs)
    if (last === undefined || first === undefined || first === last) return new Map()
    const before = this.#vectorOf(first, series)
    const seconds = (last.at - first.at) / 1000
    const growth = (key: string, { labels, value }: LabelledValue): [string, LabelledValue] => [
      key,
      { labels, value: (value - (before.get(key)?.value ?? 0)) / seconds },
    ]
    return new Map([...this.#vectorOf(last, series)].map(([key, each]) => growth(key, each)))
  }

  /** As `histogram_quantile` of Prometheus: linear within a bucket, the last bound for what is beyond it. */
  quantile(series: Series, { share, windowMs }: { readonly share: number; readonly windowMs: number }): Vector {
    const groups = new Map<string, LabelledValue[]>()
    for (const bucket of this.perSecond(series, windowMs).values()) {
      const key = labelsKey(bucket.labels, series.by)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [bucket])
      else group.push(bucket)
    }
    const result = new Map<string, LabelledValue>()
    for (const [key, buckets] of groups) {
      const value = quantileOf(buckets, share)
      const { le: _, ...labels } = buckets[0]!.labels
      if (value !== undefined) result.set(key, { labels, value })
    }
    return result
  }

  #vectorOf(reading: Reading | undefined, series: Series): Vector {
    return reading?.vectors[this.#series.indexOf(series)] ?? new Map<string, LabelledValue>()
  }
}

function quantileOf(buckets: readonly LabelledValue[], share: number): number | undefined {
  const bounds = buckets
    .map(({ labels, value }) => ({ bound: labels['le'] === '+Inf' ? Infinity : Number(labels['le']), count: value }))
    .toSorted((a, b) => a.bound - b.bound)
  const all = bounds.at(-1)?.count ?? 0
  if (all === 0) return undefined
  const rank = share * all
  const index = bounds.findIndex(({ count }) => count >= rank)
  const { bound, count } = bounds[index]!
  const { bound: lower, count: below } = bounds[index - 1] ?? { bound: 0, count: 0 }
  if (bound === Infinity) return lower
  return lower + (bound - lower) * ((rank - below) / (count - below))
}
