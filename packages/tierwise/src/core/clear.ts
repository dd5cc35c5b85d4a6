import { changeAll } from './coherence.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { emitInvalidate } from './invalidate.ts'
import type { Engine, Namespace } from './namespace.ts'
import { untold, type TagOutcome } from './tags/tag-outcome.ts'

/** What is to be cleared. */
interface Clearing {
  readonly tiers: readonly GuardedTier[]
  readonly prefix: string
  readonly isHard: boolean
  /** Plain values carry no clock. */
  readonly isPlain: boolean
  /** Moves the tag clock. */
  readonly forget: () => Promise<TagOutcome>
}

/** Forgets the namespace by the logical clock. Resolves to the names of the tiers that may still hold it for others. */
export async function clearNamespace(ns: Namespace, isHard: boolean): Promise<readonly string[]> {
  const { engine, tiers, prefix, isRaw: isPlain } = ns
  const version = engine.versions.nextVersion()
  changeAll(ns)
  engine.writeBehind.dropPrefix(prefix)
  const missed = await clear(engine, version, { tiers, prefix, isHard, isPlain, forget: () => ns.tags.clear(tiers) })
  ns.stats.invalidations++
  emitInvalidate(ns, { scope: 'namespace', targets: [], count: 0 })
  return missed
}

/** As `clearNamespace`, for whatever lies under the prefix of the manager. */
export function clearRest(
  engine: Engine,
  how: Pick<Clearing, 'tiers' | 'prefix' | 'isHard'>,
): Promise<readonly string[]> {
  const version = engine.versions.nextVersion()
  return clear(engine, version, { ...how, isPlain: false, forget: () => engine.tagTable.invalidate([''], how.tiers) })
}

/**
 * The tiers free their space in the background, unless that is what remembers the clear (no tier keeps the clock) or the
 * caller wants to wait for it.
 */
async function clear(engine: Engine, version: number, clearing: Clearing): Promise<readonly string[]> {
  const { tiers, prefix, isHard, isPlain, forget } = clearing
  clearSources(tiers, prefix, version)
  const outcome = await forget()
  const missed = untold(tiers, outcome)
  const freed = Promise.all(tiers.map(async (tier) => ((await tier.clear(prefix, version)) ? [] : [tier.name])))
  if (isHard || !outcome.isRemembered || isPlain) return [...new Set([...missed, ...(await freed).flat()])]
  engine.background.run('clear', freed)
  return missed
}

/** Before the tag clock moves: what is read of a source from then on counts as newer than the clear. */
function clearSources(tiers: readonly GuardedTier[], prefix: string, version: number): void {
  for (const tier of tiers) if (tier.capabilities.readOnly === true) void tier.clear(prefix, version)
}
