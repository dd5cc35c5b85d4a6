import type { Timer, Timers } from '../contract/runtime.ts'
import type { Emitter } from './emitter.ts'

/** What carries an intent to its tier once the tier answers again. */
export interface IntentTarget {
  readonly name: string
  delete(keys: readonly string[], version: number): Promise<boolean>
  clear(prefix: string, version: number): Promise<boolean>
}

export interface IntentSettings {
  readonly most: number
  readonly retryMs: number
}

const batchSize = 200

/**
 * Invalidations that a tier could not take. Until they are delivered the tier is not read for these keys, so what it
 * still holds cannot come back. A value is never kept here, only the fact that a key changed.
 *
 * A write that failed leaves an intent too: the tier may still hold the value before it. When there are too many, the
 * whole namespace is kept instead of its keys, and later cleared at once.
 */
export class Intents {
  readonly #target: IntentTarget
  readonly #timers: Timers
  readonly #emitter: Emitter
  readonly #settings: IntentSettings
  readonly #keys = new Map<string, number>()
  readonly #prefixes = new Map<string, number>()
  #timer: Timer | undefined
  #closed = false

  constructor(target: IntentTarget, parts: { timers: Timers; emitter: Emitter; settings: IntentSettings }) {
    this.#target = target
    this.#timers = parts.timers
    this.#emitter = parts.emitter
    this.#settings = parts.settings
  }

  get pending(): number {
    return this.#keys.size + this.#prefixes.size
  }

  /** Whether the tier must not be believed about a record of this key: it may be one that a change should have replaced. */
  covers(key: string, version: number): boolean {
    const kept = this.#keys.get(key)
    if (kept !== undefined && version <= kept) return true
    for (const [prefix, cleared] of this.#prefixes) if (version <= cleared && key.startsWith(prefix)) return true
    return false
  }

  keep(key: string, prefix: string, version: number): void {
    const isFull = this.#keys.size >= this.#settings.most
    if (isFull && prefix !== '') this.#overflow(prefix, version)
    else {
      // Without a prefix there is nothing to clear instead: the oldest gives way, and the event tells.
      if (isFull) this.#dropOldest()
      this.#keys.set(key, Math.max(version, this.#keys.get(key) ?? 0))
    }
    this.#changed('kept')
  }

  keepClear(prefix: string, version: number): void {
    this.#prefixes.set(prefix, Math.max(version, this.#prefixes.get(prefix) ?? 0))
    this.#changed('kept')
  }

  /** A newer write or delete of the key reached the tier: nothing is owed any more. */
  settle(key: string, version: number): void {
    if (this.#keys.size === 0) return
    const kept = this.#keys.get(key)
    if (kept !== undefined && kept <= version) this.#keys.delete(key)
  }

  /** Delivers what it can; true when nothing is left. */
  async replay(): Promise<boolean> {
    for (const [prefix, version] of this.#prefixes) {
      if (!(await this.#target.clear(prefix, version))) return false
      if (this.#prefixes.get(prefix) === version) this.#prefixes.delete(prefix)
    }
    while (this.#keys.size > 0) {
      const batch = [...this.#keys].slice(0, batchSize)
      const newest = batch.reduce((most, [, version]) => Math.max(most, version), 0)
      const delivered = await this.#target.delete(
        batch.map(([key]) => key),
        newest,
      )
      if (!delivered) return false
      for (const [key] of batch) this.settle(key, newest)
    }
    this.#emitter.emit({ type: 'intent', tier: this.#target.name, state: 'replayed', pending: 0 })
    return true
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #dropOldest(): void {
    for (const key of this.#keys.keys()) {
      this.#keys.delete(key)
      return this.#changed('overflowed')
    }
  }

  #overflow(prefix: string, version: number): void {
    let newest = Math.max(version, this.#prefixes.get(prefix) ?? 0)
    for (const [key, kept] of this.#keys) {
      if (!key.startsWith(prefix)) continue
      newest = Math.max(newest, kept)
      this.#keys.delete(key)
    }
    this.#prefixes.set(prefix, newest)
    this.#changed('overflowed')
  }

  #changed(state: 'kept' | 'overflowed'): void {
    if (this.#emitter.listens('intent')) {
      this.#emitter.emit({ type: 'intent', tier: this.#target.name, state, pending: this.pending })
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = this.#timers.after(this.#settings.retryMs, () => {
      this.#timer = undefined
      void this.replay().then((done) => {
        if (!done) this.#schedule()
      })
    })
  }
}
