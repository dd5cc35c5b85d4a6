import type { WriteResult } from '../contract/cache.ts'
import type { Entry } from '../contract/entry.ts'
import { createEntry, freshness } from './entry.ts'
import { failedTiers, refuseMissedChange } from './failure-mode.ts'
import { deleteKeys, emitInvalidate } from './invalidate.ts'
import { findInMemory } from './memory-read.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { better, type Found } from './read.ts'
import { readBest } from './tick-reads.ts'
import type { Ticket } from './tickets.ts'
import { writeEntries } from './write.ts'

/** The best entry of a key, fresh or stale, from memory or below. What cannot be proved to be current is not fresh. */
export async function locate(ns: Namespace, key: string, policy: Policy): Promise<Found | undefined> {
  const held = locateInMemory(ns, key, policy)
  return held?.isFresh === true ? held : better(held, await readBest(ns, key, policy))
}

function locateInMemory(ns: Namespace, key: string, policy: Policy): Found | undefined {
  const local = ns.localFor(policy)
  const entry = findInMemory(ns, local, key)
  if (local === undefined || entry === undefined || entry.version < policy.after) return undefined
  return { entry, tier: local.name, isFresh: freshness(entry, ns.now()) === 'fresh' && ns.mayServe(key) }
}

/** Gives a fresh entry a new ttl from now, within the licence of its value; false when absent or changed meanwhile. */
export async function renew(ns: Namespace, key: string, policy: Policy): Promise<boolean> {
  const outcome = await rewrite(ns, key, ({ entry, isFresh }) => {
    const { createdAt, tags, tagClock, loadMs } = entry
    if (!isFresh) return undefined
    const birth = {
      version: ns.engine.versions.nextVersion(),
      now: ns.now(),
      createdAt,
      tags,
      tagClock,
      loadMs,
    }
    return createEntry(entry.value, birth, { policy, random: ns.engine.runtime.random })
  })
  return outcome === 'written'
}

/** Ends the freshness of an entry now; what is left of its grace stays. A load under way may not store. */
export async function endFreshness(ns: Namespace, key: string): Promise<boolean> {
  ns.flights.detach(key)
  if (ns.sharing?.authority !== undefined)
    return (await deleteKeys(ns, [key], { scope: 'expire', isExpiry: true })).size > 0
  // A plain value cannot be stale.
  if (ns.isRaw) return (await deleteKeys(ns, [key], { scope: 'expire' })).size > 0
  const outcome = await rewrite(ns, key, ({ entry }) => ({
    ...entry,
    version: ns.engine.versions.nextVersion(),
    freshUntil: Math.min(entry.freshUntil, ns.now()),
  }))
  // A tier that shows nothing may have failed to answer, or be about to receive a fill, and what overtook this change may
  // have begun before it. In doubt the key goes altogether.
  if (outcome !== 'written') return (await deleteKeys(ns, [key], { scope: 'expire' })).size > 0
  ns.stats.invalidations++
  emitInvalidate(ns, { scope: 'expire', targets: [key], count: 1 })
  return true
}

/** `changed`: the key was written or invalidated in between. */
type Rewriting = 'written' | 'absent' | 'changed'

/** Replaces an entry by a changed one. */
async function rewrite(ns: Namespace, key: string, change: (found: Found) => Entry | undefined): Promise<Rewriting> {
  const ticket = ns.tickets.open(key)
  try {
    const policy = ns.policyOf(key)
    const located = await locate(ns, key, policy)
    if (located !== undefined && !isCurrent(ns, ticket, located.entry)) return 'changed'
    const entry = located && change(located)
    if (entry === undefined) return 'absent'
    const shared = ns.sharing?.authority === undefined ? undefined : ns.sharing.tier
    const ifVersion = shared === undefined ? undefined : located?.entry.version
    const written = await writeEntries(ns, new Map([[key, entry]]), { policy, ifVersion })
    const tiers = written.get(key)?.tiers ?? {}
    refuseMissedChange(ns, failedTiers(tiers), { operation: 'touch', key })
    return isWritten(tiers, shared) ? 'written' : 'changed'
  } finally {
    ns.tickets.close(ticket)
  }
}

function isWritten(tiers: WriteResult['tiers'], shared: string | undefined): boolean {
  return shared === undefined || tiers[shared] === 'applied'
}

/** The version of a plain value is the time it was asked for, which says nothing about a change under way. */
function isCurrent(ns: Namespace, ticket: Ticket, entry: Entry): boolean {
  return ns.isRaw ? ticket.untouched : ticket.allows(entry.version)
}
