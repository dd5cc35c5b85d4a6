import type { Random } from '../contract/runtime.ts'

/** Uniform numbers in [0, 1) that repeat with the seed, and the draws that tests make from them. */
export interface SeededRandom extends Random {
  /** Print it when a random test fails. */
  readonly seed: number
  /** A whole number from 0 to `max` - 1. */
  int(max: number): number
  /** @throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T
  /** A shuffled copy. */
  shuffle<T>(list: readonly T[]): T[]
}

/**
 * A generator whose numbers depend on the seed alone, on every platform and Node version.
 *
 * xoshiro128** by David Blackman and Sebastiano Vigna (2018), its state filled from the seed with the 32-bit finalizer
 * of MurmurHash3 by Austin Appleby over a Weyl sequence. It is not fit for secrets.
 */
export function seededRandom(seed: number): SeededRandom {
  const next = xoshiro128(seed)
  const int = (max: number): number => Math.floor(next() * max)
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new RangeError('An empty list has nothing to pick')
    return list[int(list.length)] as T
  }
  const shuffle = <T>(list: readonly T[]): T[] => {
    const shuffled = [...list]
    for (let end = shuffled.length - 1; end > 0; end--) {
      const other = int(end + 1)
      ;[shuffled[end], shuffled[other]] = [shuffled[other] as T, shuffled[end] as T]
    }
    return shuffled
  }
  return Object.assign(() => next(), { seed, int, pick, shuffle })
}

/**
 * Draws ranks from 0 to `n` - 1 with a probability that falls as `1 / (rank + 1) ** s`: the shape of cache traffic.
 * At `s` = 0 all ranks are alike; web traffic is measured between 0.6 and 1.1.
 */
export function zipf(random: Random, n: number, s: number): () => number {
  const upTo = new Float64Array(n)
  let total = 0
  for (let rank = 0; rank < n; rank++) upTo[rank] = total += (rank + 1) ** -s
  return () => firstAbove(upTo, random() * total)
}

function firstAbove(ascending: Float64Array, drawn: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) > drawn) high = middle
    else low = middle + 1
  }
  return low
}

function xoshiro128(seed: number): Random {
  let [a, b, c, d] = stateOf(seed)
  return () => {
    const drawn = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return drawn / 2 ** 32
  }
}

function stateOf(seed: number): [number, number, number, number] {
  // The high half is mixed in so that seeds beyond 32 bits, such as epoch milliseconds, differ.
  const start = Math.trunc(seed) ^ Math.imul(Math.trunc(seed / 2 ** 32), 0x9e3779b9)
  const word = (step: number): number => finalize(start + Math.imul(step, 0x9e3779b9))
  return [word(1), word(2), word(3), word(4)]
}

function finalize(word: number): number {
  let mixed = word | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
