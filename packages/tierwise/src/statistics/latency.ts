import { createHistogram } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'
import type { LatencySummary } from '../contract/analytics.ts'

const microsecond = 1e-3
const nanosecond = 1e-6
const hourMs = 3_600_000

/**
 * Times in fixed memory: Node's HDR histogram with two significant digits, about 20 KB. A percentile is at most 1 % off;
 * what is shorter than the unit counts as one unit, what is longer than an hour (or ten seconds, in nanoseconds) as that.
 */
export class Latency {
  readonly #unitMs: number
  readonly #most: number
  readonly #histogram: RecordableHistogram

  private constructor(unitMs: number, mostMs: number) {
    this.#unitMs = unitMs
    this.#most = Math.round(mostMs / unitMs)
    this.#histogram = createHistogram({ lowest: 1, highest: this.#most, figures: 2 })
  }

  /** For what leaves the process: in microseconds, up to an hour. */
  static ofOperations(): Latency {
    return new Latency(microsecond, hourMs)
  }

  /** For what stays in memory: in nanoseconds, up to ten seconds. */
  static ofMemory(): Latency {
    return new Latency(nanosecond, 10_000)
  }

  record(ms: number): void {
    this.#histogram.record(Math.min(this.#most, Math.max(1, Math.round(ms / this.#unitMs))))
  }

  /** Undefined before the first. */
  get summary(): LatencySummary | undefined {
    const { count, mean, max } = this.#histogram
    if (count === 0) return undefined
    return {
      count,
      meanMs: mean * this.#unitMs,
      p50Ms: this.#percentile(50),
      p95Ms: this.#percentile(95),
      p99Ms: this.#percentile(99),
      p999Ms: this.#percentile(99.9),
      maxMs: max * this.#unitMs,
    }
  }

  #percentile(percent: number): number {
    return this.#histogram.percentile(percent) * this.#unitMs
  }
}
