import { randomUUID } from 'node:crypto'

import type { Channel } from '../../coordination/index.ts'
import type { Runtime, Timer } from '../../index.ts'
import { aggregateOf, merge, resolutions, startOf, type Aggregate, type Resolution } from './aggregates.ts'
import type { Part, SeriesStore } from './series-store.ts'

/** What is told to those who listen to an interval. */
export type PartsMessage = readonly Part[]

export interface RecorderParts {
  readonly store: SeriesStore
  readonly channel: Channel<PartsMessage>
  readonly timers: Runtime['timers']
  readonly now: () => number
  readonly flushMs: number
  readonly maxSeries: number
}

/** A part that is being added to. */
interface OpenPart {
  readonly resolution: Resolution
  readonly series: string
  readonly at: number
  readonly writer: string
  aggregate: Aggregate
  isDirty: boolean
}

/** Parts that are held, those of each series that are added to and others that wait for a store that cannot be asked. Beyond it the oldest go. */
const mostOpen = (maxSeries: number): number => 50_000 + 10 * maxSeries
/** Parts in one message. */
const perMessage = 200
const readmitAfterMs = 86_400_000

/** Adds up in this process, and brings what has changed to the store. */
export class Recorder {
  readonly #parts: RecorderParts
  readonly #process = randomUUID().slice(0, 13)
  readonly #open = new Map<string, OpenPart>()
  /** When each series was admitted; `Infinity` for one that was refused. */
  readonly #admitted = new Map<string, number>()
  #writers = 0
  #timer: Timer | undefined
  #flushing: Promise<boolean> = Promise.resolve(true)
  #isStopped = false
  dropped = 0
  lost = 0

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  get series(): number {
    return this.#admitted.size
  }

  get pending(): number {
    let pending = 0
    for (const { isDirty } of this.#open.values()) if (isDirty) pending++
    return pending
  }

  record(series: string, value: number): void {
    const isNew = !this.#admitted.has(series)
    if (this.#isStopped || this.#admitted.get(series) === Infinity || (isNew && this.series >= this.#parts.maxSeries)) {
      this.dropped++
      return
    }
    if (isNew) this.#admitted.set(series, -Infinity)
    const now = this.#parts.now()
    for (const resolution of resolutions) this.#add(resolution, series, { value, now })
    this.#timer ??= this.#parts.timers.after(this.#parts.flushMs, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  /** Whether all of it is in the store and was told. One at a time: a part must not be written over by an older one of itself. */
  flush(): Promise<boolean> {
    this.#flushing = this.#flushing.then(() => this.#flush())
    return this.#flushing
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.flush()
    this.#timer?.cancel()
  }

  #add(resolution: Resolution, series: string, { value, now }: { readonly value: number; readonly now: number }): void {
    const at = startOf(now, resolution)
    const key = `${resolution.interval}:${at}:${series}`
    const open = this.#open.get(key)
    const own = aggregateOf(value, now)
    if (open !== undefined) {
      open.aggregate = merge(open.aggregate, own)
      open.isDirty = true
      return
    }
    // A writer of its own for each part: one that was closed and opened again, by a clock that went back, does not write over it.
    const writer = `${this.#process}.${this.#writers++}`
    this.#open.set(key, { resolution, series, at, writer, aggregate: own, isDirty: true })
    if (this.#open.size > mostOpen(this.#parts.maxSeries)) this.#loseOldest()
  }

  #loseOldest(): void {
    for (const [key, { isDirty }] of this.#open) {
      this.#open.delete(key)
      if (isDirty) this.lost++
      return
    }
  }

  async #flush(): Promise<boolean> {
    const dirty = Array.from(this.#open.values()).filter(({ isDirty }) => isDirty)
    // From here on what is added makes a part dirty again.
    for (const part of dirty) part.isDirty = false
    try {
      await this.#admitAll(new Set(dirty.map(({ series }) => series)))
      const admitted = dirty.filter(({ series }) => this.#admitted.get(series) !== Infinity)
      await Promise.all(resolutions.map((resolution) => this.#bring(resolution, admitted)))
    } catch {
      // A store that cannot be asked: all of it is written again, which changes nothing where it was written.
      for (const part of dirty) part.isDirty = true
      if (!this.#isStopped) this.#timer ??= this.#parts.timers.after(this.#parts.flushMs, () => this.#again())
      return false
    }
    this.#closeEnded()
    return true
  }

  /** In the store first: who is told of it may read it. */
  async #bring(resolution: Resolution, all: readonly OpenPart[]): Promise<void> {
    const { store, channel } = this.#parts
    const parts = all.filter((part) => part.resolution === resolution).map(partOf)
    await store.write(resolution, parts)
    for (let i = 0; i < parts.length; i += perMessage)
      await channel.publish(resolution.interval, parts.slice(i, i + perMessage))
  }

  #again(): void {
    this.#timer = undefined
    void this.flush()
  }

  async #admitAll(names: ReadonlySet<string>): Promise<void> {
    const { store, now, maxSeries } = this.#parts
    const isDue = (since: number): boolean => since !== Infinity && now() - since >= readmitAfterMs
    const due = Array.from(names).filter((series) => isDue(this.#admitted.get(series) ?? -Infinity))
    if (due.length === 0) return
    const admitted = await store.admit(due, maxSeries)
    for (const series of due) this.#admitted.set(series, admitted.has(series) ? now() : Infinity)
  }

  #closeEnded(): void {
    const now = this.#parts.now()
    for (const [key, { resolution, at, isDirty, series, aggregate }] of this.#open) {
      const isRefused = this.#admitted.get(series) === Infinity
      if (isRefused && resolution === resolutions[0]) this.dropped += aggregate[0]
      if (isRefused || (at + resolution.ms <= now && !isDirty)) this.#open.delete(key)
    }
  }
}

function partOf({ series, at, writer, aggregate }: OpenPart): Part {
  return { series, at, writer, aggregate }
}
