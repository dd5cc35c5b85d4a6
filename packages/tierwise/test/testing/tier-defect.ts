import type { Tier, TierContext, TierDefinition, TierRecord } from '../../src/contract/tier.ts'
import type { MapTierOptions } from '../../src/testing/map-tier.ts'

/** A way in which tiers of real caches have been wrong, and the chapter of the suite that has to notice. */
export type TierDefect = readonly [defect: string, chapter: string, mutate: Mutation, options?: MapTierOptions]

export type Mutation = (tier: Tier, context: TierContext) => Partial<Tier>

type FieldChanges = { readonly [Field in 'expiresAt' | 'version' | 'ifNotAfter']?: (record: TierRecord) => number }

export function setAll(tier: Tier, records: readonly TierRecord[], changes: FieldChanges): ReturnType<Tier['set']> {
  return tier.set(
    records.map((record) => {
      const changed = Object.entries(changes).map(([field, change]) => [field, change(record)] as const)
      return { ...record, ...Object.fromEntries(changed) }
    }),
  )
}

/** The tier of a definition with a defect. */
export function mutated(definition: TierDefinition, mutate: Mutation): TierDefinition {
  return {
    ...definition,
    create: (context) => {
      const tier = definition.create(context) as Tier
      const whole: Tier = {
        sync: false,
        capabilities: tier.capabilities,
        ...(tier.tags && { tags: tier.tags }),
        ...(tier.notes && { notes: tier.notes }),
        open: () => tier.open(),
        close: () => tier.close(),
        get: (keys, decode) => tier.get(keys, decode),
        set: (records) => tier.set(records),
        delete: (keys, version) => tier.delete(keys, version),
        scan: (prefix, decode) => tier.scan(prefix, decode),
        clear: (prefix, version) => tier.clear(prefix, version),
        usage: () => tier.usage(),
      }
      return { ...whole, ...mutate(whole, context) }
    },
  }
}
