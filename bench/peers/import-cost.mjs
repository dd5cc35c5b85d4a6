import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ratio, spread } from '../lib/figures.mjs'
import { significant } from '../lib/result.mjs'
import { runDirectly } from '../lib/run-directly.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */

const probe = fileURLToPath(new URL('./import-probe.mjs', import.meta.url))
const execute = promisify(execFile)

/** What an application imports for a cache in memory. @type {{ name: string, specifiers: string[] }[]} */
const libraries = [
  { name: 'tierwise', specifiers: ['tierwise', 'tierwise/memory'] },
  { name: 'BentoCache', specifiers: ['bentocache', 'bentocache/drivers/memory'] },
  { name: 'cacheable', specifiers: ['cacheable'] },
  { name: 'cache-manager', specifiers: ['cache-manager'] },
  { name: 'async-cache-dedupe', specifiers: ['async-cache-dedupe'] },
  { name: 'layered-loader', specifiers: ['layered-loader'] },
  { name: 'lru-cache', specifiers: ['lru-cache'] },
]

/** @param {{ quick?: boolean }} [options] @returns {Promise<Result[]>} */
export async function run({ quick = false } = {}) {
  const times = await importTimes(quick ? 1 : 15)
  const own = times.get('tierwise') ?? []
  const timed = libraries.map(({ name }) => {
    const { median, min, max } = spread(times.get(name) ?? [])
    const note = `${significant(min)} to ${significant(max)}`
    if (name === 'tierwise') return { name, value: median, unit: 'ms', note }
    return {
      name,
      value: median,
      unit: 'ms',
      ratio: ratio(times.get(name) ?? [], own).median,
      against: 'tierwise',
      note,
    }
  })
  const work = libraries.map(
    ({ name, specifiers }) => `${name}: ${specifiers.map((each) => `'${each}'`).join(' and ')}`,
  )
  return [
    {
      title: 'import, cold',
      work: `A fresh process imports what a cache in memory needs, the libraries in turn; the start of Node itself is not in it. ${work.join('; ')}.`,
      rows: timed,
    },
    {
      title: 'import, code loaded',
      work: 'Bytes of the files that the same imports load, dependencies included.',
      rows: await loadedBytes(),
    },
  ]
}

/** @param {number} rounds @returns {Promise<Map<string, number[]>>} milliseconds by library and round */
async function importTimes(rounds) {
  /** @type {Map<string, number[]>} */
  const times = new Map(libraries.map(({ name }) => [name, []]))
  // The first round brings the files into the page cache and does not count.
  for (let round = -1; round < rounds; round++) {
    for (const { name, specifiers } of libraries) {
      const ms = await askProbe(specifiers)
      if (round >= 0) times.get(name)?.push(ms)
    }
  }
  return times
}

/** @returns {Promise<import('../lib/result.mjs').Row[]>} */
async function loadedBytes() {
  const rows = []
  for (const { name, specifiers } of libraries) {
    /** @type {string[]} */
    const urls = await askProbe(['--files', ...specifiers])
    const paths = urls.map((url) => (url.startsWith('file:') ? fileURLToPath(url) : url))
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
    const bytes = sizes.reduce((total, size) => total + size, 0)
    rows.push({ name, value: bytes / 1024, unit: 'KiB', note: `${paths.length} files` })
  }
  return rows
}

/** @param {readonly string[]} args @returns {Promise<any>} */
async function askProbe(args) {
  const { stdout } = await execute(process.execPath, [probe, ...args])
  return JSON.parse(stdout)
}

await runDirectly(import.meta.url, run)
