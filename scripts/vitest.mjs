import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture, CommandFailed, root } from './command.mjs'

/** @typedef {{ fullName: string, status: string }} Assertion */

/**
 * Runs the tests of a folder and resolves to how many passed. A test that was skipped, left to do or singled out
 * fails the run as a failing test does, and so does a run without a test.
 *
 * @param {string} folder with a vitest.config.ts
 * @param {{ args?: readonly string[], node?: string }} [options] `node` is the executable to run them with
 */
export async function runVitest(folder, { args = [], node = process.execPath } = {}) {
  const results = mkdtempSync(join(tmpdir(), 'tierwise-vitest-'))
  const file = join(results, 'results.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`, '--allowOnly=false']
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  try {
    const command = [vitest, 'run', '--root', folder, ...reporters, ...args]
    const output = await capture(node, command, { timeoutMs: 20 * 60_000 })
    return countPassed(JSON.parse(readFileSync(file, 'utf8')), output)
  } catch (error) {
    throw withFailedTests(error, file)
  } finally {
    rmSync(results, { recursive: true, force: true })
  }
}

/**
 * @param {{ testResults: { assertionResults: Assertion[] }[] }} report
 * @param {string} output
 */
export function countPassed(report, output) {
  const all = report.testResults.flatMap((file) => file.assertionResults)
  const left = all.filter((test) => test.status !== 'passed')
  if (left.length > 0) {
    const list = left.map((test) => `  ${test.status}: ${test.fullName}`).join('\n')
    throw new CommandFailed(`${left.length} tests did not run:\n${list}`, output)
  }
  if (all.length === 0) throw new CommandFailed('there is no test', output)
  return all.length
}

/** @param {unknown} error @param {string} file */
function withFailedTests(error, file) {
  if (!(error instanceof CommandFailed) || !existsSync(file)) return error
  error.failedTests = JSON.parse(readFileSync(file, 'utf8')).numFailedTests
  return error
}
