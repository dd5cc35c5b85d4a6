import type { Timer } from '../../contract/runtime.ts'
import type { TierContext } from '../../contract/tier.ts'
import type { Control, Floor } from './control.ts'
import type { Database } from './database.ts'
import type { Eviction } from './eviction.ts'
import { countByNamespace, readBatch, removeEntries, removeUnchanged, type HeldRecord } from './held-record.ts'
import { rangeOfPrefix } from './stored-key.ts'

/** Rhythm while there is something to give back; it slows down to the longest while there is not. */
const rhythmMs = 1000
const longestRhythmMs = 3_600_000
const batchLimit = { count: 1000, bytes: 4 * 1024 * 1024 }
/** A clear of fewer records than this many batches hold is finished when it resolves. */
const batchesAtOnce = 5
/** A write that started before a deletion or a clear is refused for this long after it. */
const memoryOfDeletionsMs = 3_600_000
const everything = rangeOfPrefix('')

export interface SweeperOptions {
  readonly database: Database
  readonly control: Control
  readonly eviction: Eviction
  readonly context: TierContext
}

/** The background work: gives back the space of expired and cleared records, forgets old tombstones and floors. */
export class Sweeper {
  readonly #options: SweeperOptions
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  #pauseMs = rhythmMs
  #entryHand: Uint8Array | undefined
  #tombstoneHand: Uint8Array | undefined

  constructor(options: SweeperOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.context.timers.after(this.#pauseMs, () => this.#wake())
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#running
    await this.#options.eviction.stop()
  }

  /** Removes what a clear made invisible; a large rest is left to the background. */
  async sweepCleared(prefix: string): Promise<void> {
    const floor = this.#options.control.floors.find((candidate) => candidate.prefix === prefix && !candidate.isSwept)
    if (floor !== undefined) await this.#sweepFloor(floor, batchesAtOnce)
  }

  #wake(): void {
    this.#options.eviction.start()
    this.#running = this.#run()
      .catch((error: unknown) => {
        const { context } = this.#options
        context.report({ type: 'tier-error', tier: context.name, operation: 'clear', error })
      })
      .finally(() => {
        this.#running = undefined
        if (!this.#isStopped) this.start()
      })
  }

  async #run(): Promise<void> {
    const { database, control, context } = this.#options
    database.refreshReads()
    control.refresh()
    const forgettable = context.clock.now() - memoryOfDeletionsMs
    for (const floor of control.floors) {
      if (!floor.isSwept) await this.#sweepFloor(floor, Infinity)
      else if (floor.raisedAt < forgettable) await database.transact(() => this.#forgetFloor(floor))
    }
    const removed = (await this.#sweepExpired()) + (await this.#sweepTombstones(forgettable))
    const isIdle = removed === 0 && this.#entryHand === undefined && this.#tombstoneHand === undefined
    this.#pauseMs = isIdle ? Math.min(this.#pauseMs * 2, longestRhythmMs) : rhythmMs
  }

  async #sweepFloor(floor: Floor, batches: number): Promise<void> {
    const { database } = this.#options
    const range = rangeOfPrefix(floor.prefix)
    let after: Uint8Array | undefined
    for (let batch = 0; batch < batches && !this.#isStopped; batch++) {
      database.refreshReads()
      const { records, next } = readBatch(database.entries, { range, after, limit: batchLimit })
      await removeEntries(
        database,
        records.filter(({ key, version }) => version <= floor.version && key.startsWith(floor.prefix)),
      )
      if (next === undefined) return database.transact(() => this.#markSwept(floor))
      after = next
    }
  }

  #markSwept(floor: Floor): void {
    if (this.#isUnchanged(floor)) this.#options.control.put({ ...floor, isSwept: true })
  }

  #forgetFloor(floor: Floor): void {
    if (this.#isUnchanged(floor)) this.#options.control.remove(floor)
  }

  /** Another process may have raised it since. */
  #isUnchanged({ prefix, version }: Floor): boolean {
    this.#options.control.refresh()
    return this.#options.control.floors.some((floor) => floor.prefix === prefix && floor.version === version)
  }

  /** One batch a wake, more while it pays; returns how many were removed. */
  async #sweepExpired(): Promise<number> {
    const { database, context } = this.#options
    let total = 0
    let isWorthwhile = true
    while (isWorthwhile && !this.#isStopped) {
      database.refreshReads()
      const { records, next } = readBatch(database.entries, {
        range: everything,
        after: this.#entryHand,
        limit: batchLimit,
      })
      this.#entryHand = next
      const now = context.clock.now()
      const removed = await removeEntries(
        database,
        records.filter(({ expiresAt }) => expiresAt <= now),
      )
      this.#reportExpired(removed)
      total += removed.length
      isWorthwhile = this.#entryHand !== undefined && removed.length > batchLimit.count / 4
    }
    return total
  }

  #reportExpired(removed: readonly HeldRecord[]): void {
    const { context } = this.#options
    for (const { key, isDamaged } of removed) {
      if (isDamaged) context.report({ type: 'bad-record', tier: context.name, key, reason: 'damaged' })
    }
    for (const [namespace, count] of countByNamespace(removed.filter(({ isDamaged }) => !isDamaged))) {
      context.report({ type: 'evict', tier: context.name, namespace, reason: 'expired', count })
    }
  }

  async #sweepTombstones(forgettable: number): Promise<number> {
    const { tombstones } = this.#options.database
    const { records, next } = readBatch(tombstones, {
      range: everything,
      after: this.#tombstoneHand,
      limit: batchLimit,
    })
    this.#tombstoneHand = next
    const old = records.filter(({ writtenAt }) => writtenAt < forgettable)
    if (old.length === 0) return 0
    return this.#options.database.transact(() => removeUnchanged(tombstones, old).length)
  }
}
