import { startRedisCluster } from 'tierwise/testing'
import { shuffledKeys } from '../lib/payload.mjs'
import { contest } from '../lib/remote-contest.mjs'
import { closeAll, fill } from '../lib/remote-store.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { bentoClusterStore } from './library-stores.mjs'
import { ioredisClusterStore, nodeRedisClusterStore } from './raw-stores.mjs'
import {
  overIoredis,
  overNodeRedis,
  tierwiseOverIoredisCluster,
  tierwiseOverNodeRedisCluster,
} from './tierwise-stores.mjs'

/** @typedef {import('../lib/remote-contest.mjs').Scenario} Scenario */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Claim} Claim */

const keyCount = 10_000

/** @type {readonly Claim[]} */
const claims = [
  { name: overIoredis, against: 'ioredis, auto-pipelining' },
  { name: overIoredis, against: 'BentoCache', atLeast: 3 },
  { name: overNodeRedis, against: 'node-redis' },
  { name: overNodeRedis, against: 'BentoCache', atLeast: 3 },
]

const equalWork =
  'Six nodes on this machine, three of them primaries. Values of 400 bytes are decoded by everybody; tierwise has no memory tier here, so every call travels.'

/** @type {readonly Scenario[]} */
const scenarios = [
  ...[64, 512].map(
    (inFlight) =>
      /** @type {const} @satisfies {Scenario} */ ({
        title: `Redis Cluster, get, ${inFlight} in flight`,
        work: `Each caller awaits its own key. ${equalWork}`,
        verb: 'get',
        inFlight,
        claims,
      }),
  ),
  ...[1, 64].map(
    (inFlight) =>
      /** @type {const} @satisfies {Scenario} */ ({
        title: `Redis Cluster, getMany of 100, ${inFlight === 1 ? 'one at a time' : `${inFlight} in flight`}`,
        work: `With 100 keys in a call, which the clients spread over the slots; speeds count keys. ${equalWork} Who has no such call asks for 100 keys at once.`,
        verb: 'getMany',
        inFlight,
        claims,
      }),
  ),
]

const quickScenarios = scenarios.filter(({ inFlight }) => inFlight === 64)

/**
 * The Redis tier on a cluster, through the whole manager, against the cluster clients and BentoCache.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const cluster = await startRedisCluster()
  try {
    return await measure(
      cluster.nodes.map(({ host, port }) => ({ host, port })),
      quick,
    )
  } finally {
    await cluster.stop()
  }
}

/** @param {readonly import('./raw-stores.mjs').Node[]} nodes @param {boolean} quick */
async function measure(nodes, quick) {
  const stores = [
    await tierwiseOverIoredisCluster(nodes),
    await tierwiseOverNodeRedisCluster(nodes),
    await ioredisClusterStore(nodes),
    await ioredisClusterStore(nodes, { autoPipelining: true }),
    await nodeRedisClusterStore(nodes),
    bentoClusterStore(nodes),
  ]
  const keys = shuffledKeys(quick ? 200 : keyCount)
  const results = []
  try {
    for (const store of stores) await fill(store, keys)
    for (const scenario of quick ? quickScenarios : scenarios)
      results.push(await contest(scenario, { stores, keys, quick }))
  } finally {
    await closeAll(stores)
  }
  return results
}

await runDirectly(import.meta.url, run)
