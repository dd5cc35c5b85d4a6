import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'
import { ConfigError } from '../../errors.ts'
import { metrics } from '../metrics/list.ts'
import type { DurationMetric, ReadMetric } from '../metrics/metric.ts'
import type { MetricSource } from '../metrics/metric-source.ts'

/** One manager among those of a registry. */
export interface ExportedManager {
  readonly source: MetricSource
  readonly labels: Readonly<Record<string, string>>
}

/** The metrics of the managers that share a registry and a prefix: a registry takes each name once. */
export class Exporter {
  readonly #register: Registry
  readonly #prefix: string
  readonly #labelNames: readonly string[]
  readonly #managers = new Map<ExportedManager, readonly (() => void)[]>()
  readonly #histograms: readonly (readonly [DurationMetric, Histogram])[]

  constructor(register: Registry, prefix: string, labelNames: readonly string[]) {
    this.#register = register
    this.#prefix = prefix
    this.#labelNames = labelNames
    this.#refuseTakenNames()
    this.#histograms = metrics.flatMap((metric) => {
      if (metric.type === 'histogram') return [[metric, this.#histogramOf(metric)] as const]
      this.#makeReader(metric)
      return []
    })
  }

  /** @throws ConfigError ERR_CACHE_OPTION when its labels do not tell it from the others */
  add(manager: ExportedManager): void {
    this.#refuseAlike(manager)
    const stops = this.#histograms.map(([metric, histogram]) =>
      manager.source.watch(metric, (labels, seconds) => histogram.observe({ ...manager.labels, ...labels }, seconds)),
    )
    this.#managers.set(manager, stops)
  }

  /** Returns whether none is left; the registry knows nothing of it then. */
  remove(manager: ExportedManager): boolean {
    for (const stop of this.#managers.get(manager) ?? []) stop()
    this.#managers.delete(manager)
    if (this.#managers.size > 0) return false
    for (const { name } of metrics) this.#register.removeSingleMetric(this.#prefix + name)
    return true
  }

  #makeReader(metric: ReadMetric): void {
    const { managers, collect } = { managers: this.#managers, collect: collectInto }
    const configuration = {
      ...this.#configurationOf(metric),
      async collect(this: Counter | Gauge) {
        await collect(this, metric, [...managers.keys()])
      },
    }
    if (metric.type === 'counter') new Counter(configuration)
    else new Gauge(configuration)
  }

  #histogramOf(metric: DurationMetric): Histogram {
    return new Histogram({ ...this.#configurationOf(metric), buckets: [...metric.buckets] })
  }

  #configurationOf({ name, help, labels }: ReadMetric | DurationMetric): {
    name: string
    help: string
    labelNames: string[]
    registers: Registry[]
  } {
    return {
      name: this.#prefix + name,
      help,
      labelNames: [...this.#labelNames, ...labels],
      registers: [this.#register],
    }
  }

  #refuseTakenNames(): void {
    const taken = metrics.find(({ name }) => this.#register.getSingleMetric(this.#prefix + name) !== undefined)
    if (taken !== undefined)
      throw refused(
        `The registry has a metric \`${this.#prefix}${taken.name}\` already, which is not of this exporter. Choose another \`prefix\` or \`register\`.`,
      )
  }

  #refuseAlike({ labels }: ExportedManager): void {
    const names = Object.keys(labels).toSorted().join(', ')
    const known = this.#labelNames.toSorted().join(', ')
    if (names !== known)
      throw refused(
        `Managers that share a registry need the same \`labels\`: this one has ${names || 'none'}, the others have ${known || 'none'}.`,
      )
    const isAlike = (other: ExportedManager): boolean =>
      this.#labelNames.every((name) => other.labels[name] === labels[name])
    if ([...this.#managers.keys()].some(isAlike))
      throw refused(
        "The registry has a manager with the same `labels` already, and their numbers would be mixed up. Tell them apart, for example with `labels: { manager: 'orders' }`, or give each a `register` of its own.",
      )
  }
}

async function collectInto(
  into: Counter | Gauge,
  metric: ReadMetric,
  managers: readonly ExportedManager[],
): Promise<void> {
  const read = async ({ source, labels }: ExportedManager): Promise<(() => void)[]> =>
    source.read(metric, await source.snapshot()).map((sample) => () => {
      const all = { ...labels, ...sample.labels }
      if (into instanceof Counter) into.inc(all, sample.value)
      else into.set(all, sample.value)
    })
  const writes = await Promise.all(managers.map(read))
  into.reset()
  for (const write of writes.flat()) write()
}

function refused(message: string): ConfigError {
  return new ConfigError(message, { code: 'ERR_CACHE_OPTION' })
}
