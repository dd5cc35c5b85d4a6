import { createNotificationPair, Loader, RedisCache } from 'layered-loader'
import { createRequire } from 'node:module'
import { ttlMs } from '../caches.mjs'

/** @typedef {import('../caches.mjs').SharedCache} SharedCache */
/** @typedef {import('../caches.mjs').SharedCacheOptions} SharedCacheOptions */

/** The ioredis that layered-loader itself depends on. */
const { Redis } = createRequire(import.meta.resolve('layered-loader'))('ioredis')

/** As under "Update notifications" in its README. @param {SharedCacheOptions} options @returns {Promise<SharedCache>} */
export async function layeredLoader({ host, port, load }) {
  const connection = { host, port }
  const client = new Redis(connection)
  client.on('error', () => {})
  const { publisher, consumer } = createNotificationPair({
    channel: 'factors',
    consumerRedis: connection,
    publisherRedis: connection,
  })
  const loader = new Loader({
    inMemoryCache: { ttlInMsecs: ttlMs },
    asyncCache: new RedisCache(client, { ttlInMsecs: ttlMs, json: true }),
    notificationConsumer: consumer,
    notificationPublisher: publisher,
    dataSourceGetOneFn: load,
    logger: { error: () => {} },
  })
  await loader.init()
  return {
    get: (key) => loader.get(key),
    getOrSet: (key) => loader.get(key),
    set: (key, value) => loader.forceSetValue(key, /** @type {any} */ (value)),
    invalidate: (key) => loader.invalidateCacheFor(key),
    close: async () => {
      await loader.close()
      client.disconnect()
    },
  }
}
