import { significant } from './result.mjs'

/** @typedef {import('./remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {'get' | 'getMany' | 'set' | 'setMany'} Verb */

/**
 * The store with one verb timed: how long each of its calls took, in milliseconds, is added to `times`. Used apart from
 * the turns that give the speeds, since looking at the clock twice a call is work as well.
 *
 * @param {RemoteStore} store @param {Verb} verb @param {number[]} times @returns {RemoteStore}
 */
export function timed(store, verb, times) {
  const call = /** @type {(...args: unknown[]) => Promise<unknown>} */ (store[verb])
  return {
    ...store,
    [verb]: async (/** @type {unknown[]} */ ...args) => {
      const started = performance.now()
      const answer = await call(...args)
      times.push(performance.now() - started)
      return answer
    },
  }
}

/** The smallest time that `share` of the calls did not exceed. @param {readonly number[]} times @param {number} share */
export function percentile(times, share) {
  const sorted = Float64Array.from(times).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** @param {readonly number[]} times */
export function percentiles(times) {
  return `p50 ${milliseconds(percentile(times, 0.5))}, p99 ${milliseconds(percentile(times, 0.99))}`
}

/** @param {number} ms */
function milliseconds(ms) {
  return `${significant(Number(ms.toPrecision(3)))} ms`
}
