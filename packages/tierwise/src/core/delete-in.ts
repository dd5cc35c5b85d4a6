import type { GuardedTier } from './guarded-tier.ts'
import type { Namespace } from './namespace.ts'

/** Removes keys from one tier, and notes those that it held or was about to be given. */
export async function deleteIn(
  ns: Namespace,
  tier: GuardedTier,
  removal: { keys: readonly string[]; version: number; held: Set<string> },
): Promise<void> {
  const storageKeys = removal.keys.map((key) => ns.storageKey(key))
  const { writeBehind } = ns.engine
  for (const [index, storageKey] of storageKeys.entries()) {
    if (writeBehind.peek(tier.name, storageKey) !== undefined) removal.held.add(removal.keys[index]!)
  }
  const outcomes = await writeBehind.overtake(tier.name, storageKeys, () =>
    tier.delete(storageKeys, ns.prefix, removal.version),
  )
  for (const [index, key] of removal.keys.entries()) if (outcomes?.[index] === true) removal.held.add(key)
}
