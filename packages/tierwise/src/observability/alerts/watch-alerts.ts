import { duration, optionError, readOptions, shaped } from '../../base/option-reader.ts'
import { systemRuntime } from '../../base/runtime.ts'
import type { CacheManager } from '../../contract/cache.ts'
import type { Duration } from '../../contract/options.ts'
import type { Runtime, Timer } from '../../contract/runtime.ts'
import type { MetricSourceOptions } from '../metrics/metric-source.ts'
import { sourceOptions } from '../metrics/source-options.ts'
import type { AlertRule } from './alert-rule.ts'
import { History } from './history.ts'
import { alertRules } from './rules.ts'
import { SeriesReader } from './series-reader.ts'
import { labelsKey, type LabelledValue } from './vector.ts'

/** Something that somebody is told of. */
export interface Alert {
  readonly rule: AlertRule
  /** `pending`: the condition holds, but not for long enough yet. */
  readonly state: 'pending' | 'firing' | 'resolved'
  /** What it is about: a tier, a kind of operations, a namespace. */
  readonly labels: Readonly<Record<string, string>>
  /** Of the condition, when it last held. */
  readonly value: number
  /** Since when the condition holds, or held; epoch milliseconds. */
  readonly since: number
  readonly at: number
}

/** What `watchAlerts` takes. */
export interface WatchAlertsOptions extends Pick<MetricSourceOptions, 'auditor' | 'coordination'> {
  /** What is looked at. @default alertRules() */
  readonly rules?: readonly AlertRule[]
  /** Time between two looks. @default '15s' */
  readonly interval?: Duration
  /** Told once when an alert fires, and once when it is resolved. What it throws becomes a warning of the process. */
  readonly onAlert: (alert: Alert) => void
  /** Clock and timers; for tests. @default those of Node */
  readonly runtime?: Partial<Runtime>
}

/** Looks at the rules in process. */
export interface AlertWatcher {
  /** Those that are pending or firing. */
  readonly alerts: readonly Alert[]
  /** Looks now, besides the looks that are due. */
  check(): Promise<void>
  /** Also done when the manager stops. Nothing is told of what was firing. */
  stop(): void
}

const isFunction = (raw: unknown): raw is (alert: Alert) => void => typeof raw === 'function'
const isObject = (raw: unknown): raw is object => typeof raw === 'object' && raw !== null

const table = {
  rules: shaped('a list of rules', (raw): raw is readonly AlertRule[] => Array.isArray(raw)),
  interval: duration,
  onAlert: shaped('a function', isFunction),
  auditor: sourceOptions.auditor,
  coordination: sourceOptions.coordination,
  runtime: shaped('an object', (raw): raw is Partial<Runtime> => isObject(raw)),
}

/**
 * Looks at alert rules in process, once in an interval, for those without a Prometheus. What it compares are the same
 * metrics, of this process alone.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const watcher = watchAlerts(manager, { onAlert: ({ rule, state }) => console.error(rule.name, state) })
 * watcher.stop()
 */
export function watchAlerts(manager: CacheManager, options: WatchAlertsOptions): AlertWatcher {
  const {
    onAlert,
    rules = alertRules(),
    interval = 15_000,
    auditor,
    coordination,
    runtime,
  } = readOptions(options, 'watchAlerts', table)
  if (onAlert === undefined) throw optionError('watchAlerts.onAlert', undefined, 'a function')
  const series = rules.flatMap(({ condition }) => condition.series)
  const parts = { ...(auditor && { auditor }), ...(coordination && { coordination }) }
  const reader = new SeriesReader(manager, series, parts)
  const history = new History(series, Math.max(0, ...rules.map(({ condition }) => condition.windowMs)))
  return new Watcher({
    manager,
    rules,
    reader,
    history,
    onAlert,
    interval,
    runtime: { ...systemRuntime(), ...runtime },
  })
}

interface Watched {
  readonly manager: CacheManager
  readonly rules: readonly AlertRule[]
  readonly reader: SeriesReader
  readonly history: History
  readonly onAlert: (alert: Alert) => void
  readonly interval: number
  readonly runtime: Runtime
}

class Watcher implements AlertWatcher {
  readonly #watched: Watched
  readonly #timer: Timer
  readonly #unlisten: () => void
  #active = new Map<string, Alert>()
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(watched: Watched) {
    this.#watched = watched
    const { manager, runtime, interval } = watched
    this.#timer = runtime.timers.every(interval, () => void this.check().catch(warn))
    // A manager that is stopped on purpose is not ready, and that is no news.
    this.#unlisten = manager.on('lifecycle', ({ state }) => {
      if (state === 'stopping') this.stop()
    })
    void this.check().catch(warn)
  }

  get alerts(): readonly Alert[] {
    return [...this.#active.values()]
  }

  check(): Promise<void> {
    this.#running ??= this.#look().finally(() => (this.#running = undefined))
    return this.#running
  }

  stop(): void {
    this.#isStopped = true
    this.#timer.cancel()
    this.#unlisten()
    this.#watched.reader.stop()
  }

  async #look(): Promise<void> {
    const { reader, history, runtime, rules } = this.#watched
    const read = await reader.take()
    if (this.#isStopped) return
    const at = runtime.clock.now()
    history.add(at, read)
    const before = this.#active
    this.#active = new Map()
    for (const [index, rule] of rules.entries()) {
      for (const found of rule.condition.evaluate(history).values()) {
        const key = `${index} ${labelsKey(found.labels, Object.keys(found.labels).toSorted())}`
        this.#active.set(key, this.#stateOf({ rule, found, at, before: before.get(key) }))
      }
    }
    for (const [key, alert] of before)
      if (alert.state === 'firing' && !this.#active.has(key)) this.#tell({ ...alert, state: 'resolved', at })
  }

  #stateOf({ rule, found, at, before }: Sighting): Alert {
    const since = before?.since ?? at
    const state = at - since >= rule.forMs ? 'firing' : 'pending'
    const alert: Alert = { rule, state, labels: found.labels, value: found.value, since, at }
    if (state === 'firing' && before?.state !== 'firing') this.#tell(alert)
    return alert
  }

  #tell(alert: Alert): void {
    try {
      this.#watched.onAlert(alert)
    } catch (error) {
      warn(error)
    }
  }
}

interface Sighting {
  readonly rule: AlertRule
  readonly found: LabelledValue
  readonly at: number
  readonly before: Alert | undefined
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
