import { once } from 'node:events'

/**
 * Runs one bench in a process of its own, so that no bench meets the heap or the compiled code of another: imports the
 * module that it is told of, calls its `run` and sends the results to the parent.
 */
const [order] = await once(process, 'message')
const { url, options } = /** @type {import('./benches.mjs').Order} */ (order)
const { run } = await import(url)
if (typeof run !== 'function') throw new TypeError(`${url} does not export a function 'run'`)
const results = await run(options)
process.send?.(results, () => process.exit(0))
