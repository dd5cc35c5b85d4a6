import type { Tenure } from '../../contract/coordination.ts'
import type { StateOf } from './held-state.ts'
import type { HeldStates } from './held-states.ts'

/** A fence must be larger than all before it, so what remembers them outlives a tenure by far. */
const fenceKeptMs = 30 * 86_400_000

/** Who is the only one, who stands in line for it, and how often it has been granted. */
export class Tenures {
  readonly #states: HeldStates
  readonly #tellNext: (key: string) => void

  constructor(states: HeldStates, tellNext: (key: string) => void) {
    this.#states = states
    this.#tellNext = tellNext
  }

  acquire(
    key: string,
    owner: string,
    { ttlMs, waitMs = 0 }: { readonly ttlMs: number; readonly waitMs?: number | undefined },
  ): Tenure {
    const { now } = this.#states
    const state = this.#current(key, 'acquire')
    const isHolder = state.owner === owner
    const place = state.line.findIndex((waiter) => waiter.owner === owner)
    const ahead = place === -1 ? state.line.length : place
    if (isHolder || (state.owner === undefined && ahead === 0)) {
      if (!isHolder) state.fence++
      state.line = state.line.filter((waiter) => waiter.owner !== owner)
      this.#keep(key, { ...state, owner, until: now + ttlMs })
      return { kind: 'granted', fence: state.fence }
    }
    const others = state.line.filter((waiter) => waiter.owner !== owner)
    const mine = waitMs > 0 ? [{ owner, until: now + waitMs }] : []
    this.#keep(key, { ...state, line: [...others.slice(0, ahead), ...mine, ...others.slice(ahead)] })
    return { kind: 'busy', leftMs: this.#leftOf(state), ahead }
  }

  renew(key: string, owner: string, ttlMs: number): boolean {
    const state = this.#current(key, 'renew')
    if (state.owner !== owner) return false
    this.#keep(key, { ...state, until: this.#states.now + ttlMs })
    return true
  }

  release(key: string, owner: string): boolean {
    const state = this.#current(key, 'release')
    const isHolder = state.owner === owner
    const line = state.line.filter((waiter) => waiter.owner !== owner)
    if (!isHolder && line.length === state.line.length) return false
    this.#keep(key, { ...state, line, ...(isHolder ? { owner: undefined, until: 0 } : {}) })
    this.#tellNext(key)
    return isHolder
  }

  /** Without a holder whose time is over, and without those who gave up. */
  #current(key: string, operation: string): StateOf<'tenure'> {
    const { now } = this.#states
    const held = this.#states.get(key, 'tenure', operation)
    const free = { owner: undefined, until: 0 }
    if (held === undefined) return { kind: 'tenure', fence: 0, line: [], endsAt: 0, ...free }
    return { ...held, line: held.line.filter(({ until }) => until > now), ...(held.until > now ? {} : free) }
  }

  #leftOf({ owner, until, line }: StateOf<'tenure'>): number {
    const { now } = this.#states
    return owner === undefined ? Math.max(0, (line[0]?.until ?? now) - now) : until - now
  }

  #keep(key: string, state: StateOf<'tenure'>): void {
    this.#states.put(key, { ...state, endsAt: this.#states.now + fenceKeptMs }, 'acquire')
  }
}
