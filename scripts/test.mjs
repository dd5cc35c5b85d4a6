import { CommandFailed, formatDuration } from './command.mjs'
import { prepare, reportSetupFailure } from './setup.mjs'

/**
 * The whole test run: every step in order, stopping at the first that fails. Names given as arguments narrow it to
 * these steps; the build always comes along, because it costs nothing when it is up to date.
 */
async function main() {
  await prepare()
  // The steps import tools, which exist only after the set-up.
  const { steps } = await import('./test-steps.mjs')
  const names = process.argv.slice(2)
  const unknown = names.find((name) => !steps.some((step) => step.name === name))
  if (unknown !== undefined) {
    throw new Error(`There is no step "${unknown}". Steps: ${steps.map((step) => step.name).join(', ')}`)
  }
  const chosen = steps.filter((step) => names.length === 0 || names.includes(step.name) || step.name === 'build')
  const outcomes = await runAll(chosen)
  report(chosen, outcomes)
}

/** @typedef {{ name: string, ms: number, passed: number, failed: number, note: string }} Outcome */

/** @param {readonly import('./test-steps.mjs').Step[]} steps */
async function runAll(steps) {
  /** @type {Outcome[]} */
  const outcomes = []
  for (const step of steps) {
    process.stdout.write(`${step.name.padEnd(10)} `)
    const outcome = await runStep(step)
    outcomes.push(outcome)
    if (outcome.failed > 0) break
  }
  return outcomes
}

/** @param {import('./test-steps.mjs').Step} step @returns {Promise<Outcome>} */
async function runStep(step) {
  const start = performance.now()
  try {
    const { tests = 0, note = '' } = (await step.run()) ?? {}
    const ms = performance.now() - start
    console.log(`ok    ${formatDuration(ms).padStart(8)}  ${note}`)
    return { name: step.name, ms, passed: tests + 1, failed: 0, note }
  } catch (error) {
    const ms = performance.now() - start
    console.log(`FAILED ${formatDuration(ms).padStart(7)}\n`)
    if (error instanceof CommandFailed) console.log(`${error.output.trimEnd()}\n`)
    console.log(error instanceof CommandFailed ? error.message : error)
    console.log(`\nThis step alone: npm test -- ${step.name}\n`)
    const failedTests = error instanceof CommandFailed ? error.failedTests : 0
    return { name: step.name, ms, passed: 0, failed: failedTests + 1, note: 'failed' }
  }
}

/** @param {readonly import('./test-steps.mjs').Step[]} steps @param {readonly Outcome[]} outcomes */
function report(steps, outcomes) {
  console.log(`\n${'step'.padEnd(10)} ${'passed'.padStart(7)} ${'failed'.padStart(7)} ${'time'.padStart(9)}  what`)
  for (const step of steps) {
    const outcome = outcomes.find((candidate) => candidate.name === step.name)
    const counts = outcome ? [outcome.passed, outcome.failed, formatDuration(outcome.ms)] : ['-', '-', 'not run']
    const [passed, failed, time] = counts.map(String)
    console.log(
      `${step.name.padEnd(10)} ${passed?.padStart(7)} ${failed?.padStart(7)} ${time?.padStart(9)}  ${step.what}`,
    )
  }
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0)
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0)
  console.log(`\n${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

await main().catch(reportSetupFailure)
