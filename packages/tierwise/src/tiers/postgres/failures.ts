import { CacheError, TierError, type CacheErrorCode } from '../../errors.ts'

export type TierOperationName = 'open' | 'get' | 'set' | 'delete' | 'scan' | 'clear' | 'usage' | 'tags'

const codes: Readonly<Record<TierOperationName, CacheErrorCode>> = {
  open: 'ERR_CACHE_TIER_OPEN',
  get: 'ERR_CACHE_TIER_READ',
  scan: 'ERR_CACHE_TIER_READ',
  usage: 'ERR_CACHE_TIER_READ',
  tags: 'ERR_CACHE_TIER_WRITE',
  set: 'ERR_CACHE_TIER_WRITE',
  delete: 'ERR_CACHE_TIER_WRITE',
  clear: 'ERR_CACHE_TIER_WRITE',
}

/** SQLSTATE classes after which the same statement has no better chance: rights, syntax, what is not there. */
const lasting = /^(22|23|28|3D|3F|42|25)/

/** What went wrong as an error of the tier, its cause kept. Errors of this library stay as they are. */
export function tierFailure(tier: string, operation: TierOperationName, cause: unknown): CacheError {
  if (cause instanceof CacheError) return cause
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  const state = typeof code === 'string' ? ` (${code})` : ''
  const reason = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : ''
  return new TierError(`The tier ${tier} failed to ${operation}${state}${reason}`, {
    code: codes[operation],
    operation,
    tier,
    retryable: typeof code !== 'string' || !lasting.test(code),
    cause,
  })
}

export function closedFailure(tier: string, operation: string): TierError {
  return new TierError(`The tier ${tier} is not open: call open() first`, {
    code: 'ERR_CACHE_TIER_CLOSED',
    operation,
    tier,
  })
}
