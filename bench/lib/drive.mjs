/** The loops that call a cache; see fresh-driver.mjs for why each contestant runs a copy of its own. */

/**
 * @typedef {{ readonly factor: number }} Read What the loops read of a value. All keys are there or get loaded: an absent
 *   value ends the bench with a TypeError, without a check that would cost time.
 */

/**
 * One awaited call at a time.
 *
 * @param {(key: string) => Promise<Read>} read @param {readonly string[]} keys
 */
export async function readInTurn(read, keys) {
  let sum = 0
  for (let at = 0; at < keys.length; at++) sum += (await read(keys[at])).factor
  return sum
}

/**
 * `inFlight` calls at a time, each caller awaiting its own.
 *
 * @param {(key: string) => Promise<Read>} read @param {readonly string[]} keys @param {number} inFlight
 */
export async function readInFlight(read, keys, inFlight) {
  let next = 0
  const caller = async () => {
    let sum = 0
    while (next < keys.length) sum += (await read(keys[next++])).factor
    return sum
  }
  const sums = await Promise.all(Array.from({ length: inFlight }, caller))
  return sums.reduce((total, sum) => total + sum, 0)
}

/**
 * Synchronous calls.
 *
 * @param {(key: string) => Read} read @param {readonly string[]} keys
 */
export function readDirectly(read, keys) {
  let sum = 0
  for (let at = 0; at < keys.length; at++) sum += read(keys[at]).factor
  return sum
}

/**
 * One awaited write at a time.
 *
 * @template V
 * @param {(key: string, value: V) => Promise<unknown>} write @param {readonly string[]} keys @param {readonly V[]} values
 */
export async function writeInTurn(write, keys, values) {
  for (let at = 0; at < keys.length; at++) await write(keys[at], values[at])
  return keys.length
}
