import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { hourMs, tags } from './subject.mjs'

/** @typedef {import('./subject.mjs').Subject} Subject */
/** @typedef {import('./subject.mjs').SubjectOptions} SubjectOptions */
/** @typedef {import('./factors.mjs').Factor} Factor */

/**
 * A hand-made schema of a factor in the Standard Schema interface, so that no schema library is measured with it.
 *
 * @type {import('tierwise').StandardSchema}
 */
const factorSchema = {
  '~standard': {
    version: 1,
    vendor: 'bench',
    /** @param {any} value */
    validate: (value) =>
      typeof value?.id === 'number' && typeof value.factor === 'number'
        ? { value }
        : { issues: [{ message: 'not a factor' }] },
  },
}

/** Everything a governed namespace may ask for, over one memory tier. */
const governance = {
  maxTtl: 2 * hourMs,
  grace: hourMs,
  refreshAhead: 0.8,
  jitter: 0.1,
  softTimeout: 1000,
  hardTimeout: 5000,
  version: 3,
}

/**
 * @param {SubjectOptions & { name?: string, schema?: boolean, governed?: boolean }} options
 * @returns {Subject}
 */
export function tierwise({ name = 'tierwise', ...options }) {
  const { capacity, load, ttlMs = hourMs, tagged = false, schema = false, governed = false } = options
  const manager = createCacheManager({
    tiers: [memory({ maxBytes: '256mb', maxEntries: capacity })],
    namespaces: {
      emission_factors: {
        ttl: Number.isFinite(ttlMs) ? ttlMs : 'forever',
        ...(tagged && { tags }),
        ...(schema && { schema: factorSchema }),
        ...(governed && governance),
      },
    },
  })
  /** @type {import('tierwise').Cache<Factor>} */
  const cache = manager.namespace('emission_factors')
  return {
    name,
    get: (key) => cache.get(key),
    getOrSet: (key) => cache.getOrSet(key, () => load(key)),
    peek: (key) => cache.peek(key),
    set: (key, value) => cache.set(key, value),
    close: () => manager.stop(),
  }
}
