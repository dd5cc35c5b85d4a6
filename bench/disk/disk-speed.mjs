import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, fullPace, quickPace, waitingPace } from '../lib/alternate.mjs'
import { generationOf } from '../lib/payload.mjs'
import { seededRandom, uniformRanks } from '../lib/random.mjs'
import { speedRows } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { bentoFileStore, lmdbStore, tierStore } from './stores.mjs'

/** @typedef {import('./stores.mjs').DiskStore} DiskStore */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Claim} Claim */

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {string} work
 * @property {import('../lib/alternate.mjs').Pace} pace Reads come from memory that the system maps; writes wait.
 * @property {readonly Claim[]} claims
 * @property {(store: DiskStore, keys: readonly string[]) => { pass: () => unknown, verify?: () => unknown }} contest
 */

const keyCount = 5000
const operations = 1000
const batchSize = 100
const subject = 'disk tier'
const raw = 'LMDB'
const peer = 'BentoCache file driver'

/**
 * The garbage that is collected before a turn includes the shapes of all decoded values, and machine code that was made for them goes
 * with them. Turns are long enough that this is not what they measure.
 */
const readingPace = { ...fullPace, turnMs: 250, rounds: 9 }

/** @type {readonly Scenario[]} */
const scenarios = [
  {
    title: 'Reads from disk, one at a time',
    work: 'Reads and decodes values of 400 bytes, each call awaited before the next; LMDB answers in the same call.',
    pace: readingPace,
    contest: (store, keys) => ({ pass: () => readEach(store, keys) }),
    claims: [
      { name: subject, against: raw, atLeast: 0.4 },
      { name: subject, against: peer, atLeast: 3 },
    ],
  },
  {
    title: 'Reads from disk, 100 at a time',
    work: 'The same with 100 keys in a call, as the engine asks for what a tick has gathered.',
    pace: readingPace,
    contest: (store, keys) => ({ pass: () => readBatches(store, keys) }),
    claims: [
      { name: subject, against: raw, atLeast: 0.4 },
      { name: subject, against: peer, atLeast: 3 },
    ],
  },
  {
    title: 'Writes to disk, 100 at a time',
    work: 'Encodes and replaces values, 100 in a call; done when a crash of the process cannot lose them. Versions and tombstones are checked by the tier alone.',
    pace: waitingPace,
    contest: overwrites,
    claims: [
      { name: subject, against: raw },
      { name: subject, against: peer, atLeast: 3 },
    ],
  },
]

/** @param {DiskStore} store @param {readonly string[]} keys */
async function readEach({ get }, keys) {
  let sum = 0
  for (const key of keys) sum += generationOf(await get?.(key), key)
  return sum
}

/** @param {DiskStore} store @param {readonly string[]} keys */
async function readBatches(store, keys) {
  let sum = 0
  for (let at = 0; at < keys.length; at += batchSize) {
    const batch = keys.slice(at, at + batchSize)
    const values = /** @type {unknown[]} */ (await store.getAll(batch))
    for (const [index, value] of values.entries()) sum += generationOf(value, batch[index])
  }
  return sum
}

/** @type {Scenario['contest']} */
function overwrites(store, keys) {
  let generation = 0
  const unique = [...new Set(keys)]
  return {
    pass: async () => {
      generation++
      for (let at = 0; at < keys.length; at += batchSize) await store.setAll(keys.slice(at, at + batchSize), generation)
    },
    // Fast contestants write more generations, so what is compared is how far each value is from its newest.
    verify: async () => (await readBatches(store, unique)) - generation * unique.length,
  }
}

/** @param {Scenario} scenario @param {{ quick: boolean, folder: string }} setting @returns {Promise<Result>} */
async function measure({ title, work, pace, contest, claims }, { quick, folder }) {
  const all = Array.from({ length: keyCount }, (_, id) => `tw:1:factors:steel-${id}`)
  const sequence = Array.from(uniformRanks(operations, keyCount, seededRandom(7)), (rank) => all[rank] ?? '')
  const stores = new Map(
    /** @type {[string, DiskStore][]} */ ([
      [subject, await tierStore(folder)],
      [raw, await lmdbStore(folder)],
      [peer, await bentoFileStore(folder)],
    ]),
  )
  for (const store of stores.values()) {
    for (let at = 0; at < keyCount; at += batchSize) await store.setAll(all.slice(at, at + batchSize), 1)
  }
  const contestants = [...stores].map(([name, store]) => ({ name, ...contest(store, sequence) }))
  const speeds = await alternate(contestants, quick ? quickPace : pace)
  for (const store of stores.values()) await store.close()
  return { title, work, rows: speedRows(speeds, { operations, claims }) }
}

/**
 * The disk tier with the engine's codecs, against LMDB with its own and against files.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const results = []
  for (const scenario of scenarios) {
    const folder = await mkdtemp(join(tmpdir(), 'disk-speed-'))
    try {
      results.push(await measure(scenario, { quick, folder }))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return results
}

await runDirectly(import.meta.url, run)
