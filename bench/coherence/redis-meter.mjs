import { hostMs } from './clock.mjs'

/** @typedef {import('ioredis').Redis} Redis */

/**
 * What a Redis has done since two readings, that of the meter itself left out.
 *
 * @typedef {object} Traffic
 * @property {number} commands Those that scripts run included.
 * @property {number} messages PUBLISH and SPUBLISH, inside scripts too.
 * @property {number} bytesIn
 * @property {number} bytesOut To all clients, so that a message counts once for each that hears it.
 * @property {number} ms
 */

/** Counted by the server itself: a MONITOR would be traffic of its own. @param {Redis} admin */
export async function readMeter(admin) {
  const stats = await admin.info('stats', 'commandstats')
  const at = hostMs()
  return {
    at,
    commands: figure(stats, /total_commands_processed:(\d+)/),
    messages: figure(stats, /cmdstat_publish:calls=(\d+)/) + figure(stats, /cmdstat_spublish:calls=(\d+)/),
    bytesIn: figure(stats, /total_net_input_bytes:(\d+)/),
    bytesOut: figure(stats, /total_net_output_bytes:(\d+)/),
    // The server counts an answer once it is written, so this one is part of the next reading.
    ownBytes: Buffer.byteLength(stats),
  }
}

/** @typedef {Awaited<ReturnType<typeof readMeter>>} Reading */

/** @param {Redis} admin @param {() => Promise<unknown>} work @returns {Promise<Traffic>} */
export async function trafficOf(admin, work) {
  const before = await readMeter(admin)
  await work()
  const after = await readMeter(admin)
  return {
    commands: after.commands - before.commands - 1,
    messages: after.messages - before.messages,
    bytesIn: after.bytesIn - before.bytesIn,
    bytesOut: after.bytesOut - before.bytesOut - before.ownBytes,
    ms: after.at - before.at,
  }
}

/** What is left of each of `count` pieces of work when the idle traffic of the same time is taken away. @param {Traffic} busy @param {{ idle: Traffic, count: number }} options */
export function eachOf(busy, { idle, count }) {
  const share = busy.ms / idle.ms
  const of = (/** @type {'commands' | 'messages' | 'bytesIn' | 'bytesOut'} */ what) =>
    Math.max(0, busy[what] - idle[what] * share) / count
  return { commands: of('commands'), messages: of('messages'), bytesIn: of('bytesIn'), bytesOut: of('bytesOut') }
}

/** @param {string} stats @param {RegExp} pattern */
function figure(stats, pattern) {
  return Number(pattern.exec(stats)?.[1] ?? 0)
}
