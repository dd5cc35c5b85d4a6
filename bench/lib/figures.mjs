/** @param {readonly number[]} values @returns {number} */
function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/**
 * @typedef {object} Spread
 * @property {number} median
 * @property {number} min
 * @property {number} max
 */

/** @param {readonly number[]} values @returns {Spread} */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/**
 * How many times `of` is `against`, round by round: both sides of a ratio were measured within the same few hundred
 * milliseconds, so a machine that slows down for a second moves both.
 *
 * @param {readonly number[]} of @param {readonly number[]} against @returns {Spread}
 */
export function ratio(of, against) {
  return spread(of.map((value, round) => value / against[round]))
}
