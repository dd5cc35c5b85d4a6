import type { Tenure } from '../../contract/coordination.ts'
import type { StateOf, Waiter } from './held-state.ts'
import type { HeldStates } from './held-states.ts'

type TenureState = Omit<StateOf<'tenure'>, 'kind' | 'endsAt'>

const free: TenureState = { fence: 0, owner: undefined, until: 0, line: [] }

/** Who is the only one, and who stands in line for it. */
export class Tenures {
  readonly #states: HeldStates
  readonly #tellNext: (key: string) => void
  /** One count for all keys: so a fence is larger than all before it, and nothing has to be kept of keys that are free. */
  #lastFence = 0

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
    const others = state.line.filter((waiter) => waiter.owner !== owner)
    const place = state.line.findIndex((waiter) => waiter.owner === owner)
    const ahead = place === -1 ? state.line.length : place
    const isHolder = state.owner === owner
    if (isHolder || (state.owner === undefined && ahead === 0)) {
      const fence = isHolder ? state.fence : this.#lastFence + 1
      this.#keep(key, { fence, owner, until: now + ttlMs, line: others }, 'acquire')
      this.#lastFence = Math.max(this.#lastFence, fence)
      return { kind: 'granted', fence }
    }
    const mine = waitMs > 0 ? [{ owner, until: now + waitMs }] : []
    const line = [...others.slice(0, ahead), ...mine, ...others.slice(ahead)]
    this.#keep(key, { ...state, line }, 'acquire')
    const { until } = state.owner === undefined ? (state.line[0] as Waiter) : state
    return { kind: 'busy', leftMs: until - now, ahead }
  }

  renew(key: string, owner: string, ttlMs: number): boolean {
    const state = this.#current(key, 'renew')
    if (state.owner !== owner) return false
    this.#keep(key, { ...state, until: this.#states.now + ttlMs }, 'renew')
    return true
  }

  release(key: string, owner: string): boolean {
    const state = this.#current(key, 'release')
    const isHolder = state.owner === owner
    const line = state.line.filter((waiter) => waiter.owner !== owner)
    if (!isHolder && line.length === state.line.length) return false
    this.#keep(key, isHolder ? { ...free, line } : { ...state, line }, 'release')
    this.#tellNext(key)
    return isHolder
  }

  /** Without a holder whose time is over, and without those who gave up. */
  #current(key: string, operation: string): TenureState {
    const { now } = this.#states
    const held = this.#states.get(key, 'tenure', operation)
    if (held === undefined) return free
    const line = held.line.filter(({ until }) => until > now)
    return held.until > now ? { ...held, line } : { ...free, line }
  }

  #keep(key: string, state: TenureState, operation: string): void {
    const endsAt = state.line.reduce((latest, { until }) => Math.max(latest, until), state.until)
    if (endsAt <= this.#states.now) this.#states.delete(key)
    else this.#states.put(key, { kind: 'tenure', ...state, endsAt }, operation)
  }
}
