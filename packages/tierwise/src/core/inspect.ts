import type { TierEntry } from '../contract/cache.ts'
import type { Entry } from '../contract/entry.ts'
import { freshness } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import { findInMemory } from './memory-read.ts'
import type { Namespace } from './namespace.ts'
import { isProved } from './read.ts'
import { storedEntries } from './stored-entries.ts'

/** What each tier holds of a key, fastest first, whatever the tiers above hold. Counts nothing and changes nothing. */
export async function inspectKey(ns: Namespace, key: string): Promise<readonly TierEntry<unknown>[]> {
  const below = await Promise.all(ns.tiers.map((tier) => inspectTier(ns, tier, key)))
  const { local } = ns
  if (local === undefined) return below
  const held = findInMemory(ns, local, key)
  return [
    held === undefined ? absent(local.name) : told(ns, local.name, { entry: held, isSure: ns.mayServe(key) }),
    ...below,
  ]
}

async function inspectTier(ns: Namespace, tier: GuardedTier, key: string): Promise<TierEntry<unknown>> {
  const storageKey = ns.storageKey(key)
  const ticket = ns.tickets.open(key)
  try {
    let isSilent = false
    const pending = ns.engine.writeBehind.peek(tier.name, storageKey)
    const [entry] =
      pending === undefined
        ? await storedEntries(ns, tier, { keys: [storageKey], onFailure: () => (isSilent = true) })
        : [pending]
    if (isSilent) return { tier: tier.name, state: 'unknown' }
    if (entry === undefined) return absent(tier.name)
    const isSure = isProved(ns, tier, { entry, ticket, now: ns.now() })
    return told(ns, tier.name, { entry, isSure })
  } finally {
    ns.tickets.close(ticket)
  }
}

function absent(tier: string): TierEntry<unknown> {
  return { tier, state: 'absent' }
}

function told(
  ns: Namespace,
  tier: string,
  { entry, isSure }: { readonly entry: Entry; readonly isSure: boolean },
): TierEntry<unknown> {
  const life = ns.tags.accepts(entry) ? freshness(entry, ns.now()) : 'dead'
  const state = life === 'fresh' && !isSure ? 'stale' : life
  const { value, tags, version, sizeBytes } = entry
  return {
    tier,
    state,
    entry: {
      value,
      tier,
      createdAt: new Date(entry.createdAt),
      expiresAt: dateOf(entry.freshUntil),
      stale: state !== 'fresh',
      tags,
      version,
    },
    usableUntil: dateOf(entry.usableUntil),
    sizeBytes: sizeBytes > 0 ? sizeBytes : undefined,
  }
}

function dateOf(at: number): Date | undefined {
  return at === Infinity ? undefined : new Date(at)
}
