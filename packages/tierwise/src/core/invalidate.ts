import { compileGlob } from '../base/glob.ts'
import type { InvalidateResult } from '../contract/cache.ts'
import type { InvalidateEvent } from '../contract/events.ts'
import { TierError } from '../errors.ts'
import { interruptLoads } from './coherence.ts'
import { failedTiers, refuseMissedChange } from './failure-mode.ts'
import { liveKeys } from './listing.ts'
import type { Namespace } from './namespace.ts'
import { removeKeys, type RemovalOptions } from './remove.ts'
import { untold } from './tags/tag-outcome.ts'

/** Removes keys from every tier of the namespace, one batch a tier. Returns the keys that were held anywhere. */
export async function deleteKeys(
  ns: Namespace,
  keys: readonly string[],
  { scope = 'keys', ...how }: RemovalOptions & { readonly scope?: InvalidateEvent['scope'] } = {},
): Promise<ReadonlySet<string>> {
  const { held, tiers } = await removeKeys(ns, keys, how)
  noteInvalidation(ns, { scope, targets: keys, count: held.size })
  refuseMissedChange(ns, failedTiers(tiers), { operation: scope === 'expire' ? 'expire' : 'delete' })
  return held
}

/** As `deleteKeys`, and tells what became of it; with a barrier only when every live instance has applied it. */
export async function invalidateKeys(
  ns: Namespace,
  keys: readonly string[],
  { barrierMs, isStrict, ...how }: InvalidationOptions,
): Promise<InvalidateResult> {
  const { held, version, tiers, positions } = await removeKeys(ns, keys, how)
  noteInvalidation(ns, { scope: how.isExpiry === true ? 'expire' : 'keys', targets: keys, count: held.size })
  const missed = failedTiers(tiers)
  if (isStrict || barrierMs !== undefined) refuseMissed(missed, { operation: 'invalidate', namespace: ns.name })
  refuseMissedChange(ns, missed, { operation: 'invalidate' })
  const result = { version, token: version.toString(36), tiers, held: held.size }
  if (barrierMs === undefined) return result
  return { ...result, ...(await ns.engine.fleet?.barrier(positions, barrierMs)) }
}

/** What was asked of an invalidation. */
export interface InvalidationOptions extends RemovalOptions {
  readonly barrierMs: number | undefined
  readonly isStrict: boolean
}

/** Throws when tiers have missed an invalidation that was to be strict. */
export function refuseMissed(
  missed: readonly string[],
  { operation, namespace }: { readonly operation: string; readonly namespace: string },
): void {
  const [tier] = missed
  if (tier === undefined) return
  const where = namespace === '*' ? 'all namespaces' : `namespace \`${namespace}\``
  throw new TierError(
    `${missed.join(', ')} could not take an invalidation in ${where}. It is kept and replayed as soon as possible; until then this process does not use there what it made old, but others may.`,
    { code: 'ERR_CACHE_TIER_WRITE', operation, namespace, tier, retryable: true },
  )
}

function noteInvalidation(ns: Namespace, event: Pick<InvalidateEvent, 'scope' | 'targets' | 'count'>): void {
  ns.stats.invalidations++
  emitInvalidate(ns, event)
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
  ns.failures.forgetAll(fits)
  for await (const key of liveKeys(ns, 'usable')) if (fits(key)) keys.add(key)
  const removal = keys.size === 0 ? undefined : await removeKeys(ns, [...keys])
  const size = removal?.held.size ?? 0
  ns.stats.invalidations++
  emitInvalidate(ns, { scope: 'pattern', targets: [pattern], count: size })
  refuseMissedChange(ns, failedTiers(removal?.tiers ?? {}), { operation: 'invalidatePattern' })
  return size
}

/**
 * Ends the validity of everything that carries one of the tags, by the logical clock: nothing is visited. Resolves to the
 * names of the tiers that could not be told.
 */
export async function deleteTags(ns: Namespace, tags: readonly string[]): Promise<readonly string[]> {
  ns.stats.invalidations++
  const outcome = await ns.tags.invalidate(tags, ns.tiers)
  emitInvalidate(ns, { scope: 'tags', targets: tags, count: 0 })
  return untold(ns.tiers, outcome)
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
    // The source has been changed: what could not be told now is told later, and what came of the work is passed on.
    const { held } = await removeKeys(ns, keys, { holdMs: 0 }).finally(() => {
      for (const key of keys) ns.tickets.release(key)
    })
    noteInvalidation(ns, { scope: 'keys', targets: keys, count: held.size })
  }
}

export function emitInvalidate(ns: Namespace, event: Pick<InvalidateEvent, 'scope' | 'targets' | 'count'>): void {
  const { emitter } = ns.engine
  if (emitter.listens('invalidate')) emitter.emit({ type: 'invalidate', namespace: ns.name, ...event })
}
