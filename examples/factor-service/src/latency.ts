import { createHistogram } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'

/** Milliseconds. */
export interface LatencySummary {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** How long answers took, apart for each of the places they came from. */
export class Latency {
  readonly #histograms = new Map<string, RecordableHistogram>()

  record(place: string, ms: number): void {
    let histogram = this.#histograms.get(place)
    if (histogram === undefined) this.#histograms.set(place, (histogram = createHistogram()))
    // The histogram takes whole numbers from 1 on, so it counts microseconds.
    histogram.record(Math.max(1, Math.round(ms * 1000)))
  }

  summary(): Readonly<Record<string, LatencySummary>> {
    return Object.fromEntries([...this.#histograms].map(([place, histogram]) => [place, summarize(histogram)]))
  }
}

function summarize(histogram: RecordableHistogram): LatencySummary {
  const [p50, p95, p99] = [50, 95, 99].map((share) => histogram.percentile(share) / 1000) as [number, number, number]
  return { count: histogram.count, p50, p95, p99 }
}
