import type { LocalEntry } from '../contract/tier.ts'
import { freshness } from './entry.ts'
import type { Namespace } from './namespace.ts'
import { recordMemoryHit } from './outcome.ts'
import type { Policy } from './policy.ts'

/** The fresh value memory holds, if this call may use it. */
export function readMemory(ns: Namespace, key: string, policy: Policy): unknown {
  const plain = policy.after === 0 ? ns.localFor(policy)?.space.read(key) : undefined
  return plain ?? freshInMemory(ns, key, policy)?.value
}

/** The second look: a fresh entry that `read` does not answer, because a refresh is due or a version is asked for. */
export function freshInMemory(ns: Namespace, key: string, policy: Policy): LocalEntry | undefined {
  const held = ns.localFor(policy)?.space.find(key)
  if (held === undefined || held.version < policy.after || freshness(held, ns.now()) !== 'fresh') return undefined
  recordMemoryHit(ns, key)
  return held
}
