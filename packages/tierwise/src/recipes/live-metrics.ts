import { duration, positiveInteger, readOptions, shaped, text } from '../base/option-reader.ts'
import { systemRuntime, wallClock } from '../base/runtime.ts'
import type { Channel, Coordination } from '../coordination/index.ts'
import { CacheError } from '../index.ts'
import type { Duration, Runtime } from '../index.ts'
import {
  resolutionOf,
  resolutions,
  startOf,
  type MetricInterval,
  type MetricPoint,
  type Resolution,
} from './live-metrics/aggregates.ts'
import { eventStream, type EventStreamOptions } from './live-metrics/event-stream.ts'
import { Recorder, type PartsMessage } from './live-metrics/recorder.ts'
import {
  seriesMatcher,
  seriesOf,
  seriesText,
  type MetricLabels,
  type SeriesFilter,
  type SeriesName,
} from './live-metrics/series.ts'
import { SeriesStore } from './live-metrics/series-store.ts'
import {
  LiveSubscription,
  type MetricMessage,
  type MetricSubscription,
  type SubscribeOptions,
} from './live-metrics/subscription.ts'

export type {
  EventStreamOptions,
  MetricInterval,
  MetricLabels,
  MetricMessage,
  MetricPoint,
  MetricSubscription,
  SeriesFilter,
  SeriesName,
  SubscribeOptions,
}

/** What `liveMetrics` takes. */
export interface LiveMetricsOptions {
  /** Of the state: metrics of one name are one. @default 'metrics' */
  readonly name?: string
  /** How long values are added up here before they are brought to the store. @default '1s' */
  readonly flushEvery?: Duration
  /** Metrics with different labels that there may be, about; values of further ones are dropped. @default 10_000 */
  readonly maxSeries?: number
  /** Points that each subscriber is told in any minute; further ones are left out and counted. @default 1000 */
  readonly messagesPerMinute?: number
  /** @default '30s' */
  readonly heartbeat?: Duration
  /** Timers; for tests. @default those of Node */
  readonly runtime?: Partial<Pick<Runtime, 'timers'>>
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** Which points to read. */
export interface SnapshotRange extends SeriesFilter {
  /** Epoch milliseconds or a date. */
  readonly from: number | Date
  /** @default now */
  readonly to?: number | Date
  /** @default the finest that is still kept at `from` and has at most 1000 points in the range */
  readonly interval?: MetricInterval
}

/** The points of a series, in the order of time. Intervals in which nothing was recorded have none. */
export interface MetricSeries extends SeriesName {
  readonly interval: MetricInterval
  readonly points: readonly MetricPoint[]
}

/** How recording goes, in this process. */
export interface LiveMetricsStats {
  readonly series: number
  /** Parts of series that are not in the store yet. */
  readonly pending: number
  /** Values that were not recorded: too many series, or after `stop`. */
  readonly dropped: number
  /** Parts of series that were lost because the store could not be asked for too long. */
  readonly lost: number
}

/** Metrics of many processes, as series that are kept for a while and as they happen. */
export interface LiveMetrics extends AsyncDisposable {
  /**
   * Adds a value up in this process; it is in the store after `flushEvery`. Never fails for the store.
   *
   * @throws RangeError for a value that is not finite
   * @throws KeyError ERR_CACHE_KEY for a name or labels that are none
   */
  record(metric: string, value: number, labels?: MetricLabels): void
  /** Brings what was recorded to the store at once. False when it could not be asked; it is tried again. */
  flush(): Promise<boolean>
  /**
   * Tells the points of intervals as they end, and of those that are there already from `since` on. The listener must not throw.
   *
   * @throws TierError ERR_CACHE_UNAVAILABLE
   */
  subscribe(options: SubscribeOptions, listener: (message: MetricMessage) => void): Promise<MetricSubscription>
  /** As `subscribe`, as server-sent events: the body of a `Response`. Ends when it is cancelled. */
  eventStream(options?: EventStreamOptions): ReadableStream<Uint8Array>
  /**
   * Reads series. What other processes have not flushed yet is not in it.
   *
   * @throws RangeError for more than 10 000 points of a series
   * @throws TierError ERR_CACHE_UNAVAILABLE
   */
  snapshot(range: SnapshotRange): Promise<readonly MetricSeries[]>
  stats(): LiveMetricsStats
  /** Flushes, and ends what was subscribed. Idempotent. */
  stop(): Promise<void>
}

/**
 * Metrics that several processes record together, to be watched live and read later. Points of 1 s are kept for an hour, of
 * 5 s for a day, of 1 min for a week, of 5 min for 30 days, of 1 h for a year.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * await using metrics = liveMetrics(coordination)
 * metrics.record('orders.amount', 49.9, { region: 'eu' })
 * const [series] = await metrics.snapshot({ metrics: 'orders.*', from: Date.now() - 60_000 })
 */
export function liveMetrics(coordination: Coordination, options: LiveMetricsOptions = {}): LiveMetrics {
  return new SharedMetrics(coordination, options)
}

const path = 'liveMetrics'
const table = {
  name: text,
  flushEvery: duration,
  maxSeries: positiveInteger,
  messagesPerMinute: positiveInteger,
  heartbeat: duration,
  runtime: shaped('an object', (raw): raw is object => typeof raw === 'object' && raw !== null),
  now: shaped('a function', (raw): raw is () => number => typeof raw === 'function'),
}

const standardPoints = 1000
const mostPoints = 10_000

class SharedMetrics implements LiveMetrics {
  readonly #store: SeriesStore
  readonly #channel: Channel<PartsMessage>
  readonly #recorder: Recorder
  readonly #timers: Runtime['timers']
  readonly #now: () => number
  readonly #settings: { readonly graceMs: number; readonly messagesPerMinute: number; readonly heartbeatMs: number }
  readonly #subscriptions = new Set<LiveSubscription>()
  #isStopped = false

  constructor(coordination: Coordination, raw: LiveMetricsOptions) {
    const read = readOptions<{ flushEvery: number; heartbeat: number }>(raw, path, table as never)
    const { name = 'metrics', maxSeries = 10_000, messagesPerMinute = 1000, now = wallClock, runtime } = raw
    const flushMs = read.flushEvery ?? 1000
    const { timers } = { ...systemRuntime(), ...runtime }
    this.#store = new SeriesStore(coordination, name)
    this.#channel = coordination.channel(name, { failure: 'closed' })
    this.#timers = timers
    this.#now = now
    this.#settings = { graceMs: 2 * flushMs, messagesPerMinute, heartbeatMs: read.heartbeat ?? 30_000 }
    this.#recorder = new Recorder({ store: this.#store, channel: this.#channel, timers, now, flushMs, maxSeries })
  }

  record(metric: string, value: number, labels: MetricLabels = {}): void {
    if (!Number.isFinite(value)) throw new RangeError(`A value is ${value}; it must be a finite number.`)
    this.#recorder.record(seriesText(metric, labels), value)
  }

  flush(): Promise<boolean> {
    return this.#recorder.flush()
  }

  subscribe(options: SubscribeOptions, listener: (message: MetricMessage) => void): Promise<MetricSubscription> {
    return this.#subscribe(options, listener, () => {})
  }

  eventStream(options: EventStreamOptions = {}): ReadableStream<Uint8Array> {
    const { maxWaiting } = options
    if (maxWaiting !== undefined) positiveInteger(maxWaiting, 'eventStream.maxWaiting')
    return eventStream((listener, onEnd) => this.#subscribe(options, listener, onEnd), options)
  }

  async snapshot(range: SnapshotRange): Promise<readonly MetricSeries[]> {
    const [from, to] = [Number(range.from), Number(range.to ?? this.#now())]
    if (!Number.isFinite(from) || !Number.isFinite(to)) throw new RangeError('`from` and `to` are times.')
    const resolution = range.interval === undefined ? this.#resolutionFor(from, to) : resolutionOf(range.interval)
    if ((to - from) / resolution.ms > mostPoints)
      throw new RangeError(
        `The range has more than ${mostPoints} points of ${resolution.interval}; ask for less, or for longer intervals.`,
      )
    // A key may outlive its points by less than its length.
    const kept = Math.max(from, startOf(this.#now() - resolution.keepMs, resolution))
    const names = (await this.#store.names()).filter(seriesMatcher(range)).sort()
    const found = await Promise.all(
      names.map(async (series) => ({
        ...seriesOf(series),
        interval: resolution.interval,
        points: kept > to ? [] : await this.#store.read(series, { resolution, from: kept, to }),
      })),
    )
    return found.filter(({ points }) => points.length > 0)
  }

  stats(): LiveMetricsStats {
    const { series, pending, dropped, lost } = this.#recorder
    return { series, pending, dropped, lost }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#recorder.stop()
    await Promise.all(Array.from(this.#subscriptions, (subscription) => subscription.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #subscribe(
    options: SubscribeOptions,
    listener: (message: MetricMessage) => void,
    onEnd: () => void,
  ): Promise<MetricSubscription> {
    if (this.#isStopped)
      throw new CacheError('These metrics were stopped.', { code: 'ERR_CACHE_STOPPED', operation: 'subscribe' })
    const subscription: LiveSubscription = new LiveSubscription({
      ...this.#settings,
      store: this.#store,
      channel: this.#channel,
      timers: this.#timers,
      now: this.#now,
      options,
      listener,
      onClose: () => {
        this.#subscriptions.delete(subscription)
        onEnd()
      },
    })
    this.#subscriptions.add(subscription)
    try {
      return await subscription.open()
    } catch (error) {
      this.#subscriptions.delete(subscription)
      throw error
    }
  }

  #resolutionFor(from: number, to: number): Resolution {
    const age = this.#now() - from
    const fits = ({ ms, keepMs }: Resolution): boolean => age <= keepMs && (to - from) / ms <= standardPoints
    return resolutions.find(fits) ?? (resolutions.at(-1) as Resolution)
  }
}
