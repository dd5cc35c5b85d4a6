import { createHash } from 'node:crypto'
import { mutate, mutationIn } from './marks.mjs'
import { needsServers, runsFor } from './suites.mjs'

/** @typedef {import('./marks.mjs').Mark} Mark */
/** @typedef {import('./sandbox.mjs').Sandbox} Sandbox */
/** @typedef {import('./sandbox.mjs').Failure} Failure */

/**
 * `noticed`: a test failed. `survived`: none did. `broken`: the program without the line is none, which proves nothing.
 *
 * @typedef {{ outcome: 'noticed' | 'survived' | 'broken', test: string, seconds: number, fingerprint: string }} Result
 */

/** What shows that the rest is no program: not a failing promise, but a name that is gone or a text that cannot be read. */
const notAProgram =
  /is not defined|SyntaxError|Transform failed|PARSE_ERROR|Error compiling script|nonexistent global|attempt to call global/

/** Changes with the line or what is done to it. @param {Sandbox} sandbox @param {Mark} mark */
export function fingerprintOf(sandbox, mark) {
  return createHash('sha256')
    .update(mutationIn(sandbox.read(mark.file), mark))
    .digest('hex')
    .slice(0, 16)
}

/**
 * Takes the line out, runs the tests that have to notice, and puts it back.
 *
 * @param {Sandbox} sandbox @param {Mark} mark @param {{ timeoutMs: number }} options
 * @returns {Promise<Result>}
 */
export async function checkMark(sandbox, mark, options) {
  const started = Date.now()
  const fingerprint = fingerprintOf(sandbox, mark)
  const text = sandbox.read(mark.file)
  sandbox.write(mark.file, mutate(text, mark))
  try {
    const failure = await firstFailure(sandbox, runsFor(mark.file), options)
    const seconds = Math.round((Date.now() - started) / 1000)
    if (failure === undefined) return { outcome: 'survived', test: '', seconds, fingerprint }
    const isBroken = notAProgram.test(failure.message)
    const test = isBroken ? (failure.message.split('\n', 1)[0] ?? '') : failure.test
    return { outcome: isBroken ? 'broken' : 'noticed', test, seconds, fingerprint }
  } finally {
    sandbox.write(mark.file, text)
  }
}

/** @param {Sandbox} sandbox @param {readonly (readonly string[])[]} runs @param {{ timeoutMs: number }} options */
async function firstFailure(sandbox, runs, options) {
  for (const run of runs) {
    const failure = await failureIn(sandbox, run, options)
    if (failure === undefined) continue
    // On a busy machine a test may fail for want of time; twice in a row it hardly does.
    const isDoubtful = needsServers(run) || failure.message.includes('timed out')
    if (!isDoubtful || (await failureIn(sandbox, run, options))) return failure
  }
  return undefined
}

/** @param {Sandbox} sandbox @param {readonly string[]} run @param {{ timeoutMs: number }} options */
async function failureIn(sandbox, run, options) {
  const failures = await sandbox.test(run, options)
  const [first] = failures
  if (first === undefined || !isKnownGap(first)) return first
  return (await sandbox.test(run, { ...options, isPatient: true })).find((failure) => !isKnownGap(failure))
}

/** A test that is expected to fail says nothing by passing. @param {Failure} failure */
function isKnownGap({ message }) {
  return message.includes('Expect test to fail')
}
