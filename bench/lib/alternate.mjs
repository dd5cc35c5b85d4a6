import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Measures several ways of doing the same work, side by side in one process.
 *
 * Contestants take short turns, round after round, each round starting with the next contestant, so that whatever the
 * machine does meanwhile falls on all of them. Before every turn the garbage of the others is collected (when the
 * process was started with --expose-gc) and the event loop turns once, so nobody pays for somebody else. A turn repeats
 * one *pass*, the fixed unit of work, until it is long enough to be timed; slow contestants do fewer passes, never
 * smaller ones. Each pass ends in a checksum over what was read, and whoever writes is read back after each timed turn;
 * a checksum that differs from the others' ends the whole bench, for a figure of a wrong answer means nothing.
 */

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {() => unknown} pass One unit of the work; returns or resolves to its checksum.
 * @property {() => unknown} [verify] Untimed, after each timed turn; its result then is the checksum instead of the pass's.
 */

/**
 * @typedef {object} Pace
 * @property {number} rounds
 * @property {number} turnMs The shortest turn that is timed.
 * @property {number} warmUpMs Spent on each contestant before the first round, in one pass at least.
 * @property {number} [settleMs] Spent on the contestant at the start of each turn, untimed: the collection before a turn
 *   takes the shapes of decoded values along, and the machine code that was made for them. Who needs longer than this
 *   and a turn for a single pass starts without: it settles in a small part of the pass.
 * @property {number} [budgetMs] No round but the first three starts later than this after the first, so that a busy
 *   machine costs rounds and not minutes. Default: all rounds run.
 * @property {() => number} nowMs The clock of the turns.
 */

/**
 * Time that the processor spent on this process, helper threads for garbage and compilation included. For work that only
 * computes it is what a wall clock shows on an idle machine, and it stands still while a neighbour has the processor.
 */
function processorMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** @type {Pace} */
export const fullPace = { rounds: 15, turnMs: 25, warmUpMs: 250, nowMs: processorMs }

/** For work that waits, on a disk for instance: wall time. @type {Pace} */
export const waitingPace = { ...fullPace, nowMs: () => performance.now() }

/** Enough to see that all sides agree; the figures mean nothing. @type {Pace} */
export const quickPace = { rounds: 2, turnMs: 2, warmUpMs: 5, nowMs: processorMs }

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
    const passMs = await warmUp(contestant, pace, agree)
    entries.push({ contestant, passMs, speeds: /** @type {number[]} */ ([]) })
  }
  const started = pace.nowMs()
  for (let round = 0; round < pace.rounds && !isLate(round, started, pace); round++) {
    for (let place = 0; place < entries.length; place++) {
      const entry = entries[(round + place) % entries.length]
      globalThis.gc?.()
      await settle(entry, pace, agree)
      entry.speeds.push(await takeTurn(entry, pace, agree))
    }
  }
  return new Map(entries.map(({ contestant, speeds }) => [contestant.name, speeds]))
}

/** Ratios of fewer rounds than three would have no median to speak of. @param {number} round @param {number} started @param {Pace} pace */
function isLate(round, started, { budgetMs = Infinity, nowMs }) {
  return round >= 3 && nowMs() - started > budgetMs
}

/** @typedef {{ readonly contestant: Contestant, readonly passMs: number }} Entry `passMs` is the shortest that a pass took. */

/**
 * Runs the contestant until it has seen its machine code.
 *
 * @param {Contestant} contestant @param {Pace} pace @param {Agree} agree
 * @returns {Promise<number>} milliseconds of the fastest pass
 */
async function warmUp(contestant, pace, agree) {
  const started = pace.nowMs()
  let fastest = Infinity
  do fastest = Math.min(fastest, await rehearse(contestant, pace, agree))
  while (pace.nowMs() - started < pace.warmUpMs)
  return fastest
}

/** @param {Entry} entry @param {Pace} pace @param {Agree} agree */
async function settle({ contestant, passMs }, pace, agree) {
  const { settleMs = 0, turnMs, nowMs } = pace
  if (passMs > settleMs + turnMs) return
  const started = nowMs()
  while (nowMs() - started < settleMs) await rehearse(contestant, pace, agree)
}

/**
 * A pass that is not part of a turn. What it wrote is not read back, which for a slow contestant takes as long again.
 *
 * @param {Contestant} contestant @param {Pace} pace @param {Agree} agree
 * @returns {Promise<number>} milliseconds
 */
async function rehearse(contestant, pace, agree) {
  const { elapsed, checksum } = await timePasses(contestant, 1, pace)
  if (!contestant.verify) agree(contestant.name, checksum)
  return elapsed
}

/**
 * @param {Entry} entry @param {Pace} pace @param {Agree} agree
 * @returns {Promise<number>} passes per second
 */
async function takeTurn({ contestant, passMs }, pace, agree) {
  const passes = Math.max(1, Math.ceil(pace.turnMs / passMs))
  const { elapsed, checksum } = await timePasses(contestant, passes, pace)
  agree(contestant.name, contestant.verify ? await contestant.verify() : checksum)
  return (passes * 1000) / elapsed
}

/** @param {Contestant} contestant @param {number} passes @param {Pace} pace */
async function timePasses({ pass }, passes, { nowMs }) {
  await nextTurn()
  let checksum
  const started = nowMs()
  for (let done = 0; done < passes; done++) checksum = await pass()
  // The clock may not have moved during an empty pass; a turn takes at least its resolution.
  return { checksum, elapsed: Math.max(nowMs() - started, 0.001) }
}

/** @typedef {(name: string, checksum: unknown) => void} Agree */

/** @returns {Agree} */
function agreement() {
  /** @type {{ name: string, checksum: unknown } | undefined} */
  let first
  return (name, checksum) => {
    if (Number.isNaN(checksum)) throw new Disagreement(`${name} read something that was not written`)
    first ??= { name, checksum }
    if (Object.is(first.checksum, checksum)) return
    throw new Disagreement(`${name} read ${String(checksum)} where ${first.name} read ${String(first.checksum)}`)
  }
}
