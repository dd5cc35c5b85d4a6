import type { BatchLoader, BatchLoaderContext } from '../contract/loader.ts'
import { adaptTtl } from './adaptive-ttl.ts'
import { fill } from './fill.ts'
import type { Loaded } from './fill.ts'
import type { Flight, Landing } from './flight.ts'
import { mayKeep } from './govern.ts'
import { emitLoad, landFromCache, landFromError, noteMemory, noteRefused } from './landing.ts'
import { seekLease, takeLeases } from './fleet/lease.ts'
import { createFlight, fly, limitLoad, settleAbsent } from './load.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { sourceVersion } from './policy.ts'
import { walkDown, type Found } from './read.ts'
import { isBehind, needsRepeat } from './fleet/source-version.ts'
import { traceLoad } from './tracing.ts'

/** A flight of a batch, and how its share of the batch reaches it. */
interface Seat {
  readonly flight: Flight
  readonly land: (landing: Landing) => void
  readonly fail: (error: unknown) => void
}

/**
 * One flight a key, so that single loads and other batches join them, but one lookup and one run of the loader for all.
 */
export function startBatch(
  ns: Namespace,
  keys: readonly string[],
  start: { loader: BatchLoader<unknown>; policy: Policy },
): Map<string, Flight> {
  const seats = keys.map((key) => takeSeat(ns, key, start.policy))
  void flyBatch(ns, seats, start.loader)
  return new Map(seats.map(({ flight }) => [flight.key, flight]))
}

function takeSeat(ns: Namespace, key: string, policy: Policy): Seat {
  const flight = createFlight(ns, key, policy)
  const { promise, resolve, reject } = deferred<Landing>()
  void fly(ns, flight, () => promise)
  return { flight, land: resolve, fail: reject }
}

async function flyBatch(ns: Namespace, seats: readonly Seat[], loader: BatchLoader<unknown>): Promise<void> {
  try {
    const missing = (await lookUp(ns, seats)).filter(isWanted)
    const toLoad = await withLeases(ns, missing, loader)
    if (toLoad.length > 0) await runLoader(ns, toLoad, loader)
  } catch (error) {
    for (const seat of seats) seat.fail(error)
  }
}

/** The seats for which the loader is to run now. One whose key another process is loading waits by itself. */
async function withLeases(
  ns: Namespace,
  seats: readonly Seat[],
  loader: BatchLoader<unknown>,
): Promise<readonly Seat[]> {
  const leads = await takeLeases(
    ns,
    seats.map(({ flight }) => flight),
  )
  for (const seat of seats) if (!leads.has(seat.flight)) void follow(ns, seat, loader)
  return seats.filter(({ flight }) => leads.has(flight))
}

async function follow(ns: Namespace, seat: Seat, loader: BatchLoader<unknown>): Promise<void> {
  try {
    const landing = await seekLease(ns, seat.flight)
    if (landing !== undefined) seat.land(landing)
    else if (isWanted(seat)) await runLoader(ns, [seat], loader)
  } catch (error) {
    seat.fail(error)
  }
}

/** Lands the seats the cache can answer and returns the others. */
async function lookUp(ns: Namespace, seats: readonly Seat[]): Promise<readonly Seat[]> {
  for (const { flight } of seats) noteMemory(ns, flight)
  const [first] = seats
  if (first === undefined) return []
  const { policy } = first.flight
  const found = policy.forceFresh ? undefined : await lookBelowAll(ns, seats, policy)
  return seats.filter((seat) => {
    try {
      const landing = landFromCache(ns, seat.flight, found?.get(seat.flight))
      if (landing !== undefined) seat.land(landing)
      return landing === undefined
    } catch (error) {
      seat.fail(error)
      return false
    }
  })
}

async function lookBelowAll(
  ns: Namespace,
  seats: readonly Seat[],
  policy: Policy,
): Promise<ReadonlyMap<Flight, Found | undefined>> {
  const flights = new Map(seats.map(({ flight }) => [flight.key, flight]))
  const all = new Map<Flight, Found | undefined>()
  await walkDown({ ns, policy }, [...flights.keys()], (key, found, { refused }) => {
    const flight = flights.get(key)!
    all.set(flight, found)
    noteRefused(flight, refused)
  })
  return all
}

/** Fails a seat whose callers have left, or that the stop of the manager ended, while the tiers were asked. */
function isWanted({ flight, fail }: Seat): boolean {
  if (flight.abortion !== undefined) fail(flight.abortion.reason)
  return flight.abortion === undefined
}

async function runLoader(ns: Namespace, seats: readonly Seat[], loader: BatchLoader<unknown>): Promise<void> {
  for (const { flight } of seats) flight.startLoading()
  ns.stats.loads += seats.length
  const tagClock = ns.tags.now
  const readAt = ns.now()
  const read: { sourceVersion?: number } = {}
  const endTimeouts = seats.map(({ flight }) => limitLoad(ns, flight))
  try {
    const keys = seats.map(({ flight }) => flight.key)
    const context: BatchLoaderContext = {
      signal: whenAllAborted(seats),
      minSourceVersion: highestFence(seats),
      setSourceVersion: (version) => {
        read.sourceVersion = sourceVersion(version, 'sourceVersion')
      },
    }
    const values = await traceLoad({ namespace: ns.name, keys }, () => loader(keys, context))
    const loadMs = ns.now() - readAt
    ns.engine.statistics?.loaded(ns.name, loadMs)
    const again = await settle(ns, seats, (flight) => ({
      flight,
      value: values.get(flight.key),
      policy: adaptTtl(ns, flight.policy, { value: values.get(flight.key), previous: flight.previous }),
      tags: flight.policy.tags,
      tagClock,
      loadMs,
      readAt,
      ...read,
    }))
    for (const seat of again) void follow(ns, seat, loader)
  } catch (error) {
    for (const seat of seats) landSeatFromError(ns, seat, error)
  } finally {
    for (const end of endTimeouts) end()
  }
}

/** Lands the seats, but for those whose key has to be loaded again, from a newer version of the source. */
async function settle(
  ns: Namespace,
  seats: readonly Seat[],
  toLoaded: (flight: Flight) => Loaded,
): Promise<readonly Seat[]> {
  const loaded = seats.map(({ flight }) => toLoaded(flight))
  const kept = loaded.filter((each) => each.value !== undefined && mayKeep(ns, { key: each.flight.key, ...each }))
  const stored = await fill(
    ns,
    kept.filter(({ flight, sourceVersion: of }) => !isBehind(flight, of)),
  )
  const again: Seat[] = []
  for (const [index, seat] of seats.entries()) {
    const { flight, land } = seat
    const { value, tags, tagClock, sourceVersion: of } = loaded[index]!
    const isRepeated = needsRepeat(flight, of)
    if (isRepeated) again.push(seat)
    if (value === undefined && !isRepeated) {
      land(settleAbsent(ns, flight, of))
      continue
    }
    const refused = kept.includes(loaded[index]!) ? 'rejected' : 'skipped'
    emitLoad(ns, flight, { outcome: stored.has(flight) ? 'stored' : refused })
    if (!isRepeated) land({ value, stale: false, tier: undefined, tags, tagClock })
  }
  return again
}

function highestFence(seats: readonly Seat[]): number | undefined {
  const fences = seats.flatMap(({ flight }) => flight.minSourceVersion ?? [])
  return fences.length === 0 ? undefined : Math.max(...fences)
}

function landSeatFromError(ns: Namespace, seat: Seat, error: unknown): void {
  try {
    seat.land(landFromError(ns, seat.flight, error))
  } catch (failure) {
    seat.fail(failure)
  }
}

/** The loader of a batch is told to stop only when nobody waits for any of its keys. */
function whenAllAborted(seats: readonly Seat[]): AbortSignal {
  const controller = new AbortController()
  let left = seats.length
  for (const { flight } of seats) {
    flight.onAbort = (reason) => {
      if (--left === 0) controller.abort(reason)
    }
  }
  return controller.signal
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
