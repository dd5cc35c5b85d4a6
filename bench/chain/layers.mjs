import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { postgres } from 'tierwise/postgres'
import { redis } from 'tierwise/redis'
import { startPostgres, startRedis, startRedisCluster } from 'tierwise/testing'
import { generationOf, valueOf } from '../lib/payload.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('tierwise').Cache<ReturnType<typeof valueOf>>} FactorCache */

/**
 * One layer of the chain, reached in two ways.
 *
 * @typedef {object} Layer
 * @property {string} name
 * @property {number} [operations] What it has to do in a second.
 * @property {number} p95 What 95 of 100 reads may take, in milliseconds.
 * @property {RemoteStore} direct A namespace that has this tier alone.
 * @property {RemoteStore | undefined} fromTop A namespace of the whole chain; `setMany` puts values into this tier alone.
 */

/**
 * memory, Redis, Redis Cluster and PostgreSQL in one chain, each a server of its own on this machine.
 *
 * @returns {Promise<{ layers: Layer[], close: () => Promise<void> }>}
 */
export async function openChain() {
  const servers = await startServers()
  const single = new Redis(servers.redis.url)
  const cluster = new Cluster(servers.cluster.nodes.map(({ host, port }) => ({ host, port })))
  const pool = new pg.Pool({ connectionString: servers.postgres.url, max: 10 })
  const manager = createCacheManager({
    tiers: [
      memory({ maxBytes: '256mb' }),
      redis({ client: single }),
      redis({ client: cluster, name: 'redis-cluster' }),
      postgres({ pool }),
    ],
    defaults: { ttl: '1h' },
    namespaces: {
      only_redis: { tiers: ['redis'] },
      only_cluster: { tiers: ['redis-cluster'] },
      only_postgres: { tiers: ['postgres'] },
    },
    // A crowd of callers on two cores is no reason to give a tier up here.
    tierTimeout: '5s',
  })
  await manager.start()
  /** @param {string} namespace @param {string} [tier] */
  const store = (namespace, tier) => storeOf(manager.namespace(namespace), tier)
  return {
    layers: [
      { name: 'L1, memory', operations: 1_200_000, p95: 0.05, direct: store('whole_chain'), fromTop: undefined },
      {
        name: 'L2, Redis',
        operations: 125_000,
        p95: 2.3,
        direct: store('only_redis'),
        fromTop: store('second', 'redis'),
      },
      {
        name: 'L3, Redis Cluster',
        operations: 60_000,
        p95: 15.8,
        direct: store('only_cluster'),
        fromTop: store('third', 'redis-cluster'),
      },
      { name: 'L4, PostgreSQL', p95: 85, direct: store('only_postgres'), fromTop: store('fourth', 'postgres') },
    ],
    close: async () => {
      await manager.stop()
      await Promise.all([single.quit(), cluster.quit(), pool.end()])
      await servers.stop()
    },
  }
}

async function startServers() {
  const [single, cluster, database] = await Promise.all([startRedis(), startRedisCluster(), startPostgres()])
  return {
    redis: single,
    cluster,
    postgres: database,
    stop: () => Promise.all([single.stop(), cluster.stop(), database.stop()]),
  }
}

/** @param {FactorCache} cache @param {string} [tier] The only one that writes go to. @returns {RemoteStore} */
function storeOf(cache, tier) {
  const options = tier === undefined ? {} : { tiers: [tier] }
  return {
    name: cache.name,
    get: (key) => cache.get(key),
    getMany: async (keys) => {
      const values = await cache.getMany(keys)
      return keys.map((key) => values.get(key))
    },
    setMany: (keys, generation) =>
      cache.setMany(
        keys.map((key) => [key, valueOf(key, generation)]),
        options,
      ),
    generationOf,
    close: () => {},
  }
}
