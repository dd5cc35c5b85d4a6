import type { DurationMetric, MetricLabels } from '../metrics/metric.ts'
import { labelsKey, type LabelledValue } from './vector.ts'

/** Durations in buckets, as Prometheus keeps them: each bucket counts what is in those below it too. */
export class DurationCounts {
  readonly #metric: DurationMetric
  readonly #counts = new Map<string, { readonly labels: MetricLabels; readonly counts: number[] }>()

  constructor(metric: DurationMetric) {
    this.#metric = metric
  }

  observe(labels: MetricLabels, seconds: number): void {
    const key = labelsKey(labels, this.#metric.labels)
    let entry = this.#counts.get(key)
    if (entry === undefined) {
      entry = { labels, counts: Array.from({ length: this.#metric.buckets.length + 1 }, () => 0) }
      this.#counts.set(key, entry)
    }
    const index = this.#metric.buckets.findIndex((bound) => seconds <= bound)
    entry.counts[index === -1 ? this.#metric.buckets.length : index]!++
  }

  values(): readonly LabelledValue[] {
    const bounds = [...this.#metric.buckets.map(String), '+Inf']
    return [...this.#counts.values()].flatMap(({ labels, counts }) => {
      let sum = 0
      return counts.map((count, index) => ({ labels: { ...labels, le: bounds[index]! }, value: (sum += count) }))
    })
  }
}
