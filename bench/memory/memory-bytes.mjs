import { fork } from 'node:child_process'
import { once } from 'node:events'
import { LRUCache } from 'lru-cache'
import { runDirectly } from '../lib/run-directly.mjs'
import { entryOf, openSpace } from './plain-runtime.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {{ heldBytes: number, emptyBytes: number, collectionMs: number, longestMs: number }} Figures */
/** @typedef {{ name: string, entries: number }} Order */

/** Keys beyond the room of the store, so that sketch and ghosts are there, too. */
const surplus = 1.02
const hourMs = 3_600_000
const collections = 7

/** @type {Readonly<Record<string, (entries: number) => { set: (key: string, value: number) => unknown }>>} */
const stores = {
  'memory tier': (entries) => {
    const { space, clock } = openSpace({ maxEntries: entries, maxBytes: 2 ** 40 })
    return {
      set: (key, value) => {
        const entry = entryOf(value, { now: clock.now(), ttlMs: hourMs })
        return space.set(key, entry, entry.freshUntil)
      },
    }
  },
  'lru-cache': (entries) => {
    /** @type {LRUCache<string, number>} */
    const cache = new LRUCache({ max: entries })
    return { set: (key, value) => cache.set(key, value) }
  },
  'lru-cache with ttl': (entries) => {
    /** @type {LRUCache<string, number>} */
    const cache = new LRUCache({ max: entries, ttl: hourMs })
    return { set: (key, value) => cache.set(key, value) }
  },
  Map: () => {
    /** @type {Map<string, number>} */
    const map = new Map()
    return { set: (key, value) => map.set(key, value) }
  },
}

function collect() {
  if (!globalThis.gc) throw new TypeError('Start node with --expose-gc: bytes cannot be counted among garbage')
  globalThis.gc()
}

function bytesNow() {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Fills one store in a process of its own; keys exist before and values are small integers, so neither counts. */
function fill(/** @type {Order} */ { name, entries }) {
  const create = stores[name]
  if (!create) throw new RangeError(`There is no store '${name}'`)
  const count = name === 'Map' ? entries : Math.floor(entries * surplus)
  const keys = Array.from({ length: count }, (_, id) => Buffer.from(`user:${id}:profile`).toString('latin1'))
  const before = bytesNow()
  const store = create(entries)
  const emptyBytes = bytesNow() - before
  let longestMs = 0
  for (const key of keys) {
    const started = performance.now()
    store.set(key, key.length)
    longestMs = Math.max(longestMs, performance.now() - started)
  }
  const heldBytes = bytesNow() - before
  return { heldBytes, emptyBytes, collectionMs: fullCollectionMs(), longestMs, keep: store, keys }
}

function fullCollectionMs() {
  const times = Array.from({ length: collections }, () => {
    const started = performance.now()
    collect()
    return performance.now() - started
  })
  return Math.min(...times)
}

/** @param {Order} order @returns {Promise<Figures>} */
async function fillApart(order) {
  const child = fork(import.meta.filename, { execArgv: ['--expose-gc'], env: { ...process.env, [asChild]: '1' } })
  child.send(order)
  const [figures] = await once(child, 'message')
  await once(child, 'exit')
  return figures
}

const asChild = 'TIERWISE_BENCH_FILL'

/**
 * Bytes per entry beyond key and value, and the full garbage collection that the store costs. Each store has a process of
 * its own.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result>}
 */
export async function run({ quick = false } = {}) {
  const entries = quick ? 10_000 : 1_000_000
  /** @type {Map<string, Figures>} */
  const figures = new Map()
  for (const name of Object.keys(stores)) figures.set(name, await fillApart({ name, entries }))
  const rows = [...figures].flatMap(([name, figure]) => rowsOf(name, figure, entries))
  const own = figures.get('memory tier')
  const other = figures.get('lru-cache')
  if (own && other) rows.push(collectionRow(own, other))
  const work = `Stores ${entries.toLocaleString('en-US')} entries with a ttl, and 2 % more so that evictions have begun.`
  return { title: 'Bytes per entry beyond key and value', work, rows }
}

/** @param {string} name @param {Figures} figures @param {number} entries @returns {Row[]} */
function rowsOf(name, { heldBytes, emptyBytes, collectionMs, longestMs }, entries) {
  const perEntry = heldBytes / entries
  const target = name === 'memory tier' ? { target: 85, atMost: true, pass: perEntry <= 85 } : {}
  const note = `empty: ${Math.round(emptyBytes / 1024)} kB; longest single write ${longestMs.toFixed(1)} ms`
  return [
    { name, value: perEntry, unit: 'bytes', ...target, note },
    { name: `${name}, full collection`, value: collectionMs, unit: 'ms' },
  ]
}

/** @param {Figures} own @param {Figures} other @returns {Row} */
function collectionRow(own, other) {
  const ratio = own.collectionMs / other.collectionMs
  const row = { name: 'memory tier, full collection', value: own.collectionMs, unit: 'ms' }
  return { ...row, ratio, against: 'lru-cache', target: 1.2, atMost: true, pass: ratio <= 1.2 }
}

if (process.env[asChild]) {
  process.once('message', (message) => {
    const { keep, keys, ...figures } = fill(/** @type {Order} */ (message))
    process.send?.(figures, () => process.disconnect())
    return [keep, keys]
  })
} else {
  await runDirectly(import.meta.url, run)
}
