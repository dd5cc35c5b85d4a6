import { CacheError, TierError, type CacheErrorCode } from '../../errors.ts'
import { refusals } from './sql/step.ts'

/** What was being done. */
export interface FailedStep {
  readonly operation: string
  readonly key?: string | undefined
}

const reads: ReadonlySet<string> = new Set(['read', 'contains', 'size', 'members', 'fields', 'ranked'])
/** SQLSTATE classes after which the same step has no better chance: wrong values, rights, what is not there. */
const lasting = /^(22|23|42|3F|TW)/
const refusalStates: readonly string[] = Object.values(refusals)

/** What went wrong as an error of the store, its cause kept. Errors of this library stay as they are. */
export function storeFailure(name: string, { operation, key }: FailedStep, cause: unknown): CacheError {
  if (cause instanceof CacheError) return cause
  const state = (cause as { readonly code?: unknown } | undefined)?.code
  const isRefusal = typeof state === 'string' && refusalStates.includes(state)
  return new TierError(messageOf(name, operation, cause), {
    code: codeOf(operation, isRefusal),
    operation,
    tier: name,
    ...(key === undefined ? {} : { key }),
    retryable: typeof state !== 'string' || !lasting.test(state),
    ...(isRefusal ? {} : { cause }),
  })
}

export function closedFailure(name: string, operation: string): TierError {
  return new TierError(`The coordination store ${name} was closed`, {
    code: 'ERR_CACHE_TIER_CLOSED',
    operation,
    tier: name,
  })
}

function codeOf(operation: string, isRefusal: boolean): CacheErrorCode {
  if (operation === 'open') return 'ERR_CACHE_TIER_OPEN'
  return reads.has(operation) && !isRefusal ? 'ERR_CACHE_TIER_READ' : 'ERR_CACHE_TIER_WRITE'
}

function messageOf(name: string, operation: string, cause: unknown): string {
  const { code } = (cause ?? {}) as { readonly code?: unknown }
  const message = cause instanceof Error ? cause.message : ''
  if (typeof code === 'string' && refusalStates.includes(code))
    return `The coordination store ${name} cannot ${operation}: it ${message}`
  const state = typeof code === 'string' ? ` (${code})` : ''
  return `The coordination store ${name} failed to ${operation}${state}${message === '' ? '' : `: ${message}`}`
}
