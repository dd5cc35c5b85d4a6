import type { EntryHead, KeyedHead } from '../contract/entry.ts'
import { CacheError } from '../errors.ts'
import { freshness, shiftTimes } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'

/** `fresh`: what `get` would answer. `usable`: stale entries too. */
export type Listed = 'fresh' | 'usable'

/**
 * The keys of the namespace, each once, from every tier. Changes nothing. A key that is only in a slower tier counts
 * there by that tier's entry.
 */
export async function* liveKeys(
  ns: Namespace,
  which: Listed,
  policy: Policy = ns.policy,
): AsyncGenerator<string, void, undefined> {
  const seen = new Set<string>()
  const local = ns.localFor(policy)
  for (const key of local?.space.keys() ?? []) {
    const entry = local?.space.find(key)
    if (entry === undefined || !isListed(ns, entry, which)) continue
    seen.add(key)
    yield key
  }
  for (const tier of ns.tiersFor(policy)) {
    for await (const key of tierKeys(ns, tier, which)) {
      if (!seen.has(key)) yield key
      seen.add(key)
    }
  }
}

async function* tierKeys(ns: Namespace, tier: GuardedTier, which: Listed): AsyncGenerator<string, void, undefined> {
  for await (const head of tier.scan(ns.prefix, (bytes) => readHead(ns, tier, bytes))) {
    if (isListed(ns, head, which) && ns.tags.accepts(head) && tier.believes(head.key, head.version))
      yield head.key.slice(ns.prefix.length)
  }
  for (const [key, entry] of ns.engine.writeBehind.entries(tier.name, ns.prefix)) {
    if (isListed(ns, entry, which) && ns.tags.accepts(entry)) yield key.slice(ns.prefix.length)
  }
}

function isListed(ns: Namespace, head: EntryHead, which: Listed): boolean {
  const state = freshness(head, ns.now())
  return state === 'fresh' || (state === 'stale' && which === 'usable')
}

function readHead(ns: Namespace, tier: GuardedTier, bytes: Uint8Array): KeyedHead | undefined {
  try {
    return shiftTimes(tier.envelope.head(bytes), -(tier.clockOffsetMs ?? 0))
  } catch (error) {
    const newer = error instanceof CacheError && error.code === 'ERR_CACHE_FORMAT_NEWER'
    ns.engine.emitter.emit({
      type: 'bad-record',
      tier: tier.name,
      key: ns.prefix,
      reason: newer ? 'newer-format' : 'damaged',
      error,
    })
    return undefined
  }
}
