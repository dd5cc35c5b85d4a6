import type { Entry } from '../contract/entry.ts'
import type { TierRecord } from '../contract/tier.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'

interface Pending {
  readonly tier: GuardedTier
  readonly prefix: string
  readonly record: TierRecord
  readonly entry: Entry
}

/** An acknowledged write that gave way, and to which of the works that overtake. */
interface TakenBack {
  readonly entry: Entry
  readonly by: number
}

const batchSize = 100

/**
 * Writes that were acknowledged before they reached their tiers. Bounded; the newest write of a key replaces the one
 * before it, and reads look here first, so a value that memory has let go is not mistaken for the older one below.
 */
export class WriteBehind {
  readonly #most: number
  readonly #pending = new Map<string, Pending>()
  /** Taken back, because something newer is on its way to the tier; what reads find until that has arrived. */
  readonly #outdated = new Map<string, TakenBack>()
  #order = 0
  #draining: Promise<void> | undefined

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#pending.size
  }

  /** Whether `peek` finds nothing whatever is asked. */
  get isIdle(): boolean {
    return this.#pending.size === 0 && this.#outdated.size === 0
  }

  /** Takes a write, or returns false when full: then it has to go through. */
  offer(write: Pending): boolean {
    const id = identify(write.tier.name, write.record.key)
    if (this.#pending.size >= this.#most && !this.#pending.has(id)) return false
    this.#pending.delete(id)
    this.#pending.set(id, write)
    this.#draining ??= this.#drain()
    return true
  }

  peek(tier: string, key: string): Entry | undefined {
    if (this.isIdle) return undefined
    const id = identify(tier, key)
    return this.#pending.get(id)?.entry ?? this.#outdated.get(id)?.entry
  }

  /** What reads find here for a tier under a prefix: storage key and entry. */
  *entries(tier: string, prefix: string): IterableIterator<readonly [string, Entry]> {
    const start = identify(tier, prefix)
    for (const shown of [this.#pending, this.#outdated]) {
      for (const [id, { entry }] of shown) if (id.startsWith(start)) yield [id.slice(identify(tier, '').length), entry]
    }
  }

  /**
   * Writes or removes keys of a tier otherwise: what is pending for them is not sent any more. It was acknowledged, so
   * reads still find it, and not what it had replaced, until that work or a later one is done. Work that began earlier
   * may end in between and says nothing about it.
   */
  overtake<T>(tier: string, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    // What is taken back from now on gives way to later work than this.
    return this.isIdle ? work() : this.#overtake(tier, keys, work)
  }

  async #overtake<T>(tier: string, keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const order = ++this.#order
    if (this.#pending.size > 0) for (const key of keys) this.#takeBack(identify(tier, key), order)
    try {
      return await work()
    } finally {
      if (this.#outdated.size > 0) for (const key of keys) this.#hide(identify(tier, key), ({ by }) => by <= order)
    }
  }

  dropPrefix(prefix: string): void {
    for (const [id, write] of this.#pending) if (write.record.key.startsWith(prefix)) this.#pending.delete(id)
  }

  async settled(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
  }

  async #drain(): Promise<void> {
    // Leaves the caller's tick first, so that what it writes in one go travels together.
    await Promise.resolve()
    while (this.#pending.size > 0) {
      const batch = this.#nextBatch()
      const [first] = batch
      if (first !== undefined)
        await first.tier.set(
          batch.map((write) => write.record),
          first.prefix,
        )
      for (const write of batch) this.#forget(write)
    }
    this.#draining = undefined
  }

  #nextBatch(): readonly Pending[] {
    const batch: Pending[] = []
    for (const write of this.#pending.values()) {
      if (batch.length === batchSize) break
      const [first] = batch
      if (first === undefined || (first.tier === write.tier && first.prefix === write.prefix)) batch.push(write)
    }
    return batch
  }

  #takeBack(id: string, by: number): void {
    const entry = this.#pending.get(id)?.entry
    if (entry === undefined) return
    this.#pending.delete(id)
    this.#outdated.set(id, { entry, by })
  }

  #hide(id: string, isOver: (shown: TakenBack) => boolean): void {
    const shown = this.#outdated.get(id)
    if (shown !== undefined && isOver(shown)) this.#outdated.delete(id)
  }

  /** A newer write of the key may have come while this one was under way. */
  #forget(write: Pending): void {
    const id = identify(write.tier.name, write.record.key)
    if (this.#pending.get(id) === write) this.#pending.delete(id)
    this.#hide(id, ({ entry }) => entry.version < write.entry.version)
  }
}

function identify(tier: string, key: string): string {
  return `${tier}\n${key}`
}
