import { loseEntry } from './lost-entry.ts'
import type { Namespace } from '../namespace.ts'

/** What is known of a change that another process has made; `Infinity` when its version is not known. */
export interface ForeignChange {
  readonly version: number
  /** The value stays usable as a stale one. */
  readonly isExpiry?: boolean
}

/** A change that another process has made, as this process takes it: by version, so that it may be told twice or late. */
export function applyForeign(ns: Namespace, key: string, { version, isExpiry = false }: ForeignChange): void {
  // protocol P1 foreign-marks: a reply that is on its way may be older than the change
  ns.tickets.mark(key, version)
  const held = ns.local?.space.find(key)
  // protocol P2 foreign-known: a message may come late or twice
  if (held !== undefined && held.version >= version) return
  // protocol P1 foreign-detaches: later callers must not join a load that began before the change
  ns.flights.detach(key)
  ns.failures.forget(key)
  ns.sharing?.forget(key)
  if (held === undefined) return
  ns.stats.foreignChanges++
  // protocol P3 foreign-drops: memory holds what the change has made old
  if (!isExpiry || held.usableUntil <= ns.now()) ns.local?.space.delete(key)
  else {
    const freshUntil = Math.min(held.freshUntil, ns.now())
    ns.local?.space.set(key, { ...held, version, freshUntil }, freshUntil)
  }
}

/** Changes may have been missed: nothing that was read before now may be stored, joined or served. All keys without a test. */
export function loseKeys(ns: Namespace, isLost: ((storageKey: string) => boolean) | undefined): void {
  if (ns.sharing === undefined && !ns.isRaw) return
  if (isLost === undefined) {
    // protocol P1 loss-detaches: a load may have begun before a change that was missed
    ns.flights.detachAll()
    // protocol P1 loss-marks: a reply may be older than a change that was missed
    ns.tickets.markAll()
    // protocol P3 loss-empties: whatever memory holds may be older than a change that was missed
    loseMemory(ns, () => true)
    return
  }
  loseSome(ns, (key) => isLost(ns.storageKey(key)))
}

function loseSome(ns: Namespace, lost: (key: string) => boolean): void {
  // protocol P1 lane-loss-detaches: as for all lanes
  for (const key of ns.flights.keys()) if (lost(key)) ns.flights.detach(key)
  // protocol P1 lane-loss-marks: as for all lanes
  for (const key of ns.tickets.keys()) if (lost(key)) ns.tickets.mark(key, Infinity)
  // protocol P3 lane-loss-empties: as for all lanes
  loseMemory(ns, lost)
}

function loseMemory(ns: Namespace, lost: (key: string) => boolean): void {
  const space = ns.local?.space
  if (space === undefined) return
  for (const key of space.keys()) if (lost(key)) loseEntry(space, key, ns.now())
}
