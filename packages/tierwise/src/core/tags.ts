import type { Timer, Timers } from '../contract/runtime.ts'
import type { TagClock, TagStore } from '../contract/tags.ts'

const retryMs = 1000

/** A tag store behind its guard: `undefined` when it did not take the marks. Never rejects after `load`. */
export interface GuardedTagStore extends Pick<TagStore, 'load'> {
  invalidate(tags: readonly string[], atLeast: number): Promise<number | undefined>
}

/**
 * Which tag was last invalidated when, by a logical clock.
 *
 * Marks are named `namespace:tag` for one namespace, `:tag` for all, `namespace` for a clear of one and the empty name
 * for a clear of all; names of namespaces contain no colon, so nothing collides.
 *
 * Where a tier keeps the table (`TagStore`), it survives restarts. Where none does, the clock starts at the moment of
 * the start in microseconds, and a durable tier's tagged entries from before it are not trusted: their tags may have
 * been invalidated by a process whose table is gone.
 */
export class TagTable {
  readonly #marks = new Map<string, number>()
  #store: GuardedTagStore | undefined
  #now: number
  #floor: number
  #sealed = false
  /** Marks that the store has not taken yet. They go with the next invalidation, or by themselves after a while. */
  readonly #owed = new Map<string, number>()
  readonly #timers: Timers
  #timer: Timer | undefined

  constructor(start: number, timers: Timers) {
    this.#now = start
    this.#floor = start
    this.#timers = timers
  }

  get now(): number {
    return this.#now
  }

  /** From here on entries record the clock. */
  seal(): void {
    this.#sealed = true
  }

  async attach(store: GuardedTagStore): Promise<void> {
    const { clock, marks } = await store.load()
    this.#store = store
    this.#floor = 0
    // The clock of the store counts invalidations, the one it replaces counts microseconds and is far ahead. Going back
    // is safe only while no entry has recorded it.
    this.#now = this.#sealed ? Math.max(clock, this.#now) : clock
    for (const [name, mark] of marks) this.#raise(name, mark)
    if (this.#owed.size > 0) this.#schedule()
  }

  /** Effective in this process at once. Resolves to true once it also survives the process, to false where no tier took it. */
  async invalidate(names: readonly string[]): Promise<boolean> {
    const clock = this.#now + 1
    this.#apply(names, clock)
    for (const name of names) this.#owed.set(name, clock)
    return this.#deliver()
  }

  /** The last try before the tiers are closed. */
  async close(): Promise<void> {
    if (this.#owed.size > 0) await this.#deliver()
    this.#timer?.cancel()
    this.#timer = undefined
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

  async #deliver(): Promise<boolean> {
    if (this.#store === undefined) return false
    const sent = [...this.#owed]
    const clock = await this.#store.invalidate(
      sent.map(([name]) => name),
      this.#now,
    )
    if (clock === undefined) {
      this.#schedule()
      return false
    }
    this.#apply(
      sent.map(([name]) => name),
      clock,
    )
    for (const [name, mark] of sent) if (this.#owed.get(name) === mark) this.#owed.delete(name)
    return true
  }

  #schedule(): void {
    this.#timer ??= this.#timers.after(retryMs, () => {
      this.#timer = undefined
      void this.#deliver()
    })
  }

  #mark(name: string): number {
    return this.#marks.get(name) ?? -1
  }

  #apply(names: readonly string[], clock: number): void {
    this.#now = Math.max(this.#now, clock)
    for (const name of names) this.#raise(name, clock)
  }

  #raise(name: string, mark: number): void {
    if (mark > this.#mark(name)) this.#marks.set(name, mark)
  }
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

  invalidate(tags: readonly string[]): Promise<boolean> {
    return this.#table.invalidate(tags.map((tag) => `${this.#namespace}:${tag}`))
  }

  clear(): Promise<boolean> {
    return this.#table.invalidate([this.#namespace])
  }
}
