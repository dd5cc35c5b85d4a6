import type { Timer, Timers } from '../../contract/runtime.ts'
import type { TierRecord, WriteOutcome } from '../../contract/tier.ts'

/** The most a crash can lose with durability `none`. */
const maxQueueBytes = 16 * 1024 * 1024
const drainAfterMs = 10
const retryAfterMs = 1000

export interface WriteQueueOptions {
  readonly timers: Timers
  write(records: readonly TierRecord[]): Promise<unknown>
  reportFailure(error: unknown): void
}

interface Bar {
  readonly covers: (key: string) => boolean
  readonly version: number
}

/**
 * Writes that were acknowledged before they were made, newest per key, in memory and bounded.
 *
 * A record stays readable here until its commit; a failed batch stays and is tried again.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #records = new Map<string, TierRecord>()
  readonly #bars = new Set<Bar>()
  #bytes = 0
  #isClosed = false
  #timer: Timer | undefined
  #draining: Promise<void> | undefined

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#records.size
  }

  find(key: string): TierRecord | undefined {
    return this.#records.get(key)
  }

  /** Undefined when there is no room. The bytes are copied, as their owner may reuse them after `set`. */
  add(record: TierRecord): WriteOutcome | undefined {
    const held = this.#records.get(record.key)
    const version = Math.max(
      held?.version ?? 0,
      ...[...this.#bars].map((bar) => (bar.covers(record.key) ? bar.version : 0)),
    )
    if (version > record.version || version > (record.ifNotAfter ?? Infinity)) return 'superseded'
    if (this.#bytes + record.bytes.length > maxQueueBytes) return undefined
    this.#drop(held)
    this.#records.set(record.key, { ...record, bytes: Buffer.from(record.bytes) })
    this.#bytes += record.bytes.length
    this.#drainAfter(drainAfterMs)
    return 'pending'
  }

  /** The record that was waiting, unless it is newer than `version`. */
  remove(key: string, version: number): TierRecord | undefined {
    const held = this.#records.get(key)
    if (held === undefined || held.version > version) return undefined
    this.#drop(held)
    return held
  }

  /** A deletion is on its way to the disk: until the returned function is called, older records are refused here. */
  bar(covers: (key: string) => boolean, version: number): () => void {
    const bar = { covers, version }
    this.#bars.add(bar)
    return () => void this.#bars.delete(bar)
  }

  clear(prefix: string, version: number): void {
    for (const key of this.#records.keys()) if (key.startsWith(prefix)) this.remove(key, version)
  }

  /** Writes everything that waits now; rejects when that failed. */
  async drain(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#draining?.catch(() => {})
    if (this.#records.size === 0) return
    this.#draining = this.#writeAll()
    try {
      await this.#draining
    } finally {
      this.#draining = undefined
    }
  }

  /** Writes what waits, once; what cannot be written is lost, and told by the rejection. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.drain()
  }

  #drainAfter(ms: number): void {
    if (this.#isClosed) return
    this.#timer ??= this.#options.timers.after(ms, () => {
      this.#timer = undefined
      this.drain().catch((error: unknown) => {
        this.#options.reportFailure(error)
        this.#drainAfter(retryAfterMs)
      })
    })
  }

  async #writeAll(): Promise<void> {
    const batch = [...this.#records.values()]
    await this.#options.write(batch)
    for (const record of batch) this.#drop(record)
  }

  /** Drops this very record; one that took its place stays. */
  #drop(record: TierRecord | undefined): void {
    if (record === undefined || this.#records.get(record.key) !== record) return
    this.#records.delete(record.key)
    this.#bytes -= record.bytes.length
  }
}
