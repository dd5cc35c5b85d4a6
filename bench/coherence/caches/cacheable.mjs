import KeyvRedis from '@keyv/redis'
import { Cacheable } from 'cacheable'
import { ttlMs } from '../caches.mjs'
import { redisMessages } from './qified-redis.mjs'

/** @typedef {import('../caches.mjs').SharedCache} SharedCache */
/** @typedef {import('../caches.mjs').SharedCacheOptions} SharedCacheOptions */

/** As under "CacheableSync" in its README. @param {SharedCacheOptions} options @returns {Promise<SharedCache>} */
export async function cacheable({ host, port, load }) {
  const url = `redis://${host}:${port}`
  const provider = await redisMessages(url)
  const cache = new Cacheable({ secondary: new KeyvRedis(url), ttl: ttlMs, sync: { qified: provider } })
  cache.on('error', () => {})
  return {
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.getOrSet(key, () => load(key), { throwErrors: true }),
    set: (key, value) => cache.set(key, value),
    invalidate: (key) => cache.delete(key),
    close: () => cache.disconnect(),
  }
}
