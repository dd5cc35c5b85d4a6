import type { LeaseAnswer, LeaseRequest } from '../../contract/authority.ts'
import type { Flight, Landing } from '../flight.ts'
import { landFromCache, lookBelow } from '../landing.ts'
import type { Namespace } from '../namespace.ts'
import type { Sharing } from './sharing.ts'
import { staleLanding } from '../wait.ts'

/** A fresh record that is announced and then not found was superseded at once; after so many the loader runs in any case. */
const mostTries = 100

/**
 * Asks for the right to load before the loader runs: one process in the fleet has it at a time. The others take a stale
 * value if they have one, or wait until the value has arrived or the lease has run out. Undefined when the loader is to
 * run, with or without the right to store.
 */
export async function seekLease(ns: Namespace, flight: Flight): Promise<Landing | undefined> {
  flight.endLookup()
  if (flight.right.kind === 'leased') return undefined
  for (let tries = 0; tries < mostTries && flight.abortion === undefined; tries++) {
    if ((await takeLeases(ns, [flight])).has(flight)) return undefined
    const landing = await awaitOther(ns, flight)
    if (landing !== undefined) return landing
  }
  return undefined
}

/** Asks for the leases of flights at once, without waiting. Returns those that are to load now. */
export async function takeLeases(ns: Namespace, flights: readonly Flight[]): Promise<ReadonlySet<Flight>> {
  const { sharing } = ns
  if (sharing?.authority === undefined || flights.length === 0) return new Set(flights)
  const isShared = ns.sharesWith(flights[0]!.policy)
  const requests = isShared ? flights.map((flight) => requestOf(ns, sharing, flight)) : []
  const answers = isShared ? await sharing.authority.acquire(requests) : undefined
  return new Set(flights.filter((flight, at) => take(ns, flight, answers?.[at])))
}

/** Whether the flight is to load now. */
function take(ns: Namespace, flight: Flight, answer: LeaseAnswer | undefined): boolean {
  emitLease(ns, flight.key, answer)
  flight.busyMs = answer?.kind === 'busy' ? answer.leftMs : 0
  flight.right = rightOf(answer)
  if (flight.right.kind === 'leased') flight.ticket ??= ns.tickets.open(flight.key)
  flight.minSourceVersion = answer !== undefined && 'fence' in answer ? answer.fence : undefined
  return answer?.kind !== 'busy' && answer?.kind !== 'fresh'
}

/** What the process that has the lease brings, or a stale value meanwhile; undefined when it is gone without a trace. */
async function awaitOther(ns: Namespace, flight: Flight): Promise<Landing | undefined> {
  if (flight.busyMs > 0) {
    const stale = staleLanding(ns, flight)
    if (stale !== undefined) return stale
    await ns.sharing?.arrivals.wait(ns.storageKey(flight.key), flight.busyMs)
  }
  const landing = landFromCache(ns, flight, await lookBelow(ns, flight))
  // A record that is fresh there and not here: the clocks disagree, or it was superseded at once. Do not ask for it again.
  flight.wasMisled = landing === undefined && flight.busyMs === 0
  return landing
}

/** Lets the next one in: this flight brings nothing to store. */
export function giveBack(ns: Namespace, flight: Flight): void {
  const { right } = flight
  if (right.kind !== 'leased') return
  flight.right = { kind: 'none' }
  const released = ns.sharing?.authority?.release([{ key: ns.storageKey(flight.key), lease: right.lease }])
  if (released !== undefined) ns.engine.background.run('release', released)
}

function emitLease({ name, engine: { emitter } }: Namespace, key: string, answer: LeaseAnswer | undefined): void {
  if (emitter.listens('lease'))
    emitter.emit({ type: 'lease', namespace: name, key, answer: answer?.kind ?? 'unproved' })
}

function requestOf(ns: Namespace, { leaseMs, coldMs }: Sharing, flight: Flight): LeaseRequest {
  const { forceFresh } = flight.policy
  const isAnyOld = forceFresh || flight.wasMisled
  const newerThan = isAnyOld ? Infinity : Math.max(flight.previous?.version ?? -Infinity, flight.refused)
  // Flights of one process share a load, so a lease that it still has belongs to one that is over or given up.
  return { key: ns.storageKey(flight.key), leaseMs, newerThan, isForced: forceFresh, replacesOwn: true, coldMs }
}

function rightOf(answer: LeaseAnswer | undefined): Flight['right'] {
  if (answer === undefined) return { kind: 'unproved' }
  return answer.kind === 'granted' ? { kind: 'leased', lease: answer.lease } : { kind: 'none' }
}
