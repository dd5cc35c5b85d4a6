import type { EntryHead, KeyedHead } from '../contract/entry.ts'
import { CacheError } from '../errors.ts'
import { freshness, shiftTimes } from './entry.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { isProved, knowsTags } from './read.ts'
import { underCap } from './stored-entries.ts'

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
  for (const key of memoryKeys(ns, which, policy)) {
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

function* memoryKeys(ns: Namespace, which: Listed, policy: Policy): Generator<string, void, undefined> {
  const space = ns.localFor(policy)?.space
  for (const key of space?.keys() ?? []) {
    const entry = space?.find(key)
    if (entry !== undefined && (which === 'usable' || (isFresh(ns, entry) && ns.mayServe(key)))) yield key
  }
}

async function* tierKeys(ns: Namespace, tier: GuardedTier, which: Listed): AsyncGenerator<string, void, undefined> {
  for await (const head of tier.scan(ns.prefix, (bytes) => readHead(ns, tier, bytes))) {
    if (!tier.believes(head.key, head.version)) continue
    const key = head.key.slice(ns.prefix.length)
    if (isUsable(ns, head) && (which === 'usable' || (await isServed(ns, tier, { key, head })))) yield key
  }
  for (const [storageKey, head] of ns.engine.writeBehind.entries(tier.name, ns.prefix)) {
    const key = storageKey.slice(ns.prefix.length)
    if (isUsable(ns, head) && (which === 'usable' || (await isServed(ns, tier, { key, head })))) yield key
  }
}

function isUsable(ns: Namespace, head: EntryHead): boolean {
  return freshness(head, ns.now()) !== 'dead' && ns.tags.accepts(head)
}

function isFresh(ns: Namespace, head: EntryHead): boolean {
  return freshness(head, ns.now()) === 'fresh'
}

/** Whether `get` would answer what the tier holds: it is fresh, and proved to be. */
async function isServed(
  ns: Namespace,
  tier: GuardedTier,
  { key, head }: { readonly key: string; readonly head: EntryHead },
): Promise<boolean> {
  if (!isFresh(ns, head) || !(await knowsTags(ns))) return false
  // As a read that begins now.
  const ticket = ns.tickets.open(key)
  try {
    return ns.tags.accepts(head) && isProved(ns, tier, { entry: head, ticket, now: ns.now() })
  } finally {
    ns.tickets.close(ticket)
  }
}

function readHead(ns: Namespace, tier: GuardedTier, bytes: Uint8Array): KeyedHead | undefined {
  try {
    const head = shiftTimes(tier.envelope.head(bytes), -(tier.clockOffsetMs ?? 0))
    return underCap(ns, head.key, head)
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
