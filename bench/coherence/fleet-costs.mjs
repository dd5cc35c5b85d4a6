import { setTimeout as sleep } from 'node:timers/promises'
import { percentile, percentiles } from '../lib/call-times.mjs'
import { significant } from '../lib/result.mjs'
import { openFleet } from './fleet.mjs'
import { eachOf, trafficOf } from './redis-meter.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./caches.mjs').Library} Library */
/** @typedef {import('./fleet.mjs').Fleet} Fleet */
/** @typedef {import('./redis-meter.mjs').Traffic} Traffic */

/**
 * @typedef {object} Pace
 * @property {readonly number[]} sizes Processes.
 * @property {number} idleMs
 * @property {number} calls Of each kind whose traffic is counted.
 * @property {number} changes Whose way to another process is timed.
 */

/** @typedef {{ readonly idle: Row[], readonly set: Row[], readonly invalidate: Row[], readonly fill: Row[], readonly visible: Row[] }} Tables */

/** @type {Pace} */
const fullPace = { sizes: [1, 2, 4, 8], idleMs: 10_000, calls: 500, changes: 500 }
/** @type {Pace} */
const quickPace = { sizes: [2], idleMs: 200, calls: 20, changes: 10 }

/** @type {readonly Library[]} */
const libraries = ['tierwise', 'tierwise, off', 'BentoCache']
const mostVisibleMs = 10
const counted =
  'Counted by Redis itself, less what the idle fleet costs in the same time; commands are also those that scripts run.'

/** @param {boolean} quick @returns {Promise<Result[]>} */
export async function fleetCosts(quick) {
  const pace = quick ? quickPace : fullPace
  /** @type {Tables} */
  const tables = { idle: [], set: [], invalidate: [], fill: [], visible: [] }
  const work = libraries.map((library) => () => measureSizes(library, pace, tables))
  if (quick) await Promise.all(work.map((measuring) => measuring()))
  else for (const measuring of work) await measuring()
  return resultsOf(tables)
}

/** @param {Library} library @param {Pace} pace @param {Tables} tables */
async function measureSizes(library, pace, tables) {
  const fleet = await openFleet({ library, patient: true })
  try {
    for (const size of pace.sizes) {
      await fleet.growTo(size)
      await measure(fleet, pace, tables)
    }
  } finally {
    await fleet.stop()
  }
}

/** @param {Fleet} fleet @param {Pace} pace @param {Tables} tables */
async function measure(fleet, pace, tables) {
  const size = fleet.members.length
  const name = `${fleet.library}, ${size} ${size === 1 ? 'process' : 'processes'}`
  const [first] = fleet.members
  if (!first) throw new RangeError('The fleet is empty')
  const keys = Array.from({ length: pace.calls }, (_, id) => `steel-${size}-${id}`)
  // Connecting, and the first confirmation, are no part of the idle traffic.
  await sleep(pace.idleMs / 2)
  const idle = await trafficOf(fleet.admin, () => sleep(pace.idleMs))
  tables.idle.push(idleRow(name, idle, size))
  const costs = async (/** @type {() => Promise<unknown>} */ work) =>
    eachOf(await trafficOf(fleet.admin, work), { idle, count: keys.length })
  tables.fill.push({ ...messageRow(name, await costs(() => first.ask('readEach', keys))), ...noMessages(fleet) })
  for (const member of fleet.members) await member.ask('readEach', keys)
  tables.set.push(bytesRow(name, await costs(() => first.ask('setEach', keys, 2))))
  for (const member of fleet.members) await member.ask('readEach', keys)
  tables.invalidate.push(bytesRow(name, await costs(() => first.ask('invalidateEach', keys))))
  if (size > 1 && fleet.library !== 'tierwise, off')
    tables.visible.push(visibleRow(fleet, name, await delays(fleet, pace)))
}

/**
 * Milliseconds from the call of an invalidation in one process to the first read elsewhere that does not answer with the
 * value any more. One other process looks, as often as it can; the rest listen.
 *
 * @param {Fleet} fleet @param {Pace} pace
 */
async function delays({ members }, { changes }) {
  const [writer, reader] = [members[0], members.at(-1)]
  if (!writer || !reader) throw new RangeError('The fleet is empty')
  const times = []
  for (let generation = 1; generation <= changes; generation++) {
    const key = `glass-${members.length}-${generation}`
    await writer.ask('set', key, generation)
    await reader.ask('hold', key, generation)
    await reader.ask('spot', key, generation)
    const { at, took } = await writer.ask('invalidate', key)
    const spottedAt = await Promise.race([reader.ask('spotted'), late(key)])
    times.push(Math.max(0, spottedAt - (at - took)))
  }
  return times
}

/** @param {string} key @returns {Promise<never>} */
async function late(key) {
  await sleep(10_000, undefined, { ref: false })
  throw new Error(`'${key}' was invalidated and another process still answers with it 10 seconds later`)
}

/** @param {Fleet} fleet @param {string} name @param {readonly number[]} times @returns {Row} */
function visibleRow({ library }, name, times) {
  const value = percentile(times, 0.99)
  const target = { target: mostVisibleMs, atMost: true, pass: value <= mostVisibleMs }
  return { name, value, unit: 'ms', note: percentiles(times), ...(library === 'tierwise' && target) }
}

/** @param {string} name @param {Traffic} idle @param {number} size @returns {Row} */
function idleRow(name, idle, size) {
  const perSecond = (/** @type {number} */ total) => (total * 1000) / idle.ms / size
  return {
    name,
    value: perSecond(idle.commands),
    unit: 'commands/s',
    note: `of each process; ${rounded(perSecond(idle.bytesIn + idle.bytesOut))} bytes/s, ${rounded(perSecond(idle.messages))} messages/s`,
  }
}

/** @typedef {ReturnType<typeof eachOf>} Costs */

/** @param {string} name @param {Costs} costs @returns {Row} */
function bytesRow(name, costs) {
  return {
    name,
    value: costs.bytesIn + costs.bytesOut,
    unit: 'bytes',
    note: `${rounded(costs.bytesIn)} to Redis, ${rounded(costs.bytesOut)} from it; ${rounded(costs.commands)} commands, ${rounded(costs.messages)} messages`,
  }
}

/** @param {string} name @param {Costs} costs @returns {Row} */
function messageRow(name, costs) {
  const { value, note } = bytesRow(name, costs)
  return { name, value: costs.messages, unit: 'messages', note: `${rounded(value)} bytes: ${note}` }
}

/** @param {Fleet} fleet */
function noMessages({ library }) {
  return library === 'tierwise' ? { target: 0, atMost: true } : {}
}

/** @param {number} value */
function rounded(value) {
  return significant(Number(value.toPrecision(3)))
}

/** @param {Tables} tables @returns {Result[]} */
function resultsOf({ idle, set, invalidate, fill, visible }) {
  return [
    {
      title: 'An invalidation reaches another process',
      work: 'From the call in one process to the first read in another, which held the value, that does not answer with it any more; the value is the 99th percentile. Processes of this machine over one Redis on loopback.',
      rows: visible,
    },
    {
      title: 'What an invalidation sends',
      work: `One after the other, of keys that all processes hold in memory. ${counted}`,
      rows: invalidate,
    },
    {
      title: 'What a set sends',
      work: `One after the other, of values of 400 bytes, of keys that all processes hold in memory. ${counted}`,
      rows: set,
    },
    {
      title: 'What a fill sends',
      work: `getOrSet of keys that nobody has, one after the other. ${counted}`,
      rows: fill.map((row) => (row.target === undefined ? row : { ...row, pass: row.value <= row.target })),
    },
    {
      title: 'What an idle process sends',
      work: 'Nobody calls anything.',
      rows: idle,
    },
  ]
}
