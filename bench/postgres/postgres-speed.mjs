import { PGlite } from '@electric-sql/pglite'
import { startPostgres } from 'tierwise/testing'
import { shuffledKeys } from '../lib/payload.mjs'
import { contest } from '../lib/remote-contest.mjs'
import { closeAll, fill } from '../lib/remote-store.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { bentoKnexStore } from './library-stores.mjs'
import { pgliteStores, pgStores, poolSize, postgresStores } from './raw-stores.mjs'
import {
  overPg,
  overPglite,
  overPostgres,
  tierwiseOverPg,
  tierwiseOverPglite,
  tierwiseOverPostgres,
} from './tierwise-stores.mjs'

/** @typedef {import('../lib/call-times.mjs').Verb} Verb */
/** @typedef {import('../lib/remote-contest.mjs').Scenario} Scenario */
/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('../lib/result.mjs').Claim} Claim */
/** @typedef {import('../lib/result.mjs').Result} Result */

const keyCount = 10_000
/** Of each table. An idle machine needs about as long for all its rounds. */
const budgetMs = 10_000
const peer = 'BentoCache, knex'

/** Which raw rows each subject is held against. */
const yardsticks = new Map([
  [overPg, 'pg'],
  [overPostgres, 'postgres'],
  [overPglite, 'PGlite'],
])

/** @type {Readonly<Record<Verb, string>>} */
const works = {
  get: 'Each caller awaits its own key. The yardstick asks for the keys in flight by any($1) of up to 100, in as many statements as it takes.',
  getMany: 'With 100 keys in a call; speeds count keys. Who has no such call asks for 100 keys at once.',
  set: 'Encodes and replaces values with a ttl of an hour. Only tierwise also compares versions.',
  setMany: 'The same with 100 values in a call; speeds count values.',
}

const equalWork =
  'Values of 400 bytes in a table of 10,000 rows, decoded by all but the rows marked unparsed. tierwise has no memory tier here, so every call travels.'

/** @type {Readonly<Record<Server, string>>} */
const servers = {
  PostgreSQL: `A server on this machine, ${poolSize} connections each.`,
  PGlite: 'Inside the process, on its thread: all sides ask the one database.',
}

/** @typedef {'PostgreSQL' | 'PGlite'} Server */

/** @param {Server} server @param {Call} call @returns {Scenario} */
function scenario(server, [verb, inFlight, passKeys]) {
  return {
    title: `${server}, ${verb}${verb.endsWith('Many') ? ' of 100' : ''}, ${inFlight === 1 ? 'one at a time' : `${inFlight} in flight`}`,
    work: `${works[verb]} ${equalWork} ${servers[server]}`,
    verb,
    inFlight,
    passKeys,
    budgetMs,
    claims: [...yardsticks].flatMap(([name, client]) => claimsFor(name, client, verb)),
  }
}

/** The target is about reads; a lone read is a single row on both sides. @param {string} name @param {string} client @param {Verb} verb @returns {Claim[]} */
function claimsFor(name, client, verb) {
  const floor = verb.startsWith('get') ? { atLeast: 0.6 } : {}
  return [
    { name, against: `${client}, any($1)`, ...floor },
    { name, against: `${client}, any($1), unparsed`, ...floor },
    { name, against: `${client}, one row` },
    { name, against: peer },
  ]
}

/**
 * A verb, calls in flight, and the keys of a pass: some waves of calls and no more, for BentoCache does 3,000 keys a
 * second where batches do 100,000, and who is slow ends each pass as well.
 *
 * @typedef {readonly [verb: Verb, inFlight: number, passKeys: number]} Call
 */

/** Reads first: writes leave other generations behind. @type {readonly Call[]} */
const calls = [
  ['get', 1, 100],
  ['get', 64, 640],
  ['get', 512, 1800],
  ['getMany', 1, 800],
  ['getMany', 8, 1600],
  ['set', 1, 100],
  ['set', 64, 384],
  ['set', 512, 1024],
  ['setMany', 1, 500],
]

/** @type {readonly Call[]} */
const embeddedCalls = [
  ['get', 64, 384],
  ['getMany', 1, 500],
  ['set', 64, 384],
  ['setMany', 1, 500],
]

/** One call of each kind. @type {readonly Call[]} */
const quickCalls = [
  ['get', 64, 40],
  ['getMany', 1, 100],
  ['set', 64, 40],
  ['setMany', 1, 100],
]

/** @param {string} url */
async function openStores(url) {
  return [
    await tierwiseOverPg(url),
    await tierwiseOverPostgres(url),
    ...(await pgStores(url)),
    ...(await postgresStores(url)),
    bentoKnexStore(url),
  ]
}

/**
 * The PostgreSQL tier through the whole manager against the packages below it and BentoCache beside it.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startPostgres()
  try {
    const results = await measure('PostgreSQL', calls, { stores: await openStores(server.url), quick })
    return [...results, ...(await runEmbedded(quick))]
  } finally {
    await server.stop()
  }
}

/** @param {boolean} quick */
async function runEmbedded(quick) {
  const database = await PGlite.create()
  try {
    const stores = [await tierwiseOverPglite(database), ...(await pgliteStores(database))]
    return await measure('PGlite', embeddedCalls, { stores, quick })
  } finally {
    await database.close()
  }
}

/**
 * @param {Server} server @param {readonly Call[]} chosen
 * @param {{ stores: readonly RemoteStore[], quick: boolean }} setting
 */
async function measure(server, chosen, { stores, quick }) {
  const keys = shuffledKeys(quick ? 200 : keyCount)
  const results = []
  try {
    for (const store of stores) await fill(store, keys)
    for (const call of quick ? quickCalls : chosen) {
      results.push(await contest(scenario(server, call), { stores, keys, quick }))
    }
  } finally {
    await closeAll(stores)
  }
  return results
}

await runDirectly(import.meta.url, run)
