import { setTimeout as wait } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { Disagreement } from '../lib/alternate.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { factorOf, keyOf } from './factors.mjs'
import { asyncCacheDedupe, bentocache, cacheable, cacheManager, layeredLoader } from './libraries.mjs'
import { verbOf } from './subject.mjs'
import { tierwise } from './tierwise.mjs'
import { lruCache } from './yardsticks.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./subject.mjs').Subject} Subject */
/** @typedef {import('./subject.mjs').SubjectOptions} SubjectOptions */

const loadMs = 5
const key = keyOf(7)

/** @param {{ quick?: boolean }} [options] @returns {Promise<Result[]>} */
export async function run({ quick = false } = {}) {
  const callers = quick ? 50 : 1000
  const crowd = `${callers.toLocaleString('en-US')} callers ask for one key that is not there, in the same tick, through the read-through call of each side`
  return [
    {
      title: 'stampede, the loader succeeds',
      work: `${crowd}; the loader takes ${loadMs} ms and its runs are counted.`,
      rows: await eachSubject(callers, async () => factorOf(7)),
    },
    {
      title: 'stampede, the loader fails',
      work: `${crowd}; the loader rejects after ${loadMs} ms and its runs are counted until every caller has an answer.`,
      rows: await eachSubject(callers, async () => {
        throw new Error('the source is down')
      }),
    },
  ]
}

/** @type {((options: SubjectOptions) => Subject)[]} */
const makers = [tierwise, lruCache, lruFetch, bentocache, cacheable, cacheManager, layeredLoader, asyncCacheDedupe]

/**
 * lru-cache with its own read-through call.
 *
 * @param {SubjectOptions} options @returns {Subject}
 */
function lruFetch({ capacity, load, ttlMs = 3_600_000 }) {
  /** @type {LRUCache<string, import('./factors.mjs').Factor>} */
  const cache = new LRUCache({ max: capacity, ttl: ttlMs, fetchMethod: (key) => load(key) })
  return { name: 'lru-cache, fetch', getOrSet: (key) => cache.fetch(key) }
}

/** @param {number} callers @param {() => Promise<import('./factors.mjs').Factor>} answer */
async function eachSubject(callers, answer) {
  const rows = []
  for (const make of makers) rows.push(await crowdOn(make, callers, answer))
  return rows
}

/**
 * @param {(options: SubjectOptions) => Subject} make
 * @param {number} callers
 * @param {() => Promise<import('./factors.mjs').Factor>} answer
 * @returns {Promise<Row>}
 */
async function crowdOn(make, callers, answer) {
  let runs = 0
  const load = async () => {
    runs++
    await wait(loadMs)
    return answer()
  }
  const subject = make({ capacity: 100, load })
  const ask = verbOf(subject, 'getOrSet')
  const started = performance.now()
  const outcomes = await Promise.allSettled(Array.from({ length: callers }, () => ask(key)))
  const elapsed = performance.now() - started
  await subject.close?.()
  return {
    name: subject.name,
    value: runs,
    unit: runs === 1 ? 'run' : 'runs',
    note: `${summary(subject.name, outcomes)} after ${elapsed.toFixed(0)} ms`,
    ...(subject.name === 'tierwise' && { target: 1, atMost: true, pass: runs === 1 }),
  }
}

/** @param {string} name @param {readonly PromiseSettledResult<import('./factors.mjs').Factor | undefined>[]} outcomes */
function summary(name, outcomes) {
  const counts = { 'got the value': 0, 'got undefined': 0, 'got the error': 0 }
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') counts['got the error']++
    else if (outcome.value === undefined) counts['got undefined']++
    else if (outcome.value.id === 7) counts['got the value']++
    else throw new Disagreement(`${name} answered with the factor ${outcome.value.id} where 7 was asked for`)
  }
  const said = Object.entries(counts).filter(([, count]) => count > 0)
  return said.map(([what, count]) => (count === outcomes.length ? `all ${what}` : `${count} ${what}`)).join(', ')
}

await runDirectly(import.meta.url, run)
