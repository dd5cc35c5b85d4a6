import { createCache as createDedupe } from 'async-cache-dedupe'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache as createManager } from 'cache-manager'
import { Cacheable, createKeyv } from 'cacheable'
import { Loader, ManualCache } from 'layered-loader'
import { hourMs, tags } from './subject.mjs'

/** @typedef {import('./subject.mjs').Subject} Subject */
/** @typedef {import('./subject.mjs').SubjectOptions} SubjectOptions */

/**
 * How the values of a library that copies are held: `copied` is its default, `by reference` its fastest setting.
 *
 * @typedef {{ readonly byReference?: boolean }} Copying
 */

/** @param {SubjectOptions & Copying} options @returns {Subject} */
export function bentocache({ capacity, load, ttlMs = hourMs, tagged = false, byReference = false }) {
  const driver = memoryDriver({ maxItems: capacity, serialize: !byReference })
  const cache = new BentoCache({ default: 'factors', stores: { factors: bentostore().useL1Layer(driver) } })
  const life = { ttl: ttlMs, ...(tagged && { tags }) }
  return {
    name: byReference ? 'BentoCache, by reference' : 'BentoCache',
    get: (key) => cache.get({ key }),
    getOrSet: (key) => cache.getOrSet({ key, factory: () => load(key), ...life }),
    set: (key, value) => cache.set({ key, value, ...life }),
    close: () => cache.disconnectAll(),
  }
}

/** @param {SubjectOptions & Copying} options @returns {Subject} */
export function cacheable({ capacity, load, ttlMs = hourMs, tagged = false, byReference = false }) {
  const primary = createKeyv({ lruSize: capacity, useClone: !byReference })
  const cache = new Cacheable({ primary, ttl: ttlMs, tags: tagged })
  const life = { ttl: ttlMs, ...(tagged && { tags }) }
  return {
    name: byReference ? 'cacheable, by reference' : 'cacheable',
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.getOrSet(key, () => load(key), life),
    set: (key, value) => cache.set(key, value, life),
    close: () => cache.disconnect(),
  }
}

/**
 * Over its default store, an endless Map, or `bounded` by the in-process store that its documentation recommends.
 *
 * @param {SubjectOptions & { bounded?: boolean }} options @returns {Subject}
 */
export function cacheManager({ capacity, load, ttlMs = hourMs, bounded = false }) {
  const stores = bounded ? [createKeyv({ lruSize: capacity, useClone: false })] : undefined
  const cache = createManager({ ttl: ttlMs, ...(stores && { stores }) })
  return {
    name: 'cache-manager',
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.wrap(key, () => load(key)),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  }
}

/** Offers cached functions only. @param {SubjectOptions} options @returns {Subject} */
export function asyncCacheDedupe({ capacity, load, ttlMs = hourMs, tagged = false }) {
  const cache = createDedupe({
    ttl: Math.round(ttlMs / 1000),
    storage: { type: 'memory', options: { size: capacity, invalidation: tagged } },
  }).define('factor', tagged ? { references: () => tags } : {}, load)
  return { name: 'async-cache-dedupe', getOrSet: (key) => cache.factor(key) }
}

/** Its cached loads. @param {SubjectOptions} options @returns {Subject} */
export function layeredLoader({ capacity, load, ttlMs = hourMs }) {
  const loader = new Loader({
    inMemoryCache: { ttlInMsecs: ttlMs, maxItems: capacity },
    dataSourceGetOneFn: load,
    logger: { error: () => {} },
  })
  return { name: 'layered-loader', getOrSet: (key) => loader.get(key) }
}

/** Its cache without loads, which is another class. @param {SubjectOptions} options @returns {Subject} */
export function layeredManualCache({ capacity, ttlMs = hourMs }) {
  const cache = new ManualCache({ inMemoryCache: { ttlInMsecs: ttlMs, maxItems: capacity } })
  return {
    name: 'layered-loader',
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
  }
}
