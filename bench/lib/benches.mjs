import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

/** @typedef {import('./result.mjs').Result} Result */
/** @typedef {{ readonly quick: boolean, readonly traces?: string | undefined }} RunOptions */
/** @typedef {{ readonly url: string, readonly options: RunOptions }} Order */

/**
 * @typedef {object} Bench
 * @property {string} name What `--only` takes.
 * @property {string} title
 * @property {string} module Relative to the folder of the benches.
 * @property {boolean} [needsTraces]
 */

/** In the order of the report. @type {readonly Bench[]} */
export const benches = [
  { name: 'memory-hits', title: 'Memory hits against other libraries', module: 'peers/memory-hits.mjs' },
  { name: 'stampede', title: 'Many callers, one cold key', module: 'peers/stampede.mjs' },
  { name: 'import-cost', title: 'What an import costs', module: 'peers/import-cost.mjs' },
  { name: 'memory-speed', title: 'The memory tier alone', module: 'memory/memory-speed.mjs' },
  { name: 'memory-bytes', title: 'Bytes per entry', module: 'memory/memory-bytes.mjs' },
  { name: 'hit-ratio', title: 'Hit ratio on traces', module: 'memory/hit-ratio.mjs', needsTraces: true },
  { name: 'disk-speed', title: 'The disk tier', module: 'disk/disk-speed.mjs' },
  { name: 'redis-speed', title: 'The Redis tier', module: 'redis/redis-speed.mjs' },
  { name: 'cluster-speed', title: 'The Redis tier on a cluster', module: 'redis/cluster-speed.mjs' },
  { name: 'postgres-speed', title: 'The PostgreSQL tier', module: 'postgres/postgres-speed.mjs' },
  { name: 'chain-layers', title: 'Layers of the whole chain', module: 'chain/chain-layers.mjs' },
  { name: 'open-breaker', title: 'A tier that is down', module: 'guard/open-breaker.mjs' },
  { name: 'coordination-speed', title: 'Coordination over Redis', module: 'coordination/coordination-speed.mjs' },
  { name: 'after-restart', title: 'After a restart', module: 'warming/after-restart.mjs' },
  { name: 'statistics-cost', title: 'What statistics and exports cost', module: 'statistics/statistics-cost.mjs' },
  { name: 'statistics-memory', title: 'Memory of all statistics', module: 'statistics/statistics-memory.mjs' },
  { name: 'governance-cost', title: 'What rules cost', module: 'governance/governance-cost.mjs' },
  { name: 'coherence-cost', title: 'What coherence costs', module: 'coherence/coherence-cost.mjs' },
  { name: 'coherence-faults', title: 'Coherence in trouble', module: 'coherence/coherence-faults.mjs' },
]

/** Why the bench cannot run here, or undefined. @param {Bench} bench @param {RunOptions} options */
export function obstacle({ module, needsTraces = false }, { traces }) {
  if (!existsSync(locate(module))) return `bench/${module} is missing`
  if (!needsTraces) return undefined
  if (traces === undefined) return 'it replays traces; name their folder with --traces'
  if (!existsSync(traces)) return `it replays traces, and the folder '${traces}' does not exist`
  return undefined
}

/**
 * @param {Bench} bench @param {RunOptions} options @returns {Promise<Result[]>}
 * @throws Error when the bench fails, disagreements between contestants included; what it wrote has been printed
 */
export async function runBench({ name, module }, options) {
  const child = fork(new URL('./child.mjs', import.meta.url), { execArgv: ['--expose-gc'] })
  /** @type {Result[] | undefined} */
  let results
  child.once('message', (message) => {
    results = [/** @type {Result | Result[]} */ (message)].flat()
  })
  child.send({ url: locate(module).href, options })
  const [code, signal] = await once(child, 'exit')
  if (code === 0 && results) return results
  throw new Error(`The bench '${name}' ended with ${signal ?? `code ${code}`} and without results`)
}

/** @param {string} module */
function locate(module) {
  return new URL(`../${module}`, import.meta.url)
}

/** @param {string} name @returns {Bench} */
export function benchNamed(name) {
  const found = benches.find((bench) => bench.name === name)
  if (found) return found
  throw new RangeError(`There is no bench '${name}'; there are ${benches.map((bench) => bench.name).join(', ')}`)
}
