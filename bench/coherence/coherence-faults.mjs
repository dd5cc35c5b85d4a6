import { runDirectly } from '../lib/run-directly.mjs'
import { ttlMs } from './caches.mjs'
import { faults } from './faults.mjs'
import { openFleet } from './fleet.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */
/** @typedef {import('../lib/result.mjs').Row} Row */
/** @typedef {import('./caches.mjs').Library} Library */

/** @type {readonly Library[]} */
const libraries = ['tierwise', 'BentoCache', 'cacheable', 'layered-loader']

/** What is true of all tables, said with the first. */
const setup = `Processes with memory over one Redis, each set up as its documentation shows, and not further: tierwise with \`memory(), redis({ url })\`; BentoCache with an L1, an L2 and \`redisBusDriver\`; cacheable with Redis as \`secondary\` and \`sync\` (the provider of messages is the bench's own, over node-redis as that of @qified/redis is); layered-loader with \`RedisCache\` and \`createNotificationPair\`. Everybody's ttl is ${ttlMs / 60_000} minutes. A process reads the key every 10 ms through the read-through call; an answer is stale when it is older than what the source held when the change was done. How many loads ran is counted at the source.`

/**
 * The same trouble for several libraries: who answers with old values, for how long, and how often the source is asked.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const work = libraries.map((library) => () => troubleWith(library, quick))
  /** @type {Row[][][]} By library and fault. */
  const rows = []
  if (quick) rows.push(...(await Promise.all(work.map((trouble) => trouble()))))
  else for (const trouble of work) rows.push(await trouble())
  return faults.map(({ title, injection }, at) => ({
    title,
    work: at === 0 ? `${setup} The fault: ${injection}` : injection,
    rows: rows.flatMap((each) => each[at] ?? []),
  }))
}

/** The rows of a library, one list for each fault. @param {Library} library @param {boolean} quick @returns {Promise<Row[][]>} */
async function troubleWith(library, quick) {
  const fleet = await openFleet({ library, proxied: true })
  /** @type {Row[][]} */
  const rows = []
  try {
    await fleet.growTo(quick ? 3 : 8)
    for (const { inject, needs = library } of faults) {
      rows.push([...(await inject(fleet, quick))])
      if (needs !== library && library === 'tierwise') rows.at(-1)?.push(...(await withNeeds(needs, inject, quick)))
    }
  } finally {
    await fleet.stop()
  }
  return rows
}

/** @param {Library} library @param {import('./faults.mjs').Fault['inject']} inject @param {boolean} quick */
async function withNeeds(library, inject, quick) {
  const fleet = await openFleet({ library, proxied: true })
  try {
    await fleet.growTo(3)
    return await inject(fleet, quick)
  } finally {
    await fleet.stop()
  }
}

await runDirectly(import.meta.url, run)
