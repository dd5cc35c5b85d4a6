import { LRUCache } from 'lru-cache'
import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { seededRandom, uniformRanks, zipfRanks } from '../lib/random.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { freshLoops } from './loops.mjs'
import { entryOf, openSpace } from './plain-runtime.mjs'

/** @typedef {import('./loops.mjs').Store} Store */
/** @typedef {typeof import('./loops.mjs')} Loops */
/** @typedef {import('../lib/alternate.mjs').Contestant} Contestant */
/** @typedef {import('../lib/result.mjs').Claim} Claim */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {{ readonly capacity: number, readonly ttlMs: number }} StoreOptions */

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {string} work
 * @property {number} capacity Entries a bounded store may hold.
 * @property {boolean} [timed] Entries have a ttl of an hour, on every side that has ttls.
 * @property {readonly string[]} sequence Keys in the order of the calls of one pass.
 * @property {boolean} [filled] Every key of the sequence is there beforehand.
 * @property {boolean} [unbounded] A Map takes part, too.
 * @property {(loops: Loops, store: Store, sequence: readonly string[]) => Omit<Contestant, 'name'>} contest
 * @property {readonly Claim[]} claims
 */

const hourMs = 3_600_000
const subject = 'memory tier'
const random = seededRandom(7)

/** @param {StoreOptions} options @returns {Store} */
function memoryTier({ capacity, ttlMs }) {
  const { space, clock } = openSpace({ maxEntries: capacity, maxBytes: '1gb' })
  const opened = clock.now()
  return {
    get: (key) => space.read(key),
    set: (key, value) => {
      const entry = entryOf(value, { now: ttlMs === Infinity ? opened : clock.burstNow(), ttlMs })
      return space.set(key, entry, entry.freshUntil)
    },
  }
}

/** @param {StoreOptions} options @returns {Store} */
function lruCache({ capacity, ttlMs }) {
  /** @type {LRUCache<string, number>} */
  const cache = new LRUCache({ max: capacity, ...(ttlMs !== Infinity && { ttl: ttlMs }) })
  return { get: (key) => cache.get(key), set: (key, value) => cache.set(key, value) }
}

/** @returns {Store} */
function plainMap() {
  /** @type {Map<string, number>} */
  const map = new Map()
  return { get: (key) => map.get(key), set: (key, value) => map.set(key, value) }
}

/** @param {number} count */
function keysOf(count) {
  return Array.from({ length: count }, (_, id) => `user:${id}:profile`)
}

/** @param {number} count */
function uniform(count) {
  const keys = keysOf(count)
  return Array.from(uniformRanks(200_000, count, random), (rank) => keys[rank] ?? '')
}

/** @type {Scenario['contest']} */
function reads({ readAll }, store, sequence) {
  return { pass: () => readAll(store, sequence) }
}

/** Writes another value in each pass, so that a write that did nothing shows. @type {Scenario['contest']} */
function overwrites({ readAll, writeAll }, store, sequence) {
  let generation = 0
  return {
    pass: () => writeAll(store, sequence, (generation ^= 1)),
    verify: () => readAll(store, sequence) - generation * sequence.length,
  }
}

/** @type {Scenario['contest']} */
function throughs({ readThrough }, store, sequence) {
  return { pass: () => readThrough(store, sequence) }
}

/** @param {number} count @param {{ timed: boolean, atLeast: number }} side @returns {Scenario} */
function readScenario(count, { timed, atLeast }) {
  return {
    title: `Reads that hit, ${count.toLocaleString('en-US')} keys, ${timed ? 'with' : 'without'} ttl`,
    work: `Every key is there; keys are drawn uniformly. ${timed ? 'Both check a ttl of an hour.' : ''}`.trim(),
    capacity: count,
    timed,
    sequence: uniform(count),
    filled: true,
    unbounded: true,
    contest: reads,
    claims: [
      { name: subject, against: 'lru-cache', atLeast },
      { name: subject, against: 'Map', ...(!timed && { atLeast: 0.7 }) },
    ],
  }
}

/** @returns {Scenario[]} */
function scenarios() {
  const zipfKeys = keysOf(200_000)
  const skewed = zipfRanks(200_000, { universe: 200_000, skew: 0.99 }, random)
  return [
    readScenario(1000, { timed: false, atLeast: 1.5 }),
    readScenario(100_000, { timed: false, atLeast: 1.7 }),
    readScenario(1000, { timed: true, atLeast: 1.15 }),
    readScenario(100_000, { timed: true, atLeast: 1.15 }),
    {
      title: 'Overwrites',
      work: 'Every write replaces the value of one of 100,000 keys that are there.',
      capacity: 100_000,
      sequence: uniform(100_000),
      filled: true,
      contest: overwrites,
      claims: [{ name: subject, against: 'lru-cache', atLeast: 1.5 }],
    },
    {
      title: "Read-through, keys by Zipf's law",
      work: 'Reads 200,000 keys through a store of 20,000; what is absent is stored.',
      capacity: 20_000,
      sequence: Array.from(skewed, (rank) => zipfKeys[rank] ?? ''),
      contest: throughs,
      claims: [{ name: subject, against: 'lru-cache', atLeast: 1.25 }],
    },
    {
      title: 'Read-through that always misses',
      work: 'A scan over 200,000 keys through a store of 1,000: every read misses, stores and evicts.',
      capacity: 1000,
      sequence: zipfKeys,
      contest: throughs,
      claims: [{ name: subject, against: 'lru-cache', atLeast: 0.4 }],
    },
  ]
}

/** @param {Scenario} scenario @param {boolean} quick @returns {Promise<Result>} */
async function measure({ title, work, contest, claims, sequence, ...scenario }, quick) {
  const options = { capacity: scenario.capacity, ttlMs: scenario.timed ? hourMs : Infinity }
  const stores = new Map([
    [subject, memoryTier(options)],
    ['lru-cache', lruCache(options)],
  ])
  if (scenario.unbounded) stores.set('Map', plainMap())
  const contestants = []
  for (const [name, store] of stores) {
    if (scenario.filled) for (const key of sequence) store.set(key, 0)
    contestants.push({ name, ...contest(await freshLoops(`${title} ${name}`), store, sequence) })
  }
  const speeds = await alternate(contestants, quick ? quickPace : fullPace)
  return { title, work, rows: speedRows(speeds, { operations: sequence.length, claims }) }
}

/**
 * How fast the memory tier is without the engine around it.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const results = []
  for (const scenario of scenarios()) results.push(await measure(scenario, quick))
  return results
}

await runDirectly(import.meta.url, run)
