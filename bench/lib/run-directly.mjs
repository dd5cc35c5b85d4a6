import { pathToFileURL } from 'node:url'
import { consoleTable } from './table.mjs'

/** @typedef {import('./result.mjs').Result} Result */
/** @typedef {{ readonly quick?: boolean }} RunOptions */

/**
 * Runs a bench and prints its tables when its file is what Node was started with; nothing when it was imported.
 *
 * @param {string} moduleUrl @param {(options: RunOptions) => Promise<Result | Result[]>} run
 */
export async function runDirectly(moduleUrl, run) {
  if (moduleUrl !== pathToFileURL(process.argv[1] ?? '').href) return
  if (!globalThis.gc) console.error('Start node with --expose-gc for steadier figures.')
  for (const result of [await run({ quick: process.argv.includes('--quick') })].flat())
    console.log(consoleTable(result))
  // As in child.mjs: what a bench has not closed does not keep its process.
  process.exit(0)
}
