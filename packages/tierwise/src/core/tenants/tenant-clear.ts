import { interruptLoads } from '../coherence.ts'
import type { GuardedTier } from '../guard/guarded-tier.ts'
import { deleteTags } from '../invalidate.ts'
import type { Namespace } from '../namespace.ts'
import { removeKeys } from '../remove.ts'
import { tenantTag } from './tenant-tags.ts'

/** Keys removed at once. */
const batchSize = 500

/**
 * Forgets the entries of one tenant by the tag that all of them carry. Resolves to the names of the tiers that may still
 * hold them for others.
 */
export async function clearTenant(ns: Namespace, tenant: string, isHard: boolean): Promise<readonly string[]> {
  const start = `${tenant}:`
  const isOwn = (key: string): boolean => key.startsWith(start)
  interruptAll(ns, isOwn)
  ns.engine.writeBehind.dropPrefix(ns.storageKey(start))
  // What comes from a source carries no tag, so it is looked for as where the space is to be freed.
  const isListed = isHard || ns.tiers.some(({ capabilities }) => capabilities.readOnly === true)
  // Memory does not list what a tag has ended.
  const inMemory = isListed ? [...(ns.local?.space.keys() ?? [])].filter(isOwn) : []
  const missed = await deleteTags(ns, [tenantTag(tenant)])
  const unfreed = isListed ? await free(ns, start, inMemory) : []
  return isHard ? [...new Set([...missed, ...unfreed])] : missed
}

/** No load that is under way may store, and no failure is remembered. */
function interruptAll(ns: Namespace, isOwn: (key: string) => boolean): void {
  const version = ns.engine.versions.nextVersion()
  const underWay = [...ns.flights.keys(), ...ns.tickets.keys(), ...ns.filling.keys()]
  for (const key of new Set(underWay.filter(isOwn))) interruptLoads(ns, key, version)
  ns.failures.forgetAll(isOwn)
}

/** Removes what is held under a prefix, valid or not. Resolves to the names of the tiers that could not. */
async function free(ns: Namespace, start: string, inMemory: readonly string[]): Promise<readonly string[]> {
  const missed = new Set<string>()
  const keys = new Set(inMemory)
  for (const tier of ns.tiers) if (!(await listInto(keys, ns, { tier, start }))) missed.add(tier.name)
  const all = [...keys]
  for (let at = 0; at < all.length; at += batchSize) {
    const { tiers } = await removeKeys(ns, all.slice(at, at + batchSize))
    for (const [name, state] of Object.entries(tiers)) if (state === 'failed') missed.add(name)
  }
  return [...missed]
}

/** Adds the keys a tier holds; false when it cannot tell. */
async function listInto(
  keys: Set<string>,
  ns: Namespace,
  { tier, start }: { readonly tier: GuardedTier; readonly start: string },
): Promise<boolean> {
  try {
    for await (const key of tier.scan(ns.storageKey(start), keyOf(tier))) keys.add(key.slice(ns.prefix.length))
    return true
  } catch {
    // The guard has told of it.
    return false
  }
}

/** A record that cannot be read has no key; it goes when its life ends. */
function keyOf(tier: GuardedTier): (bytes: Uint8Array) => string | undefined {
  return (bytes) => {
    try {
      return tier.envelope.head(bytes).key
    } catch {
      return undefined
    }
  }
}
