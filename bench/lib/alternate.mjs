import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Measures several ways of doing the same work, side by side in one process.
 *
 * Contestants take short turns, round after round, each round starting with the next contestant, so that whatever the
 * machine does meanwhile falls on all of them. Before every turn the garbage of the others is collected (when the
 * process was started with --expose-gc) and the event loop turns once, so nobody pays for somebody else. A turn repeats
 * one *pass*, the fixed unit of work, until it is long enough to be timed; slow contestants do fewer passes, never
 * smaller ones. Each pass ends in a checksum over what was read; one that differs from the others' ends the whole bench,
 * for a figure of a wrong answer means nothing.
 */

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {() => unknown} pass One unit of the work; returns or resolves to its checksum.
 * @property {() => unknown} [verify] Untimed, after each turn; its result then is the checksum instead of the pass's.
 */

/**
 * @typedef {object} Pace
 * @property {number} rounds
 * @property {number} turnMs The shortest turn that is timed.
 * @property {number} warmUpMs Spent on each contestant before the first round.
 */

/** @type {Pace} */
export const fullPace = { rounds: 15, turnMs: 25, warmUpMs: 250 }

/** Enough to see that all sides agree; the figures mean nothing. @type {Pace} */
export const quickPace = { rounds: 2, turnMs: 2, warmUpMs: 5 }

/** Thrown when two contestants gave different results for the same work. */
export class Disagreement extends Error {
  /** @override */
  name = 'Disagreement'
}

/**
 * @param {readonly Contestant[]} contestants
 * @param {Pace} pace
 * @returns {Promise<Map<string, number[]>>} passes per second by contestant and round
 */
export async function alternate(contestants, pace) {
  const agree = agreement()
  const entries = []
  for (const contestant of contestants) {
    entries.push({ contestant, passes: await warmUp(contestant, pace, agree), speeds: /** @type {number[]} */ ([]) })
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (let place = 0; place < entries.length; place++) {
      const entry = entries[(round + place) % entries.length]
      globalThis.gc?.()
      entry.speeds.push(await takeTurn(entry.contestant, entry.passes, agree))
    }
  }
  return new Map(entries.map(({ contestant, speeds }) => [contestant.name, speeds]))
}

/**
 * Runs the contestant until it has seen its machine code.
 *
 * @param {Contestant} contestant @param {Pace} pace @param {Agree} agree
 * @returns {Promise<number>} passes that fill a turn
 */
async function warmUp(contestant, { turnMs, warmUpMs }, agree) {
  const started = performance.now()
  let fastestMs = Infinity
  let passes = 0
  while (passes < 3 || performance.now() - started < warmUpMs) {
    fastestMs = Math.min(fastestMs, 1000 / (await takeTurn(contestant, 1, agree)))
    passes++
  }
  return Math.max(1, Math.ceil(turnMs / fastestMs))
}

/**
 * @param {Contestant} contestant @param {number} passes @param {Agree} agree
 * @returns {Promise<number>} passes per second
 */
async function takeTurn(contestant, passes, agree) {
  await nextTurn()
  let checksum
  const started = performance.now()
  for (let pass = 0; pass < passes; pass++) checksum = await contestant.pass()
  const elapsed = performance.now() - started
  if (contestant.verify) checksum = await contestant.verify()
  agree(contestant.name, checksum)
  return (passes * 1000) / elapsed
}

/** @typedef {(name: string, checksum: unknown) => void} Agree */

/** @returns {Agree} */
function agreement() {
  /** @type {{ name: string, checksum: unknown } | undefined} */
  let first
  return (name, checksum) => {
    first ??= { name, checksum }
    if (Object.is(first.checksum, checksum)) return
    throw new Disagreement(`${name} read ${String(checksum)} where ${first.name} read ${String(first.checksum)}`)
  }
}
