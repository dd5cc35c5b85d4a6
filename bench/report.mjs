/**
 * Runs the benches one after the other, each in its own process, prints their tables and renews docs/benchmarks.md.
 *
 *   --only NAME   one bench (repeatable)
 *   --traces DIR  folder of the traces that hit-ratio replays
 *   --quick       short turns: shows that everything runs, figures mean nothing; writes no page
 *   --smoke       prints no figures either: only whether all sides agreed
 */
import { readFile, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { benches, benchNamed, obstacle, runBench } from './lib/benches.mjs'
import { hasFigures, missingSection, renewPage, resultSection } from './lib/page.mjs'
import { consoleTable } from './lib/table.mjs'

/** @typedef {import('./lib/benches.mjs').Bench} Bench */
/** @typedef {import('./lib/result.mjs').Result} Result */

const pageUrl = new URL('../docs/benchmarks.md', import.meta.url)

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    traces: { type: 'string' },
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
})

/** npm runs a workspace's script in its own folder; a relative folder is meant from where npm was called. */
const calledFrom = process.env['INIT_CWD'] ?? process.cwd()
const options = {
  quick: flags.quick || flags.smoke,
  traces: flags.traces === undefined ? undefined : resolve(calledFrom, flags.traces),
}

const page = await readFile(pageUrl, 'utf8').catch(() => '')
/** @type {Map<string, string>} */
const sections = new Map()
/** @type {string[]} */
const missed = []
let failed = false

for (const bench of flags.only?.map(benchNamed) ?? benches) {
  const reason = obstacle(bench, options)
  if (reason === undefined) await report(bench)
  else skip(bench, reason)
}

if (!options.quick) {
  console.log(missed.length === 0 ? 'Every target was reached' : `Targets that were missed:\n  ${missed.join('\n  ')}`)
  await writeFile(pageUrl, renewPage(page, sections))
  console.log('Wrote docs/benchmarks.md')
}
process.exitCode = failed ? 1 : 0

/** @param {Bench} bench */
async function report(bench) {
  const started = performance.now()
  if (!flags.smoke) console.log(`${bench.name}: running\n`)
  try {
    const results = await runBench(bench, options)
    sections.set(bench.name, resultSection(bench, results))
    missed.push(...results.flatMap(missesOf))
    if (!flags.smoke) for (const result of results) console.log(consoleTable(result))
    console.log(`${bench.name}: all sides agree (${((performance.now() - started) / 1000).toFixed(1)} s)\n`)
  } catch (error) {
    failed = true
    console.error(`${bench.name}: FAILED. ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

/** @param {Result} result */
function missesOf({ title, rows }) {
  return rows
    .filter(({ pass }) => pass === false)
    .map(({ name, against }) => `${title}: ${name}${against === undefined ? '' : ` against ${against}`}`)
}

/** @param {Bench} bench @param {string} reason */
function skip(bench, reason) {
  console.log(`${bench.name}: not run: ${reason}\n`)
  if (!hasFigures(page, bench)) sections.set(bench.name, missingSection(bench, reason))
}
