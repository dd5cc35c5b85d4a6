/** Which queue a remembered key was evicted from. */
export type Ghost = 'none' | 'window' | 'main'

const waysPerBucket = 4
/** Time passes in parts of a length, so that 16 bits hold many lengths. */
const ticksPerLength = 256
const tickMask = 0xffff
const fingerprintMask = 0x7fff
const mainBit = 0x8000

/**
 * Remembers by hash which keys were evicted last, about `length` of each queue. A word holds 15 bits of the hash, the
 * queue, and 16 bits of when; it fades once `length` later evictions of its queue have gone by, so nothing is ever
 * moved or removed. Four words share half a cache line; a full bucket gives up its oldest. A wrong answer, one in several
 * thousand, moves the window by one step.
 */
export class GhostTable {
  #words: Uint32Array = new Uint32Array(0)
  #length = 1
  #ticksPerEviction = ticksPerLength
  #windowTime = 0
  #mainTime = 0

  get bytes(): number {
    return this.#words.byteLength
  }

  /** Sets how many evictions of each queue are remembered. Growing forgets, which costs one lap of learning. */
  reserve(length: number): void {
    if (length === this.#length && this.#words.length > 0) return
    this.#length = Math.max(1, length)
    this.#ticksPerEviction = ticksPerLength / this.#length
    if (this.#words.length >= this.#length * 2.5) return
    let words = this.#words.length || waysPerBucket * 8
    while (words < this.#length * 2.5) words *= 2
    this.#words = new Uint32Array(words)
  }

  add(hash: number, fromMain: boolean): void {
    const words = this.#words
    if (words.length === 0) return
    if (fromMain) this.#mainTime += this.#ticksPerEviction
    else this.#windowTime += this.#ticksPerEviction
    const at = this.#oldestOf(bucketOf(hash, words.length))
    const tick = (fromMain ? this.#mainTime : this.#windowTime) & tickMask
    words[at] = ((fingerprintOf(hash) | (fromMain ? mainBit : 0)) << 16) | tick
  }

  /** Whether the key was evicted lately, and from where; forgets it. */
  take(hash: number): Ghost {
    const words = this.#words
    if (words.length === 0) return 'none'
    const fingerprint = fingerprintOf(hash)
    const bucket = bucketOf(hash, words.length)
    for (let at = bucket; at < bucket + waysPerBucket; at++) {
      const word = words[at] as number
      if (((word >>> 16) & fingerprintMask) !== fingerprint) continue
      const isMain = word >>> 31 === 1
      const age = ((isMain ? this.#mainTime : this.#windowTime) - word) & tickMask
      if (age > ticksPerLength) continue
      words[at] = 0
      return isMain ? 'main' : 'window'
    }
    return 'none'
  }

  /**
   * The place of the bucket that was written longest ago. Computed without branches, which nobody could predict. Empty
   * words count as written at the birth of the table.
   */
  #oldestOf(bucket: number): number {
    const words = this.#words
    const windowTime = this.#windowTime | 0
    const lag = (this.#mainTime | 0) - windowTime
    let oldest = 0
    for (let way = 0; way < waysPerBucket; way++) {
      const word = words[bucket + way] as number
      const age = (windowTime + (lag & (word >> 31)) - word) & tickMask
      const older = age * waysPerBucket + way - oldest
      oldest += older & ~(older >> 31)
    }
    return bucket + (oldest % waysPerBucket)
  }
}

function bucketOf(hash: number, words: number): number {
  return ((hash >>> 3) & (words / waysPerBucket - 1)) * waysPerBucket
}

/** Never zero, so that a used word is never zero. */
function fingerprintOf(hash: number): number {
  return (Math.imul(hash, 0x85ebca6b) >>> 17) & fingerprintMask || 1
}
