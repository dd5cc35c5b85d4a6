import { createKeyv } from '@keyv/redis'
import { BentoCache, bentostore } from 'bentocache'
import { redisDriver } from 'bentocache/drivers/redis'
import { Cacheable } from 'cacheable'
import { createRequire } from 'node:module'
import { generationOf, valueOf } from '../lib/payload.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('./raw-stores.mjs').Node} Node */

const hourMs = 3_600_000

/** The ioredis that BentoCache itself depends on; it tells its connections by their class. */
const { Redis, Cluster } = createRequire(import.meta.resolve('bentocache'))('ioredis')

/** @param {string} url @returns {RemoteStore} */
export function bentoStore(url) {
  return bentoOver(new Redis(url))
}

/** @param {readonly Node[]} nodes @returns {RemoteStore} */
export function bentoClusterStore(nodes) {
  return bentoOver(new Cluster([...nodes]))
}

/** BentoCache without its memory layer. It has no call for several keys. @param {any} connection @returns {RemoteStore} */
function bentoOver(connection) {
  const layer = bentostore().useL2Layer(redisDriver({ connection }))
  const cache = new BentoCache({ default: 'factors', ttl: hourMs, stores: { factors: layer } })
  const get = (/** @type {string} */ key) => cache.get({ key })
  return {
    name: 'BentoCache',
    get,
    getMany: (keys) => Promise.all(keys.map(get)),
    set: (key, generation) => cache.set({ key, value: valueOf(key, generation) }),
    generationOf,
    close: () => cache.disconnectAll(),
  }
}

/** Keyv with its Redis store, which is what cacheable and cache-manager stand on. @param {string} url @returns {RemoteStore} */
export function keyvStore(url) {
  const keyv = createKeyv(url, { namespace: 'keyv' })
  return {
    name: 'keyv',
    get: (key) => keyv.get(key),
    getMany: (keys) => keyv.get([...keys]),
    set: (key, generation) => keyv.set(key, valueOf(key, generation), hourMs),
    generationOf,
    close: () => keyv.disconnect(),
  }
}

/** cacheable with Redis as its only layer. @param {string} url @returns {RemoteStore} */
export function cacheableStore(url) {
  const cache = new Cacheable({ primary: createKeyv(url, { namespace: 'cacheable' }), ttl: hourMs })
  return {
    name: 'cacheable',
    get: (key) => cache.get(key),
    getMany: (keys) => cache.getMany([...keys]),
    set: (key, generation) => cache.set(key, valueOf(key, generation)),
    generationOf,
    close: () => cache.disconnect(),
  }
}
