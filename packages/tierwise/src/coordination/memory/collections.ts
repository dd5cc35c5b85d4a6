import type { Member, Scored, ScoreRange } from '../../contract/coordination.ts'
import { EndingSet } from './ending-set.ts'
import type { HeldStates } from './held-states.ts'
import { RankedList } from './ranked-list.ts'

/** Sets whose members end by themselves, fields of one key, and lists that are sorted by a number. */
export class Collections {
  readonly #states: HeldStates

  constructor(states: HeldStates) {
    this.#states = states
  }

  enter(key: string, entering: readonly Member[]): readonly boolean[] {
    const held = this.#states.get(key, 'set', 'enter')
    if (entering.length === 0) return []
    const { now } = this.#states
    const members = held?.members ?? new EndingSet()
    const wereNew = entering.map(({ member, ttlMs = Infinity }) => members.enter(member, now + ttlMs, now))
    this.#states.put(key, { kind: 'set', members, endsAt: members.latest }, 'enter')
    return wereNew
  }

  contains(key: string, names: readonly string[]): readonly boolean[] {
    const members = this.#states.get(key, 'set', 'contains')?.members
    const { now } = this.#states
    return names.map((name) => members?.has(name, now) === true)
  }

  leave(key: string, names: readonly string[]): readonly boolean[] {
    const members = this.#states.get(key, 'set', 'leave')?.members
    const { now } = this.#states
    const wereThere = names.map((name) => members?.leave(name, now) === true)
    if (members?.heldSize === 0) this.#states.delete(key)
    return wereThere
  }

  size(key: string): number {
    return this.#states.get(key, 'set', 'size')?.members.size(this.#states.now) ?? 0
  }

  members(key: string): readonly string[] {
    return this.#states.get(key, 'set', 'members')?.members.members(this.#states.now) ?? []
  }

  setFields(key: string, changes: Readonly<Record<string, string | null>>, ttlMs?: number): void {
    const held = this.#states.get(key, 'fields', 'setFields')
    const fields = held?.fields ?? new Map<string, string>()
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) fields.delete(name)
      else fields.set(name, value)
    }
    if (fields.size === 0) this.#states.delete(key)
    else this.#states.put(key, { kind: 'fields', fields, endsAt: this.#endOf(ttlMs, held) }, 'setFields')
  }

  /** `fromEntries` makes own properties of all names, `__proto__` too. */
  fields(key: string, names?: readonly string[]): Readonly<Record<string, string>> | undefined {
    const fields = this.#states.get(key, 'fields', 'fields')?.fields
    if (fields === undefined) return undefined
    return Object.fromEntries(names === undefined ? fields : names.flatMap((name) => pairIn(fields, name)))
  }

  rank(
    key: string,
    members: readonly Scored[],
    { keep = Infinity, ttlMs }: { readonly keep?: number; readonly ttlMs?: number } = {},
  ): void {
    const held = this.#states.get(key, 'ranked', 'rank')
    const list = held?.list ?? new RankedList()
    list.put(members)
    list.keepHighest(keep)
    if (list.size === 0) this.#states.delete(key)
    else this.#states.put(key, { kind: 'ranked', list, endsAt: this.#endOf(ttlMs, held) }, 'rank')
  }

  ranked(key: string, range: ScoreRange = {}): readonly Scored[] {
    return this.#states.get(key, 'ranked', 'ranked')?.list.range(range) ?? []
  }

  unrank(key: string, which: readonly string[] | Pick<ScoreRange, 'min' | 'max'>): number {
    const list = this.#states.get(key, 'ranked', 'unrank')?.list
    if (list === undefined) return 0
    const removed = 'length' in which ? list.remove(which) : list.removeRange(which.min, which.max)
    if (list.size === 0) this.#states.delete(key)
    return removed
  }

  #endOf(ttlMs: number | undefined, held: { readonly endsAt: number } | undefined): number {
    return ttlMs === undefined ? (held?.endsAt ?? Infinity) : this.#states.now + ttlMs
  }
}

function pairIn(fields: ReadonlyMap<string, string>, name: string): readonly (readonly [string, string])[] {
  const value = fields.get(name)
  return value === undefined ? [] : [[name, value]]
}
