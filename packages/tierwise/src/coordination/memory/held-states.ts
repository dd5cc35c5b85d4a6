import type { Clock, Timer, Timers } from '../../contract/runtime.ts'
import { TierError } from '../../errors.ts'
import type { HeldKind, HeldState, StateOf } from './held-state.ts'

const sweepMs = 1000
/** Keys and members looked at in one slice of the sweep: so many at least, more if else a round took more slices than that. */
const keysPerSlice = 1000
const slicesPerRound = 60

export interface HeldStatesOptions {
  readonly name: string
  readonly clock: Clock
  readonly timers: Timers
  readonly maxKeys: number
}

/**
 * All keys of a store, each with one kind of state. What has ended is absent at once. It is removed when its key is looked at,
 * when there is no room for another key, and in slices of a sweep that goes round within about a minute, unless large sets
 * make it slower.
 */
export class HeldStates {
  readonly #options: HeldStatesOptions
  readonly #states = new Map<string, HeldState>()
  /** No key has ended before, as far as is known. */
  #soonest = Infinity
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
    const held = this.#states.get(key)
    if (held === undefined) return undefined
    // The members of a set are not counted here: who asks for one of many does not pay for all.
    if (held.kind === kind && held.endsAt > this.now) return held as StateOf<K>
    if (this.any(key) === undefined) return undefined
    throw this.#error(operation, `holds another kind of state (${held.kind}) under this key.`)
  }

  any(key: string): HeldState | undefined {
    const held = this.#states.get(key)
    if (held === undefined || !hasEnded(held, this.now)) return held
    this.#states.delete(key)
    return undefined
  }

  /** @throws TierError ERR_CACHE_TIER_WRITE when there is no room for another key */
  put(key: string, state: HeldState, operation: string): void {
    if (!this.#states.has(key) && this.#states.size >= this.#options.maxKeys) this.#makeRoom(operation)
    this.#states.set(key, state)
    if (state.endsAt === Infinity && state.kind !== 'set') return
    this.#soonest = Math.min(this.#soonest, state.endsAt)
    this.#timer ??= this.#options.timers.every(sweepMs, () => this.#removeSlice())
  }

  delete(key: string): void {
    this.#states.delete(key)
  }

  close(): void {
    this.#states.clear()
    this.#endSweep()
  }

  #makeRoom(operation: string): void {
    const { now } = this
    const { maxKeys } = this.#options
    if (this.#soonest <= now) {
      this.#soonest = Infinity
      for (const [key, state] of this.#states) {
        if (hasEnded(state, now)) this.#states.delete(key)
        else this.#soonest = Math.min(this.#soonest, state.endsAt)
      }
    }
    if (this.#states.size >= maxKeys)
      throw this.#error(operation, `holds ${maxKeys} keys and takes no more. Raise \`maxKeys\`, or let keys end.`)
  }

  #removeSlice(): void {
    const { now } = this
    const wanted = Math.max(keysPerSlice, Math.ceil(this.#states.size / slicesPerRound))
    for (let looked = 0; looked < wanted; looked++) {
      const step = (this.#sweep ??= this.#states.entries()).next()
      if (step.done === true) {
        this.#sweep = undefined
        break
      }
      const [key, state] = step.value
      if (state.kind === 'set') looked += state.members.clear(now)
      if (hasEnded(state, now)) this.#states.delete(key)
    }
    if (this.#states.size === 0) this.#endSweep()
  }

  #endSweep(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sweep = undefined
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

/** A set has ended with its members, which are looked at only when one of them can have ended. */
function hasEnded(state: HeldState, now: number): boolean {
  return state.endsAt <= now || (state.kind === 'set' && state.members.size(now) === 0)
}
