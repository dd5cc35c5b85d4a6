import { refuseUnsure } from './failure-mode.ts'
import { readMemory } from './memory-read.ts'
import type { Namespace } from './namespace.ts'
import { recordMiss, recordTierHit } from './outcome.ts'
import type { Policy } from './policy.ts'
import { walkDown, type Doubt, type Found } from './read.ts'

/** `getMany`: memory, then the tiers below, one batch each. */
export async function readValues(
  ns: Namespace,
  keys: readonly string[],
  policy: Policy,
): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>()
  const missing = ns.local === undefined ? keys : keys.filter((key) => !readInto(values, { ns, key, policy }))
  if (missing.length > 0) {
    await walkDown({ ns, policy }, missing, (key, found, doubt) => {
      const value = freshValue(ns, key, { found, doubt })
      if (value !== undefined) values.set(key, value)
    })
  }
  return values
}

function readInto(
  values: Map<string, unknown>,
  { ns, key, policy }: { readonly ns: Namespace; readonly key: string; readonly policy: Policy },
): boolean {
  const value = readMemory(ns, key, policy)
  if (value === undefined) return false
  values.set(key, value)
  return true
}

/** The value of a fresh answer; counts what was found. */
export function freshValue(
  ns: Namespace,
  key: string,
  { found, doubt }: { readonly found: Found | undefined; readonly doubt: Doubt },
): unknown {
  if (found?.isFresh !== true) {
    recordMiss(ns, key)
    refuseUnsure(ns, key, doubt)
    return undefined
  }
  recordTierHit(ns, key, found.tier)
  return found.entry.value
}
