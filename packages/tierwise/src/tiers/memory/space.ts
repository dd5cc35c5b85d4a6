import type { Entry } from '../../contract/entry.ts'
import type { EvictReason } from '../../contract/events.ts'
import type { Clock } from '../../contract/runtime.ts'
import type { TagClock } from '../../contract/tags.ts'
import type { LocalEntry, LocalSpace, SpaceOptions } from '../../contract/tier.ts'
import type { HitSampler } from './hit-sampler.ts'
import { hashKey } from './key-hash.ts'
import { afterHit, LazyTinyLfu } from './lazy-tiny-lfu.ts'
import type { Measure } from './lazy-tiny-lfu.ts'
import { isTagged, mainAnchor, mostWeight, SlotTable, windowAnchor } from './slot-table.ts'
import type { TagColumns } from './slot-table.ts'
import { weigh, weighKey } from './weigh.ts'

/** What an entry costs beyond key and value: its place in index, columns, sketch and ghosts; measured by the bench. */
const slotBytes = 88

/** Bounds of one slice of the sweep: well under a millisecond of looking, a few of freeing. */
const slotsPerSweep = 65_536
const freedPerSweep = 4096

export interface SpaceLimits {
  readonly maxBytes: number
  readonly maxEntries: number
  readonly reservedBytes: number
  /** Largest value taken. */
  readonly maxValueBytes: number
}

/** What the spaces of a tier hold together. */
export interface Holdings {
  bytes: number
  entries: number
}

/** What a space needs of the tier it lives in. */
export interface Surroundings {
  readonly clock: Clock
  readonly tagClock: TagClock
  /** Told of entries that are given up for lack of room. */
  readonly onEvict: SpaceOptions['onEvict']
  /** Looks closer at some of the hits; undefined for none. */
  readonly sampler: HitSampler | undefined
  readonly seed: number
  /** Whole epoch milliseconds at the birth of the tier. */
  readonly origin: number
  /** What all spaces of the tier hold; each space keeps its part of it right. */
  readonly held: Holdings
  /** Evicts until the space fits its quota and all spaces the budget; whether anything had to go. */
  makeRoom(space: MemorySpace): boolean
  /** Called when there is something for the background to do: evictions to report, entries that will die. */
  wake(): void
}

/** What the consistency check looks at. */
export interface SpaceParts {
  readonly index: ReadonlyMap<string, number>
  readonly slots: SlotTable
  readonly policy: LazyTinyLfu
}

/**
 * One namespace in memory: its own index, slots and eviction, so a hit concatenates nothing, namespaces with different
 * habits do not spoil each other's policy, and clearing is to start over: the old parts become garbage at once and the
 * collector frees them in its own slices.
 */
export class MemorySpace implements LocalSpace {
  servableUntil: number = Infinity
  readonly namespace: string
  readonly limits: SpaceLimits
  readonly #around: Surroundings
  readonly #clock: Clock
  readonly #held: Holdings
  readonly #origin: number
  readonly #seed: number
  #index = new Map<string, number>()
  #slots: SlotTable
  #policy: LazyTinyLfu
  #hits = 0
  /** The number of hits at which one is looked at closer. */
  #sampleAt = Infinity
  #misses = 0
  #bytes = 0
  #closed = false
  /** Whether any entry has ever had a `reviewAt`; spaces without spare the hit a column. */
  #timed = false
  /** Whether entries may die: then the sweep has work. */
  #mortal = false
  #swept = 0
  #evicted = noEvictions()
  #hasReport = false

  constructor(namespace: string, limits: SpaceLimits, around: Surroundings) {
    this.namespace = namespace
    this.limits = limits
    this.#around = around
    this.#clock = around.clock
    this.#held = around.held
    this.#origin = around.origin
    this.#seed = around.seed
    this.#slots = new SlotTable(around.origin)
    this.#policy = new LazyTinyLfu(this.#slots)
    if (around.sampler !== undefined) this.#sampleAt = 0
  }

  get hits(): number {
    return this.#hits
  }

  get misses(): number {
    return this.#misses
  }

  get size(): number {
    return this.#index.size
  }

  get bytes(): number {
    return this.#bytes
  }

  read(key: string): unknown {
    if (this.#hits >= this.#sampleAt) return this.#sampledRead(key)
    const slot = this.#index.get(key)
    if (slot !== undefined && this.#isServable(slot)) {
      const { meta } = this.#slots
      const before = meta[slot] as number
      if (before < isTagged || this.#hasCurrentTags(slot)) {
        const after = afterHit[before] as number
        if (after !== before) meta[slot] = after
        this.#hits++
        return this.#slots.values[slot]
      }
    }
    this.#misses++
    return undefined
  }

  find(key: string): LocalEntry | undefined {
    const slot = this.#index.get(key)
    if (slot === undefined) return undefined
    if (this.#isDead(slot, this.#clock.now())) {
      this.#drop(slot, 'expired')
      return undefined
    }
    if (!this.#isValid(slot)) {
      this.#forget(slot)
      return undefined
    }
    return this.#slots.entry(slot)
  }

  set(key: string, entry: Entry, reviewAt: number): boolean {
    if (this.#closed) return false
    const valueBytes = entry.sizeBytes > 0 ? entry.sizeBytes : weigh(entry.value)
    const weight = valueBytes + weighKey(key) + slotBytes
    const held = this.#index.get(key)
    if (valueBytes > this.limits.maxValueBytes || weight > mostWeight) {
      if (held !== undefined) this.#forget(held)
      this.#note('too-large')
      return false
    }
    const slot = held ?? this.#slots.take()
    this.#slots.store(slot, entry, reviewAt)
    if (held === undefined) this.#insert(key, slot, weight)
    else this.#overwrite(slot, weight)
    if (reviewAt !== Infinity) this.#timed = true
    if (!this.#mortal && entry.usableUntil !== Infinity) {
      this.#mortal = true
      this.#around.wake()
    }
    return true
  }

  delete(key: string): boolean {
    const slot = this.#index.get(key)
    if (slot === undefined) return false
    const wasHeld = !this.#isDead(slot, this.#clock.now()) && this.#isValid(slot)
    this.#forget(slot)
    return wasHeld
  }

  weigh(value: unknown): number {
    return weigh(value)
  }

  clear(): void {
    this.#resize(-this.#bytes, -this.size)
    this.#index = new Map()
    this.#slots = new SlotTable(this.#origin)
    this.#policy = new LazyTinyLfu(this.#slots)
    this.#timed = false
    this.#mortal = false
    this.#swept = 0
  }

  /** Forgets everything and takes nothing more. */
  close(): void {
    this.#closed = true
    this.clear()
  }

  *keys(): IterableIterator<string> {
    const index = this.#index
    for (const [key, slot] of index) {
      if (index !== this.#index) return
      if (!this.#isDead(slot, this.#clock.now()) && this.#isValid(slot)) yield key
    }
  }

  get parts(): SpaceParts {
    return { index: this.#index, slots: this.#slots, policy: this.#policy }
  }

  /** The slot this space would give up next; dead entries go first. */
  loser(short: Measure): number {
    return this.#deadEnd() || this.#policy.pickLoser(short)
  }

  /** The slot that a newcomer of another space has to beat. */
  defender(): number {
    return this.#deadEnd() || this.#policy.pickDefender()
  }

  usesOf(slot: number): number {
    return this.#isDeadNow(slot) ? -1 : this.#policy.countOf(slot)
  }

  evict(slot: number, reason: EvictReason): void {
    this.#drop(slot, this.#isDeadNow(slot) ? 'expired' : reason)
  }

  /** Lets a slot that was picked live on. */
  spare(slot: number): void {
    this.#policy.spare(slot)
  }

  /** Halves what is known of the popularity of its entries. */
  age(): void {
    this.#policy.age(this.#hits)
  }

  /** Whether there are evictions to report or entries that will die. */
  get needsUpkeep(): boolean {
    return this.#mortal || this.#hasReport
  }

  /** Frees dead entries of the next slice of slots. False when there were more than one slice may free. */
  sweep(now: number): boolean {
    if (this.size === 0) this.#mortal = false
    if (!this.#mortal) return true
    const slots = this.#slots
    const from = this.#swept < slots.end ? this.#swept : slots.start
    const to = Math.min(slots.end, from + slotsPerSweep)
    let freed = 0
    let slot = Math.max(from, slots.start)
    for (; slot < to && freed < freedPerSweep; slot++) {
      if (slots.keys[slot] === undefined || slots.usableUntil(slot) > now) continue
      this.#drop(slot, 'expired')
      freed++
    }
    this.#swept = slot
    return freed < freedPerSweep
  }

  /** Evictions since the last call. */
  takeReport(): Readonly<Record<EvictReason, number>> | undefined {
    if (!this.#hasReport) return undefined
    const report = this.#evicted
    this.#evicted = noEvictions()
    this.#hasReport = false
    return report
  }

  #sampledRead(key: string): unknown {
    const { sampler } = this.#around
    this.#sampleAt = Infinity
    const startedAt = this.#clock.now()
    const value = this.read(key)
    // A miss is no sample, and a run of them must not be timed one by one.
    if (value === undefined) this.#sampleAt = this.#hits + 1
    else if (sampler !== undefined)
      this.#sampleAt = sampler.take(key, this.#hits, { startedAt, now: this.#clock.now() })
    return value
  }

  #isServable(slot: number): boolean {
    if (!this.#timed && this.servableUntil === Infinity) return true
    const { reviewAt } = this.#slots
    const at = reviewAt.data[slot] as number
    const isTimed = at !== reviewAt.never
    if (!isTimed && this.servableUntil === Infinity) return true
    const now = this.#clock.burstNow()
    // protocol P3 hit-proved: the clock is read at the hit, so a stalled process proves nothing to itself
    return now < this.servableUntil && (!isTimed || now - this.#origin < at)
  }

  #isDead(slot: number, now: number): boolean {
    return this.#slots.usableUntil(slot) <= now
  }

  /** For eviction, which need not know to the microsecond. */
  #isDeadNow(slot: number): boolean {
    return this.#mortal && this.#isDead(slot, this.#clock.burstNow())
  }

  #isValid(slot: number): boolean {
    return (this.#slots.meta[slot] as number) < isTagged || this.#hasCurrentTags(slot)
  }

  /** Asks the tag clock again only when it has moved since this slot was last found current. */
  #hasCurrentTags(slot: number): boolean {
    const { lists, recorded, checked } = this.#slots.tags as TagColumns
    const { tagClock } = this.#around
    const { now } = tagClock
    if (checked[slot] === now) return true
    if (!tagClock.isCurrent(lists[slot] as readonly string[], recorded[slot] as number)) return false
    checked[slot] = now
    return true
  }

  #insert(key: string, slot: number, weight: number): void {
    this.#slots.keys[slot] = key
    this.#slots.hash[slot] = hashKey(key, this.#seed)
    this.#slots.weight[slot] = weight
    this.#index.set(key, slot)
    this.#policy.admit(slot, this.#hits)
    this.#resize(weight, 1)
    if (!this.#around.makeRoom(this)) this.#policy.settle()
  }

  /** The entry keeps its place; a write counts as a use. */
  #overwrite(slot: number, weight: number): void {
    const { meta, weight: weights } = this.#slots
    meta[slot] = afterHit[meta[slot] as number] as number
    const change = weight - (weights[slot] as number)
    if (change === 0) return
    weights[slot] = weight
    this.#policy.reweigh(slot, change)
    this.#resize(change, 0)
    if (change > 0) this.#around.makeRoom(this)
  }

  #drop(slot: number, reason: EvictReason): void {
    const { onEvict } = this.#around
    if (onEvict !== undefined && reason !== 'expired' && this.#isValid(slot))
      onEvict(this.#slots.keys[slot] as string, this.#slots.entry(slot))
    if (reason === 'expired') this.#policy.remove(slot)
    else this.#policy.evict(slot)
    this.#release(slot)
    this.#note(reason)
  }

  /** Takes an entry out that nobody may have any more: deleted, refused or invalidated. */
  #forget(slot: number): void {
    this.#policy.remove(slot)
    this.#release(slot)
  }

  #release(slot: number): void {
    const weight = this.#slots.weight[slot] as number
    this.#index.delete(this.#slots.keys[slot] as string)
    this.#slots.release(slot)
    this.#resize(-weight, -1)
  }

  #resize(bytes: number, entries: number): void {
    this.#bytes += bytes
    this.#held.bytes += bytes
    this.#held.entries += entries
  }

  /** The end of a queue if it is dead, else 0. */
  #deadEnd(): number {
    if (!this.#mortal) return 0
    const { windowEnd, mainEnd } = this.#policy
    if (windowEnd !== windowAnchor && this.#isDeadNow(windowEnd)) return windowEnd
    return mainEnd !== mainAnchor && this.#isDeadNow(mainEnd) ? mainEnd : 0
  }

  #note(reason: EvictReason): void {
    this.#evicted[reason]++
    if (this.#hasReport) return
    this.#hasReport = true
    this.#around.wake()
  }
}

function noEvictions(): Record<EvictReason, number> {
  return { capacity: 0, quota: 0, expired: 0, 'too-large': 0 }
}
