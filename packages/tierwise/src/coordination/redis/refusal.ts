import { redisFailure, type RedisFailure } from '../../clients/redis/client-failure.ts'
import { TierError, type CacheErrorCode } from '../../errors.ts'

/** A step that failed. */
export interface FailedStep {
  /** Name of the store. */
  readonly store: string
  readonly operation: string
  /** Undefined for a channel. */
  readonly key?: string
}

const reads: ReadonlySet<string> = new Set(['read', 'contains', 'size', 'members', 'fields', 'ranked'])

const kindNames: Readonly<Record<string, string>> = {
  text: 'a text',
  set: 'a set',
  ranked: 'a sorted list',
  fields: 'fields',
  tenure: 'a tenure',
  bucket: 'a limit',
  'fixed-window': 'a limit',
  'sliding-window': 'a limit',
}

/** What a step rejects with. It is retryable when the server could not be asked, and not when it has said no. */
export function stepError(step: FailedStep, error: unknown): TierError {
  if (error instanceof TierError) return error
  const cause = redisFailure(error)
  const said = refusalOf(cause)
  if (said !== undefined) return refusedStep(step, said, { cause })
  const reason = cause.message.replace(/\.$/, '')
  return refusedStep(step, `could not be asked: ${reason}`, { retryable: true, cause })
}

/** An error of a step: what its store did, and that it does not help to try again unless `more` says so. */
export function refusedStep(
  { store, operation, key }: FailedStep,
  what: string,
  more: { readonly retryable?: boolean; readonly cause?: unknown } = {},
): TierError {
  return new TierError(`Coordination store \`${store}\` ${what}.`, {
    code: codeOf(operation),
    tier: store,
    operation,
    retryable: false,
    ...(key === undefined ? {} : { key }),
    ...more,
  })
}

function codeOf(operation: string): CacheErrorCode {
  if (operation === 'open') return 'ERR_CACHE_TIER_OPEN'
  return reads.has(operation) ? 'ERR_CACHE_TIER_READ' : 'ERR_CACHE_TIER_WRITE'
}

/** What the server has said no to; undefined when it could not be asked, or not now. */
function refusalOf({ kind, code, message }: RedisFailure): string | undefined {
  if (kind !== 'reply') return undefined
  if (code === 'TWKIND') {
    const held = kindNames[message.slice('TWKIND '.length)]
    return held === undefined
      ? 'holds something under this key that is not its own'
      : `holds another kind of state under this key: ${held}`
  }
  if (code === 'TWNUMBER') return 'holds a text under this key that is no number'
  if (code === 'TWRANGE') return 'would leave the whole numbers that are exact'
  // A user who may not run a command is a server that cannot be asked, whatever it says of it inside of a script.
  if (/can't run this command|ACL failure/.test(message)) return undefined
  return code === 'WRONGTYPE' || code === 'ERR' ? `was refused: ${message}` : undefined
}
