import { LRUCache } from 'lru-cache'
import { hourMs } from './subject.mjs'

/** @typedef {import('./subject.mjs').Subject} Subject */
/** @typedef {import('./subject.mjs').SubjectOptions} SubjectOptions */
/** @typedef {import('./factors.mjs').Factor} Factor */

/**
 * A Map behind async functions: what an awaited call costs when there is nothing behind it. No limit, no ttl.
 *
 * @param {Pick<SubjectOptions, 'load'>} options @returns {Subject}
 */
export function plainMap({ load }) {
  /** @type {Map<string, Factor>} */
  const map = new Map()
  return {
    name: 'Map, awaited',
    get: async (key) => map.get(key),
    getOrSet: async (key) => {
      const held = map.get(key)
      if (held !== undefined) return held
      const loaded = await load(key)
      map.set(key, loaded)
      return loaded
    },
    peek: (key) => map.get(key),
    set: async (key, value) => map.set(key, value),
  }
}

/**
 * lru-cache behind async functions, as it is used by hand: look, load, store; concurrent misses load twice.
 *
 * @param {SubjectOptions} options @returns {Subject}
 */
export function lruCache({ capacity, load, ttlMs = hourMs }) {
  /** @type {LRUCache<string, Factor>} */
  const cache = new LRUCache({ max: capacity, ...(Number.isFinite(ttlMs) && { ttl: ttlMs }) })
  return {
    name: 'lru-cache, awaited',
    get: async (key) => cache.get(key),
    getOrSet: async (key) => {
      const held = cache.get(key)
      if (held !== undefined) return held
      const loaded = await load(key)
      cache.set(key, loaded)
      return loaded
    },
    peek: (key) => cache.get(key),
    set: async (key, value) => cache.set(key, value),
  }
}
