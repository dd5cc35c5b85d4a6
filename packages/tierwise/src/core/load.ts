import type { Loader } from '../contract/loader.ts'
import { TimeoutError } from '../errors.ts'
import { adaptTtl } from './adaptive-ttl.ts'
import { fill } from './fill.ts'
import { Flight } from './flight.ts'
import type { Landing } from './flight.ts'
import { absentLanding, emitLoad, landFromCache, landFromError, lookBelow, noteMemory } from './landing.ts'
import { mayKeep } from './govern.ts'
import { loaderContext } from './loader-context.ts'
import type { LoadWishes } from './loader-context.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { giveBack, seekLease } from './fleet/lease.ts'
import { isBehind, needsRepeat } from './fleet/source-version.ts'
import { traceLoad } from './tracing.ts'

type FlightPurpose = 'load' | 'refresh'

export interface FlightStart {
  readonly loader: Loader<unknown>
  readonly policy: Policy
  readonly purpose: FlightPurpose
}

/** Starts a flight for a key: the tiers below memory, then the loader. Never rejects; see `flight.landing`. */
export function startFlight(ns: Namespace, key: string, start: FlightStart): Flight {
  const flight = createFlight(ns, key, start.policy)
  void fly(ns, flight, () => takeOff(ns, flight, start))
  return flight
}

/** A flight that later callers find. While the key is held by a guarded write nobody does, and it may not store. */
export function createFlight(ns: Namespace, key: string, policy: Policy): Flight {
  const flight = new Flight(key, policy, {
    now: ns.now(),
    version: ns.engine.versions.nextVersion(),
  })
  if (!ns.tickets.isHeld(key)) ns.flights.add(flight)
  ns.running.add(flight)
  return flight
}

/** Runs the work of a flight and lands it. */
export async function fly(ns: Namespace, flight: Flight, work: () => Promise<Landing>): Promise<void> {
  try {
    flight.land(await work())
  } catch (error) {
    flight.fail(error)
  } finally {
    giveBack(ns, flight)
    if (flight.ticket !== undefined) ns.tickets.close(flight.ticket)
    ns.flights.end(flight)
    ns.running.delete(flight)
  }
}

async function takeOff(ns: Namespace, flight: Flight, { loader, purpose }: FlightStart): Promise<Landing> {
  noteMemory(ns, flight)
  if (looksDown(ns, flight, purpose)) {
    const found = await lookBelow(ns, flight)
    // A refresh is after something newer than what memory holds.
    const landing = landFromCache(
      ns,
      flight,
      purpose === 'refresh' && found?.entry.version === flight.previous?.version ? undefined : found,
    )
    if (landing !== undefined) return landing
  } else {
    const landing = landFromCache(ns, flight, undefined)
    if (landing !== undefined) return landing
  }
  return (await seekLease(ns, flight)) ?? runLoader(ns, flight, loader)
}

/** A refresh asks below only where another process may have refreshed already. */
function looksDown(ns: Namespace, flight: Flight, purpose: FlightPurpose): boolean {
  if (flight.policy.forceFresh || ns.tiers.length === 0) return false
  return purpose === 'load' || ns.tiersFor(flight.policy).some((tier) => tier.capabilities.shared)
}

async function runLoader(ns: Namespace, flight: Flight, loader: Loader<unknown>): Promise<Landing> {
  const landing = await runOnce(ns, flight, loader)
  return landing ?? (await seekLease(ns, flight)) ?? runLoader(ns, flight, loader)
}

/** Undefined when the loader has read less than counts, and is to run again. */
async function runOnce(ns: Namespace, flight: Flight, loader: Loader<unknown>): Promise<Landing | undefined> {
  // While the tiers were asked the manager stopped, or every caller left.
  if (flight.abortion !== undefined) throw flight.abortion.reason
  flight.startLoading()
  ns.stats.loads++
  const { context, wishes } = loaderContext(ns, flight)
  const tagClock = ns.tags.now
  const readAt = ns.now()
  const endTimeout = limitLoad(ns, flight)
  try {
    const value = await traceLoad({ namespace: ns.name, keys: [flight.key] }, () => loader(context))
    const loadMs = ns.now() - readAt
    ns.engine.statistics?.loaded(ns.name, loadMs)
    return await settle(ns, flight, { value, wishes, tagClock, readAt, loadMs })
  } catch (error) {
    return landFromError(ns, flight, error)
  } finally {
    endTimeout()
  }
}

/** After the hard timeout the loader is told to stop, and later callers no longer wait for it. Its result may still be stored. */
export function limitLoad(ns: Namespace, flight: Flight): () => void {
  const { hardTimeoutMs } = flight.policy
  if (hardTimeoutMs === Infinity) return () => undefined
  const timer = ns.engine.runtime.timers.after(hardTimeoutMs, () => {
    flight.isJoinable = false
    flight.abort(
      new TimeoutError(
        `The loader of \`${flight.key}\` in namespace \`${ns.name}\` did not answer within ${hardTimeoutMs} ms.`,
        {
          code: 'ERR_CACHE_LOADER_TIMEOUT',
          operation: 'getOrSet',
          namespace: ns.name,
          key: flight.key,
          retryable: true,
        },
      ),
    )
  })
  return () => timer.cancel()
}

interface LoadResult {
  readonly value: unknown
  readonly wishes: LoadWishes
  readonly tagClock: number
  readonly readAt: number
  readonly loadMs: number
}

async function settle(ns: Namespace, flight: Flight, result: LoadResult): Promise<Landing | undefined> {
  const { value, wishes, tagClock, readAt, loadMs } = result
  const { sourceVersion } = wishes
  if (needsRepeat(flight, sourceVersion)) {
    emitLoad(ns, flight, { outcome: 'rejected' })
    return undefined
  }
  if (value === undefined) return settleAbsent(ns, flight, sourceVersion)
  const policy = adaptTtl(ns, wishes.policy, { value, previous: flight.previous })
  const { tags, createdAt } = heritage(flight, wishes)
  const landing: Landing = { value, stale: false, tier: undefined, tags, tagClock }
  if (wishes.skip || !mayKeep(ns, { key: flight.key, value, tags, policy })) {
    emitLoad(ns, flight, { outcome: 'skipped' })
    return landing
  }
  // protocol P1 tag-clock: tags invalidated while the loader ran are newer than its value
  // protocol P3 read-at: the value is as old as the start of its load
  const loaded = { flight, value, policy, tags, tagClock, loadMs, readAt, sourceVersion }
  const stored = await fill(ns, [{ ...loaded, createdAt }])
  const outcome = wishes.notModified ? 'not-modified' : 'stored'
  emitLoad(ns, flight, { outcome: stored.has(flight) ? outcome : 'rejected' })
  return needsRepeat(flight, sourceVersion) ? undefined : landing
}

/** What a value has of the one before it: a confirmed one keeps its tags and its birth. */
function heritage(
  { previous, policy }: Flight,
  wishes: LoadWishes,
): { readonly tags: readonly string[]; readonly createdAt: number | undefined } {
  const confirmed = wishes.notModified ? previous : undefined
  return { tags: wishes.tags ?? confirmed?.tags ?? policy.tags, createdAt: confirmed?.createdAt }
}

/** `undefined` means that the source has no such value: not stored, remembered if asked. */
export function settleAbsent(ns: Namespace, flight: Flight, sourceVersion: number | undefined): Landing {
  if (ns.flights.mayStore(flight) && !isBehind(flight, sourceVersion))
    ns.failures.remember(flight.key, { kind: 'absent' }, flight.policy.negativeTtlMs)
  emitLoad(ns, flight, { outcome: 'skipped' })
  return absentLanding(ns)
}
