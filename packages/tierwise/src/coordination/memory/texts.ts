import type { HeldText, TextCondition, TextWrite } from '../../contract/coordination.ts'
import { TierError } from '../../errors.ts'
import type { HeldStates } from './held-states.ts'

/** Texts, and the numbers that texts can be. */
export class Texts {
  readonly #states: HeldStates
  readonly #name: string

  constructor(states: HeldStates, name: string) {
    this.#states = states
    this.#name = name
  }

  read(key: string): HeldText | undefined {
    return this.#held(key, 'read')
  }

  write(
    key: string,
    value: string,
    { ttlMs = Infinity, onlyIf }: { readonly ttlMs?: number | undefined; readonly onlyIf?: TextCondition | undefined },
  ): TextWrite {
    const before = this.#held(key, 'write')
    const written = holds(onlyIf, before)
    if (written) this.#states.put(key, { kind: 'text', value, endsAt: this.#states.now + ttlMs }, 'write')
    return { written, before }
  }

  remove(
    key: string,
    onlyIf?: { readonly is: string },
  ): { readonly removed: boolean; readonly before: string | undefined } {
    const held = this.#states.any(key)
    const before = held?.kind === 'text' ? held.value : undefined
    const removed = held !== undefined && (onlyIf === undefined || onlyIf.is === before)
    if (removed) this.#states.delete(key)
    return { removed, before }
  }

  add(key: string, by: number, ttlMs: number = Infinity): { readonly value: number; readonly leftMs: number } {
    const { now } = this.#states
    const held = this.#states.get(key, 'text', 'add')
    const start = held === undefined ? 0 : this.#wholeNumber(held.value, 'add')
    const value = start + by
    if (!Number.isSafeInteger(value)) throw this.#refused('add', 'has no whole number that is exact for this sum')
    const endsAt = held?.endsAt ?? now + ttlMs
    this.#states.put(key, { kind: 'text', value: String(value), endsAt }, 'add')
    return { value, leftMs: endsAt - now }
  }

  raise(key: string, to: number): { readonly value: number; readonly raised: boolean } {
    const held = this.#states.get(key, 'text', 'raise')
    const value = held === undefined ? -Infinity : this.#number(held.value, 'raise')
    if (!Number.isFinite(to)) throw this.#refused('raise', 'takes finite numbers only')
    if (to <= value) return { value, raised: false }
    this.#states.put(key, { kind: 'text', value: String(to), endsAt: Infinity }, 'raise')
    return { value: to, raised: true }
  }

  #held(key: string, operation: string): HeldText | undefined {
    const held = this.#states.get(key, 'text', operation)
    return held && { value: held.value, leftMs: held.endsAt - this.#states.now }
  }

  #wholeNumber(text: string, operation: string): number {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value
    throw this.#refused(operation, 'holds a text under this key that is no whole number')
  }

  #number(text: string, operation: string): number {
    const value = Number(text)
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) && Number.isFinite(value)) return value
    throw this.#refused(operation, 'holds a text under this key that is no number')
  }

  #refused(operation: string, what: string): TierError {
    return new TierError(`Coordination store \`${this.#name}\` ${what}.`, {
      code: 'ERR_CACHE_TIER_WRITE',
      tier: this.#name,
      operation,
      retryable: false,
    })
  }
}

function holds(condition: TextCondition | undefined, held: HeldText | undefined): boolean {
  if (condition === undefined) return true
  if (condition === 'absent') return held === undefined
  return condition === 'present' ? held !== undefined : held?.value === condition.is
}
