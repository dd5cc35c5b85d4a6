import { metrics as api } from '@opentelemetry/api'
import type { BatchObservableResult, Histogram, Meter, Observable } from '@opentelemetry/api'
import { readOptions, shaped } from '../../base/option-reader.ts'
import type { CacheManager } from '../../contract/cache.ts'
import { metrics } from '../metrics/list.ts'
import type { Metric, ReadMetric } from '../metrics/metric.ts'
import { ownLabels, sourceOptions } from '../metrics/source-options.ts'
import { MetricSource, type MetricSourceOptions } from '../metrics/metric-source.ts'

/** What `openTelemetryMetrics` takes. */
export interface OpenTelemetryMetricsOptions extends MetricSourceOptions {
  /** Where the instruments are made. @default the meter `tierwise` of the global provider */
  readonly meter?: Meter
  /** Attributes of every value, such as a name that tells managers apart. @default none */
  readonly attributes?: Readonly<Record<string, string>>
}

const table = {
  meter: shaped('a meter', (raw): raw is Meter => typeof raw === 'object' && raw !== null && 'createHistogram' in raw),
  attributes: ownLabels,
  ...sourceOptions,
}

/** Tells instruments and spans to end. */
export interface OpenTelemetryExport {
  /** Idempotent. */
  stop(): void
}

/**
 * Gives the metrics of a manager to OpenTelemetry. Counters and gauges are observed, all from one count for each
 * collection; durations are histograms. An exporter that makes Prometheus names of them makes the same names as
 * `tierwise/prometheus`.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const { stop } = openTelemetryMetrics(manager)
 * stop()
 */
export function openTelemetryMetrics(
  manager: CacheManager,
  options: OpenTelemetryMetricsOptions = {},
): OpenTelemetryExport {
  const read = readOptions(options, 'openTelemetryMetrics', table)
  const { meter = api.getMeter('tierwise'), attributes = {} } = read
  const source = new MetricSource(manager, read)
  const instruments: (readonly [ReadMetric, Observable])[] = []
  const stops: (() => void)[] = []
  for (const metric of metrics) {
    if (metric.type === 'histogram') {
      const histogram = histogramOf(meter, metric)
      stops.push(source.watch(metric, (labels, seconds) => histogram.record(seconds, { ...attributes, ...labels })))
    } else instruments.push([metric, observableOf(meter, metric)])
  }
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const snapshot = await source.snapshot()
    for (const [metric, instrument] of instruments)
      for (const { labels, value } of source.read(metric, snapshot))
        result.observe(instrument, value, { ...attributes, ...labels })
  }
  const all = instruments.map(([, instrument]) => instrument)
  meter.addBatchObservableCallback(observe, all)
  const stop = (): void => {
    meter.removeBatchObservableCallback(observe, all)
    for (const each of stops.splice(0)) each()
  }
  return { stop }
}

function observableOf(meter: Meter, metric: ReadMetric): Observable {
  const { name, options } = described(metric)
  return metric.type === 'counter'
    ? meter.createObservableCounter(name, options)
    : meter.createObservableGauge(name, options)
}

function histogramOf(meter: Meter, metric: Extract<Metric, { type: 'histogram' }>): Histogram {
  const { name, options } = described(metric)
  return meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...metric.buckets] } })
}

const unitCodes = { seconds: 's', bytes: 'By' } as const

/** Units are no part of names here, nor is the kind. */
function described({ name, help, unit }: Metric): { name: string; options: { description: string; unit?: string } } {
  const plain = name.replace(/_total$/, '')
  const bare = unit === undefined ? plain : plain.replace(new RegExp(`_${unit}$`), '')
  return {
    name: `tierwise.${bare}`,
    options: { description: help, ...(unit === undefined ? {} : { unit: unitCodes[unit] }) },
  }
}
