import type { Timer, Timers } from '../../contract/runtime.ts'
import type { TagClock, TagMarks } from '../../contract/tags.ts'
import { TagKeeper } from './tag-keeper.ts'
import type { TagOutcome, TagTier } from './tag-outcome.ts'
import type { GuardedTagStore, KeptTable } from './tag-keeper.ts'

const refreshMs = 1000

/**
 * Which tag was last invalidated when, by a logical clock.
 *
 * Marks are named `namespace:tag` for one namespace, `:tag` for all, `namespace` for a clear of one and the empty name
 * for a clear of all; names of namespaces contain no colon, so nothing collides.
 *
 * Every tier that can keep the table does (`TagStore`): a disk for its host and over restarts, a shared store for the
 * fleet. What one of them has forgotten, the others still know. A shared one is read again every second. Where no tier
 * keeps it, the clock starts at the moment of the start in microseconds, and a durable tier's tagged entries from
 * before it are not trusted: their tags may have been invalidated by a process whose table is gone.
 */
export class TagTable implements KeptTable {
  readonly #marks = new Map<string, number>()
  readonly #keepers: TagKeeper[] = []
  /** What this process has invalidated: a store that opens late may have records with a later clock than was known then. */
  readonly #own = new Set<string>()
  readonly #timers: Timers
  /** Tiers that could not be opened to be told, and when they are tried again. */
  readonly #unopened = new Map<string, Timer>()
  #onClear: (namespace: string) => void = () => {}
  #onInvalidate: (names: readonly string[], clock: number) => void = () => {}
  #now: number
  #floor: number
  #sealed = false
  #closed = false
  #timer: Timer | undefined

  constructor(start: number, timers: Timers) {
    this.#now = start
    this.#floor = start
    this.#timers = timers
  }

  /** `listener` is told of the namespaces that another process has cleared; the empty name stands for all. */
  onClear(listener: (namespace: string) => void): void {
    this.#onClear = listener
  }

  /** `listener` is told of what this process invalidates. */
  onInvalidate(listener: (names: readonly string[], clock: number) => void): void {
    this.#onInvalidate = listener
  }

  get now(): number {
    return this.#now
  }

  get marks(): ReadonlyMap<string, number> {
    return this.#marks
  }

  /** From here on entries record the clock. */
  seal(): void {
    this.#sealed = true
    for (const keeper of this.#keepers) keeper.catchUp()
  }

  async attach(store: GuardedTagStore): Promise<void> {
    const known = await store.load()
    // An attempt to open that was given up may have succeeded after all, beside the next one.
    if (this.#keepers.some(({ tier }) => tier === store.tier)) return
    const { clock, floor = 0 } = known
    const isFirst = this.#keepers.length === 0
    const keeper = new TagKeeper(store, known, { table: this, timers: this.#timers })
    this.#keepers.push(keeper)
    this.#floor = isFirst ? floor : Math.max(this.#floor, floor)
    // The first clock replaces one that counts from the start of the process. Going back is safe only while no entry
    // has recorded it.
    if (isFirst && !this.#sealed) this.#now = clock
    this.learn(known)
    if (this.#sealed) this.#tellLate(keeper)
    if (store.shared) this.#watch()
  }

  /**
   * Effective in this process at once. Resolves once the tiers that keep the table have taken it, or could not. Those of
   * `tiers` that are not open are tried first, as by any other operation.
   */
  async invalidate(names: readonly string[], tiers: readonly TagTier[] = []): Promise<TagOutcome> {
    const clock = this.#now + 1
    this.#now = clock
    for (const name of names) {
      this.#own.add(name)
      this.#raise(name, clock)
    }
    this.#onInvalidate(names, clock)
    for (const keeper of this.#keepers) keeper.owe(names, clock)
    const open = [...this.#keepers]
    const taken = await deliverAll(open)
    const shut = tiers.filter(({ name, capabilities }) => capabilities.tags && !open.some(({ tier }) => tier === name))
    await Promise.all(shut.map((tier) => tier.openSoon()))
    for (const tier of shut) this.#openLater(tier)
    const late = this.#keepers.filter((keeper) => !open.includes(keeper))
    const takenLate = late.length === 0 ? [] : await deliverAll(late)
    const all = new Set([...taken, ...takenLate])
    return { taken: all, isRemembered: all.size > 0 && this.#keepers.every(({ tier }) => all.has(tier)) }
  }

  /** Asks every shared store; whether one of them has told what it knows, or there is none to ask. */
  async refresh(): Promise<boolean> {
    const shared = this.#keepers.filter(({ isShared }) => isShared)
    const answered = await Promise.all(shared.map((keeper) => keeper.refresh()))
    return shared.length === 0 || answered.includes(true)
  }

  learn({ clock, marks, floor = 0 }: TagMarks): void {
    this.#now = Math.max(this.#now, clock)
    this.#floor = Math.max(this.#floor, floor)
    for (const [name, mark] of marks) {
      if (this.#raise(name, mark) && !name.includes(':')) this.#onClear(name)
    }
  }

  distrust(): void {
    this.#now++
    this.#floor = this.#now
    this.#onClear('')
  }

  /** The store may give a later clock than the one that this process began with: what was read meanwhile is older too. */
  confirm(names: readonly string[], clock: number): void {
    this.learn({ clock, marks: new Map(names.map((name) => [name, clock])) })
  }

  /** The last try before the tiers are closed. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    for (const retry of this.#unopened.values()) retry.cancel()
    await Promise.all(this.#keepers.map((keeper) => keeper.close()))
  }

  isCurrent(namespace: string, tags: readonly string[], recorded: number): boolean {
    if (recorded < this.#floor) return false
    for (const tag of tags) {
      if (this.#mark(`${namespace}:${tag}`) > recorded || this.#mark(`:${tag}`) > recorded) return false
    }
    return true
  }

  isCleared(namespace: string, recorded: number): boolean {
    return this.#mark(namespace) > recorded || this.#mark('') > recorded
  }

  /** Before the tier is read for the first time. */
  #tellLate(keeper: TagKeeper): void {
    const clock = this.#now + 1
    if (this.#own.size > 0) this.#now = clock
    // protocol P4 tags-late: what the store holds may have recorded a later clock than the invalidation was given
    for (const name of this.#own) this.#raise(name, clock)
    keeper.owe([...this.#own], clock)
    keeper.catchUp()
  }

  /** Others wait to be told, and this process may not use the tier again by itself. */
  #openLater(tier: TagTier): void {
    if (this.#closed || this.#unopened.has(tier.name) || this.#isKept(tier)) return
    const retry = this.#timers.after(refreshMs, () => {
      this.#unopened.delete(tier.name)
      void tier.openSoon().then(() => this.#openLater(tier))
    })
    this.#unopened.set(tier.name, retry)
  }

  #isKept({ name }: TagTier): boolean {
    return this.#keepers.some(({ tier }) => tier === name)
  }

  #watch(): void {
    if (this.#closed) return
    this.#timer ??= this.#timers.every(refreshMs, () => {
      for (const keeper of this.#keepers) if (keeper.isShared) void keeper.refresh()
    })
  }

  #mark(name: string): number {
    return this.#marks.get(name) ?? -1
  }

  #raise(name: string, mark: number): boolean {
    if (mark <= this.#mark(name)) return false
    this.#marks.set(name, mark)
    return true
  }
}

/** The names of the tiers that have taken what they are owed. */
async function deliverAll(keepers: readonly TagKeeper[]): Promise<readonly string[]> {
  return (await Promise.all(keepers.map(async (keeper) => ((await keeper.deliver()) ? [keeper.tier] : [])))).flat()
}

/** The table as one namespace sees it. */
export class NamespaceTags implements TagClock {
  readonly #table: TagTable
  readonly #namespace: string

  constructor(table: TagTable, namespace: string) {
    this.#table = table
    this.#namespace = namespace
  }

  get now(): number {
    return this.#table.now
  }

  isCurrent(tags: readonly string[], recorded: number): boolean {
    return this.#table.isCurrent(this.#namespace, tags, recorded)
  }

  /** Whether an entry of a lower tier survived all clears and the invalidations of its tags. */
  accepts(entry: { readonly tags: readonly string[]; readonly tagClock: number }): boolean {
    if (this.#table.isCleared(this.#namespace, entry.tagClock)) return false
    return entry.tags.length === 0 || this.isCurrent(entry.tags, entry.tagClock)
  }

  invalidate(tags: readonly string[], tiers: readonly TagTier[]): Promise<TagOutcome> {
    return this.#table.invalidate(
      tags.map((tag) => `${this.#namespace}:${tag}`),
      tiers,
    )
  }

  clear(tiers: readonly TagTier[]): Promise<TagOutcome> {
    return this.#table.invalidate([this.#namespace], tiers)
  }
}
