import type { GuardedTier } from './guard/guarded-tier.ts'
import type { NamespacePolicy } from './policy.ts'

/**
 * Where entries go for which memory has no room: the first tier of this process behind it. A tier that others share would
 * be told late of what it should have had first.
 */
export function demotionTier({ demotion }: NamespacePolicy, tiers: readonly GuardedTier[]): GuardedTier | undefined {
  return demotion ? tiers.find(canDemoteTo) : undefined
}

/** Whether what memory gives up may go to a tier. */
export function canDemoteTo({ capabilities }: Pick<GuardedTier, 'capabilities'>): boolean {
  return !capabilities.shared && capabilities.readOnly !== true
}
