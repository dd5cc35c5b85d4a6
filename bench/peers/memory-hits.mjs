import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { freshDriver } from '../lib/fresh-driver.mjs'
import { seededRandom, uniformRanks, zipfRanks } from '../lib/random.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { factorOf, factorSource } from './factors.mjs'
import {
  asyncCacheDedupe,
  bentocache,
  cacheable,
  cacheManager,
  layeredLoader,
  layeredManualCache,
} from './libraries.mjs'
import { fill, verbOf } from './subject.mjs'
import { tierwise } from './tierwise.mjs'
import { lruCache, plainMap } from './yardsticks.mjs'

/** @typedef {import('../lib/alternate.mjs').Contestant} Contestant */
/** @typedef {import('../lib/result.mjs').Claim} Claim */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('./subject.mjs').Subject} Subject */
/** @typedef {import('./subject.mjs').SubjectOptions} SubjectOptions */
/** @typedef {ReturnType<typeof factorSource>} Source */
/** @typedef {Awaited<ReturnType<typeof freshDriver>>} Driver */

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {string} work
 * @property {number} keys How many the source has.
 * @property {number} [capacity] Entries a bounded cache may hold; room for all when absent.
 * @property {(options: SubjectOptions) => Subject[]} subjects
 * @property {(subject: Subject, driver: Driver, bench: Bench) => Omit<Contestant, 'name'>} contest
 * @property {boolean} [skewed] Keys are drawn by Zipf's law instead of uniformly.
 * @property {boolean} [cold] Nothing is put into the caches beforehand.
 * @property {Claim[]} claims
 */

/** @typedef {{ readonly source: Source, readonly sequence: readonly string[] }} Bench */

const operations = 20_000
const inFlight = 64
const yardstick = 'Map, awaited'
const copying = ['BentoCache, by reference', 'BentoCache', 'cacheable, by reference', 'cacheable']

/** @type {Claim[]} */
const hitClaims = [
  { name: 'tierwise', against: yardstick, atLeast: 0.7 },
  ...copying.map((against) => ({ name: 'tierwise', against, atLeast: 15 })),
]

/** @param {SubjectOptions} options @returns {Subject[]} */
function everyVerb(options) {
  return [
    plainMap(options),
    tierwise(options),
    lruCache(options),
    bentocache({ ...options, byReference: true }),
    bentocache(options),
    cacheable({ ...options, byReference: true }),
    cacheable(options),
  ]
}

/** @param {SubjectOptions} options @returns {Subject[]} */
function readers(options) {
  return [...everyVerb(options), cacheManager(options), layeredManualCache(options)]
}

/** @param {SubjectOptions & { bounded?: boolean }} options @returns {Subject[]} */
function loaders(options) {
  return [...everyVerb(options), cacheManager(options), layeredLoader(options), asyncCacheDedupe(options)]
}

/** @type {Scenario['contest']} */
function gets(subject, { readInTurn }, { sequence }) {
  const read = verbOf(subject, 'get')
  return { pass: () => readInTurn(read, sequence) }
}

/** @type {Scenario['contest']} */
function getsInFlight(subject, { readInFlight }, { sequence }) {
  const read = verbOf(subject, 'get')
  return { pass: () => readInFlight(read, sequence, inFlight) }
}

/** @type {Scenario['contest']} */
function loads(subject, { readInTurn }, { sequence }) {
  const read = verbOf(subject, 'getOrSet')
  return { pass: () => readInTurn(read, sequence) }
}

/** @type {Scenario['contest']} */
function loadsInFlight(subject, { readInFlight }, { sequence }) {
  const read = verbOf(subject, 'getOrSet')
  return { pass: () => readInFlight(read, sequence, inFlight) }
}

/** @type {Scenario['contest']} */
function peeks(subject, { readDirectly }, { sequence }) {
  const read = verbOf(subject, 'peek')
  return { pass: () => readDirectly(read, sequence) }
}

/**
 * Each pass writes the other of two generations of values, so that a write that did nothing shows in the sum.
 *
 * @type {Scenario['contest']}
 */
function overwrites(subject, { readInTurn, writeInTurn }, { source, sequence }) {
  const [read, write] = [verbOf(subject, 'get'), verbOf(subject, 'set')]
  const idOf = new Map(source.keys.map((key, id) => [key, id]))
  const generations = [0, 1].map((generation) => sequence.map((key) => factorOf(idOf.get(key) ?? NaN, generation)))
  const written = [...new Set(sequence)]
  let generation = 0
  return {
    pass: () => writeInTurn(write, sequence, generations[(generation ^= 1)]),
    verify: async () => (await readInTurn(read, written)) - generation * written.length,
  }
}

/** @param {number} keys @param {boolean} limited @param {number} atLeast @returns {Scenario} */
function peekScenario(keys, limited, atLeast) {
  const life = limited ? 'a ttl of an hour on both sides' : 'no ttl on either side'
  return {
    title: `peek, ${keys.toLocaleString('en-US')} keys, ${limited ? 'with ttl' : 'without ttl'}`,
    work: `Both look up a value that is there, synchronously: tierwise by peek, lru-cache by get, Map by get; ${life}.`,
    keys,
    subjects: (options) => {
      const timed = { ...options, ttlMs: limited ? 3_600_000 : Infinity }
      return [{ ...lruCache(timed), name: 'lru-cache' }, { ...plainMap(timed), name: 'Map' }, tierwise(timed)]
    },
    contest: peeks,
    claims: [
      { name: 'tierwise', against: 'lru-cache', atLeast },
      { name: 'tierwise', against: 'Map', ...(!limited && { atLeast: 0.7 }) },
    ],
  }
}

/**
 * The synchronous ones come first: BentoCache rests on lru-cache too, and would leave its code less specialised.
 *
 * @type {Scenario[]}
 */
const scenarios = [
  peekScenario(1000, false, 1.5),
  peekScenario(1000, true, 1.15),
  peekScenario(100_000, false, 1.7),
  peekScenario(100_000, true, 1.15),
  {
    title: 'get on a hit, one call at a time',
    work: 'Every side awaits a get of one of 10,000 keys that are all there, with a ttl of an hour where it has ttls; the Map and lru-cache stand behind an async function.',
    keys: 10_000,
    subjects: readers,
    contest: gets,
    claims: hitClaims,
  },
  {
    title: 'get on a hit, 64 calls in flight',
    work: 'The same with 64 callers, each awaiting its own get.',
    keys: 10_000,
    subjects: readers,
    contest: getsInFlight,
    claims: hitClaims,
  },
  {
    title: 'getOrSet on a hit, one call at a time',
    work: 'Every side awaits its read-through call with a loader of its own; all 10,000 keys are there, so no loader runs.',
    keys: 10_000,
    subjects: loaders,
    contest: loads,
    claims: hitClaims,
  },
  {
    title: 'getOrSet on a hit, 64 calls in flight',
    work: 'The same with 64 callers, each awaiting its own call.',
    keys: 10_000,
    subjects: loaders,
    contest: loadsInFlight,
    claims: hitClaims,
  },
  {
    title: 'getOrSet on a hit, entries with two tags',
    work: 'Every side that has tags awaits its read-through call for one of 10,000 tagged entries that are all there and whose tags are current; the Map has none.',
    keys: 10_000,
    subjects: (options) => [
      plainMap(options),
      tierwise({ ...options, tagged: true }),
      asyncCacheDedupe({ ...options, tagged: true }),
      bentocache({ ...options, tagged: true, byReference: true }),
      cacheable({ ...options, tagged: true, byReference: true }),
    ],
    contest: loads,
    claims: [
      { name: 'tierwise', against: yardstick, atLeast: 0.7 },
      { name: 'tierwise', against: 'BentoCache, by reference', atLeast: 15 },
      { name: 'tierwise', against: 'cacheable, by reference', atLeast: 15 },
    ],
  },
  {
    title: 'getOrSet on a hit, what a policy adds',
    work: 'tierwise awaits getOrSet of one of 10,000 keys that are all there, in namespaces that ask for ever more; the Map stands for no policy at all.',
    keys: 10_000,
    subjects: (options) => [
      plainMap(options),
      tierwise({ ...options, name: 'tierwise, ttl' }),
      tierwise({ ...options, name: 'tierwise, ttl and schema', schema: true }),
      tierwise({
        ...options,
        name: 'tierwise, ttl, tags, schema and governance',
        schema: true,
        tagged: true,
        governed: true,
      }),
    ],
    contest: loads,
    claims: [
      { name: 'tierwise, ttl', against: yardstick, atLeast: 0.7 },
      { name: 'tierwise, ttl and schema', against: yardstick, atLeast: 0.7 },
      { name: 'tierwise, ttl, tags, schema and governance', against: yardstick, atLeast: 0.7 },
    ],
  },
  {
    title: 'set over an existing entry',
    work: 'Every side awaits a set of a new value for one of 10,000 keys that are all there; afterwards all keys are read back.',
    keys: 10_000,
    subjects: readers,
    contest: overwrites,
    claims: [yardstick, ...copying].map((against) => ({ name: 'tierwise', against })),
  },
  {
    title: 'read-through with misses, Zipf',
    work: 'Every side awaits its read-through call for keys drawn by the law of Zipf (skew 0.9) from 10,000 with room for 1,000; a miss awaits a loader that answers at once and stores. The Map has no limit and soon holds everything.',
    keys: 10_000,
    capacity: 1000,
    skewed: true,
    cold: true,
    subjects: (options) => loaders({ ...options, bounded: true }),
    contest: loads,
    claims: [yardstick, 'lru-cache, awaited', ...copying].map((against) => ({ name: 'tierwise', against })),
  },
]

/** @param {{ quick?: boolean }} [options] @returns {Promise<Result[]>} */
export async function run({ quick = false } = {}) {
  const results = []
  for (const scenario of scenarios) results.push(await runScenario(scenario, quick))
  return results
}

/** @param {Scenario} scenario @param {boolean} quick @returns {Promise<Result>} */
async function runScenario(scenario, quick) {
  const { title, work, claims } = scenario
  const scale = quick ? 0.1 : 1
  const source = factorSource(scenario.keys * scale)
  const sequence = drawKeys(source.keys, { count: operations * scale, skewed: scenario.skewed })
  const subjects = scenario.subjects({ capacity: (scenario.capacity ?? scenario.keys) * scale, load: source.load })
  const contestants = []
  for (const subject of subjects) {
    if (!scenario.cold) await fill(subject, source.keys, source.load)
    const driver = await freshDriver(`${title}/${subject.name}`)
    contestants.push({ name: subject.name, ...scenario.contest(subject, driver, { source, sequence }) })
  }
  const speeds = await alternate(contestants, quick ? quickPace : fullPace)
  const notes = scenario.cold ? await hitShares(contestants, source, sequence.length) : undefined
  for (const subject of subjects) await subject.close?.()
  return { title, work, rows: speedRows(speeds, { operations: sequence.length, claims, ...(notes && { notes }) }) }
}

/**
 * What each side answered without a load, in one more pass.
 *
 * @param {readonly Contestant[]} contestants @param {Source} source @param {number} count
 */
async function hitShares(contestants, source, count) {
  const notes = new Map()
  for (const { name, pass } of contestants) {
    const before = source.loads
    await pass()
    notes.set(name, `${(100 * (1 - (source.loads - before) / count)).toFixed(1)} % hits`)
  }
  return notes
}

/** @param {readonly string[]} keys @param {{ count: number, skewed?: boolean | undefined }} shape */
function drawKeys(keys, { count, skewed }) {
  const random = seededRandom(20)
  const ranks = skewed
    ? zipfRanks(count, { universe: keys.length, skew: 0.9 }, random)
    : uniformRanks(count, keys.length, random)
  return Array.from(ranks, (rank) => keys[rank])
}

await runDirectly(import.meta.url, run)
