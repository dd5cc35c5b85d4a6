import { seededRandom, uniformRanks } from './random.mjs'

/**
 * What the benches of the tiers behind memory store: an object that is about 400 bytes as msgpack and as JSON. It names
 * its key and the pass that wrote it, so that an answer for another key, or an old one, is seen.
 *
 * @param {string} key @param {number} generation
 */
export function valueOf(key, generation) {
  return {
    key,
    generation,
    unit: 'kg CO2e',
    region: 'US',
    year: 2024,
    factor: 1.8921,
    tags: ['steel', 'ar5'],
    note: 'n'.repeat(280),
  }
}

/** The generation that a value says, NaN when it is not the value of the key. @param {unknown} value @param {string | undefined} key */
export function generationOf(value, key) {
  const { key: found, generation } = /** @type {{ key?: string, generation?: number }} */ (value ?? {})
  return found === key && generation !== undefined ? generation : NaN
}

/** Keys in an order without a pattern, each once, the same in every run. @param {number} count @returns {string[]} */
export function shuffledKeys(count) {
  const keys = Array.from({ length: count }, (_, id) => `steel-${id}`)
  const order = uniformRanks(count, 2 ** 32, seededRandom(7))
  return keys
    .map((key, at) => ({ key, place: order[at] ?? 0 }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ key }) => key)
}
