import { startRedis } from 'tierwise/testing'
import { shuffledKeys } from '../lib/payload.mjs'
import { contest } from '../lib/remote-contest.mjs'
import { closeAll, fill } from '../lib/remote-store.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { bentoStore, cacheableStore, keyvStore } from './library-stores.mjs'
import { ioredisBatches, ioredisStore, nodeRedisBatches, nodeRedisStore } from './raw-stores.mjs'
import { overIoredis, overNodeRedis, tierwiseOverIoredis, tierwiseOverNodeRedis } from './tierwise-stores.mjs'

/** @typedef {import('../lib/remote-contest.mjs').Scenario} Scenario */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Claim} Claim */

const keyCount = 10_000
const crowds = [1, 64, 512]
const quickCrowds = [64]
const equalWork =
  'Values of 400 bytes are decoded by all but the rows marked unparsed; tierwise has no memory tier here, so every call travels.'

/** @param {number} inFlight */
function crowd(inFlight) {
  return inFlight === 1 ? 'one at a time' : `${inFlight} in flight`
}

/** @param {number} inFlight @returns {Scenario} */
function gets(inFlight) {
  const yardstick =
    inFlight === 1
      ? ''
      : ` The yardstick asks for the keys in flight by MGET of up to 100, in as many calls as it takes.`
  return {
    title: `Redis, get, ${crowd(inFlight)}`,
    work: `Reads ${keyCount.toLocaleString('en-US')} keys, each caller awaiting its own key. ${equalWork}${yardstick}`,
    verb: 'get',
    inFlight,
    claims: inFlight === 1 ? againstSingles() : againstBatches(),
  }
}

/** @param {number} inFlight @returns {Scenario} */
function batches(inFlight) {
  return {
    title: `Redis, getMany of 100, ${crowd(inFlight)}`,
    work: `The same with 100 keys in a call, no key twice at a time; speeds count keys. ${equalWork} Who has no such call asks for 100 keys at once.`,
    verb: 'getMany',
    inFlight,
    claims: againstBatches(),
  }
}

/** @param {number} inFlight @returns {Scenario} */
function sets(inFlight) {
  return {
    title: `Redis, set, ${crowd(inFlight)}`,
    work: 'Encodes and replaces values with a ttl of an hour. Only tierwise also compares versions, in a script on the server.',
    verb: 'set',
    inFlight,
    claims: againstSingles(),
  }
}

/** @returns {Claim[]} */
function againstSingles() {
  return [
    { name: overIoredis, against: 'ioredis' },
    { name: overIoredis, against: 'BentoCache' },
    { name: overNodeRedis, against: 'node-redis' },
    { name: overNodeRedis, against: 'BentoCache' },
  ]
}

/** @returns {Claim[]} */
function againstBatches() {
  return [
    { name: overIoredis, against: 'ioredis, MGET', atLeast: 0.7 },
    { name: overIoredis, against: 'ioredis, MGET, unparsed', atLeast: 0.7 },
    { name: overIoredis, against: 'BentoCache', atLeast: 3 },
    { name: overNodeRedis, against: 'node-redis, MGET', atLeast: 0.7 },
    { name: overNodeRedis, against: 'node-redis, MGET, unparsed', atLeast: 0.7 },
    { name: overNodeRedis, against: 'BentoCache', atLeast: 3 },
  ]
}

/** @param {string} url */
async function openStores(url) {
  return [
    await tierwiseOverIoredis(url),
    await tierwiseOverNodeRedis(url),
    await ioredisStore(url),
    await ioredisStore(url, { parses: false }),
    await ioredisStore(url, { autoPipelining: true }),
    await nodeRedisStore(url),
    await ioredisBatches(url),
    await ioredisBatches(url, { parses: false }),
    await nodeRedisBatches(url),
    await nodeRedisBatches(url, { parses: false }),
    bentoStore(url),
    cacheableStore(url),
    keyvStore(url),
  ]
}

/**
 * The Redis tier through the whole manager against the clients below it and libraries beside it, on one server.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startRedis()
  try {
    const stores = await openStores(server.url)
    try {
      return await measure(stores, quick)
    } finally {
      await closeAll(stores)
    }
  } finally {
    await server.stop()
  }
}

/** @param {readonly import('../lib/remote-store.mjs').RemoteStore[]} stores @param {boolean} quick */
async function measure(stores, quick) {
  // The last reads have so many keys in flight; the writes come after, for they leave other generations behind.
  const most = 100 * 512
  const keys = shuffledKeys(quick ? 200 : most)
  const usual = keys.slice(0, keyCount)
  for (const store of stores) await fill(store, usual)
  const chosen = quick ? quickCrowds : crowds
  const results = []
  for (const inFlight of chosen) results.push(await contest(gets(inFlight), { stores, keys: usual, quick }))
  for (const store of stores) if (store.getMany) await fill(store, keys.slice(usual.length))
  for (const inFlight of chosen) {
    results.push(await contest(batches(inFlight), { stores, keys: inFlight < 512 ? usual : keys, quick }))
  }
  for (const inFlight of chosen) results.push(await contest(sets(inFlight), { stores, keys: usual, quick }))
  return results
}

await runDirectly(import.meta.url, run)
