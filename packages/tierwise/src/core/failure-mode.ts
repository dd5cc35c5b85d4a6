import type { TierWriteState } from '../contract/events.ts'
import { TierError } from '../errors.ts'
import type { Namespace } from './namespace.ts'
import type { Doubt } from './read.ts'

/** In a namespace that fails closed, no answer is an error where a tier that may have one was not heard. */
export function refuseUnsure(ns: Namespace, key: string, { isUnsure }: Doubt): void {
  if (!isUnsure || !ns.policy.failsClosed) return
  throw new TierError(
    `Namespace \`${ns.name}\` fails closed: a tier that may hold \`${key}\` could not answer, and nothing else had it.`,
    { code: 'ERR_CACHE_UNAVAILABLE', operation: 'get', namespace: ns.name, key, retryable: true },
  )
}

/** What a change was: of one key, of all, of a tag. */
export interface Change {
  readonly operation: string
  readonly key?: string
}

/** In a namespace that fails closed, a change that a tier has missed is an error, though it is kept and replayed. */
export function refuseMissedChange(ns: Namespace, missed: readonly string[], { operation, key }: Change): void {
  const [tier] = missed
  if (tier === undefined || !ns.policy.failsClosed) return
  throw new TierError(
    `Namespace \`${ns.name}\` fails closed: ${missed.join(', ')} did not take \`${operation}\`. It may take effect later.`,
    {
      code: 'ERR_CACHE_UNAVAILABLE',
      operation,
      namespace: ns.name,
      tier,
      retryable: true,
      ...(key === undefined ? {} : { key }),
    },
  )
}

/** The tiers that have missed a write. */
export function failedTiers(tiers: Readonly<Record<string, TierWriteState>>): readonly string[] {
  return Object.keys(tiers).filter((name) => tiers[name] === 'failed')
}
