import type { GuardedTier } from '../guard/guarded-tier.ts'

/** A tier that keeps the table, once it is open, if it can. */
export type TagTier = Pick<GuardedTier, 'name' | 'capabilities' | 'openSoon'>

/** What became of an invalidation in the tiers that keep the table of tags. */
export interface TagOutcome {
  /** Those that have taken it, by name. */
  readonly taken: ReadonlySet<string>
  /** All of those that are open have, and there is one: it outlives this process. */
  readonly isRemembered: boolean
}

/** Those of the tiers that keep the table and have not taken the invalidation. One that is not open has not. */
export function untold(tiers: readonly TagTier[], { taken }: TagOutcome): readonly string[] {
  return tiers.filter(({ name, capabilities }) => capabilities.tags && !taken.has(name)).map(({ name }) => name)
}
