import { CacheError, TierError } from '../../errors.ts'

/** A tier that has no listing to give. */
export function unlisted(
  tier: string,
  { why, retryable }: { readonly why: string; readonly retryable: boolean },
): TierError {
  return new TierError(`Tier \`${tier}\` ${why}`, {
    code: 'ERR_CACHE_TIER_READ',
    tier,
    operation: 'scan',
    retryable,
  })
}

/** A listing that broke off. */
export function scanFailure(tier: string, cause: unknown): CacheError {
  if (cause instanceof CacheError && cause.tier === tier) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new TierError(`Tier \`${tier}\` failed to scan: ${reason}`, {
    code: 'ERR_CACHE_TIER_READ',
    tier,
    operation: 'scan',
    cause,
    retryable: true,
  })
}
