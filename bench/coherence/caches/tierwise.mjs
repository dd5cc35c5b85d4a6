import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { redis } from 'tierwise/redis'
import { ttlMs } from '../caches.mjs'

/** @typedef {import('../caches.mjs').SharedCache} SharedCache */
/** @typedef {import('../caches.mjs').SharedCacheOptions} SharedCacheOptions */
/** @typedef {{ readonly coherence: 'off' | 'eventual' | 'bounded', readonly tracking?: boolean }} How */

/** @param {SharedCacheOptions} options @param {How} how @returns {Promise<SharedCache>} */
export async function tierwise(options, { coherence, tracking = false }) {
  const { host, port, load, memoryEntries, namespace = 'factors', patient = false } = options
  const manager = createCacheManager({
    tiers: [
      memory(memoryEntries === undefined ? {} : { maxEntries: memoryEntries }),
      redis({ url: `redis://${host}:${port}`, tracking }),
    ],
    namespaces: { [namespace]: { ttl: ttlMs, coherence } },
    // What starts many processes at once is a busy machine; only the start waits for this.
    connectTimeout: '30s',
    ...(patient && { tierTimeout: '2s' }),
  })
  await manager.start()
  /** @type {import('tierwise').Cache<any>} */
  const cache = manager.namespace(namespace)
  return {
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.getOrSet(key, () => load(key)),
    set: (key, value) => cache.set(key, value),
    invalidate: async (key) => (await cache.invalidate(key)).tiers['redis'],
    close: () => manager.stop(),
  }
}
