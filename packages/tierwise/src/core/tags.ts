import type { TagClock, TagStore } from '../contract/tags.ts'

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
  #store: TagStore | undefined
  #now: number
  #floor: number
  #sealed = false

  constructor(start: number) {
    this.#now = start
    this.#floor = start
  }

  get now(): number {
    return this.#now
  }

  /** True when a clear or tag invalidation would outlive this process. */
  get isDurable(): boolean {
    return this.#store !== undefined
  }

  /** From here on entries record the clock. */
  seal(): void {
    this.#sealed = true
  }

  async attach(store: TagStore): Promise<void> {
    const { clock, marks } = await store.load()
    this.#store = store
    this.#floor = 0
    // The clock of the store counts invalidations, the one it replaces counts microseconds and is far ahead. Going back
    // is safe only while no entry has recorded it.
    this.#now = this.#sealed ? Math.max(clock, this.#now) : clock
    for (const [name, mark] of marks) this.#raise(name, mark)
  }

  /** Effective in this process at once; resolves when it also survives the process, where a tier can make it so. */
  async invalidate(names: readonly string[]): Promise<void> {
    const clock = this.#now + 1
    this.#apply(names, clock)
    if (this.#store === undefined) return
    this.#apply(names, await this.#store.invalidate(names, clock))
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

  invalidate(tags: readonly string[]): Promise<void> {
    return this.#table.invalidate(tags.map((tag) => `${this.#namespace}:${tag}`))
  }

  clear(): Promise<void> {
    return this.#table.invalidate([this.#namespace])
  }
}
