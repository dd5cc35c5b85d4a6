import { alternate, quickPace, waitingPace } from '../lib/alternate.mjs'
import { percentile, timed } from '../lib/call-times.mjs'
import { spread } from '../lib/figures.mjs'
import { shuffledKeys } from '../lib/payload.mjs'
import { freshCalls } from '../lib/remote-calls.mjs'
import { batchSize, fill } from '../lib/remote-store.mjs'
import { runDirectly } from '../lib/run-directly.mjs'
import { openChain } from './layers.mjs'

/** @typedef {import('../lib/remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./layers.mjs').Layer} Layer */
/** @typedef {typeof import('../lib/remote-calls.mjs')} Calls */

const keyCount = 10_000
const crowds = [1, 64, 512]
/** In a turn of each crowd, so that it lasts long enough on a tier of any speed. */
const passLengths = new Map([
  [1, 1000],
  [64, 4096],
  [512, 8192],
])
const pace = { ...waitingPace, turnMs: 200, rounds: 7 }

/** @typedef {{ readonly keys: readonly string[], readonly quick: boolean }} Setting */

/**
 * Reads per second of one layer: single reads by crowds of callers, and reads of 100 keys by four callers. A target of
 * many reads a second is not for a lone caller who waits for a server each time.
 *
 * @param {Layer} layer @param {Setting} setting @returns {Promise<Row[]>}
 */
async function speeds({ name, operations, direct, fromTop }, { keys, quick }) {
  const target = operations && operations / 1000
  const calls = await freshCalls(direct.name)
  const rows = []
  for (const inFlight of crowds) {
    const asked = keys.slice(0, passLengths.get(inFlight))
    const pass = () => calls.readEach(direct, asked, inFlight)
    const row = { name: `${name}: get, ${crowd(inFlight)}`, ...(await speedOf(pass, asked.length, quick)) }
    rows.push(inFlight === 1 && fromTop ? row : judged(row, target))
  }
  const pass = () => calls.readBatches(direct, keys, { inFlight: 4, size: batchSize })
  const row = { name: `${name}: getMany of 100, 4 in flight`, ...(await speedOf(pass, keys.length, quick)) }
  return [...rows, judged(row, target)]
}

/** @param {() => Promise<number>} pass @param {number} length @param {boolean} quick */
async function speedOf(pass, length, quick) {
  const measured = await alternate([{ name: 'reads', pass: expecting(pass, length) }], quick ? quickPace : pace)
  const { median, min, max } = spread((measured.get('reads') ?? []).map((passes) => (passes * length) / 1000))
  return { value: median, unit: 'Kops/s', note: `rounds ${Math.round(min)} to ${Math.round(max)}` }
}

/** There is nobody to agree with here: each read has to find generation 1. @param {() => Promise<number>} pass @param {number} sum */
function expecting(pass, sum) {
  return async () => {
    const found = await pass()
    if (found !== sum) throw new Error(`The reads summed up to ${found} where ${sum} was stored`)
    return found
  }
}

/**
 * How long single reads of one layer take. With 512 callers the time is that of the others before one in the queue of this
 * process, so it has no target.
 *
 * @param {Layer} layer @param {Setting} setting @returns {Promise<Row[]>}
 */
async function latencies({ name, p95, direct }, { keys }) {
  const calls = await freshCalls(direct.name)
  const rows = []
  for (const inFlight of crowds) {
    const asked = keys.slice(0, passLengths.get(inFlight))
    /** @type {number[]} */
    const times = []
    for (let pass = 0; pass < 4; pass++) {
      await expecting(() => calls.readEach(timed(direct, 'get', times), asked, inFlight), asked.length)()
    }
    rows.push(latencyRow(`${name}: get, ${crowd(inFlight)}`, times, inFlight < 512 ? p95 : undefined))
  }
  return rows
}

/**
 * Values that are in this layer alone, read through the whole chain: the layers above are asked first, and filled.
 *
 * @param {Layer} layer @param {Setting} setting @returns {Promise<Row[]>}
 */
async function walksDown({ name, p95, fromTop }, { keys }) {
  if (!fromTop) return []
  const calls = await freshCalls(fromTop.name)
  const rows = []
  for (const inFlight of [1, 64]) {
    const asked = keys.slice(0, passLengths.get(inFlight))
    /** @type {number[]} */
    const times = []
    for (let pass = 0; pass < 3; pass++) {
      await fill(fromTop, asked)
      await expecting(() => calls.readEach(timed(fromTop, 'get', times), asked, inFlight), asked.length)()
    }
    rows.push(latencyRow(`found in ${name}: get, ${crowd(inFlight)}`, times, p95))
  }
  return rows
}

/** @param {string} name @param {readonly number[]} times @param {number | undefined} p95 @returns {Row} */
function latencyRow(name, times, p95) {
  const value = percentile(times, 0.95)
  const [half, most] = [0.5, 0.99].map((share) => Number(percentile(times, share).toPrecision(3)))
  return { ...judged({ name, value, unit: 'ms' }, p95, true), note: `p50 ${half} ms, p99 ${most} ms` }
}

/** @param {Row} row @param {number | undefined} target @param {boolean} [atMost] @returns {Row} */
function judged(row, target, atMost = false) {
  if (target === undefined) return row
  return { ...row, target, ...(atMost && { atMost }), pass: atMost ? row.value <= target : row.value >= target }
}

/** @param {number} inFlight */
function crowd(inFlight) {
  return inFlight === 1 ? 'one at a time' : `${inFlight} in flight`
}

/**
 * Each layer of a chain of memory, Redis, Redis Cluster and PostgreSQL.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const { layers, close } = await openChain()
  const setting = { keys: shuffledKeys(quick ? 200 : keyCount), quick }
  try {
    for (const { direct } of layers) await fill(direct, setting.keys)
    return [
      {
        title: 'Layers of the chain, reads per second',
        work: 'Values of 400 bytes, decoded; each layer is asked by a namespace that has it alone, L1 by one that has the whole chain.',
        rows: await eachLayer(layers, (layer) => speeds(layer, setting)),
      },
      {
        title: 'Layers of the chain, 95th percentile of a read',
        work: 'The same single reads, each timed from the call to its answer.',
        rows: await eachLayer(layers, (layer) => latencies(layer, setting)),
      },
      {
        title: 'The whole walk down the chain, 95th percentile of a read',
        work: 'Values that are in one layer alone: the layers above are asked in turn, miss, and are filled.',
        rows: await eachLayer(layers, (layer) => walksDown(layer, setting)),
      },
    ]
  } finally {
    await close()
  }
}

/** @param {readonly Layer[]} layers @param {(layer: Layer) => Promise<Row[]>} measure */
async function eachLayer(layers, measure) {
  const rows = []
  for (const layer of layers) rows.push(...(await measure(layer)))
  return rows
}

await runDirectly(import.meta.url, run)
