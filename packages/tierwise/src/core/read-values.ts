import { readMemory } from './memory-read.ts'
import type { Namespace } from './namespace.ts'
import { recordMiss, recordTierHit } from './outcome.ts'
import type { Policy } from './policy.ts'
import { readThrough } from './read.ts'

/** `get` and `getMany` behind the plain memory hit: memory once more, then the tiers below, one batch each. */
export async function readValues(
  ns: Namespace,
  keys: readonly string[],
  policy: Policy,
): Promise<Map<string, unknown>> {
  const values = new Map<string, unknown>()
  const missing: string[] = []
  for (const key of keys) {
    const value = readMemory(ns, key, policy)
    if (value === undefined) missing.push(key)
    else values.set(key, value)
  }
  if (missing.length > 0) await readBelow(ns, missing, { policy, values })
  return values
}

async function readBelow(
  ns: Namespace,
  keys: readonly string[],
  read: { policy: Policy; values: Map<string, unknown> },
): Promise<void> {
  const found = await readThrough(ns, keys, read.policy)
  for (const key of keys) {
    const answer = found.get(key)
    if (answer?.isFresh !== true) {
      recordMiss(ns, key)
      continue
    }
    recordTierHit(ns, key, answer.tier)
    read.values.set(key, answer.entry.value)
  }
}
