import type { LoadEvent } from '../contract/events.ts'
import { CacheError, LoaderError } from '../errors.ts'
import type { Failure } from './failures.ts'
import type { Flight, Landing } from './flight.ts'
import { findInMemory } from './memory-read.ts'
import type { Namespace } from './namespace.ts'
import type { Found } from './read.ts'
import { readOne, type Use } from './tick-reads.ts'
import { staleLanding } from './wait.ts'

/** Notes what memory still holds of the key, before the tiers below are asked. */
export function noteMemory(ns: Namespace, flight: Flight): void {
  const local = ns.localFor(flight.policy)
  const held = findInMemory(ns, local, flight.key)
  // Without a proof it is a stale value at best, whatever its age.
  if (held === undefined || (flight.policy.graceMs === 0 && !ns.mayServe(flight.key))) return
  // Nor does an older value stand in for one that is asked for by its version.
  if (held.version < flight.policy.after) return
  flight.previous = held
  flight.previousTier = local?.name
}

/** Asks the tiers below memory for the key of a flight. */
export function lookBelow(ns: Namespace, flight: Flight): Promise<Found | undefined> {
  const use: Use<Found | undefined> = (_, found, { refused }) => {
    noteRefused(flight, refused)
    return found
  }
  return readOne(ns, flight.key, { policy: flight.policy, use })
}

/** What the authority would go on to announce as fresh; the flight asks for something newer. */
export function noteRefused(flight: Flight, version: number): void {
  if (version > flight.refused) flight.refused = version
}

/** Ends the lookup of a flight: its landing if the cache can answer, undefined if the loader has to. Throws a remembered failure. */
export function landFromCache(ns: Namespace, flight: Flight, found: Found | undefined): Landing | undefined {
  if (found !== undefined && (flight.previous === undefined || found.entry.version > flight.previous.version)) {
    flight.previous = found.entry
    flight.previousTier = found.tier
  }
  if (found?.isFresh === true) {
    const { value, tags, tagClock } = found.entry
    return { value, stale: false, tier: found.tier, tags, tagClock }
  }
  const failure = flight.policy.forceFresh ? undefined : ns.failures.recall(flight.key)
  return failure === undefined ? undefined : landFromFailure(ns, flight, failure)
}

function landFromFailure(ns: Namespace, flight: Flight, failure: Failure): Landing | undefined {
  const stale = staleLanding(ns, flight)
  if (stale !== undefined) return stale
  if (failure.kind === 'failed') throw failure.error
  return failure.kind === 'absent' ? absentLanding(ns) : undefined
}

/** The news that the source has no value. */
export function absentLanding(ns: Namespace): Landing {
  return { value: undefined, stale: false, tier: undefined, tags: [], tagClock: ns.tags.now }
}

/** The loader failed: the stale value if there is one, with a pause before the next try, otherwise the error for everybody. */
export function landFromError(ns: Namespace, flight: Flight, cause: unknown): Landing {
  ns.stats.loadFailures++
  const error = toLoaderError(ns, flight, cause)
  emitLoad(ns, flight, { outcome: flight.abortion === undefined ? 'failed' : 'cancelled', error })
  const { graceBackoffMs, negativeTtlMs } = flight.policy
  const stale = staleLanding(ns, flight)
  const [kind, pauseMs] =
    stale === undefined ? (['failed', negativeTtlMs] as const) : (['backoff', graceBackoffMs] as const)
  if (ns.flights.mayStore(flight)) ns.failures.remember(flight.key, { kind, error }, pauseMs)
  if (stale === undefined) throw error
  return stale
}

function toLoaderError(ns: Namespace, flight: Flight, cause: unknown): Error {
  const reason = flight.abortion?.reason
  if (reason instanceof CacheError) return reason
  if (cause instanceof CacheError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return new LoaderError(`The loader of \`${flight.key}\` in namespace \`${ns.name}\` failed: ${message}`, {
    code: 'ERR_CACHE_LOADER',
    operation: 'getOrSet',
    namespace: ns.name,
    key: flight.key,
    retryable: true,
    cause,
  })
}

export function emitLoad(ns: Namespace, flight: Flight, result: Pick<LoadEvent, 'outcome' | 'error'>): void {
  const { emitter } = ns.engine
  if (!emitter.listens('load')) return
  emitter.emit({
    type: 'load',
    namespace: ns.name,
    key: flight.key,
    durationMs: ns.now() - flight.startedAt,
    callers: flight.callers,
    ...result,
  })
}
