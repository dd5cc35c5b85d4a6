import { BentoCache, bentostore } from 'bentocache'
import { knexDriver } from 'bentocache/drivers/knex'
import knex from 'knex'
import { generationOf, valueOf } from '../lib/payload.mjs'
import { poolSize } from './raw-stores.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */

/** BentoCache without its memory layer, over knex and pg. It has no call for several keys. @param {string} url @returns {RemoteStore} */
export function bentoKnexStore(url) {
  const connection = knex({ client: 'pg', connection: url, pool: { min: poolSize, max: poolSize } })
  const layer = bentostore().useL2Layer(knexDriver({ connection, pruneInterval: false }))
  const cache = new BentoCache({ default: 'factors', ttl: '1h', stores: { factors: layer } })
  const get = (/** @type {string} */ key) => cache.get({ key })
  return {
    name: 'BentoCache, knex',
    get,
    getMany: (keys) => Promise.all(keys.map(get)),
    set: (key, generation) => cache.set({ key, value: valueOf(key, generation) }),
    setMany: (keys, generation) => Promise.all(keys.map((key) => cache.set({ key, value: valueOf(key, generation) }))),
    generationOf,
    close: () => cache.disconnectAll(),
  }
}
