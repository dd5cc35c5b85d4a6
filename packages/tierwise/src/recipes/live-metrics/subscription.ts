import type { Channel, Subscription } from '../../coordination/index.ts'
import type { Runtime, Timer } from '../../index.ts'
import {
  pointOf,
  resolutionOf,
  startOf,
  type Aggregate,
  type MetricInterval,
  type MetricPoint,
  type Resolution,
} from './aggregates.ts'
import type { PartsMessage } from './recorder.ts'
import { seriesMatcher, seriesOf, type SeriesFilter, type SeriesName } from './series.ts'
import type { SeriesStore } from './series-store.ts'

/** What a subscriber is told. */
export type MetricMessage =
  /** An interval that is over. Told again, with the same `at`, when more of it came late: it replaces what was told before. */
  | (SeriesName & MetricPoint & { readonly type: 'point'; readonly interval: MetricInterval })
  /** `dropped`: points that were left out since the start, because there were too many. */
  | { readonly type: 'heartbeat'; readonly at: number; readonly dropped: number }

/** How to subscribe. */
export interface SubscribeOptions extends SeriesFilter {
  /** @default '1s' */
  readonly interval?: MetricInterval
  /** Begin with the intervals from then on, epoch milliseconds, as far as they are kept: for a client that comes back. At most 1000 of them. @default now */
  readonly since?: number
}

/** Ends a subscription. */
export interface MetricSubscription extends AsyncDisposable {
  /** Points that were left out. */
  readonly dropped: number
  /** Idempotent. */
  close(): Promise<void>
}

export interface LiveSubscriptionParts {
  readonly store: SeriesStore
  readonly channel: Channel<PartsMessage>
  readonly timers: Runtime['timers']
  readonly now: () => number
  /** After the end of an interval, what writers have in hand then may still come. */
  readonly graceMs: number
  readonly messagesPerMinute: number
  readonly heartbeatMs: number
  readonly options: SubscribeOptions
  readonly listener: (message: MetricMessage) => void
  readonly onClose: () => void
}

const mostIntervals = 1000
/** Intervals that may still get late parts by message; later ones are in the series. */
const keptIntervals = 3
/** Intervals of which it is known what was told: nothing that has not changed is told again. */
const toldIntervals = 60
const minuteMs = 60_000
/** How far the clocks of writers may be apart: what one of them calls the future may have been told before this one listened. */
const clockMarginMs = 5000

/**
 * Tells the points of intervals as they end. What writers tell is enough for an interval that was heard from its beginning;
 * for all others the series is read: those that had begun before, and those in which messages may have been missed.
 */
export class LiveSubscription implements MetricSubscription {
  readonly #parts: LiveSubscriptionParts
  readonly #resolution: Resolution
  readonly #isMeant: (series: string) => boolean
  /** By interval, series and writer. */
  readonly #heard = new Map<number, Map<string, Map<string, Aggregate>>>()
  /** How many values the points had that were told, by interval and series. */
  readonly #told = new Map<number, Map<string, number>>()
  readonly #due = new Set<number>()
  readonly #sentAt: number[] = []
  #heardAt: number
  #completeFrom = Infinity
  #timers: readonly Timer[] = []
  #subscription: Subscription | undefined
  #telling: Promise<void> = Promise.resolve()
  #isClosed = false
  dropped = 0

  constructor(parts: LiveSubscriptionParts) {
    this.#parts = parts
    this.#resolution = resolutionOf(parts.options.interval ?? '1s')
    this.#isMeant = seriesMatcher(parts.options)
    this.#heardAt = parts.options.since ?? parts.now()
  }

  async open(): Promise<this> {
    const { channel, timers, heartbeatMs, now } = this.#parts
    const onGap = (): void => this.#missed()
    this.#subscription = await channel.subscribe(this.#resolution.interval, (message) => this.#hear(message), { onGap })
    if (this.#isClosed) await this.#subscription.close()
    if (this.#isClosed) return this
    this.#missed()
    const tick = (): void => void (this.#telling = this.#telling.then(() => this.#tell()))
    const beat = (): void => this.#deliver({ type: 'heartbeat', at: now(), dropped: this.dropped })
    this.#timers = [timers.every(1000, tick), timers.every(heartbeatMs, beat)]
    return this
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#parts.onClose()
    for (const timer of this.#timers) timer.cancel()
    await this.#subscription?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What came since the last message may be missing, so it is read. */
  #missed(): void {
    const now = this.#parts.now()
    const { ms } = this.#resolution
    const last = startOf(now, this.#resolution)
    const first = Math.max(startOf(this.#heardAt, this.#resolution), last - (mostIntervals - 1) * ms)
    for (let at = first; at <= last; at += ms) this.#due.add(at)
    this.#completeFrom = now
  }

  #hear(message: PartsMessage): void {
    // What was recorded shortly before may have been in a message that comes later, or never.
    this.#heardAt = Math.max(this.#heardAt, this.#parts.now() - this.#parts.graceMs)
    for (const { series, at, writer, aggregate } of message) {
      if (!this.#isMeant(series)) continue
      const ofInterval = entry(this.#heard, at, () => new Map<string, Map<string, Aggregate>>())
      entry(ofInterval, series, () => new Map<string, Aggregate>()).set(writer, aggregate)
      this.#due.add(at)
    }
  }

  async #tell(): Promise<void> {
    const { now, graceMs } = this.#parts
    const ended = now() - this.#resolution.ms - graceMs
    const due = [...this.#due].filter((at) => at <= ended).sort((one, other) => one - other)
    try {
      await this.#tellAll(due)
    } catch {
      // The series could not be read: they stay due, and the next turn tries again.
    }
    this.#forget(this.#heard, ended - keptIntervals * this.#resolution.ms)
    this.#forget(this.#told, ended - toldIntervals * this.#resolution.ms)
  }

  #forget(map: Map<number, unknown>, before: number): void {
    for (const at of map.keys()) if (at < before && !this.#due.has(at)) map.delete(at)
  }

  async #tellAll(due: readonly number[]): Promise<void> {
    const read = due.filter((at) => !this.#isComplete(at))
    const stored = read.length === 0 ? undefined : await this.#read(read[0] as number, read.at(-1) as number)
    for (const at of due) {
      if (this.#isClosed) return
      this.#due.delete(at)
      const points = this.#isComplete(at) ? this.#pointsOf(at) : (stored?.get(at) ?? [])
      for (const [series, point] of points) this.#send(series, point)
    }
  }

  /** Every part of it that was told was heard here, and is still known. */
  #isComplete(at: number): boolean {
    const forgottenBefore = this.#parts.now() - this.#parts.graceMs - (keptIntervals + 1) * this.#resolution.ms
    return at >= this.#completeFrom + clockMarginMs && at >= forgottenBefore
  }

  #pointsOf(at: number): [string, MetricPoint][] {
    const points: [string, MetricPoint][] = []
    for (const [series, parts] of this.#heard.get(at) ?? []) {
      const point = pointOf(at, parts.values())
      if (point !== undefined) points.push([series, point])
    }
    return points
  }

  async #read(from: number, to: number): Promise<Map<number, [string, MetricPoint][]>> {
    const { store } = this.#parts
    const names = (await store.names()).filter(this.#isMeant)
    const found = new Map<number, [string, MetricPoint][]>()
    const each = await Promise.all(
      names.map(
        async (series) => [series, await store.read(series, { resolution: this.#resolution, from, to })] as const,
      ),
    )
    for (const [series, points] of each)
      for (const point of points) entry(found, point.at, () => []).push([series, point])
    return found
  }

  #send(series: string, point: MetricPoint): void {
    const told = entry(this.#told, point.at, () => new Map<string, number>())
    if (told.get(series) === point.count) return
    const now = this.#parts.now()
    while (this.#sentAt[0] !== undefined && this.#sentAt[0] <= now - minuteMs) this.#sentAt.shift()
    if (this.#sentAt.length >= this.#parts.messagesPerMinute) {
      this.dropped++
      return
    }
    told.set(series, point.count)
    this.#sentAt.push(now)
    this.#deliver({ type: 'point', interval: this.#resolution.interval, ...seriesOf(series), ...point })
  }

  #deliver(message: MetricMessage): void {
    try {
      this.#parts.listener(message)
    } catch {
      // Who listens must not keep others from being told.
    }
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const held = map.get(key) ?? make()
  map.set(key, held)
  return held
}
