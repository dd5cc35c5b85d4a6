/**
 * A copy of the driving loops that nobody else uses. V8 keeps the types a call site has seen with the function, so a
 * loop shared by all contestants would inline nobody's calls and charge the fastest most; an application has its own
 * code around its one cache.
 *
 * @param {string} owner The same owner gets the same copy.
 * @returns {Promise<typeof import('./drive.mjs')>}
 */
export function freshDriver(owner) {
  return import(`./drive.mjs?owner=${encodeURIComponent(owner)}`)
}
