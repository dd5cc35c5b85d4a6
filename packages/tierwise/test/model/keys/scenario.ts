import { explore } from '../explorer.ts'
import type { Scenario } from '../proof.ts'
import { keysModel } from './model.ts'
import type { Cast, KeysRules, Role } from './world.ts'

export const read = (instance: number, key = 0): Role => ({ does: 'read', instance, key })
export const remove = (instance: number, key = 0): Role => ({ does: 'delete', instance, key })
export const expire = (instance: number, key = 0): Role => ({ does: 'expire', instance, key })
export const set = (instance: number, key = 0): Role => ({ does: 'set', instance, key })
export const mutate = (instance: number, key = 0): Role => ({ does: 'mutate', instance, key })

/** A scenario with this cast. A deep one takes longer than a test should. */
export const scenario = (name: string, cast: Cast, depth?: 'deep'): Scenario<KeysRules> => ({
  name,
  deep: depth === 'deep',
  explore: (rules) => explore(keysModel(rules, cast), depth === 'deep' ? 3_000_000 : undefined),
})
