import { alternate, quickPace, waitingPace } from './alternate.mjs'
import { percentiles, timed } from './call-times.mjs'
import { spread } from './figures.mjs'
import { freshCalls } from './remote-calls.mjs'
import { batchSize, sumOf } from './remote-store.mjs'
import { significant, speedRows } from './result.mjs'

/** @typedef {import('./alternate.mjs').Contestant} Contestant */
/** @typedef {import('./call-times.mjs').Verb} Verb */
/** @typedef {import('./remote-store.mjs').RemoteStore} RemoteStore */
/** @typedef {import('./result.mjs').Claim} Claim */
/** @typedef {import('./result.mjs').Result} Result */

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {string} work
 * @property {Verb} verb
 * @property {number} inFlight Calls at a time.
 * @property {readonly Claim[]} claims Those about a store that does not take part are left out.
 * @property {number} [passKeys] Keys of one pass. Default: enough for a few hundred round trips.
 * @property {number} [budgetMs] No round of turns starts later, see `Pace`. Default: all run.
 */

/** @typedef {{ readonly stores: readonly RemoteStore[], readonly keys: readonly string[], readonly quick: boolean }} Setting */

/** A turn holds hundreds of round trips even where each is awaited alone. */
const pace = { ...waitingPace, warmUpMs: 100, settleMs: 75, turnMs: 100, rounds: 7 }
/** Short turns, for each call gives a time: who is slow does three passes, the fast ones as many as they need. */
const timingPace = { ...waitingPace, warmUpMs: 0, turnMs: 50, rounds: 2 }
const quickTimingPace = { ...quickPace, warmUpMs: 0, turnMs: 0, rounds: 1 }

/**
 * Runs one kind of call against all stores that offer it. Speeds are by the wall clock, since most of the work waits for
 * a server; the processor time of this process is noted beside them, and how long single calls took.
 *
 * @param {Scenario} scenario @param {Setting} setting @returns {Promise<Result>}
 */
export async function contest(scenario, { stores, keys, quick }) {
  const { title, work, verb, inFlight, claims, passKeys, budgetMs } = scenario
  const started = performance.now()
  const sequence = keys.slice(0, passKeys ?? passLength(verb, inFlight, quick))
  const entrants = stores.flatMap((store) => entrantOf(store, verb, inFlight) ?? [])
  const runners = await Promise.all(
    entrants.map(async (entrant) => ({ ...entrant, calls: await freshCalls(entrant.store.name), meter: newMeter() })),
  )
  const speeds = await alternate(
    runners.map((runner) => metered(contestantOf(runner, sequence), runner.meter)),
    quick ? quickPace : { ...pace, budgetMs },
  )
  await alternate(
    runners.map((runner) =>
      contestantOf({ ...runner, store: timed(runner.store, runner.verb, runner.meter.times) }, sequence),
    ),
    quick ? quickTimingPace : timingPace,
  )
  const notes = new Map(runners.map(({ store, meter }) => [store.name, noteOf(meter, sequence.length)]))
  const rounds = Math.max(...Array.from(speeds.values(), ({ length }) => length))
  if (!quick) console.log(progress(title, runners, { keys: sequence.length, rounds, ms: performance.now() - started }))
  const fitting = claims.filter(({ name, against }) => speeds.has(name) && speeds.has(against))
  return {
    title,
    work: quick || rounds === pace.rounds ? work : `${work} ${hurried(rounds)}`,
    rows: speedRows(speeds, { operations: sequence.length, claims: fitting, notes, unit: 'Kops/s' }),
  }
}

/** Keys of one pass. @param {Verb} verb @param {number} inFlight @param {boolean} quick */
function passLength(verb, inFlight, quick) {
  const isBatch = verb === 'getMany' || verb === 'setMany'
  if (quick) return isBatch ? batchSize : 40
  if (isBatch) return batchSize * Math.max(16, inFlight)
  return Math.max(400, inFlight * 16)
}

/** Readers should know that a median is one of few. @param {number} rounds */
function hurried(rounds) {
  return `The machine was busy: medians of ${rounds} rounds, not of ${pace.rounds}.`
}

/**
 * What was done behind the figures, for whoever waits for them: who is slow does fewer passes, never other ones.
 *
 * @param {string} title @param {readonly (Entrant & { meter: Meter })[]} runners
 * @param {{ keys: number, rounds: number, ms: number }} work
 */
function progress(title, runners, { keys, rounds, ms }) {
  const passes = runners.map(({ store, meter }) => `${store.name} ${meter.processorMicros.length}`)
  const head = `${title}: ${runners.length} sides agree, ${rounds} rounds (${(ms / 1000).toFixed(1)} s)`
  return `${head}\n  passes of ${significant(keys)} keys: ${passes.join('; ')}`
}

/**
 * How a store does the calls of a scenario. A store that has batches alone is the yardstick of single reads: it asks for
 * the keys that are in flight in batches of up to 100.
 *
 * @typedef {{ store: RemoteStore, verb: Verb, inFlight: number, size: number }} Entrant
 * @param {RemoteStore} store @param {Verb} verb @param {number} inFlight @returns {Entrant | undefined}
 */
function entrantOf(store, verb, inFlight) {
  if (store[verb]) return { store, verb, inFlight, size: batchSize }
  if (verb !== 'get' || !store.getMany || inFlight === 1) return undefined
  const size = Math.min(batchSize, inFlight)
  return { store, verb: 'getMany', inFlight: Math.ceil(inFlight / size), size }
}

/** @param {Entrant & { calls: typeof import('./remote-calls.mjs') }} runner @param {readonly string[]} keys @returns {Contestant} */
function contestantOf({ store, verb, inFlight, size, calls }, keys) {
  const { name } = store
  if (verb === 'get') return { name, pass: () => calls.readEach(store, keys, inFlight) }
  if (verb === 'getMany') return { name, pass: () => calls.readBatches(store, keys, { inFlight, size }) }
  // Fast contestants write more generations, so what is compared is how far each value is from its newest.
  let generation = 1
  return {
    name,
    pass: () =>
      verb === 'set'
        ? calls.writeEach(store, keys, { inFlight, generation: ++generation })
        : calls.writeBatches(store, keys, { inFlight, size, generation: ++generation }),
    verify: async () => (await sumOf(store, keys)) - generation * keys.length,
  }
}

/** @typedef {{ readonly processorMicros: number[], readonly times: number[] }} Meter */

/** @returns {Meter} */
function newMeter() {
  return { processorMicros: [], times: [] }
}

/** @param {Contestant} contestant @param {Meter} meter @returns {Contestant} */
function metered({ pass, ...contestant }, { processorMicros }) {
  return {
    ...contestant,
    pass: async () => {
      const before = process.cpuUsage()
      const checksum = await pass()
      const { user, system } = process.cpuUsage(before)
      processorMicros.push(user + system)
      return checksum
    },
  }
}

/** @param {Meter} meter @param {number} operations */
function noteOf({ processorMicros, times }, operations) {
  const each = spread(processorMicros).median / operations
  return `${percentiles(times)} a call; ${significant(Number(each.toPrecision(3)))} µs of processor time a key`
}
