import type { Timer, Timers } from '../../contract/runtime.ts'
import type { Emitter } from '../emitter.ts'
import type { IntentLog } from './intents-log.ts'
import type { OwedChanges, OwedClear, OwedKey } from './journal-note.ts'

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

export interface IntentParts {
  readonly timers: Timers
  readonly emitter: Emitter
  readonly settings: IntentSettings
  /** Where they are written down, so that they outlive the process. */
  readonly log?: IntentLog | undefined
}

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
  readonly #log: IntentLog | undefined
  /** A key that is kept again gets another object, which tells it from the one that is being delivered. */
  readonly #keys = new Map<string, OwedKey>()
  readonly #clears = new Map<string, OwedClear>()
  #timer: Timer | undefined
  #closed = false

  constructor(target: IntentTarget, { timers, emitter, settings, log }: IntentParts) {
    this.#target = target
    this.#timers = timers
    this.#emitter = emitter
    this.#settings = settings
    this.#log = log
    log?.serve(this)
  }

  get pending(): number {
    return this.#keys.size + this.#clears.size
  }

  /** Whether `covers` would say no to everything. */
  get isIdle(): boolean {
    return this.#keys.size === 0 && this.#clears.size === 0 && (this.#log === undefined || this.#log.isKnown)
  }

  /**
   * Whether the tier must not be believed about a record of this key: it may be one that a change should have replaced.
   * So may any, until it is known what earlier processes have left.
   */
  covers(key: string, version: number): boolean {
    // protocol P1 journal-unknown: any key may have been left to deliver by an earlier process
    if (this.#log?.isKnown === false) return true
    const kept = this.#keys.get(key)
    // protocol P1 owed-unread: the tier holds what a change should have removed
    if (kept !== undefined && version <= kept.version) return true
    // protocol P1 owed-clear-unread: the tier holds what a clear should have removed
    for (const { prefix, version: cleared } of this.#clears.values())
      if (version <= cleared && key.startsWith(prefix)) return true
    return false
  }

  keep(key: string, prefix: string, version: number): void {
    const owed = this.#keepKey({ key, prefix, version })
    if (owed !== undefined) this.#log?.addKey(owed)
    this.#changed('kept')
  }

  keepClear(prefix: string, version: number): void {
    this.#logClear(this.#setClear(prefix, version))
    this.#changed('kept')
  }

  /** Resolves once everything that is kept would survive a crash of the process, or could not be written down. */
  saved(): Promise<void> {
    return this.#log?.saved() ?? Promise.resolve()
  }

  /** A newer write or delete of the key reached the tier: nothing is owed any more. */
  settle(key: string, version: number): void {
    if (this.#keys.size === 0) return
    const kept = this.#keys.get(key)
    // protocol P1 owed-newer: a later change may be owed than the one that has arrived
    if (kept === undefined || kept.version > version) return
    this.#keys.delete(key)
    this.#noteEnd()
  }

  /** What is owed of the key now. */
  owedOf(key: string): OwedKey | undefined {
    return this.#keys.get(key)
  }

  /** A change that was sent when this was owed has reached the tier. */
  settleThat(owed: OwedKey | undefined): void {
    // protocol P1 owed-since: a later change may have been given up before the answer to this one came
    if (owed === undefined || this.#keys.get(owed.key) !== owed) return
    this.#keys.delete(owed.key)
    this.#noteEnd()
  }

  owed(): OwedChanges {
    return { keys: [...this.#keys.values()], clears: [...this.#clears.values()] }
  }

  /** Takes over what an earlier process could not deliver; it is in the log already. */
  adopt({ keys, clears }: OwedChanges): void {
    for (const { prefix, version } of clears) this.#setClear(prefix, version)
    for (const owed of keys) this.#keepKey(owed)
    if (keys.length + clears.length > 0) this.#changed('kept')
  }

  /** Delivers what it can; true when nothing is left. */
  async replay(): Promise<boolean> {
    for (const owed of this.#clears.values()) {
      if (!(await this.#target.clear(owed.prefix, owed.version))) return false
      if (this.#clears.get(owed.prefix) === owed) this.#clears.delete(owed.prefix)
    }
    while (this.#keys.size > 0) {
      const batch = [...this.#keys.values()].slice(0, batchSize)
      const newest = batch.reduce((most, { version }) => Math.max(most, version), 0)
      const delivered = await this.#target.delete(
        batch.map(({ key }) => key),
        newest,
      )
      if (!delivered) return false
      // protocol P1 replay-again: the key may have changed again while its replay was on its way
      for (const owed of batch) if (this.#keys.get(owed.key) === owed) this.#keys.delete(owed.key)
    }
    this.#noteEnd()
    this.#emitter.emit({ type: 'intent', tier: this.#target.name, state: 'replayed', pending: 0 })
    return true
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  /** The key as it is kept now; undefined when its namespace is kept instead. */
  #keepKey({ key, prefix, version }: OwedKey): OwedKey | undefined {
    if (this.#keys.size >= this.#settings.most) {
      if (prefix !== '') {
        this.#overflow(prefix, version)
        return undefined
      }
      // Without a prefix there is nothing to clear instead: the oldest gives way, and the event tells.
      this.#dropOldest()
    }
    const owed = { key, prefix, version: Math.max(version, this.#keys.get(key)?.version ?? 0) }
    this.#keys.set(key, owed)
    return owed
  }

  #setClear(prefix: string, version: number): OwedClear {
    const owed = { prefix, version: Math.max(version, this.#clears.get(prefix)?.version ?? 0) }
    this.#clears.set(prefix, owed)
    return owed
  }

  #dropOldest(): void {
    for (const key of this.#keys.keys()) {
      this.#keys.delete(key)
      return this.#changed('overflowed')
    }
  }

  #overflow(prefix: string, version: number): void {
    let newest = version
    for (const [key, kept] of this.#keys) {
      if (!key.startsWith(prefix)) continue
      newest = Math.max(newest, kept.version)
      this.#keys.delete(key)
    }
    // protocol P1 overflow-clears: keys that are no longer kept are owed all the same
    this.#logClear(this.#setClear(prefix, newest))
    this.#changed('overflowed')
  }

  #logClear(owed: OwedClear): void {
    this.#log?.addClear(owed)
  }

  #noteEnd(): void {
    if (this.pending === 0) this.#log?.drained()
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
        if (done) return
        void this.saved()
        this.#schedule()
      })
    })
  }
}
