import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createCacheManager } from 'tierwise'
import { memory } from 'tierwise/memory'
import { runDirectly } from '../lib/run-directly.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {{ readonly namespaces: number, readonly keys: number, readonly statistics: boolean }} Order */
/** @typedef {{ readonly heapBytes: number, readonly residentBytes: number, readonly analyticsMs: number }} Figures */

/** What a namespace may cost at most; see docs/design/observability.md. */
const mostBytes = 40 * 1024

/** The same number of entries however many keys there are. */
const heldEntries = 10_000

function collect() {
  if (!globalThis.gc) throw new TypeError('Start node with --expose-gc: bytes cannot be counted among garbage')
  globalThis.gc()
  globalThis.gc()
}

/** Every key is loaded once, and read again at once; then the namespaces are there and the keys are gone. @param {Order} order @returns {Promise<Figures>} */
async function work({ namespaces, keys, statistics }) {
  const manager = createCacheManager({
    tiers: [memory({ maxEntries: heldEntries })],
    statistics,
    defaults: { ttl: '1h' },
  })
  const perNamespace = Math.ceil(keys / namespaces)
  for (let at = 0; at < namespaces; at++) {
    const cache = manager.namespace(`namespace-${at}`)
    for (let id = 0; id < perNamespace; id++) {
      const key = `user:${at}:${id}:profile`
      await cache.getOrSet(key, () => id)
      cache.peek(key)
    }
  }
  collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  const started = performance.now()
  const { overall } = manager.analytics()
  const analyticsMs = performance.now() - started
  if (overall.loads !== perNamespace * namespaces) throw new Error(`${overall.loads} loads were counted`)
  await manager.stop()
  return { heapBytes: heapUsed + external, residentBytes: rss, analyticsMs }
}

/** @param {Order} order @returns {Promise<Figures>} */
async function workApart(order) {
  const child = fork(import.meta.filename, { execArgv: ['--expose-gc'], env: { ...process.env, [asChild]: '1' } })
  child.send(order)
  const [figures] = await once(child, 'message')
  await once(child, 'exit')
  return figures
}

const asChild = 'TIERWISE_BENCH_STATISTICS'

/**
 * What statistics take of the memory of a process, with many namespaces and more keys than anything could remember.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result>}
 */
export async function run({ quick = false } = {}) {
  const scale = quick ? { namespaces: 50, keys: 5000 } : { namespaces: 1000, keys: 10_000_000 }
  const without = await workApart({ ...scale, statistics: false })
  const few = await workApart({ ...scale, keys: scale.keys / 10, statistics: true })
  const many = await workApart({ ...scale, statistics: true })
  const perNamespace = (many.heapBytes - without.heapBytes) / scale.namespaces
  const count = (/** @type {number} */ value) => value.toLocaleString('en-US')
  return {
    title: 'Memory of all statistics',
    work: `Loads ${count(scale.keys)} keys in ${count(scale.namespaces)} namespaces and reads each once more, over a memory tier of ${count(heldEntries)} entries. What a process with statistics holds afterwards, beyond one without.`,
    rows: [
      {
        name: 'heap, a namespace',
        value: perNamespace / 1024,
        unit: 'kB',
        target: mostBytes / 1024,
        atMost: true,
        pass: perNamespace <= mostBytes,
      },
      {
        name: 'heap, all',
        value: (many.heapBytes - without.heapBytes) / 2 ** 20,
        unit: 'MB',
        note: `with a tenth of the keys ${((few.heapBytes - without.heapBytes) / 2 ** 20).toFixed(1)} MB`,
      },
      {
        name: 'resident, all',
        value: (many.residentBytes - without.residentBytes) / 2 ** 20,
        unit: 'MB',
        note: 'histograms are outside of the heap',
      },
      { name: 'one call of analytics()', value: many.analyticsMs, unit: 'ms' },
    ],
  }
}

if (process.env[asChild]) {
  const [message] = await once(process, 'message')
  const figures = await work(/** @type {Order} */ (message))
  process.send?.(figures, () => process.disconnect())
} else {
  await runDirectly(import.meta.url, run)
}
