import type { WriteResult } from '../contract/cache.ts'
import type { TierWriteState } from '../contract/events.ts'
import type { GuardedTier } from './guard/guarded-tier.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'
import { leaveOut, storeIn } from './store.ts'
import type { Encoded } from './store.ts'

/** What became of a write, by tier. */
export type States = Record<string, TierWriteState>

export type KeyedEntry = Pick<Encoded, 'key' | 'entry'>

export interface TierWrite {
  readonly tier: GuardedTier
  readonly batch: readonly Encoded[]
  readonly policy: Policy
}

/** States in order. */
export function tellTier(ns: Namespace, { tier, batch, policy }: TierWrite): Promise<readonly TierWriteState[]> {
  const isWritten = policy.tiers === undefined || policy.tiers.includes(tier.name)
  return isWritten ? storeIn(ns, tier, { batch, mode: policy.writeMode }) : leaveOut(ns, tier, batch)
}

/** Tells of a write, and what became of it. */
export function report(ns: Namespace, item: KeyedEntry, tiers: States): WriteResult {
  const { version } = item.entry
  const { emitter } = ns.engine
  if (emitter.listens('write')) emitter.emit({ type: 'write', namespace: ns.name, key: item.key, version, tiers })
  return { version, token: version.toString(36), tiers }
}
