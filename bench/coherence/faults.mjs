import { setTimeout as sleep } from 'node:timers/promises'
import { Disagreement } from '../lib/alternate.mjs'
import { hostMs } from './clock.mjs'
import { staleRow, watchAll } from './stale-reads.mjs'

/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./caches.mjs').Library} Library */
/** @typedef {import('./fleet.mjs').Fleet} Fleet */
/** @typedef {import('./fleet.mjs').Member} Member */

/**
 * @typedef {object} Fault
 * @property {string} title
 * @property {string} injection How it is done, the same for everybody.
 * @property {(fleet: Fleet, quick: boolean) => Promise<Row[]>} inject
 * @property {Library} [needs] Another set-up of tierwise that its guide recommends against this, shown as a row of its own.
 */

/** Of three processes, one makes the change and all read. */
const readers = 3
/** As long as tierwise may be wrong in the worst case, and as long again to see who is wrong for longer. */
const watchMs = 12_000
const quickWatchMs = 300

/** The bound of tierwise while nothing can be heard, its default. */
const maxStalenessSeconds = 5
/** Where nothing is in the way: the time of a message. */
const promptSeconds = 0.25

/** Puts generation 1 of a key into the memories of the readers. @param {Fleet} fleet @param {string} key */
async function held({ members, source }, key) {
  source.set(key, 1)
  for (const member of members.slice(0, readers)) await member.ask('read', key)
  const [changer, ...others] = members.slice(0, readers)
  if (!changer) throw new RangeError('The fleet is empty')
  return { changer, others, all: [changer, ...others] }
}

/** Changes the source and tells the cache. @param {Fleet} fleet @param {Member} member @param {string} key @returns {Promise<import('./member.mjs').Done>} */
function change({ source }, member, key) {
  source.set(key, 2)
  return member.ask('invalidate', key)
}

/** @type {Fault['inject']} */
async function lostMessage(fleet, quick) {
  const key = 'lost-message'
  const { changer, all } = await held(fleet, key)
  let isChanged = false
  const killing = (async () => {
    while (!isChanged) {
      await fleet.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await sleep(5)
    }
  })()
  await sleep(50)
  const { at } = await change(fleet, changer, key)
  // Some libraries announce what they load: another message about the same key, which would repair what was lost.
  await changer.ask('read', key)
  await sleep(50)
  isChanged = true
  await killing
  return [await watched(fleet, { key, all, since: at, quick, atMost: maxStalenessSeconds })]
}

/** @type {Fault['inject']} */
async function halfOpen(fleet, quick) {
  const key = 'half-open'
  const { changer, others, all } = await held(fleet, key)
  const silent = others[0]?.proxy
  silent?.silence({ direction: 'both', connections: 'existing' })
  const { at } = await change(fleet, changer, key)
  const row = await watched(fleet, { key, all, since: at, quick, atMost: maxStalenessSeconds })
  silent?.cut()
  await silent?.pass()
  // Everybody gets the time to connect again before the next fault.
  await sleep(quick ? 100 : 5000)
  return [row]
}

/** @type {Fault['inject']} */
async function changeDuringLoad(fleet, quick) {
  // A Redis that misses its deadline on a busy machine makes the promise a weaker one; it does not do so each time.
  for (let attempt = 1; ; attempt++) {
    const row = await changeOnceDuringLoad(fleet, `during-load-${attempt}`, quick)
    if (fleet.library !== 'tierwise' || row.value === 0) return [row]
    if (attempt === 3) throw new Disagreement('tierwise has brought an old value back, three times')
  }
}

/** @param {Fleet} fleet @param {string} key @param {boolean} quick */
async function changeOnceDuringLoad(fleet, key, quick) {
  const [changer, loading, third] = fleet.members
  if (!changer || !loading || !third) throw new RangeError('Three processes are needed')
  fleet.source.set(key, 1)
  const gate = fleet.source.gate(key)
  const late = loading.ask('read', key)
  await gate.reached
  const { at } = await change(fleet, changer, key)
  gate.open()
  await late
  // Nobody held the key, so no message that is under way excuses an old answer.
  return watched(fleet, { key, all: [changer, loading, third], since: at, quick, atMost: 0 })
}

/** @type {Fault['inject']} */
async function foreignWriter(fleet, quick) {
  const key = 'foreign-writer'
  const { all } = await held(fleet, key)
  fleet.source.set(key, 2)
  for (const name of await fleet.admin.keys(`*${key}`)) {
    if ((await fleet.admin.type(name)) === 'string') await fleet.admin.del(name)
  }
  const atMost = fleet.library === 'tierwise, tracking' ? promptSeconds : undefined
  return [await watched(fleet, { key, all, since: hostMs(), quick, atMost })]
}

/** @type {Fault['inject']} */
async function redisAway(fleet, quick) {
  const key = 'redis-away'
  const { changer, all } = await held(fleet, key)
  await changer.proxy?.refuse()
  changer.proxy?.cut()
  const started = hostMs()
  const changing = change(fleet, changer, key).then(
    ({ took, said }) => `${said === undefined ? 'resolved' : `said '${said}'`} after ${seconds(took)}`,
    (error) => `rejected after ${seconds(hostMs() - started)}: ${String(error)}`,
  )
  await sleep(quick ? 300 : 15_000)
  await changer.proxy?.pass()
  const since = hostMs()
  const row = await watched(fleet, { key, all, since, quick, atMost: undefined })
  const outcome = await Promise.race([changing, sleep(1000).then(() => 'has not resolved')])
  return [{ ...row, note: `${row.note ?? ''}; the call ${outcome}` }]
}

/** @param {boolean} isDown @returns {Fault['inject']} */
function stampede(isDown) {
  return async ({ members, source, library }, quick) => {
    const callers = quick ? 10 : 100
    const before = source.loads
    source.loadMs = 50
    source.isDown = isDown
    const crowds = await Promise.all(
      members.map((member) => member.ask('crowd', `stampede-${String(isDown)}`, callers)),
    )
    source.loadMs = 0
    source.isDown = false
    const loads = source.loads - before
    const answered = crowds.reduce((sum, crowd) => sum + crowd.answered, 0)
    const took = Math.max(...crowds.map((crowd) => crowd.took))
    return [
      {
        name: library,
        value: loads,
        unit: loads === 1 ? 'load' : 'loads',
        note: `${answered} of ${members.length * callers} callers got the value, the last was answered after ${seconds(took)}`,
        ...(library === 'tierwise' && !isDown && { target: 1, atMost: true, pass: loads === 1 }),
      },
    ]
  }
}

/**
 * @param {Fleet} fleet
 * @param {{ key: string, all: readonly Member[], since: number, quick: boolean, atMost: number | undefined }} options
 */
async function watched(fleet, { key, all, since, quick, atMost }) {
  const watch = await watchAll(fleet, { key, members: all, forMs: quick ? quickWatchMs : watchMs, current: 2 })
  return staleRow(fleet.library, watch, { since, atMost })
}

/** @param {number} ms */
function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`
}

/** Those that cut connections come last: the others need processes that nothing has happened to. @type {readonly Fault[]} */
export const faults = [
  {
    title: 'Many processes, one cold key',
    injection: '100 callers in each of 8 processes ask for a key that nobody has, at once; a load takes 50 ms.',
    inject: stampede(false),
  },
  {
    title: 'Many processes, one cold key, the source is down',
    injection: 'The same, with a load that fails after 50 ms.',
    inject: stampede(true),
  },
  {
    title: 'An invalidation comes during a load',
    injection:
      'The load of one process has read the old value and is not back yet; the source changes, another process invalidates, and only then the load returns.',
    inject: changeDuringLoad,
  },
  {
    title: 'Another program writes',
    injection:
      'The source changes and a client without any of these libraries deletes the key in Redis. The row "tracking" is tierwise with `redis({ tracking: true })`, which its guide recommends for this.',
    inject: foreignWriter,
    needs: 'tierwise, tracking',
  },
  {
    title: 'A message of the bus is lost',
    injection:
      'Redis ends the subscribers of all processes (`CLIENT KILL TYPE pubsub`) every 5 ms from 50 ms before an invalidation until 50 ms after the process that made it has loaded the new value. Then everybody may connect again.',
    inject: lostMessage,
  },
  {
    title: 'The connections of a process go silent',
    injection:
      'A proxy before one process goes on holding its open connections and hands nothing on any more, in either direction, as a firewall does that has forgotten them; new connections would work. Another process invalidates.',
    inject: halfOpen,
  },
  {
    title: 'Redis cannot be reached during an invalidation',
    injection:
      'A proxy cuts the connections of one process and refuses new ones for 15 seconds, in which this process invalidates. What counts is stale from when it is back; before, nobody else can know.',
    inject: redisAway,
  },
]
