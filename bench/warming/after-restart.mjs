import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createCacheManager } from 'tierwise'
import { disk } from 'tierwise/disk'
import { memory } from 'tierwise/memory'
import { keepWarm } from 'tierwise/warming'
import { readTrace, tracesIn } from '../memory/trace.mjs'
import { seededRandom, zipfRanks } from '../lib/random.mjs'
import { consoleTable } from '../lib/table.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('tierwise').CacheManager} CacheManager */
/** @typedef {{ readonly name: string, readonly keys: readonly string[], readonly unique: number }} Requests */

/**
 * @typedef {object} Way What is done between the start and the first request.
 * @property {string} name
 * @property {(manager: CacheManager, room: number) => Promise<{ readonly durationMs: number } | undefined>} warm
 */

/** Traces with a stationary part, a moving one, and one that scans. */
const replayed = ['orm-busy', 'web07', 'scarab-recs', 'arc-oltp']
/** Requests before the restart, at most. */
const most = 200_000
/** The requests after the start that are looked at. */
const looks = [1000, 10_000]
/** Requests at once. */
const width = 32
const namespace = 'objects'
/** What went wrong in a tier: then the figures mean nothing. @type {unknown[]} */
const failures = []

/** @type {readonly Way[]} */
const ways = [
  { name: 'no warming', warm: async () => undefined },
  { name: 'keepWarm', warm: (manager) => kept(manager).warming ?? Promise.reject(new Error('It did not warm')) },
  { name: 'hot keys alone', warm: (manager) => manager.warm({ namespace, hotKeys: true }) },
  { name: 'any keys of the disk', warm: (manager, room) => manager.warm({ namespace, pattern: '*', limit: room }) },
]

/** @param {CacheManager} manager */
function kept(manager) {
  return keepWarm(manager, { namespaces: { [namespace]: true }, saveEvery: false })
}

/** @param {string} path @param {number} room */
function open(path, room) {
  const manager = createCacheManager({
    tiers: [memory({ maxEntries: room }), disk({ path })],
    namespaces: { [namespace]: { ttl: '1d' } },
    tierTimeout: '5s',
  })
  manager.on('tier-error', ({ error }) => failures.push(error))
  return manager
}

/**
 * Reads through the cache. The share of the requests that memory answered, and that any tier did, in percent.
 *
 * @param {CacheManager} manager @param {readonly string[]} keys
 */
async function replay(manager, keys) {
  const cache = /** @type {import('tierwise').Cache<string>} */ (manager.namespace(namespace))
  let inMemory = 0
  let loads = 0
  const read = async (/** @type {string} */ key) => {
    if (cache.peek(key) !== undefined) inMemory++
    const value = await cache.getOrSet(key, async ({ key: missing }) => {
      loads++
      // A source takes its time; without it, writes would come faster than a disk takes them.
      await turn()
      return `value of ${missing}`
    })
    if (value !== `value of ${key}`) throw new Error(`${key} was answered with ${value}`)
  }
  for (let at = 0; at < keys.length; at += width) {
    await Promise.all(keys.slice(at, at + width).map(read))
    await turn()
  }
  const share = (/** @type {number} */ count) => (count / keys.length) * 100
  return { inMemory: share(inMemory), inAny: share(keys.length - loads) }
}

/** @param {Requests} requests @param {string} folder @param {boolean} quick @returns {Promise<Row[]>} */
async function restart({ name, keys, unique }, folder, quick) {
  const room = Math.max(64, Math.round(unique * 0.05))
  const split = Math.min(Math.floor(keys.length / 2), quick ? 20_000 : most)
  const first = join(folder, 'first')
  const before = open(first, room)
  const keeper = kept(before)
  await keeper.warming
  await replay(before, keys.slice(0, split))
  await before.stop()
  /** @type {Row[]} */
  const rows = []
  for (const [at, way] of ways.entries()) {
    const copy = join(folder, String(at))
    await cp(first, copy, { recursive: true })
    const after = open(copy, room)
    await after.start()
    const warming = await way.warm(after, room)
    const note = warming === undefined ? '' : `; warming took ${warming.durationMs.toFixed(0)} ms`
    let from = split
    let inMemory = 0
    let inAny = 0
    for (const look of looks) {
      const to = Math.min(split + look, keys.length)
      const shares = await replay(after, keys.slice(from, to))
      inMemory += (shares.inMemory * (to - from)) / 100
      inAny += (shares.inAny * (to - from)) / 100
      from = to
      const percent = (/** @type {number} */ count) => (count / (to - split)) * 100
      rows.push({
        name: `${name}, ${way.name}, first ${(to - split).toLocaleString('en-US')}`,
        value: percent(inMemory),
        unit: '% in memory',
        note: `${percent(inAny).toFixed(1)} % in memory or on disk${note}`,
      })
    }
    await after.stop()
  }
  return rows
}

/** @param {string} trace @param {readonly Row[]} rows */
function checkGain(trace, rows) {
  const [cold, warmed] = ['no warming', 'keepWarm'].map(
    (way) => rows.find(({ name }) => name.startsWith(`${trace}, ${way}, `))?.value ?? 0,
  )
  if (cold === undefined || warmed === undefined || warmed <= cold)
    throw new Error(`On ${trace} a memory that was warmed answers no more requests than a cold one`)
}

/** Where there are no traces: what has no memory of the past but its distribution. @returns {Requests} */
function synthetic() {
  const ranks = zipfRanks(80_000, { universe: 20_000, skew: 0.9 }, seededRandom(7))
  const keys = Array.from(ranks, (rank) => `key:${rank}`)
  return { name: 'zipf 0.9', keys, unique: new Set(keys).size }
}

/**
 * Half of a trace, a restart, and the requests that follow: how many of them memory can answer, by what was warmed.
 *
 * @param {{ quick?: boolean, traces?: string | undefined }} options `traces` is their folder
 * @returns {Promise<Result>}
 */
export async function run({ quick = false, traces }) {
  const files = traces === undefined ? [] : tracesIn(traces).filter(({ name }) => replayed.includes(name))
  const chosen = quick ? files.slice(0, 1) : files
  const requests = chosen.length === 0 ? [synthetic()] : chosen.map((file) => readTrace(file))
  /** @type {Row[]} */
  const rows = []
  for (const each of requests) {
    const folder = await mkdtemp(join(tmpdir(), 'tierwise-bench-warming-'))
    try {
      rows.push(...(await restart(each, folder, quick)))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  if (failures.length > 0) throw new Error(`A tier failed ${failures.length} times`, { cause: failures[0] })
  for (const { name } of requests) checkGain(name, rows)
  const work =
    'Half of a trace, a restart, and the next requests, over memory with room for 5 % of the keys and a disk. How many of these requests memory answers.'
  return { title: 'After a restart', work, rows }
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({ options: { traces: { type: 'string' }, quick: { type: 'boolean' } } })
  const traces = values.traces ?? process.env['TIERWISE_TRACES']
  console.log(consoleTable(await run({ quick: values.quick ?? false, traces })))
}
