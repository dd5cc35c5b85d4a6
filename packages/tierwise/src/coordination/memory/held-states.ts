import type { Clock, Timer, Timers } from '../../contract/runtime.ts'
import { TierError } from '../../errors.ts'
import type { HeldKind, HeldState, StateOf } from './held-state.ts'

/** Keys looked at in one slice of the sweep. */
const keysPerSweep = 1000
const sweepMs = 1000

export interface HeldStatesOptions {
  readonly name: string
  readonly clock: Clock
  readonly timers: Timers
  readonly maxKeys: number
}

/** All keys of a store, each with one kind of state. What has ended is absent at once, and removed in slices. */
export class HeldStates {
  readonly #options: HeldStatesOptions
  readonly #states = new Map<string, HeldState>()
  #sweep: IterableIterator<[string, HeldState]> | undefined
  #timer: Timer | undefined

  constructor(options: HeldStatesOptions) {
    this.#options = options
  }

  /** Whole milliseconds, as limits count. */
  get now(): number {
    return Math.floor(this.#options.clock.now())
  }

  /** @throws TierError ERR_CACHE_TIER_WRITE when the key holds another kind */
  get<K extends HeldKind>(key: string, kind: K, operation: string): StateOf<K> | undefined {
    const held = this.any(key)
    if (held === undefined || held.kind === kind) return held as StateOf<K> | undefined
    throw this.#error(operation, `holds another kind of state (${held.kind}) under this key`)
  }

  any(key: string): HeldState | undefined {
    const held = this.#states.get(key)
    if (held === undefined || held.endsAt > this.now) return held
    this.#states.delete(key)
    return undefined
  }

  /** @throws TierError ERR_CACHE_TIER_WRITE when there is no room for another key */
  put(key: string, state: HeldState, operation: string): void {
    if (!this.#states.has(key) && this.#states.size >= this.#options.maxKeys) this.#makeRoom(operation)
    this.#states.set(key, state)
    if (state.endsAt !== Infinity) this.#timer ??= this.#options.timers.every(sweepMs, () => this.#removeEnded())
  }

  delete(key: string): void {
    this.#states.delete(key)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sweep = undefined
    this.#states.clear()
  }

  #makeRoom(operation: string): void {
    const { now } = this
    for (const [key, { endsAt }] of this.#states) if (endsAt <= now) this.#states.delete(key)
    const { maxKeys } = this.#options
    if (this.#states.size >= maxKeys)
      throw this.#error(operation, `holds ${maxKeys} keys and takes no more. Raise \`maxKeys\`, or let keys end.`)
  }

  #removeEnded(): void {
    const { now } = this
    for (let looked = 0; looked < keysPerSweep; looked++) {
      const step = (this.#sweep ??= this.#states.entries()).next()
      if (step.done === true) {
        this.#sweep = undefined
        break
      }
      const [key, { endsAt }] = step.value
      if (endsAt <= now) this.#states.delete(key)
    }
    if (this.#states.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #error(operation: string, what: string): TierError {
    const { name } = this.#options
    return new TierError(`Coordination store \`${name}\` ${what}`, {
      code: 'ERR_CACHE_TIER_WRITE',
      tier: name,
      operation,
      retryable: false,
    })
  }
}
