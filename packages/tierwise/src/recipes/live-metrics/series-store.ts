import type { Coordination, Hash, MemberSet } from '../../coordination/index.ts'
import { pointOf, startOf, type Aggregate, type MetricPoint, type Resolution } from './aggregates.ts'
import { digestOfSeries } from './series.ts'

/** What one writer has added up in an interval. Its own field, which only it writes: nothing is read to be changed. */
export interface Part {
  readonly series: string
  /** Beginning of the interval, epoch milliseconds. */
  readonly at: number
  /** Unlike that of any other writer. */
  readonly writer: string
  readonly aggregate: Aggregate
}

/** Which points. Epoch milliseconds, both included. */
export interface PointRange {
  readonly resolution: Resolution
  readonly from: number
  readonly to: number
}

/** Intervals that share a key. */
const perBlock = 60
/** Much longer than any point is kept. */
const indexedMs = 400 * 86_400_000

/**
 * Series in a store. A key has the parts of 60 intervals, a field for each interval and writer, and ends by itself. A part is
 * written as a whole, so writing it again changes nothing, and a step of which nobody knows whether it was taken is taken
 * again.
 */
export class SeriesStore {
  readonly #parts: Hash<Record<string, Aggregate>>
  readonly #index: MemberSet

  constructor(coordination: Coordination, name: string) {
    this.#parts = coordination.hash(`${name}.series`, { failure: 'closed' })
    this.#index = coordination.memberSet(`${name}.names`, { failure: 'closed' })
  }

  /** All names. */
  names(): Promise<readonly string[]> {
    return this.#index.members('all')
  }

  /** Which of some series may be written: those that are known, and new ones while there are fewer than `most`. About: processes may come at once. */
  async admit(names: readonly string[], most: number): Promise<ReadonlySet<string>> {
    const [known, count] = await Promise.all([this.#index.hasMany('all', names), this.#index.count('all')])
    let room = Math.max(0, most - count)
    const admitted = names.filter((_, i) => known[i] === true || room-- > 0)
    await this.#index.addMany('all', admitted, { ttl: indexedMs })
    return new Set(admitted)
  }

  async write(resolution: Resolution, parts: readonly Part[]): Promise<void> {
    const byKey = new Map<string, Record<string, Aggregate>>()
    for (const { series, at, writer, aggregate } of parts) {
      const key = keyOf(series, resolution, blockOf(at, resolution))
      const fields = byKey.get(key) ?? {}
      fields[`${at / resolution.ms}:${writer}`] = aggregate
      byKey.set(key, fields)
    }
    const ttl = resolution.keepMs + perBlock * resolution.ms
    await Promise.all(Array.from(byKey, ([key, fields]) => this.#parts.set(key, fields, { ttl })))
  }

  /** In the order of time. */
  async read(series: string, { resolution, from, to }: PointRange): Promise<readonly MetricPoint[]> {
    const [first, last] = [blockOf(from, resolution), blockOf(to, resolution)]
    const keys = Array.from({ length: last - first + 1 }, (_, i) => keyOf(series, resolution, first + i))
    const blocks = await Promise.all(keys.map((key) => this.#parts.get(key)))
    const parts = new Map<number, Aggregate[]>()
    for (const [field, aggregate] of blocks.flatMap((block) => Object.entries(block ?? {}))) {
      const at = Number(field.slice(0, field.indexOf(':'))) * resolution.ms
      if (at < startOf(from, resolution) || at > to || aggregate === undefined) continue
      parts.set(at, [...(parts.get(at) ?? []), aggregate])
    }
    const points = Array.from(parts, ([at, all]) => pointOf(at, all)).filter((point) => point !== undefined)
    return points.sort((one, other) => one.at - other.at)
  }
}

function blockOf(at: number, { ms }: Resolution): number {
  return Math.floor(at / (ms * perBlock))
}

function keyOf(series: string, { interval }: Resolution, block: number): string {
  return `${interval}:${block}:${digestOfSeries(series)}`
}
