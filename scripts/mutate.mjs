import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatDuration, root } from './command.mjs'
import { checkMark, fingerprintOf } from './mutations/check-mark.mjs'
import { describeChange, findMarks } from './mutations/marks.mjs'
import { summaryOf, tableOf, writePage } from './mutations/report.mjs'
import { Sandbox } from './mutations/sandbox.mjs'
import { runsFor } from './mutations/suites.mjs'

/** @typedef {import('./mutations/marks.mjs').Mark} Mark */
/** @typedef {import('./mutations/check-mark.mjs').Result} Result */
/** @typedef {Record<string, Result>} Results */

const usage = `Removes each marked line of the protocol, one at a time, and demands that a test fails.

  npm run mutate -- [options]

  --only text     marks whose name or file contains the text; may be given several times
  --list          says what would be done
  --jobs n        at once (1)
  --seconds n     for one line (300); tests that take longer have noticed
  --fresh         forgets earlier results; otherwise lines that were noticed and have not changed are left out
  --json          prints the results as JSON
  --write         puts the table into docs/design/testing.md
`
const page = join(root, 'docs/design/testing.md')
const store = join(root, '.cache/mutations.json')

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean' },
    jobs: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '300' },
    fresh: { type: 'boolean' },
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})

/** @returns {Results} */
function load() {
  try {
    return options.fresh ? {} : JSON.parse(readFileSync(store, 'utf8'))
  } catch {
    return {}
  }
}

/** @param {Results} results */
function save(results) {
  mkdirSync(dirname(store), { recursive: true })
  writeFileSync(store, JSON.stringify(results, undefined, 2))
}

/** @param {Mark} mark */
function isChosen({ name, file }) {
  return options.only === undefined || options.only.some((text) => name === text || file.includes(text))
}

/** @param {readonly Mark[]} marks @param {Results} results */
async function checkAll(marks, results) {
  const sandboxes = Array.from({ length: Math.min(Number(options.jobs), marks.length) }, () => Sandbox.create())
  process.on('exit', () =>
    sandboxes.forEach((sandbox) => rmSync(sandbox.folder, { recursive: true, force: true, maxRetries: 3 })),
  )
  const [first] = sandboxes
  if (first === undefined) return
  const waiting = marks.filter((mark) => isDue(results[mark.name], fingerprintOf(first, mark)))
  const total = waiting.length
  const timeoutMs = Number(options.seconds) * 1000
  await expectGreen(first, waiting, timeoutMs)
  const started = Date.now()
  let done = 0
  await Promise.all(
    sandboxes.map(async (sandbox) => {
      for (let mark = waiting.shift(); mark !== undefined; mark = waiting.shift()) {
        const result = await checkMark(sandbox, mark, { timeoutMs })
        results[mark.name] = result
        save(results)
        done++
        const left = formatDuration(((Date.now() - started) / done) * (total - done))
        say(`${done}/${total} ${result.outcome} ${mark.name} (${result.seconds} s): ${result.test}; ${left} left`)
      }
    }),
  )
}

/** Whoever writes the missing test wants to see it notice. @param {Result | undefined} result @param {string} fingerprint */
function isDue(result, fingerprint) {
  return result?.outcome !== 'noticed' || result.fingerprint !== fingerprint
}

/** Tests that fail anyway notice nothing. @param {Sandbox} sandbox @param {readonly Mark[]} marks @param {number} timeoutMs */
async function expectGreen(sandbox, marks, timeoutMs) {
  const runs = new Map(marks.flatMap(({ file }) => runsFor(file)).map((run) => [run.join(' '), run]))
  for (const run of runs.values()) {
    say(`with every line in its place: ${run.join(' ')}`)
    const [failure] = await sandbox.test(run, { timeoutMs })
    if (failure !== undefined)
      throw new Error(`A test fails with every line in its place: ${failure.test}\n${failure.message}`)
  }
}

/** @param {string} text */
function say(text) {
  if (!options.json) console.log(text)
}

async function main() {
  if (options.help) return console.log(usage)
  const all = findMarks(root)
  const marks = all.filter(isChosen)
  if (options.list) {
    for (const { promise, name, file, line } of marks)
      console.log(`${promise} ${name} ${file}:${line} ${describeChange(name)}`)
    return
  }
  const results = load()
  await checkAll(marks, results)
  const rows = marks.map((mark) => ({ mark, result: results[mark.name] }))
  console.log(options.json ? JSON.stringify(rows, undefined, 2) : `${tableOf(rows)}\n\n${summaryOf(rows)}`)
  if (options.write)
    writePage(
      page,
      all.map((mark) => ({ mark, result: results[mark.name] })),
    )
  if (rows.some(({ result }) => result?.outcome !== 'noticed')) process.exitCode = 1
}

await main()
