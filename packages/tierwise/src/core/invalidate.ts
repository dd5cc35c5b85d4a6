import { compileGlob } from '../base/glob.ts'
import type { InvalidateEvent } from '../contract/events.ts'
import { applyChange, changeAll, interruptLoads } from './coherence.ts'
import { deleteIn } from './delete-in.ts'
import type { GuardedTier } from './guarded-tier.ts'
import { liveKeys } from './listing.ts'
import type { Namespace } from './namespace.ts'
import { heldIn, removeShared, type RemovalOptions } from './shared-removal.ts'

/** Removes keys from every tier of the namespace, one batch a tier. Returns the keys that were held anywhere. */
export async function deleteKeys(
  ns: Namespace,
  keys: readonly string[],
  { scope = 'keys', ...how }: RemovalOptions & { readonly scope?: InvalidateEvent['scope'] } = {},
): Promise<ReadonlySet<string>> {
  const held = await removeKeys(ns, keys, how)
  ns.stats.invalidations++
  emitInvalidate(ns, { scope, targets: keys, count: held.size })
  return held
}

async function removeKeys(
  ns: Namespace,
  keys: readonly string[],
  how: RemovalOptions = {},
): Promise<ReadonlySet<string>> {
  if (ns.sharing?.authority !== undefined) {
    const held = heldIn(await removeShared(ns, ns.sharing, { keys, ...how }))
    ns.stats.deletes += held.size
    return held
  }
  const version = ns.engine.versions.nextVersion()
  const held = new Set<string>()
  await applyChange(ns, new Map(keys.map((key) => [key, version])), async () => {
    for (const key of keys) {
      if (ns.local?.space.find(key) !== undefined) held.add(key)
      ns.local?.space.delete(key)
    }
    await Promise.all(ns.tiers.map((tier) => deleteIn(ns, tier, { keys, version, held })))
  })
  ns.stats.deletes += held.size
  return held
}

/**
 * Removes every key that fits the pattern from every tier; the exact number of distinct keys. Loads of fitting keys
 * that are under way may not store, whether the listing shows their keys or not.
 */
export async function deletePattern(ns: Namespace, pattern: string): Promise<number> {
  const fits = compileGlob(pattern)
  const version = ns.engine.versions.nextVersion()
  // What is on its way to a tier is listed only once it has arrived.
  const underWay = [...ns.flights.keys(), ...ns.tickets.keys(), ...ns.filling.keys()]
  const keys = new Set(underWay.filter(fits))
  for (const key of keys) interruptLoads(ns, key, version)
  ns.failures.clear()
  for await (const key of liveKeys(ns, 'usable')) if (fits(key)) keys.add(key)
  const { size } = keys.size === 0 ? keys : await removeKeys(ns, [...keys])
  ns.stats.invalidations++
  emitInvalidate(ns, { scope: 'pattern', targets: [pattern], count: size })
  return size
}

/** Ends the validity of everything that carries one of the tags, by the logical clock: nothing is visited. */
export async function deleteTags(ns: Namespace, tags: readonly string[]): Promise<void> {
  ns.stats.invalidations++
  await ns.tags.invalidate(tags)
  emitInvalidate(ns, { scope: 'tags', targets: tags, count: 0 })
}

/**
 * Forgets the namespace by the logical clock. The tiers free their space in the background, unless that is what
 * remembers the clear (no tier keeps the clock) or the caller wants to wait for it.
 */
export async function clearNamespace(ns: Namespace, hard: boolean): Promise<void> {
  const version = ns.engine.versions.nextVersion()
  changeAll(ns)
  ns.engine.writeBehind.dropPrefix(ns.prefix)
  clearSources(ns.tiers, ns.prefix, version)
  const isRemembered = await ns.tags.clear()
  const freed = Promise.all(ns.tiers.map((tier) => tier.clear(ns.prefix, version)))
  // Plain values carry no clock.
  if (hard || !isRemembered || ns.isRaw) await freed
  else ns.engine.background.run('clear', freed)
  ns.stats.invalidations++
  emitInvalidate(ns, { scope: 'namespace', targets: [], count: 0 })
}

/** Before the tag clock moves: what is read of a source from then on counts as newer than the clear. */
export function clearSources(tiers: readonly GuardedTier[], prefix: string, version: number): void {
  for (const tier of tiers) if (tier.capabilities.readOnly === true) void tier.clear(prefix, version)
}

/**
 * Runs work that changes the source. Nothing that was read before it ended is stored: the keys are removed before and
 * after, and held in between.
 */
export async function guardWork<T>(ns: Namespace, keys: readonly string[], work: () => Promise<T>): Promise<T> {
  for (const key of keys) ns.tickets.hold(key)
  try {
    await deleteKeys(ns, keys, { holdMs: ns.sharing?.holdMs })
    return await work()
  } finally {
    await deleteKeys(ns, keys, { holdMs: 0 }).finally(() => {
      for (const key of keys) ns.tickets.release(key)
    })
  }
}

export function emitInvalidate(ns: Namespace, event: Pick<InvalidateEvent, 'scope' | 'targets' | 'count'>): void {
  const { emitter } = ns.engine
  if (emitter.listens('invalidate')) emitter.emit({ type: 'invalidate', namespace: ns.name, ...event })
}
