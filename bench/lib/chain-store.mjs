import { createCacheManager } from 'tierwise'
import { generationOf, valueOf } from './payload.mjs'

/** @typedef {import('./remote-store.mjs').RemoteStore} RemoteStore */

/**
 * A namespace of tierwise through the whole manager. The tiers of the benches do not include memory, so that every call
 * travels.
 *
 * @param {string} name @param {readonly import('tierwise').TierDefinition[]} tiers @param {() => unknown} [closeClient]
 * @returns {Promise<RemoteStore>}
 */
export async function chainStore(name, tiers, closeClient) {
  const manager = createCacheManager({ tiers, defaults: { ttl: '1h' }, tierTimeout: '5s' })
  await manager.start()
  /** @type {import('tierwise').Cache<ReturnType<typeof valueOf>>} */
  const cache = manager.namespace(name.replaceAll(/[^a-z]+/g, '_'))
  return {
    name,
    get: (key) => cache.get(key),
    getMany: async (keys) => {
      const values = await cache.getMany(keys)
      return keys.map((key) => values.get(key))
    },
    set: (key, generation) => cache.set(key, valueOf(key, generation)),
    setMany: (keys, generation) => cache.setMany(keys.map((key) => [key, valueOf(key, generation)])),
    generationOf,
    close: async () => {
      await manager.stop()
      await closeClient?.()
    },
  }
}
