import type { Timer, Timers } from '../../contract/runtime.ts'
import type { TagMarks, TagStore } from '../../contract/tags.ts'

const retryMs = 1000

/** A tag store behind its guard: `undefined` when it did not answer. Never rejects after `load`. */
export interface GuardedTagStore extends Pick<TagStore, 'load'> {
  /** Name of the tier. */
  readonly tier: string
  /** Other processes write to it too. */
  readonly shared: boolean
  refresh(after: number): Promise<TagMarks | undefined>
  invalidate(tags: readonly string[], atLeast: number): Promise<number | undefined>
}

/** The table that a keeper serves. */
export interface KeptTable {
  readonly now: number
  /** Every mark that is known here. */
  readonly marks: ReadonlyMap<string, number>
  /** What other processes have invalidated. */
  learn(known: TagMarks): void
  /** Anything may have been invalidated without a trace. */
  distrust(): void
  /** What a store made of an invalidation of this process. */
  confirm(names: readonly string[], clock: number): void
}

/** One store of the tag table: what it has not taken yet, and how far this process has read it. */
export class TagKeeper {
  /** Name of the tier. */
  readonly tier: string
  readonly isShared: boolean
  readonly #store: GuardedTagStore
  readonly #table: KeptTable
  readonly #timers: Timers
  /** Marks that the store has not taken yet. They go with the next invalidation, or by themselves after a while. */
  readonly #owed = new Map<string, number>()
  #clock: number
  #seen: number
  #floor: number
  #timer: Timer | undefined

  constructor(store: GuardedTagStore, known: TagMarks, parts: { table: KeptTable; timers: Timers }) {
    this.tier = store.tier
    this.isShared = store.shared
    this.#store = store
    this.#table = parts.table
    this.#timers = parts.timers
    this.#clock = known.clock
    this.#seen = known.clock
    this.#floor = known.floor ?? 0
    this.#oweUnknown(known.marks)
  }

  owe(names: readonly string[], mark: number): void {
    for (const name of names) this.#owed.set(name, mark)
  }

  /** Tells the store what it has missed, its clock included: an entry must not record more than the stores can raise. */
  catchUp(): void {
    if (this.#owed.size > 0 || this.#clock < this.#table.now) void this.deliver()
  }

  /** True once the store has all that it is owed. */
  async deliver(): Promise<boolean> {
    const sent = [...this.#owed]
    const names = sent.map(([name]) => name)
    const clock = await this.#store.invalidate(names, this.#table.now)
    if (clock === undefined) {
      this.#retry()
      return false
    }
    this.#clock = clock
    this.#table.confirm(names, clock)
    for (const [name, mark] of sent) if (this.#owed.get(name) === mark) this.#owed.delete(name)
    return true
  }

  /** Learns what other processes have invalidated since the last look; false when the store did not answer. */
  async refresh(): Promise<boolean> {
    const known = await this.#store.refresh(this.#seen)
    if (known === undefined) return false
    const floor = known.floor ?? 0
    const isOlder = known.clock < this.#seen
    const hasForgotten = floor > this.#floor || isOlder
    // An older state of the store was restored. What others have invalidated since has marks below what was seen here.
    if (isOlder) this.#table.distrust()
    this.#seen = known.clock
    this.#clock = known.clock
    this.#floor = floor
    this.#table.learn(known)
    if (hasForgotten) this.#oweUnknown(known.marks)
    this.catchUp()
    return true
  }

  /** The last try before the tiers are closed. */
  async close(): Promise<void> {
    if (this.#owed.size > 0) await this.deliver()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #oweUnknown(known: ReadonlyMap<string, number>): void {
    for (const [name, mark] of this.#table.marks) if ((known.get(name) ?? -1) < mark) this.#owed.set(name, mark)
  }

  #retry(): void {
    this.#timer ??= this.#timers.after(retryMs, () => {
      this.#timer = undefined
      void this.deliver()
    })
  }
}
