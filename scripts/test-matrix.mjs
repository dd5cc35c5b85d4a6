import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.mjs'
import { runConsumersWith } from './check-package.mjs'
import { capture, CommandFailed, formatDuration, npm, root } from './command.mjs'
import { prepare, reportSetupFailure } from './setup.mjs'
import { runVitest } from './vitest.mjs'

/** The oldest Node that is supported and every line after it; arguments narrow them. */
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20.19.0', '22', '24', '26']

/** Runs the tests and the consumers of the package on several versions of Node, and prints a table of the outcomes. */
async function main() {
  await prepare()
  await build()
  const rows = []
  for (const version of versions) rows.push(await runOn(version))
  console.table(Object.fromEntries(rows.map(({ node, ...row }) => [node, row])))
  if (rows.some((row) => row.outcome !== 'ok')) process.exitCode = 1
}

/** @param {string} version */
async function runOn(version) {
  const start = performance.now()
  const row = { node: version, tests: 0, outcome: 'ok', time: '' }
  try {
    const node = await fetchNode(version)
    row.node = (await capture(node, ['--version'])).trim()
    row.tests = await runVitest(join(root, 'packages/tierwise'), { node })
    row.tests += await runVitest(join(root, 'packages/cli'), { node })
    await runConsumersWith(node)
  } catch (error) {
    row.outcome = 'FAILED'
    console.error(error instanceof CommandFailed ? `${error.output}\n${error.message}` : error)
  }
  row.time = formatDuration(performance.now() - start)
  console.log(`node ${row.node.padEnd(10)} ${row.outcome} ${row.time}`)
  return row
}

/** The executable of a version, from the npm package `node`, kept for the next run. @param {string} version */
async function fetchNode(version) {
  const folder = join(root, '.cache/node', version)
  const executable = join(folder, 'node_modules/node/bin/node')
  if (!existsSync(executable)) {
    await npm(['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', `node@${version}`])
  }
  return executable
}

await main().catch(reportSetupFailure)
