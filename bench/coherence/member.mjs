import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { generationOf, valueOf } from '../lib/payload.mjs'
import { openCache } from './caches.mjs'
import { hostMs } from './clock.mjs'
import { wire } from './wire.mjs'

/** An instance of an application: one process with one cache, which does what its parent asks for. */

/** @typedef {import('./caches.mjs').SharedCache} SharedCache */
/** @typedef {{ readonly at: number, readonly took: number, readonly said: string | boolean | undefined }} Done `at` is when it resolved, by the clock of the host. */

/**
 * What a member has read of one key over some time. Times are of the clock of the host.
 *
 * @typedef {object} Watched
 * @property {number} reads
 * @property {number} old How many answered with what had been superseded.
 * @property {number} lastOldAt 0 when none did.
 * @property {boolean} endedOld Whether the last read that was answered was one of them.
 * @property {number} failed
 * @property {number} unanswered When the watch ended.
 */

/** @type {SharedCache} */
let cache
/** @type {Promise<number> | undefined} */
let spotted

const parent = wire(process, {
  /** @param {import('./caches.mjs').Library} library @param {{ host: string, port: number, patient: boolean }} place */
  open: async (library, place) => {
    const load = async (/** @type {string} */ key) => valueOf(key, await parent.ask('load', key))
    cache = await openCache(library, { ...place, load })
    // BentoCache subscribes when it is first used.
    await cache.get('first')
  },
  read,
  hold,
  set: (/** @type {string} */ key, /** @type {number} */ generation) =>
    timed(() => cache.set(key, valueOf(key, generation))),
  invalidate: (/** @type {string} */ key) => timed(() => cache.invalidate(key)),
  setEach: (/** @type {string[]} */ keys, /** @type {number} */ generation) =>
    each(keys, (key) => cache.set(key, valueOf(key, generation))),
  invalidateEach: (/** @type {string[]} */ keys) => each(keys, cache.invalidate),
  readEach: (/** @type {string[]} */ keys) => each(keys, cache.getOrSet),
  crowd,
  watch,
  spot: (/** @type {string} */ key, /** @type {number} */ old) => void (spotted = firstOther(key, old)),
  spotted: () => spotted,
})

/** @param {string} key */
async function read(key) {
  return generationOf(await cache.getOrSet(key), key)
}

/** Reads until the value of that generation has arrived here. @param {string} key @param {number} generation */
async function hold(key, generation) {
  const started = hostMs()
  while (generationOf(await cache.get(key), key) !== generation) {
    if (hostMs() - started > 5000) throw new Error(`'${key}' did not become that of generation ${generation}`)
    await sleep(1)
  }
}

/** @param {() => Promise<unknown>} call @returns {Promise<Done>} */
async function timed(call) {
  const started = hostMs()
  const said = await call()
  const at = hostMs()
  return { at, took: at - started, said: typeof said === 'string' || typeof said === 'boolean' ? said : undefined }
}

/** @param {string[]} keys @param {(key: string) => Promise<unknown>} call */
async function each(keys, call) {
  for (const key of keys) await call(key)
}

/** @param {string} key @param {number} callers */
async function crowd(key, callers) {
  const started = hostMs()
  const outcomes = await Promise.allSettled(Array.from({ length: callers }, () => read(key)))
  const answered = outcomes.filter((outcome) => outcome.status === 'fulfilled' && !Number.isNaN(outcome.value)).length
  return { answered, took: hostMs() - started }
}

/**
 * Reads every 10 milliseconds, whether the read before has answered or not.
 *
 * @param {string} key @param {{ current: number, forMs: number }} options @returns {Promise<Watched>}
 */
async function watch(key, { current, forMs }) {
  const watched = { reads: 0, old: 0, lastOldAt: 0, endedOld: false, failed: 0, unanswered: 0 }
  let latest = 0
  const look = async () => {
    const turn = ++watched.reads
    watched.unanswered++
    try {
      const isOld = (await read(key)) < current
      if (isOld) {
        watched.old++
        watched.lastOldAt = hostMs()
      }
      // A read that hung may be answered after one that began later.
      if (turn > latest) [latest, watched.endedOld] = [turn, isOld]
    } catch {
      watched.failed++
    }
    watched.unanswered--
  }
  const until = hostMs() + forMs
  while (hostMs() < until) {
    void look()
    await sleep(10)
  }
  return { ...watched }
}

/** When the first read began that did not answer with the value of the old generation. @param {string} key @param {number} old */
async function firstOther(key, old) {
  for (;;) {
    const started = hostMs()
    if (generationOf(await cache.get(key), key) !== old) return started
    // Messages of the bus are events of this process too.
    await nextTurn()
  }
}

process.on('disconnect', () => process.exit(0))
