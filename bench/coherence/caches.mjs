/**
 * A memory of this process in front of a Redis that is shared, with the library's means to keep memories in step, set
 * up as its documentation does. Nothing else is configured but the ttl.
 *
 * @typedef {object} SharedCache
 * @property {(key: string) => Promise<any>} get
 * @property {(key: string) => Promise<any>} getOrSet Loads by `SharedCacheOptions.load` on a miss.
 * @property {(key: string, value: unknown) => Promise<unknown>} set
 * @property {(key: string) => Promise<unknown>} invalidate Resolves to what the library says became of it.
 * @property {() => unknown} close
 */

/**
 * @typedef {object} SharedCacheOptions
 * @property {string} host
 * @property {number} port
 * @property {(key: string) => Promise<any>} load
 * @property {string} [namespace] Keys of another namespace are others. Default: `factors`.
 * @property {boolean} [patient] tierwise gives Redis two seconds to answer, for benches of speed: the others wait for
 *   ever. Default: its own deadline.
 * @property {number} [memoryEntries] The library's own default when absent.
 */

/** @typedef {(options: SharedCacheOptions) => Promise<SharedCache>} Opener */
/** @typedef {keyof typeof openers} Library */

/** Everybody's. */
export const ttlMs = 600_000

/** A process loads the library that it opens, and no other. */
const openers = {
  tierwise: tierwise({ coherence: 'bounded' }),
  'tierwise, tracking': tierwise({ coherence: 'bounded', tracking: true }),
  'tierwise, off': tierwise({ coherence: 'off' }),
  BentoCache: async (/** @type {SharedCacheOptions} */ options) =>
    (await import('./caches/bentocache.mjs')).bentocache(options),
  cacheable: async (/** @type {SharedCacheOptions} */ options) =>
    (await import('./caches/cacheable.mjs')).cacheable(options),
  'layered-loader': async (/** @type {SharedCacheOptions} */ options) =>
    (await import('./caches/layered-loader.mjs')).layeredLoader(options),
}

/** @param {import('./caches/tierwise.mjs').How} how @returns {Opener} */
function tierwise(how) {
  return async (options) => (await import('./caches/tierwise.mjs')).tierwise(options, how)
}

/** @param {Library} library @param {SharedCacheOptions} options @returns {Promise<SharedCache>} */
export function openCache(library, options) {
  return openers[library](options)
}
