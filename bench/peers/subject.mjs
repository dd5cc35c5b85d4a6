/** @typedef {import('./factors.mjs').Factor} Factor */

/**
 * A cache as an application calls it. A verb that the library does not offer is absent. Calls go to the library in one
 * step, without a promise of our own around them. Types say what is read when the key is there, as it is in every bench.
 *
 * @typedef {object} Subject
 * @property {string} name
 * @property {(key: string) => Promise<any>} [get]
 * @property {(key: string) => Promise<any>} [getOrSet] Loads from the source of `SubjectOptions` on a miss.
 * @property {(key: string) => any} [peek]
 * @property {(key: string, value: Factor) => Promise<unknown>} [set]
 * @property {() => unknown} [close]
 */

/**
 * @typedef {object} SubjectOptions
 * @property {number} capacity Entries.
 * @property {(key: string) => Promise<Factor>} load
 * @property {number} [ttlMs] One hour when absent, so that every side keeps a deadline; Infinity for none.
 * @property {boolean} [tagged] Every entry carries the tags of `tags`.
 */

export const hourMs = 3_600_000

/** Tags of every entry in the benches with tags. */
export const tags = ['ecoinvent', 'ar5']

/**
 * @template {'get' | 'getOrSet' | 'peek' | 'set'} V
 * @param {Subject} subject @param {V} verb @returns {NonNullable<Subject[V]>}
 */
export function verbOf(subject, verb) {
  const call = subject[verb]
  if (call) return call
  throw new TypeError(`${subject.name} has no ${verb}`)
}

/**
 * Puts every key into the cache.
 *
 * @param {Subject} subject @param {readonly string[]} keys @param {(key: string) => Promise<Factor>} load
 */
export async function fill(subject, keys, load) {
  for (const key of keys) {
    if (subject.set) await subject.set(key, await load(key))
    else await verbOf(subject, 'getOrSet')(key)
  }
}
