import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { ttlMs } from '../caches.mjs'

/** @typedef {import('../caches.mjs').SharedCache} SharedCache */
/** @typedef {import('../caches.mjs').SharedCacheOptions} SharedCacheOptions */

/** As under "Multi-tier" in its documentation. @param {SharedCacheOptions} options @returns {Promise<SharedCache>} */
export async function bentocache({ host, port, load, memoryEntries }) {
  const connection = { host, port }
  const cache = new BentoCache({
    default: 'factors',
    ttl: ttlMs,
    stores: {
      factors: bentostore()
        .useL1Layer(memoryDriver(memoryEntries === undefined ? { maxSize: '10mb' } : { maxItems: memoryEntries }))
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  })
  return {
    get: (key) => cache.get({ key }),
    getOrSet: (key) => cache.getOrSet({ key, factory: () => load(key) }),
    set: (key, value) => cache.set({ key, value }),
    invalidate: (key) => cache.delete({ key }),
    close: () => cache.disconnectAll(),
  }
}
