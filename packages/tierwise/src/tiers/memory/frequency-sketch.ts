const wordsPerBlock = 16
const mostCount = 15

/** Fewer counters than this make small caches forget a loop before it comes round. */
const fewestCounters = 16_384
/** Up to here sixteen counters an entry, then eight: measured, large caches do not notice. */
const denseCounters = 262_144

/**
 * How often keys were used that the cache no longer holds: a count-min sketch of four-bit counters. The four counters
 * of a key lie in one block of 64 bytes, so a look costs one cache line.
 *
 * Minimum and maximum are computed without branches: on counts that nobody can predict a branch costs more than the rest.
 *
 * A resident key is counted in its slot; the sketch is told when it leaves and asked when it returns, never on a hit.
 * (Count-min: Cormode and Muthukrishnan, 2005; ageing by halving and the use for admission: TinyLFU, Einziger,
 * Friedman and Manes, 2017.)
 */
export class FrequencySketch {
  #words: Uint32Array = new Uint32Array(0)
  #entries = 0

  get bytes(): number {
    return this.#words.byteLength
  }

  /** Makes room for that many entries. A larger table repeats the smaller one, which keeps every estimate. */
  reserve(entries: number): void {
    if (entries <= this.#entries) return
    this.#entries = entries
    const counters = Math.max(fewestCounters, Math.min(entries * 16, denseCounters), entries * 8)
    const wanted = counters / 8
    if (this.#words.length >= wanted) return
    let length = Math.max(this.#words.length, wordsPerBlock)
    while (length < wanted) length *= 2
    const words = new Uint32Array(length)
    const old = this.#words
    if (old.length > 0) for (let at = 0; at < length; at += old.length) words.set(old, at)
    this.#words = words
  }

  estimate(hash: number): number {
    const words = this.#words
    if (words.length === 0) return 0
    const block = blockOf(hash, words.length)
    const spread = rowsOf(hash)
    let least = mostCount
    for (let row = 0; row < 4; row++) {
      const pick = spread >>> (row * 8)
      const word = words[block + row * 4 + (pick & 3)] as number
      const less = ((word >>> (((pick >>> 2) & 7) * 4)) & mostCount) - least
      least += less & (less >> 31)
    }
    return least
  }

  /** Makes the estimate of the key at least `count`. */
  raise(hash: number, count: number): void {
    const words = this.#words
    if (words.length === 0) return
    const block = blockOf(hash, words.length)
    const spread = rowsOf(hash)
    for (let row = 0; row < 4; row++) {
      const pick = spread >>> (row * 8)
      const at = block + row * 4 + (pick & 3)
      const shift = ((pick >>> 2) & 7) * 4
      const word = words[at] as number
      const missing = count - ((word >>> shift) & mostCount)
      words[at] = word + ((missing & ~(missing >> 31)) << shift)
    }
  }

  halve(): void {
    const words = this.#words
    for (let at = 0; at < words.length; at++) words[at] = ((words[at] as number) >>> 1) & 0x77777777
  }
}

function blockOf(hash: number, words: number): number {
  return (hash & (words / wordsPerBlock - 1)) * wordsPerBlock
}

/** Eight bits for each of the four rows, independent of the bits that chose the block. */
function rowsOf(hash: number): number {
  const mixed = Math.imul(hash, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}
