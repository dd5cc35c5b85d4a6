import type { Buffer } from 'node:buffer'

import type { Runtime, Timer } from '../../contract/runtime.ts'
import { isLoaded, versionOf } from './record.ts'

/** Of each generation; two are kept. */
const mostKeys = 50_000
const generationMs = 60_000
const retryMs = 1000
const batchSize = 500

/** A key and the version that an answer about it has to reach. */
export type LeastVersion = readonly [key: string, version: number]

export interface LostWritesParts {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>
  /** Takes from the store what is older; rejects when it could not. */
  readonly removeOlder: (keys: readonly LeastVersion[]) => Promise<unknown>
}

/**
 * What this process changed lately and the store confirmed. A store may lose that: a replica takes over that had not
 * heard of it yet, or a server comes back with an older snapshot. Then older records are there again.
 *
 * After every new connection, and every command that got no answer, the store is therefore *in doubt*: records older
 * than what was confirmed count as absent, until they have been taken from the store.
 */
export class LostWrites {
  readonly #parts: LostWritesParts
  #newer = new Map<string, number>()
  #older = new Map<string, number>()
  #startedAt = -Infinity
  /** Counts the reasons to doubt; 0 for none. */
  #doubts = 0
  #isRemoving = false
  #retry: Timer | undefined
  #isStopped = false

  constructor(parts: LostWritesParts) {
    this.#parts = parts
  }

  /** A change was confirmed. */
  note(key: string, leastVersion: number): void {
    const now = this.#parts.runtime.clock.now()
    const isOver = this.#doubts === 0 && now - this.#startedAt >= generationMs
    if (isOver || this.#newer.size >= mostKeys) {
      this.#older = this.#newer
      this.#newer = new Map()
      this.#startedAt = now
    }
    this.#newer.set(key, Math.max(leastVersion, this.#newer.get(key) ?? 0))
  }

  /** Whether a record that was found for the key may be used. */
  believes(key: string, record: Buffer): boolean {
    if (this.#doubts === 0) return true
    const least = Math.max(this.#newer.get(key) ?? 0, this.#older.get(key) ?? 0)
    // protocol P4 lost-load: whoever brought it may have begun before the change that was lost, and been given its version later
    if (least > 0 && isLoaded(record)) return false
    return versionOf(record) >= least
  }

  /** A command got no answer: whoever answers the next one may know less. */
  doubt(): void {
    if (this.#newer.size + this.#older.size === 0) return
    this.#doubts++
    if (!this.#isRemoving) this.#tryAgain()
  }

  /** A connection was made, to whoever it may be. */
  doubtNow(): void {
    this.doubt()
    if (this.#doubts > 0 && !this.#isRemoving) void this.#removeOlder()
  }

  stop(): void {
    this.#isStopped = true
    this.#retry?.cancel()
  }

  async #removeOlder(): Promise<void> {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#isRemoving = true
    const doubts = this.#doubts
    try {
      const keys = [...this.#older, ...this.#newer]
      for (let start = 0; start < keys.length && !this.#isStopped; start += batchSize)
        await this.#parts.removeOlder(keys.slice(start, start + batchSize))
      if (doubts === this.#doubts) this.#doubts = 0
    } catch {
      // Still in doubt, and tried again.
    }
    this.#isRemoving = false
    if (this.#doubts > 0) this.#tryAgain()
  }

  #tryAgain(): void {
    if (this.#isStopped) return
    this.#retry ??= this.#parts.runtime.timers.after(retryMs, () => {
      this.#retry = undefined
      void this.#removeOlder()
    })
  }
}
