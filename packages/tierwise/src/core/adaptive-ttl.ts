import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../contract/entry.ts'
import { boundTtl } from '../governance/ttl-bounds.ts'
import type { Namespace } from './namespace.ts'
import type { Policy } from './policy.ts'

/**
 * The policy for a loaded value in a namespace whose ttl follows its source: twice the life of the value before it when
 * that was the same, half of it when it was another. A ttl that somebody has asked for stays.
 */
export function adaptTtl(
  ns: Namespace,
  policy: Policy,
  { value, previous }: { readonly value: unknown; readonly previous: Entry | undefined },
): Policy {
  const { adaptiveTtl: bounds, mode } = ns.policy
  if (bounds === undefined || policy.overridesTtl) return policy
  const asked = previous === undefined ? policy.ttlMs : nextTtl(previous, value)
  const within = Math.min(Math.max(asked, bounds.minMs), bounds.maxMs)
  return { ...policy, ttlMs: boundTtl(within, policy.rules, mode).ttlMs }
}

function nextTtl(previous: Entry, value: unknown): number {
  const ttlMs = previous.freshUntil - previous.createdAt
  return isDeepStrictEqual(previous.value, value) ? ttlMs * 2 : ttlMs / 2
}
