/**
 * A generator of uniform numbers in [0, 1) that gives the same sequence for the same seed (a 32-bit Weyl sequence
 * through a multiply-xorshift finisher), so that every contestant and every run sees the same keys.
 *
 * @param {number} seed @returns {() => number}
 */
export function seededRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

/**
 * `count` ranks in [0, universe), uniformly drawn.
 *
 * @param {number} count @param {number} universe @param {() => number} random @returns {Uint32Array}
 */
export function uniformRanks(count, universe, random) {
  return Uint32Array.from({ length: count }, () => Math.floor(random() * universe))
}

/**
 * `count` ranks in [0, universe) where rank r is drawn in proportion to 1 / (r + 1) ** skew.
 *
 * @param {number} count @param {{ universe: number, skew: number }} shape @param {() => number} random
 * @returns {Uint32Array}
 */
export function zipfRanks(count, { universe, skew }, random) {
  const cumulative = new Float64Array(universe)
  let total = 0
  for (let rank = 0; rank < universe; rank++) {
    total += 1 / (rank + 1) ** skew
    cumulative[rank] = total
  }
  return Uint32Array.from({ length: count }, () => firstAtLeast(cumulative, random() * total))
}

/** @param {Float64Array} ascending @param {number} bound */
function firstAtLeast(ascending, bound) {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle] < bound) low = middle + 1
    else high = middle
  }
  return low
}
