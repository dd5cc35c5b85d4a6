import { FrequencySketch } from './frequency-sketch.ts'
import { GhostTable } from './ghost-table.ts'
import type { SlotTable } from './slot-table.ts'
import { countMask, inMain, isTagged, mainAnchor, referenceMask, referenceStep, windowAnchor } from './slot-table.ts'

/** Parts of the capacity: where the window starts and how far it may move, and how many evictions are remembered. */
const leastWindow = 0.01
const mostWindow = 0.99
const ghostShare = 0.1
const windowStep = 2
/** Accesses, as a multiple of the capacity, after which all counts are halved. */
const halvingPeriod = 20
/** Referenced entries that one eviction may pass over in main. */
const mostSecondChances = 4
const mostCount = 15

/** What a budget runs out of. */
export type Measure = 'bytes' | 'entries'

/** The metadata byte after a hit: one more use, one more reference, both saturating. A table beats the branches. */
export const afterHit: Uint8Array = Uint8Array.from({ length: 256 }, (_, meta) => {
  const count = Math.min((meta & countMask) + 1, mostCount)
  const references = Math.min((meta & referenceMask) + referenceStep, referenceMask)
  return (meta & ~(countMask | referenceMask)) | count | references
})

/**
 * The metadata byte after a halving: the count, rounded up from two uses on. Absent keys, whose counts the sketch rounds
 * down, get one back on arrival; were residents rounded down too, a loop would flush the cache after every halving.
 */
const afterHalving = Uint8Array.from({ length: 256 }, (_, meta) => {
  const count = meta & countMask
  return (meta & ~countMask) | (count < 2 ? 0 : (count + 1) >>> 1)
})

/**
 * Decides which entry of a space goes: a lazy, adaptive W-TinyLFU.
 *
 * A hit only rewrites the metadata byte of its slot. Everything else happens when an entry comes or goes. Newcomers
 * enter the *window*, a FIFO queue. At its end an entry that was referenced meanwhile moves to *main*; another must have
 * been used strictly more often than the end of main to take its place. Main is a CLOCK: referenced entries get further
 * rounds. Strictness keeps a loop larger than the cache from flushing it, the window serves what is read again soon.
 *
 * How large the window should be differs by workload, so keys that return soon after their eviction move its limit: from
 * the window, it was too small; from main, too large.
 *
 * Updating lists and sketch on every hit, as the published policies do, costs half of the speed of a hit, and counting
 * every access in the sketch lowers the mean hit ratio too. (W-TinyLFU: Einziger, Friedman and Manes, 2017; CLOCK:
 * Corbató, 1968; ghosts that move a boundary: ARC, Megiddo and Modha, 2003.)
 */
export class LazyTinyLfu {
  readonly #slots: SlotTable
  readonly #sketch = new FrequencySketch()
  readonly #ghosts = new GhostTable()
  /** Entries the window may hold; for a budget of bytes its share of all entries, taken of all bytes. */
  #windowLimit = 1
  #window = 0
  #windowBytes = 0
  #main = 0
  #mainBytes = 0
  #hitsAtHalving = 0
  #arrivals = 0

  constructor(slots: SlotTable) {
    this.#slots = slots
  }

  get size(): number {
    return this.#window + this.#main
  }

  get windowSize(): number {
    return this.#window
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  get bytes(): number {
    return this.#windowBytes + this.#mainBytes
  }

  get windowLimit(): number {
    return this.#windowLimit
  }

  /** Takes in a new slot. `hits` of the space so far date the halving of the counts. */
  admit(slot: number, hits: number): void {
    const { meta } = this.#slots
    const hash = this.#slots.hash[slot] as number
    const ghost = this.#ghosts.take(hash)
    if (ghost !== 'none') this.#moveLimit(ghost === 'window' ? windowStep : -windowStep)
    const count = Math.min(this.#sketch.estimate(hash) + 1, mostCount)
    meta[slot] = ((meta[slot] as number) & isTagged) | count
    this.#push(windowAnchor, slot)
    this.#window++
    this.#windowBytes += this.#slots.weight[slot] as number
    this.#arrivals++
    if (this.#arrivals + hits - this.#hitsAtHalving >= this.size * halvingPeriod) this.age(hits)
  }

  /** Halves all counts, so that what was popular once gives way to what is popular now. */
  age(hits: number): void {
    const { meta, start, end } = this.#slots
    this.#sketch.halve()
    for (let slot = start; slot < end; slot++) meta[slot] = afterHalving[meta[slot] as number] as number
    this.#arrivals = 0
    this.#hitsAtHalving = hits
  }

  /** While there is room: what the window cannot hold moves on to main without a duel. */
  settle(): void {
    this.#clampLimit()
    while (this.#window > this.#windowLimit) this.#promote(this.#slots.previous[windowAnchor] as number, 0)
  }

  /** The entry has got heavier by that much, or lighter. */
  reweigh(slot: number, change: number): void {
    if (this.#isInMain(slot)) this.#mainBytes += change
    else this.#windowBytes += change
  }

  /**
   * The slot that should go next; it stays in its queue until `remove`. The policy must not be empty. When bytes are
   * short, one that is too large for the window has to duel at once, so it does not push out many small ones first.
   */
  pickLoser(short: Measure): number {
    this.#clampLimit()
    const candidate = this.#windowCandidate(short)
    if (this.#main === 0) return candidate || this.windowEnd
    const victim = this.#mainVictim()
    if (candidate === 0) return victim
    const { meta } = this.#slots
    const loses = this.countOf(candidate) <= this.countOf(victim)
    if (loses || ((meta[victim] as number) & referenceMask) !== 0) return candidate
    this.#promote(candidate, referenceStep)
    return victim
  }

  /** The slot that stands for this space against a newcomer of another. The policy must not be empty. */
  pickDefender(): number {
    return this.#main > 0 ? this.#mainVictim() : this.windowEnd
  }

  /** How often the entry is known to have been used. */
  countOf(slot: number): number {
    return (this.#slots.meta[slot] as number) & countMask
  }

  /** Next in line in either queue; the anchor when the queue is empty. */
  get windowEnd(): number {
    return this.#slots.previous[windowAnchor] as number
  }

  get mainEnd(): number {
    return this.#slots.previous[mainAnchor] as number
  }

  /** Unlinks the slot and remembers how often its key was used. */
  remove(slot: number): void {
    this.#sketch.raise(this.#slots.hash[slot] as number, this.countOf(slot))
    this.unlink(slot)
  }

  /** As `remove`, and remembers that the key had to go. */
  evict(slot: number): void {
    const { size } = this
    this.#sketch.reserve(size)
    this.#ghosts.reserve(Math.floor(size * ghostShare))
    this.#ghosts.add(this.#slots.hash[slot] as number, this.#isInMain(slot))
    this.remove(slot)
  }

  /** Lets a slot that was picked live on, at the young end of main. */
  spare(slot: number): void {
    if (!this.#isInMain(slot)) {
      this.#promote(slot, referenceStep)
      return
    }
    unlinkFrom(this.#slots, slot)
    this.#push(mainAnchor, slot)
  }

  unlink(slot: number): void {
    this.reweigh(slot, -(this.#slots.weight[slot] as number))
    if (this.#isInMain(slot)) this.#main--
    else this.#window--
    unlinkFrom(this.#slots, slot)
  }

  /** The oldest of the window, after those referenced since they came have moved to main; 0 when the window fits. */
  #windowCandidate(short: Measure): number {
    const { meta } = this.#slots
    while (this.#overflows(short)) {
      const slot = this.windowEnd
      if (((meta[slot] as number) & referenceMask) === 0) return slot
      this.#promote(slot, 0)
    }
    return 0
  }

  #overflows(short: Measure): boolean {
    if (short === 'entries') return this.#window > this.#windowLimit
    return this.#windowBytes * this.size > (this.#windowBytes + this.#mainBytes) * this.#windowLimit
  }

  #mainVictim(): number {
    const { meta } = this.#slots
    let slot = this.mainEnd
    for (let chances = 0; chances < mostSecondChances; chances++) {
      const byte = meta[slot] as number
      if ((byte & referenceMask) === 0) break
      meta[slot] = byte - referenceStep
      unlinkFrom(this.#slots, slot)
      this.#push(mainAnchor, slot)
      slot = this.mainEnd
    }
    return slot
  }

  #promote(slot: number, references: number): void {
    const { meta } = this.#slots
    unlinkFrom(this.#slots, slot)
    meta[slot] = ((meta[slot] as number) & ~referenceMask) | inMain | references
    this.#push(mainAnchor, slot)
    const weight = this.#slots.weight[slot] as number
    this.#window--
    this.#windowBytes -= weight
    this.#main++
    this.#mainBytes += weight
  }

  #push(anchor: number, slot: number): void {
    const { next, previous } = this.#slots
    const first = next[anchor] as number
    next[slot] = first
    previous[slot] = anchor
    previous[first] = slot
    next[anchor] = slot
  }

  #isInMain(slot: number): boolean {
    return ((this.#slots.meta[slot] as number) & inMain) !== 0
  }

  #moveLimit(by: number): void {
    this.#windowLimit += by
    this.#clampLimit()
  }

  #clampLimit(): void {
    const { size } = this
    const least = Math.max(1, size * leastWindow)
    this.#windowLimit = Math.max(least, Math.min(this.#windowLimit, Math.max(1, size * mostWindow)))
  }
}

function unlinkFrom({ next, previous }: SlotTable, slot: number): void {
  const after = next[slot] as number
  const before = previous[slot] as number
  next[before] = after
  previous[after] = before
}
