import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LRUCache } from 'lru-cache'
import { consoleTable } from '../lib/table.mjs'
import { entryOf, openSpace } from './plain-runtime.mjs'
import { readTrace, tracesIn } from './trace.mjs'

/** @typedef {import('./trace.mjs').Trace} Trace */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */

/**
 * @typedef {object} Point A trace at a cache size, with the hit ratios of others in percent.
 * @property {string} trace
 * @property {number} size
 * @property {number} best Of thirteen reference policies.
 * @property {string} bestPolicy
 * @property {number} lru
 * @property {number} optimal Belady's.
 */

/** @typedef {Point & { hitRatio: number, regret: number }} Replayed */

/** @type {{ points: Point[], sized: { trace: string, bytes: number, policy: string, hitRatio: number, byteHitRatio: number }[] }} */
const references = JSON.parse(readFileSync(new URL('references.json', import.meta.url), 'utf8'))

/** Room that no budget of entries uses up. */
const ampleBytes = 2 ** 40
/** Sizes for traces without references, as shares of the distinct keys. */
const shares = [0.01, 0.05, 0.2]

/** Single points with a target of their own. @type {readonly [string, number, number][]} */
const named = [
  ['corda', 512, 32.5],
  ['corda', 900, 32.5],
  ['lirs-loop', 512, 40],
  ['mix-corda-loop', 512, 38],
  ['mix-corda-loop', 910, 60],
  ['orm-busy', 610, 73],
]

/** Percent of the requests answered by a tier of `size` entries. @param {Trace} trace @param {number} size */
export function replay({ keys }, size) {
  const { space, tier, clock } = openSpace({ maxEntries: size, maxBytes: ampleBytes })
  const entry = entryOf(1, { now: clock.now(), sizeBytes: 1 })
  for (const key of keys) if (space.read(key) === undefined) space.set(key, entry, Infinity)
  tier.close()
  return (space.hits / keys.length) * 100
}

/** @param {Trace} trace @param {number} size */
function replayLru({ keys }, size) {
  /** @type {LRUCache<string, number>} */
  const cache = new LRUCache({ max: size })
  let hits = 0
  for (const key of keys) {
    if (cache.get(key) === undefined) cache.set(key, 1)
    else hits++
  }
  return (hits / keys.length) * 100
}

/** Percent of requests and of bytes answered by a tier of `bytes`. @param {Trace} trace @param {number} bytes */
export function replaySized({ keys, sizes = new Float64Array() }, bytes) {
  const { space, tier, clock } = openSpace({ maxBytes: bytes })
  const now = clock.now()
  let requested = 0
  let answered = 0
  for (const [at, key] of keys.entries()) {
    const size = sizes[at] ?? 0
    requested += size
    if (space.read(key) !== undefined) answered += size
    else space.set(key, entryOf(1, { now, sizeBytes: size }), Infinity)
  }
  tier.close()
  return { hitRatio: (space.hits / keys.length) * 100, byteHitRatio: (answered / requested) * 100 }
}

/**
 * The summary is over the points that say something: eight entries or more, and an optimum of two percent or more.
 *
 * @param {readonly Replayed[]} replayed @returns {Row[]}
 */
function summary(replayed) {
  const counted = replayed.filter(({ size, optimal }) => size >= 8 && optimal >= 2)
  if (counted.length === 0) return []
  const mean = (/** @type {(point: Replayed) => number} */ of) =>
    counted.reduce((sum, point) => sum + of(point), 0) / counted.length
  const worst = counted.reduce((most, point) => (point.regret > most.regret ? point : most))
  const over = `over ${counted.length} points`
  return [
    atLeast({ name: `mean hit ratio ${over}`, value: mean((point) => point.hitRatio), target: 41.3 }),
    { name: `mean hit ratio of LRU ${over}`, value: mean((point) => point.lru), unit: '%' },
    { name: `mean hit ratio of the optimum ${over}`, value: mean((point) => point.optimal), unit: '%' },
    atMost({ name: 'mean regret', value: mean((point) => point.regret), target: 1.3 }),
    atMost({ name: 'worst regret', value: worst.regret, target: 9, note: `${worst.trace} at ${worst.size}` }),
  ]
}

/** @param {Omit<Row, 'unit'> & { target: number }} row @returns {Row} */
function atLeast(row) {
  return { ...row, unit: '%', pass: row.value >= row.target }
}

/** @param {Omit<Row, 'unit'> & { target: number }} row @returns {Row} */
function atMost(row) {
  return { ...row, unit: 'points', atMost: true, pass: row.value <= row.target }
}

/** @param {Replayed} point @returns {Row} */
function pointRow({ trace, size, hitRatio, best, bestPolicy, lru, optimal }) {
  const target = named.find(([name, at]) => name === trace && at === size)?.[2]
  const row = {
    name: `${trace} at ${size}`,
    value: hitRatio,
    unit: '%',
    note: `LRU ${lru}, best ${best} (${bestPolicy}), optimum ${optimal}`,
  }
  return target === undefined ? row : atLeast({ ...row, target })
}

/** @param {Trace} trace @returns {Row[]} */
function unreferencedRows(trace) {
  return shares.map((share) => {
    const size = Math.max(8, Math.round(trace.unique * share))
    const note = `LRU ${replayLru(trace, size).toFixed(2)}; no reference figures`
    return { name: `${trace.name} at ${size}`, value: replay(trace, size), unit: '%', note }
  })
}

/** @param {Trace} trace @returns {Row[]} */
function sizedRows(trace) {
  const sizes = new Set(references.sized.filter((point) => point.trace === trace.name).map((point) => point.bytes))
  return [...sizes].flatMap((bytes) => {
    const { hitRatio, byteHitRatio } = replaySized(trace, bytes)
    const note = references.sized
      .filter((point) => point.trace === trace.name && point.bytes === bytes)
      .map((point) => `${point.policy} ${point.hitRatio} / ${point.byteHitRatio}`)
      .join(', ')
    return [
      { name: `${trace.name} at ${bytes} bytes, requests`, value: hitRatio, unit: '%', note },
      { name: `${trace.name} at ${bytes} bytes, bytes`, value: byteHitRatio, unit: '%' },
    ]
  })
}

/**
 * Replays recorded traces: read, and store what is absent.
 *
 * @param {{ quick?: boolean, traces?: string | undefined }} options `traces` is their folder
 * @returns {Promise<Result[]>}
 */
export async function run({ quick = false, traces }) {
  if (traces === undefined) throw new TypeError('The hit ratio needs recorded traces: name their folder with --traces')
  /** @type {Replayed[]} */
  const replayed = []
  /** @type {Row[]} */
  const others = []
  for (const file of quick ? tracesIn(traces).slice(0, 1) : tracesIn(traces)) {
    const trace = readTrace(file)
    const points = references.points.filter((point) => point.trace === trace.name)
    for (const point of points) {
      const hitRatio = replay(trace, point.size)
      replayed.push({ ...point, hitRatio, regret: Math.max(0, point.best - hitRatio) })
    }
    if (file.isSized) others.push(...sizedRows(trace))
    else if (points.length === 0) others.push(...unreferencedRows(trace))
  }
  const work = 'Each request of a recorded trace is read, and stored when it is absent; every entry counts as one.'
  const rows = [...summary(replayed), ...replayed.map(pointRow)]
  const counted = { title: 'Hit ratio', work, rows }
  const sized = {
    title: 'Hit ratio, other traces',
    work: 'As above; in sized traces entries weigh their bytes.',
    rows: others,
  }
  return [counted, sized].filter((result) => result.rows.length > 0)
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({ options: { traces: { type: 'string' }, quick: { type: 'boolean' } } })
  const folder = values.traces ?? process.env['TIERWISE_TRACES']
  if (folder === undefined) console.log('No traces: name their folder with --traces or TIERWISE_TRACES')
  else
    for (const result of await run({ quick: values.quick ?? false, traces: folder })) console.log(consoleTable(result))
}
