import type { Scored, TextCondition } from '../../../src/contract/coordination.ts'

interface Ending<T> {
  readonly value: T
  readonly endsAt: number
}

interface ModelTenure {
  readonly kind: 'tenure'
  holder: Ending<string> | undefined
  fence: number
  line: Ending<string>[]
}

type Held =
  | ({ readonly kind: 'text' } & Ending<string>)
  | { readonly kind: 'set'; readonly members: Map<string, number> }
  | ({ readonly kind: 'fields' } & Ending<Map<string, string>>)
  | ({ readonly kind: 'ranked' } & Ending<readonly Scored[]>)
  | ModelTenure

interface WriteOptions {
  readonly ttlMs: number
  readonly onlyIf: TextCondition | undefined
}

interface RankOptions {
  readonly keep: number
  readonly ttlMs?: number
}

/** What a step answers when the key holds something else, or no number. */
export const refused = 'refused'

/** What a store is to answer, by going through everything at each step. Slow, and of other parts than the store. */
export class CoordinationModel {
  now = 0
  readonly #held = new Map<string, Held>()
  #fences = 0

  write(key: string, value: string, { ttlMs, onlyIf }: WriteOptions): unknown {
    const before = this.#of(key, 'text')
    if (before === refused) return refused
    const is = before?.value
    const written =
      onlyIf === undefined ||
      (typeof onlyIf === 'object' ? is === onlyIf.is : (onlyIf === 'absent') === (is === undefined))
    if (written) this.#held.set(key, { kind: 'text', value, endsAt: this.now + ttlMs })
    return { written, before: before && { value: before.value, leftMs: before.endsAt - this.now } }
  }

  add(key: string, by: number, ttlMs: number): unknown {
    const before = this.#of(key, 'text')
    if (before === refused || (before && !/^-?\d+$/.test(before.value))) return refused
    const value = Number(before?.value ?? 0) + by
    const endsAt = before?.endsAt ?? this.now + ttlMs
    this.#held.set(key, { kind: 'text', value: `${value}`, endsAt })
    return { value, leftMs: endsAt - this.now }
  }

  remove(key: string): unknown {
    const held = this.#live(key)
    this.#held.delete(key)
    return { removed: held !== undefined, before: held?.kind === 'text' ? held.value : undefined }
  }

  enter(key: string, members: readonly { readonly member: string; readonly ttlMs: number }[]): unknown {
    const held = this.#of(key, 'set')
    if (held === refused) return refused
    const all = held?.members ?? new Map<string, number>()
    const wereNew = members.map(({ member, ttlMs }) => {
      const wasNew = !all.has(member)
      all.set(member, this.now + ttlMs)
      return wasNew
    })
    this.#held.set(key, { kind: 'set', members: all })
    return wereNew
  }

  leave(key: string, members: readonly string[]): unknown {
    const held = this.#of(key, 'set')
    return held === refused ? refused : members.map((member) => held?.members.delete(member) === true)
  }

  members(key: string): unknown {
    const held = this.#of(key, 'set')
    return held === refused ? refused : [...(held?.members.keys() ?? [])].sort()
  }

  setFields(key: string, changes: Readonly<Record<string, string | null>>, ttlMs: number | undefined): unknown {
    const held = this.#of(key, 'fields')
    if (held === refused) return refused
    const fields = new Map(held?.value)
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) fields.delete(name)
      else fields.set(name, value)
    }
    const endsAt = ttlMs === undefined ? (held?.endsAt ?? Infinity) : this.now + ttlMs
    this.#held.set(key, { kind: 'fields', value: fields, endsAt })
    return undefined
  }

  fields(key: string): unknown {
    const held = this.#of(key, 'fields')
    return held === refused ? refused : held && Object.fromEntries(held.value)
  }

  rank(key: string, members: readonly Scored[], { keep, ttlMs }: RankOptions): unknown {
    const held = this.#of(key, 'ranked')
    if (held === refused) return refused
    let list = [...(held?.value ?? [])]
    for (const each of members) list = [...list.filter(({ member }) => member !== each.member), each]
    list.sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1))
    const endsAt = ttlMs === undefined ? (held?.endsAt ?? Infinity) : this.now + ttlMs
    this.#held.set(key, { kind: 'ranked', value: list.slice(Math.max(0, list.length - keep)), endsAt })
    return undefined
  }

  ranked(key: string, min: number, max: number): unknown {
    const held = this.#of(key, 'ranked')
    return held === refused ? refused : (held?.value ?? []).filter(({ score }) => score >= min && score <= max)
  }

  unrank(key: string, min: number, max: number): unknown {
    const gone = this.ranked(key, min, max)
    const held = this.#of(key, 'ranked')
    if (held === refused || gone === refused) return refused
    if (held) this.#held.set(key, { ...held, value: held.value.filter((each) => !(gone as unknown[]).includes(each)) })
    return (gone as unknown[]).length
  }

  acquire(key: string, owner: string, { ttlMs, waitMs }: { readonly ttlMs: number; readonly waitMs: number }): unknown {
    const found = this.#of(key, 'tenure')
    if (found === refused) return refused
    const held = found ?? { kind: 'tenure', holder: undefined, fence: 0, line: [] }
    this.#held.set(key, held)
    const names = held.line.map(({ value }) => value)
    const ahead = names.includes(owner) ? names.indexOf(owner) : names.length
    if (held.holder?.value === owner || (held.holder === undefined && ahead === 0)) {
      if (held.holder === undefined) held.fence = ++this.#fences
      held.holder = { value: owner, endsAt: this.now + ttlMs }
      held.line = held.line.filter(({ value }) => value !== owner)
      return { kind: 'granted', fence: held.fence }
    }
    const leftMs = (held.holder ?? (held.line[0] as Ending<string>)).endsAt - this.now
    const mine = waitMs > 0 ? [{ value: owner, endsAt: this.now + waitMs }] : []
    held.line.splice(ahead, names.includes(owner) ? 1 : 0, ...mine)
    return { kind: 'busy', leftMs, ahead }
  }

  release(key: string, owner: string): unknown {
    const held = this.#of(key, 'tenure')
    if (held === refused || held === undefined) return held ?? false
    const wasHolder = held.holder?.value === owner
    if (wasHolder) held.holder = undefined
    held.line = held.line.filter(({ value }) => value !== owner)
    return wasHolder
  }

  #of<K extends Held['kind']>(key: string, kind: K): Extract<Held, { readonly kind: K }> | undefined | 'refused' {
    const held = this.#live(key)
    if (held !== undefined && held.kind !== kind) return refused
    return held as Extract<Held, { readonly kind: K }> | undefined
  }

  /** Without anything that has ended. */
  #live(key: string): Held | undefined {
    const held = this.#held.get(key)
    if (held?.kind === 'set') for (const [member, end] of held.members) if (end <= this.now) held.members.delete(member)
    if (held?.kind === 'tenure') {
      if ((held.holder?.endsAt ?? 0) <= this.now) held.holder = undefined
      held.line = held.line.filter(({ endsAt }) => endsAt > this.now)
    }
    if (held !== undefined && isEmpty(held, this.now)) this.#held.delete(key)
    return this.#held.get(key)
  }
}

function isEmpty(held: Held, now: number): boolean {
  if (held.kind === 'set') return held.members.size === 0
  if (held.kind === 'tenure') return held.holder === undefined && held.line.length === 0
  if (held.endsAt <= now) return true
  return held.kind === 'fields' ? held.value.size === 0 : held.kind === 'ranked' && held.value.length === 0
}
