import type { Loader } from '../contract/loader.ts'
import { startFlight } from './load.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'

/**
 * Loads a key again while its present value is served. At most one refresh or load runs for a key, at most
 * `maxRefreshes` refreshes in the process; one too many is dropped, and the next hit asks again.
 */
export function refresh(
  ns: Namespace,
  key: string,
  load: { readonly loader: Loader<unknown>; readonly policy: Policy },
): void {
  if (ns.flights.joinable(key) !== undefined || ns.failures.recall(key) !== undefined) return
  const { refreshes, emitter } = ns.engine
  const reason = load.policy.refreshAhead > 0 ? 'ahead' : 'early'
  if (refreshes.running >= refreshes.most) {
    emitter.emit({ type: 'refresh', namespace: ns.name, key, reason, outcome: 'dropped' })
    return
  }
  refreshes.running++
  ns.stats.refreshes++
  emitter.emit({ type: 'refresh', namespace: ns.name, key, reason, outcome: 'started' })
  const flight = startFlight(ns, key, { ...load, purpose: 'refresh' })
  const done = (): void => {
    refreshes.running--
  }
  void flight.landing.then(done, done)
}
