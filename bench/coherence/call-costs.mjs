import { alternate, fullPace, quickPace } from '../lib/alternate.mjs'
import { freshDriver } from '../lib/fresh-driver.mjs'
import { generationOf, shuffledKeys, valueOf } from '../lib/payload.mjs'
import { contest } from '../lib/remote-contest.mjs'
import { closeAll, fill } from '../lib/remote-store.mjs'
import { speedRows } from '../lib/result.mjs'
import { openCache } from './caches.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('../lib/remote-contest.mjs').Scenario} Scenario */
/** @typedef {import('../lib/result.mjs').Claim} Claim */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('./caches.mjs').Library} Library */
/** @typedef {{ readonly host: string, readonly port: number }} Place */

const keyCount = 10_000
/** Entries, and the keys that are read again and again: at most one of a hundred can be a memory hit. */
const few = 20
const many = 2000
const yardstick = 'Map, awaited'
/** @type {readonly Library[]} */
const contestants = ['tierwise', 'tierwise, off', 'BentoCache']

/** @type {readonly Claim[]} */
const claims = [
  { name: 'tierwise', against: 'tierwise, off' },
  { name: 'tierwise', against: 'BentoCache' },
]

const setup =
  'tierwise is `bounded`, its default; `off` is tierwise without coherence; BentoCache has its bus. All have memory before the same Redis.'

/** @param {Place} place @param {boolean} quick @returns {Promise<Result[]>} */
export async function callCosts(place, quick) {
  return [await memoryHits(place, quick), ...(await redisCalls(place, quick))]
}

/** @param {Place} place @param {boolean} quick @returns {Promise<Result>} */
async function memoryHits(place, quick) {
  const keys = shuffledKeys(quick ? 200 : keyCount)
  const map = new Map()
  /** @type {RemoteStore} */
  const plain = {
    name: yardstick,
    get: async (key) => map.get(key),
    set: async (key, generation) => map.set(key, valueOf(key, generation)),
    generationOf,
    close: () => {},
  }
  const stores = [plain, ...(await openStores(place, 2 * keyCount))]
  try {
    for (const store of stores) await fill(store, keys)
    const speeds = await alternate(
      await Promise.all(
        stores.map(async ({ name, get }) => {
          const { readInTurn } = await freshDriver(`coherence ${name}`)
          return { name, pass: () => readInTurn(/** @type {any} */ (get), keys) }
        }),
      ),
      quick ? quickPace : fullPace,
    )
    return {
      title: 'get on a memory hit, with coherence',
      work: `Awaits a get of each of ${keys.length.toLocaleString('en-US')} keys that memory holds, with a ttl. ${setup}`,
      rows: speedRows(speeds, {
        operations: keys.length,
        claims: [
          { name: 'tierwise', against: yardstick, atLeast: 0.7 },
          { name: 'tierwise', against: 'tierwise, off' },
          { name: 'tierwise', against: 'BentoCache', atLeast: 15 },
        ],
      }),
    }
  } finally {
    await closeAll(stores)
  }
}

/** @param {number} inFlight */
function crowd(inFlight) {
  return inFlight === 1 ? 'one at a time' : `${inFlight} in flight`
}

/** @param {number} inFlight @returns {Scenario} */
function redisHits(inFlight) {
  return {
    title: `get on a Redis hit, with coherence, ${crowd(inFlight)}`,
    work: `Reads ${many} keys in turn; memory has room for ${few}, so that nearly every read travels and is put into memory. ${setup}`,
    passKeys: many,
    verb: 'get',
    inFlight,
    claims,
  }
}

/** @param {number} inFlight @returns {Scenario} */
function fills(inFlight) {
  return {
    title: `getOrSet on a miss, with coherence, ${crowd(inFlight)}`,
    work: `Asks for keys that were never asked for; the loader answers at once, so what is timed is the way down and back up. ${setup}`,
    verb: 'get',
    inFlight,
    claims,
  }
}

/** @param {number} inFlight @returns {Scenario} */
function sets(inFlight) {
  return {
    title: `set, with coherence, ${crowd(inFlight)}`,
    work: `Replaces values. ${setup}`,
    verb: 'set',
    inFlight,
    claims,
  }
}

/** @param {Place} place @param {boolean} quick @returns {Promise<Result[]>} */
async function redisCalls(place, quick) {
  const stores = await openStores(place, few)
  const keys = shuffledKeys(quick ? 200 : keyCount)
  const results = []
  try {
    for (const store of stores) await fill(store, keys)
    for (const inFlight of quick ? [64] : [1, 64]) {
      results.push(await contest(redisHits(inFlight), { stores, keys, quick }))
      results.push(await contest(fills(inFlight), { stores: stores.map(missing), keys, quick }))
      results.push(await contest(sets(inFlight), { stores, keys, quick }))
    }
  } finally {
    await closeAll(stores)
  }
  return results
}

/** @typedef {RemoteStore & { readonly getOrSet: (key: string) => Promise<unknown> }} FilledStore */

/** @param {Place} place @param {number} memoryEntries @returns {Promise<FilledStore[]>} */
function openStores(place, memoryEntries) {
  const load = async (/** @type {string} */ key) => valueOf(key.split('/')[0] ?? '', 1)
  return Promise.all(
    contestants.map(async (name) => {
      const namespace = `factors_${contestants.indexOf(name)}`
      const cache = await openCache(name, { ...place, load, memoryEntries, namespace, patient: true })
      return {
        name,
        get: cache.get,
        getOrSet: cache.getOrSet,
        set: (/** @type {string} */ key, /** @type {number} */ generation) => cache.set(key, valueOf(key, generation)),
        generationOf,
        close: cache.close,
      }
    }),
  )
}

/** The store asked for another key at each call, one that nobody has. @param {FilledStore} store @returns {RemoteStore} */
function missing({ name, getOrSet, close }) {
  let asked = 0
  return { name, get: (key) => getOrSet(`${key}/${asked++}`), generationOf, close }
}
