import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { redis } from 'tierwise/redis'
import { chainStore } from '../lib/chain-store.mjs'
import { nodeRedisCommands } from './raw-stores.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('./raw-stores.mjs').Node} Node */

export const overIoredis = 'tierwise over ioredis'
export const overNodeRedis = 'tierwise over node-redis'

/** @param {string} url @returns {Promise<RemoteStore>} */
export async function tierwiseOverIoredis(url) {
  const client = new Redis(url, { lazyConnect: true })
  await client.connect()
  return chainStore(overIoredis, [redis({ client })], () => client.quit())
}

/** @param {string} url @returns {Promise<RemoteStore>} */
export async function tierwiseOverNodeRedis(url) {
  const client = createClient({ url, commandOptions: nodeRedisCommands })
  await client.connect()
  return chainStore(overNodeRedis, [redis({ client })], () => client.close())
}

/** @param {readonly Node[]} nodes @returns {Promise<RemoteStore>} */
export async function tierwiseOverIoredisCluster(nodes) {
  const client = new Cluster([...nodes], { lazyConnect: true })
  await client.connect()
  return chainStore(overIoredis, [redis({ client })], () => client.quit())
}

/** @param {readonly Node[]} nodes @returns {Promise<RemoteStore>} */
export async function tierwiseOverNodeRedisCluster(nodes) {
  const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) })
  await client.connect()
  return chainStore(overNodeRedis, [redis({ client })], () => client.close())
}
