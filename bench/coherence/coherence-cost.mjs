import { startRedis } from 'tierwise/testing'
import { runDirectly } from '../lib/run-directly.mjs'
import { callCosts } from './call-costs.mjs'
import { fleetCosts } from './fleet-costs.mjs'

/** @typedef {import('../lib/result.mjs').Result} Result */

/**
 * What coherence costs: calls of one instance, and what a change costs a fleet.
 *
 * @param {{ quick?: boolean }} options @returns {Promise<Result[]>}
 */
export async function run({ quick = false } = {}) {
  const server = await startRedis({ dedicated: true })
  try {
    const calls = callCosts(server, quick)
    // Only figures that mean something need the machine for themselves.
    if (!quick) await calls
    const [alone, together] = await Promise.all([calls, fleetCosts(quick)])
    return [...alone, ...together]
  } finally {
    await server.stop()
  }
}

await runDirectly(import.meta.url, run)
