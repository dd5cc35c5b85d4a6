/** The loops of the memory benches. Each contestant imports a copy of its own, see ../lib/fresh-driver.mjs. */

/**
 * @typedef {object} Store A bounded store of numbers, as every contestant is driven.
 * @property {(key: string) => any} get Undefined when absent.
 * @property {(key: string, value: number) => unknown} set
 */

/** @param {string} owner @returns {Promise<typeof import('./loops.mjs')>} */
export function freshLoops(owner) {
  return import(`./loops.mjs?owner=${encodeURIComponent(owner)}`)
}

/** @param {Store} store @param {readonly string[]} keys */
export function readAll(store, keys) {
  let sum = 0
  for (let at = 0; at < keys.length; at++) sum += store.get(keys[at])
  return sum
}

/** @param {Store} store @param {readonly string[]} keys @param {number} value */
export function writeAll(store, keys, value) {
  for (let at = 0; at < keys.length; at++) store.set(keys[at], value)
}

/** Reads, and stores what is absent; the sum is that of the values whoever gave them. @param {Store} store @param {readonly string[]} keys */
export function readThrough(store, keys) {
  let sum = 0
  for (let at = 0; at < keys.length; at++) {
    let value = store.get(keys[at])
    if (value === undefined) {
      value = keys[at].length
      store.set(keys[at], value)
    }
    sum += value
  }
  return sum
}
