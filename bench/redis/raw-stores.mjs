import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { generationOf, valueOf } from '../lib/payload.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {{ readonly host: string, readonly port: number }} Node */
/** @typedef {{ readonly parses?: boolean }} Reading Whether JSON.parse is part of a read. */

const hourMs = 3_600_000
const prefix = 'raw:'

/** node-redis starts a timer for each command unless it is told not to; ioredis has none. */
export const nodeRedisCommands = { timeout: undefined }

/** What the raw stores answer: parsed like everybody else's values, or the text as it came. */
const parsed = { read: (/** @type {string | null} */ text) => JSON.parse(text ?? 'null'), generationOf }
const unparsed = {
  read: (/** @type {string | null} */ text) => text,
  generationOf: (/** @type {unknown} */ text) => (typeof text === 'string' && text.length > 0 ? 1 : NaN),
}

/** @param {string} key @param {number} generation */
function textOf(key, generation) {
  return JSON.stringify(valueOf(key, generation))
}

/**
 * GET and SET through ioredis.
 *
 * @param {string} url @param {Reading & { autoPipelining?: boolean }} [options] @returns {Promise<RemoteStore>}
 */
export async function ioredisStore(url, { parses = true, autoPipelining = false } = {}) {
  const client = new Redis(url, { enableAutoPipelining: autoPipelining, lazyConnect: true })
  await client.connect()
  return ioredisSingles(client, { parses, name: autoPipelining ? 'ioredis, auto-pipelining' : 'ioredis' })
}

/** @param {readonly Node[]} nodes @param {{ autoPipelining?: boolean }} [options] @returns {Promise<RemoteStore>} */
export async function ioredisClusterStore(nodes, { autoPipelining = false } = {}) {
  const client = new Cluster([...nodes], { enableAutoPipelining: autoPipelining, lazyConnect: true })
  await client.connect()
  return ioredisSingles(client, { name: autoPipelining ? 'ioredis, auto-pipelining' : 'ioredis' })
}

/** @param {Redis | Cluster} client @param {Reading & { name: string }} options @returns {RemoteStore} */
function ioredisSingles(client, { name, parses = true }) {
  const { read, generationOf } = parses ? parsed : unparsed
  const get = async (/** @type {string} */ key) => read(await client.get(prefix + key))
  return {
    name: parses ? name : `${name}, unparsed`,
    get,
    ...(name.includes('auto') && { getMany: (keys) => Promise.all(keys.map(get)) }),
    ...(parses && { set: (key, generation) => client.set(prefix + key, textOf(key, generation), 'PX', hourMs) }),
    generationOf,
    close: () => client.quit(),
  }
}

/** MGET, and a pipeline of SET, through ioredis. @param {string} url @param {Reading} [options] @returns {Promise<RemoteStore>} */
export async function ioredisBatches(url, { parses = true } = {}) {
  const client = new Redis(url, { lazyConnect: true })
  await client.connect()
  const { read, generationOf } = parses ? parsed : unparsed
  return {
    name: `ioredis, MGET${parses ? '' : ', unparsed'}`,
    getMany: async (keys) => (await client.mget(keys.map((key) => prefix + key))).map(read),
    ...(parses && {
      setMany: (keys, generation) => {
        const pipeline = client.pipeline()
        for (const key of keys) pipeline.set(prefix + key, textOf(key, generation), 'PX', hourMs)
        return pipeline.exec()
      },
    }),
    generationOf,
    close: () => client.quit(),
  }
}

/** GET and SET through node-redis, which writes the commands of one tick together by itself. @param {string} url @returns {Promise<RemoteStore>} */
export async function nodeRedisStore(url) {
  const client = createClient({ url, commandOptions: nodeRedisCommands })
  await client.connect()
  return nodeRedisSingles(client)
}

/** @param {readonly Node[]} nodes @returns {Promise<RemoteStore>} */
export async function nodeRedisClusterStore(nodes) {
  const client = createCluster({ rootNodes: nodes.map((socket) => ({ socket })) })
  await client.connect()
  return nodeRedisSingles(client)
}

/** @param {ReturnType<typeof createClient> | ReturnType<typeof createCluster>} client @returns {RemoteStore} */
function nodeRedisSingles(client) {
  return {
    name: 'node-redis',
    get: async (key) => parsed.read(await client.get(prefix + key)),
    set: (key, generation) =>
      client.set(prefix + key, textOf(key, generation), { expiration: { type: 'PX', value: hourMs } }),
    generationOf,
    close: () => client.close(),
  }
}

/** MGET through node-redis. @param {string} url @param {Reading} [options] @returns {Promise<RemoteStore>} */
export async function nodeRedisBatches(url, { parses = true } = {}) {
  const client = createClient({ url, commandOptions: nodeRedisCommands })
  await client.connect()
  const { read, generationOf } = parses ? parsed : unparsed
  return {
    name: `node-redis, MGET${parses ? '' : ', unparsed'}`,
    getMany: async (keys) => (await client.mGet(keys.map((key) => prefix + key))).map(read),
    generationOf,
    close: () => client.close(),
  }
}
