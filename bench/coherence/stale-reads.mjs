/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./fleet.mjs').Fleet} Fleet */
/** @typedef {import('./fleet.mjs').Member} Member */
/** @typedef {import('./member.mjs').Watched} Watched */
/** @typedef {{ readonly each: readonly Watched[], readonly loads: number }} Watch */

/** Lets the members read the key for a while. @param {Fleet} fleet @param {{ key: string, members: readonly Member[], current: number, forMs: number }} options @returns {Promise<Watch>} */
export async function watchAll({ source }, { key, members, current, forMs }) {
  const before = source.loads
  const each = await Promise.all(members.map((member) => member.ask('watch', key, { current, forMs })))
  return { each, loads: source.loads - before }
}

/**
 * How long after the change the last old answer came, and from how many processes.
 *
 * @param {string} name @param {Watch} watch @param {{ since: number, atMost: number | undefined }} options @returns {Row}
 */
export function staleRow(name, { each, loads }, { since, atMost }) {
  const lastOldAt = Math.max(...each.map((watched) => watched.lastOldAt))
  const stale = each.filter((watched) => watched.lastOldAt > since).length
  const value = Math.max(0, lastOldAt - since) / 1000
  const still = each.filter(({ endedOld }) => endedOld).length
  const said = [
    stale === 0
      ? 'nobody'
      : `${stale} of ${each.length} processes${still > 0 ? `, ${still} of them still when the watch ended` : ''}`,
    `${loads} ${loads === 1 ? 'load' : 'loads'}`,
    ...sometimes(each, 'failed', 'reads failed'),
    ...sometimes(each, 'unanswered', 'reads hung'),
  ]
  return {
    name,
    value,
    unit: 's stale',
    note: said.join('; '),
    ...(name.startsWith('tierwise') && atMost !== undefined && { target: atMost, atMost: true, pass: value <= atMost }),
  }
}

/** @param {readonly Watched[]} each @param {'failed' | 'unanswered'} what @param {string} words */
function sometimes(each, what, words) {
  const count = each.reduce((sum, watched) => sum + watched[what], 0)
  const reads = each.reduce((sum, watched) => sum + watched.reads, 0)
  return count === 0 ? [] : [`${count} of ${reads} ${words}`]
}
