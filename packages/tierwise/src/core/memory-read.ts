import type { Entry } from '../contract/entry.ts'
import type { LocalEntry } from '../contract/tier.ts'
import { freshness } from './entry.ts'
import type { LocalPart, Namespace } from './namespace.ts'
import { recordMemoryHit } from './outcome.ts'
import type { Policy } from './policy.ts'

/** The fresh value memory holds, if this call may use it. */
export function readMemory(ns: Namespace, key: string, policy: Policy): unknown {
  // protocol P4 memory-after: memory may not have heard yet of the change that the token stands for
  const plain = policy.after === 0 ? ns.localFor(policy)?.space.read(key) : undefined
  return plain === undefined ? freshInMemory(ns, key, policy)?.value : plain
}

/**
 * The entry memory holds, fresh or stale, as valid as of now. An untagged entry is kept without its tag clock: a clear
 * empties memory at once, so whatever is there is newer than every clear.
 */
export function findInMemory(ns: Namespace, local: LocalPart | undefined, key: string): Entry | undefined {
  const now = ns.tags.now
  const held = local?.space.find(key)
  return held === undefined || held.tags.length > 0 ? held : { ...held, tagClock: now }
}

/** The second look: a fresh entry that `read` does not answer, because a refresh is due or a version is asked for. */
export function freshInMemory(ns: Namespace, key: string, policy: Policy): LocalEntry | undefined {
  const held = ns.localFor(policy)?.space.find(key)
  // protocol P4 memory-version: memory may hold the version before that of the token
  if (held === undefined || held.version < policy.after || freshness(held, ns.now()) !== 'fresh') return undefined
  // protocol P3 memory-proved: what is not proved may have been superseded long ago
  if (!ns.mayServe(key)) return undefined
  recordMemoryHit(ns, key)
  return held
}
