/**
 * The data that every contestant caches: small objects of a few fields, as a service that looks up emission factors
 * would.
 *
 * @typedef {object} Factor
 * @property {number} id
 * @property {string} material
 * @property {string} unit
 * @property {number} factor A small integer, so that sums are exact in any order.
 * @property {number} year
 */

/** @param {number} id @param {number} [generation] @returns {Factor} */
export function factorOf(id, generation = 0) {
  return { id, material: `material ${id}`, unit: 'kg', factor: (id % 97) + generation, year: 2000 + (id % 25) }
}

/** One contiguous string, as if it had come with a request, not a chain of the parts it was put together from. @param {number} id */
export function keyOf(id) {
  return Buffer.from(`steel:US:AR5:kg:${id}`).toString('latin1')
}

/**
 * A source of factors that answers at once, so that what is measured is the cache and not the wait.
 *
 * @param {number} count
 */
export function factorSource(count) {
  const keys = Array.from({ length: count }, (_, id) => keyOf(id))
  /** @type {Map<string, Factor>} */
  const factors = new Map(keys.map((key, id) => [key, factorOf(id)]))
  const source = {
    keys,
    loads: 0,
    /** @type {(key: string) => Promise<Factor>} */
    load: async (key) => {
      source.loads++
      const found = factors.get(key)
      if (!found) throw new RangeError(`There is no factor '${key}'`)
      return found
    },
  }
  return source
}
