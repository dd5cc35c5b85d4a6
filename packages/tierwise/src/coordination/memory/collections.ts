import type { Member, Scored, ScoreRange } from '../../contract/coordination.ts'
import type { HeldStates } from './held-states.ts'

/** Sets whose members end by themselves, fields of one key, and lists that are sorted by a number. */
export class Collections {
  readonly #states: HeldStates

  constructor(states: HeldStates) {
    this.#states = states
  }

  enter(key: string, members: readonly Member[]): readonly boolean[] {
    const held = this.#set(key, 'enter') ?? new Map<string, number>()
    const { now } = this.#states
    const isNew = members.map(({ member, ttlMs = Infinity }) => {
      const wasNew = !held.has(member)
      held.set(member, now + ttlMs)
      return wasNew
    })
    this.#keepSet(key, held, 'enter')
    return isNew
  }

  contains(key: string, members: readonly string[]): readonly boolean[] {
    const held = this.#set(key, 'contains')
    return members.map((member) => held?.has(member) === true)
  }

  leave(key: string, members: readonly string[]): readonly boolean[] {
    const held = this.#set(key, 'leave')
    if (held === undefined) return members.map(() => false)
    const left = members.map((member) => held.delete(member))
    this.#keepSet(key, held, 'leave')
    return left
  }

  size(key: string): number {
    return this.#set(key, 'size')?.size ?? 0
  }

  members(key: string): readonly string[] {
    return [...(this.#set(key, 'members')?.keys() ?? [])]
  }

  setFields(key: string, changes: Readonly<Record<string, string | null>>, ttlMs?: number): void {
    const held = this.#states.get(key, 'fields', 'setFields')
    const fields = held?.fields ?? new Map<string, string>()
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) fields.delete(name)
      else fields.set(name, value)
    }
    const endsAt = ttlMs === undefined ? (held?.endsAt ?? Infinity) : this.#states.now + ttlMs
    if (fields.size === 0) this.#states.delete(key)
    else this.#states.put(key, { kind: 'fields', fields, endsAt }, 'setFields')
  }

  fields(key: string, names?: readonly string[]): Readonly<Record<string, string>> | undefined {
    const held = this.#states.get(key, 'fields', 'fields')
    if (held === undefined) return undefined
    const wanted = names === undefined ? [...held.fields] : names.flatMap((name) => pairIn(held.fields, name))
    return Object.fromEntries(wanted)
  }

  rank(
    key: string,
    members: readonly Scored[],
    { keep = Infinity, ttlMs }: { readonly keep?: number; readonly ttlMs?: number } = {},
  ): void {
    const held = this.#states.get(key, 'ranked', 'rank')
    const scores = held?.scores ?? new Map<string, number>()
    for (const { member, score } of members) scores.set(member, score)
    for (const { member } of sorted(scores).slice(0, Math.max(0, scores.size - keep))) scores.delete(member)
    const endsAt = ttlMs === undefined ? (held?.endsAt ?? Infinity) : this.#states.now + ttlMs
    this.#states.put(key, { kind: 'ranked', scores, endsAt }, 'rank')
  }

  ranked(
    key: string,
    { min = -Infinity, max = Infinity, limit = Infinity, reverse = false }: ScoreRange = {},
  ): readonly Scored[] {
    const held = this.#states.get(key, 'ranked', 'ranked')
    const inRange = sorted(held?.scores ?? new Map()).filter(({ score }) => score >= min && score <= max)
    return (reverse ? inRange.toReversed() : inRange).slice(0, limit)
  }

  unrank(key: string, which: readonly string[] | Pick<ScoreRange, 'min' | 'max'>): number {
    const held = this.#states.get(key, 'ranked', 'unrank')
    if (held === undefined) return 0
    const names = 'length' in which ? which : this.ranked(key, which).map(({ member }) => member)
    const removed = names.filter((member) => held.scores.delete(member)).length
    if (held.scores.size === 0) this.#states.delete(key)
    return removed
  }

  /** The members that have not ended. */
  #set(key: string, operation: string): Map<string, number> | undefined {
    const members = this.#states.get(key, 'set', operation)?.members
    if (members === undefined) return undefined
    const { now } = this.#states
    for (const [member, until] of members) if (until <= now) members.delete(member)
    return members
  }

  #keepSet(key: string, members: Map<string, number>, operation: string): void {
    const endsAt = Math.max(-Infinity, ...members.values())
    if (members.size === 0) this.#states.delete(key)
    else this.#states.put(key, { kind: 'set', members, endsAt }, operation)
  }
}

function pairIn(fields: ReadonlyMap<string, string>, name: string): readonly (readonly [string, string])[] {
  const value = fields.get(name)
  return value === undefined ? [] : [[name, value]]
}

/** Lowest first; of equal scores by name, as Redis has it. */
function sorted(scores: ReadonlyMap<string, number>): readonly Scored[] {
  return [...scores]
    .map(([member, score]) => ({ member, score }))
    .toSorted((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1))
}
