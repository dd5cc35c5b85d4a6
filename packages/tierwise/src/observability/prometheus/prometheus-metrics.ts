import { register as defaultRegister } from 'prom-client'
import type { Registry } from 'prom-client'
import { readOptions, shaped } from '../../base/option-reader.ts'
import type { CacheManager } from '../../contract/cache.ts'
import { defaultPrefix } from '../metrics/list.ts'
import { ownLabels, sourceOptions } from '../metrics/source-options.ts'
import { MetricSource, type MetricSourceOptions } from '../metrics/metric-source.ts'
import { Exporter, type ExportedManager } from './exporter.ts'

/** What `prometheusMetrics` takes. */
export interface PrometheusOptions extends MetricSourceOptions {
  /** Where the metrics go. @default the default registry of prom-client */
  readonly register?: Registry
  /** What their names begin with. @default 'tierwise_' */
  readonly prefix?: string
  /** Labels of every value; several managers in one registry need one that differs, such as `manager`. @default none */
  readonly labels?: Readonly<Record<string, string>>
}

/** Metrics of a manager in a registry. */
export interface PrometheusMetrics {
  readonly register: Registry
  /** Takes the metrics out of the registry, and stops listening. Idempotent. */
  stop(): void
}

const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

const table = {
  register: shaped('a registry of prom-client', (raw): raw is Registry => isObject(raw) && 'registerMetric' in raw),
  prefix: shaped('the beginning of a name', (raw): raw is string => /^[a-zA-Z_:][\w:]*$/.test(String(raw))),
  labels: ownLabels,
  ...sourceOptions,
}

/** By registry and prefix: what a registry holds outlives the call that put it there. */
const exporters = new WeakMap<Registry, Map<string, Exporter>>()

/**
 * Puts the metrics of a manager into a registry of `prom-client`. Counters are read from `analytics()` when the registry is
 * asked for its metrics, once for all of them; durations come from the events `tier-operation` and `load`.
 *
 * @throws ConfigError ERR_CACHE_OPTION for wrong options, names that are taken, and managers that are not told apart
 * @example
 * const { register } = prometheusMetrics(manager)
 * console.log((await register.metrics()).includes('tierwise_gets_total')) // => true
 */
export function prometheusMetrics(manager: CacheManager, options: PrometheusOptions = {}): PrometheusMetrics {
  const read = readOptions(options, 'prometheusMetrics', table)
  const { register = defaultRegister, prefix = defaultPrefix, labels: own = {} } = read
  const ofRegister = exporters.get(register) ?? new Map<string, Exporter>()
  exporters.set(register, ofRegister)
  const exporter = ofRegister.get(prefix) ?? new Exporter(register, prefix, Object.keys(own))
  const exported: ExportedManager = { source: new MetricSource(manager, read), labels: own }
  exporter.add(exported)
  ofRegister.set(prefix, exporter)
  let isStopped = false
  const stop = (): void => {
    if (isStopped) return
    isStopped = true
    if (exporter.remove(exported)) ofRegister.delete(prefix)
  }
  return { register, stop }
}
