import type { CacheManager } from '../../contract/cache.ts'
import { metrics } from '../metrics/list.ts'
import type { Metric, MetricSnapshot, ReadMetric } from '../metrics/metric.ts'
import { MetricSource, type MetricSourceOptions } from '../metrics/metric-source.ts'
import { DurationCounts } from './duration-counts.ts'
import type { Series } from './expression.ts'
import { gather, type LabelledValue, type Vector } from './vector.ts'

/** Reads series of one manager, in process. Listens to events only where the series are of durations. */
export class SeriesReader {
  readonly #source: MetricSource
  readonly #durations = new Map<string, DurationCounts>()
  readonly #stops: readonly (() => void)[]

  constructor(manager: CacheManager, series: readonly Series[], options: MetricSourceOptions) {
    this.#source = new MetricSource(manager, options)
    const named = [...new Set(series.map(({ metric }) => metric))].map((name) => metricOf(name))
    this.#stops = named.flatMap((metric) => {
      if (metric.type !== 'histogram') return []
      const counts = new DurationCounts(metric)
      this.#durations.set(metric.name, counts)
      return [this.#source.watch(metric, (labels, seconds) => counts.observe(labels, seconds))]
    })
  }

  /** Everything as of now, and how to read series of it. */
  async take(): Promise<(series: Series) => Vector> {
    const snapshot = await this.#source.snapshot()
    return (series) => this.#read(series, snapshot)
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #read(series: Series, snapshot: MetricSnapshot): Vector {
    const metric = metricOf(series.metric)
    const values = this.#valuesOf(metric, snapshot).filter(({ labels }) => fits(labels, series.match))
    if (metric.type === 'gauge') return gather(values, series.by, Math.max)
    const names = metric.type === 'histogram' ? [...series.by, 'le'] : series.by
    return gather(values, names, (a, b) => a + b)
  }

  #valuesOf(metric: Metric, snapshot: MetricSnapshot): readonly LabelledValue[] {
    if (metric.type === 'histogram') return this.#durations.get(metric.name)?.values() ?? []
    return this.#source.read(metric satisfies ReadMetric, snapshot) as readonly LabelledValue[]
  }
}

function metricOf(name: string): Metric {
  const plain = name.replace(/_bucket$/, '')
  const metric = metrics.find((each) => each.name === plain)
  if (metric === undefined) throw new Error(`There is no metric ${name}`)
  return metric
}

/** Patterns hold for the whole of a value, as in PromQL. */
function fits(labels: Readonly<Record<string, string>>, match: Series['match']): boolean {
  return Object.entries(match).every(([name, pattern]) => new RegExp(`^(?:${pattern})$`).test(labels[name] ?? ''))
}
