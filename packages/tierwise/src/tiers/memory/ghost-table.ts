/** Which queue a remembered key was evicted from. */
export type Ghost = 'none' | 'window' | 'main'

const waysPerBucket = 8
const stampsPerLength = 256
const fingerprintMask = 0x7fff
const mainBit = 0x8000

/**
 * Remembers by hash which keys were evicted last, about `length` of each queue. A word holds 15 bits of the hash, the
 * queue, and 16 bits of when; it fades once `length` later evictions of its queue have gone by, so nothing is ever
 * moved or removed. Eight words share a cache line; a full bucket gives up its oldest. A wrong answer, one in several
 * thousand, moves the window by one step.
 */
export class GhostTable {
  #words: Uint32Array = new Uint32Array(0)
  #length = 1
  #windowClock = 0
  #mainClock = 0

  get bytes(): number {
    return this.#words.byteLength
  }

  /** Sets how many evictions of each queue are remembered. Growing forgets, which costs one lap of learning. */
  reserve(length: number): void {
    this.#length = Math.max(1, length)
    if (this.#words.length >= this.#length * 2.5) return
    let words = this.#words.length || waysPerBucket * 4
    while (words < this.#length * 2.5) words *= 2
    this.#words = new Uint32Array(words)
  }

  add(hash: number, fromMain: boolean): void {
    const words = this.#words
    if (words.length === 0) return
    const clock = fromMain ? ++this.#mainClock : ++this.#windowClock
    const bucket = this.#bucketOf(hash)
    let at = bucket
    let oldest = -1
    for (let way = bucket; way < bucket + waysPerBucket; way++) {
      const age = this.#ageOf(words[way] as number)
      if (age <= oldest) continue
      oldest = age
      at = way
    }
    const stamp = Math.floor((clock * stampsPerLength) / this.#length) & 0xffff
    words[at] = ((fingerprintOf(hash) | (fromMain ? mainBit : 0)) << 16) | stamp
  }

  /** Whether the key was evicted lately, and from where; forgets it. */
  take(hash: number): Ghost {
    const words = this.#words
    if (words.length === 0) return 'none'
    const bucket = this.#bucketOf(hash)
    const fingerprint = fingerprintOf(hash)
    for (let way = bucket; way < bucket + waysPerBucket; way++) {
      const word = words[way] as number
      if (word === 0 || ((word >>> 16) & fingerprintMask) !== fingerprint) continue
      if (this.#ageOf(word) > stampsPerLength) continue
      words[way] = 0
      return word >>> 31 === 1 ? 'main' : 'window'
    }
    return 'none'
  }

  /** Evictions since the word was written, in shares of the length; empty words are oldest. */
  #ageOf(word: number): number {
    if (word === 0) return 0x10000
    const clock = word >>> 31 === 1 ? this.#mainClock : this.#windowClock
    return (Math.floor((clock * stampsPerLength) / this.#length) - word) & 0xffff
  }

  #bucketOf(hash: number): number {
    const buckets = this.#words.length / waysPerBucket
    return ((hash >>> 3) & (buckets - 1)) * waysPerBucket
  }
}

/** Never zero, so that a used word is never zero. */
function fingerprintOf(hash: number): number {
  return ((Math.imul(hash, 0x85ebca6b) >>> 17) & fingerprintMask) || 1
}
