/** `reply`: the server answered with an error. `connection`: there was no answer, or nothing was sent. */
export type RedisFailureKind = 'reply' | 'connection'

/**
 * What a port rejects with. It is made anew from what a package threw: the errors of the packages carry the arguments
 * of the command, and those are values, or the password when the command was AUTH.
 */
export class RedisFailure extends Error {
  override readonly name = 'RedisFailure'
  readonly kind: RedisFailureKind
  /** First word of an error reply (`NOSCRIPT`, `OOM`, `READONLY`), or the system's code (`ECONNREFUSED`) if there is one. */
  readonly code: string | undefined
  /** Whether another try may find a connection. */
  readonly retryable: boolean

  constructor(message: string, kind: RedisFailureKind, code: string | undefined) {
    super(message)
    this.kind = kind
    this.code = code
    this.retryable = kind === 'connection'
  }
}

/** The error without arguments, credentials and cause. */
export function redisFailure(error: unknown): RedisFailure {
  if (error instanceof RedisFailure) return error
  const root = rootError(error)
  const message = withoutSecrets(root.message === '' ? root.name : root.message)
  const code = systemCode(root)
  const word = code === undefined ? replyWord(message) : undefined
  return new RedisFailure(message, word === undefined ? 'connection' : 'reply', code ?? word)
}

export function notConnected(what: string): RedisFailure {
  return new RedisFailure(`There is no connection to ${what}; the command was not sent.`, 'connection', undefined)
}

/** One failed attempt of several addresses is an `AggregateError` without a message; a cluster keeps the last node's error aside. */
function rootError(error: unknown): Error {
  if (error instanceof AggregateError && error.errors[0] !== undefined) return rootError(error.errors[0])
  if (!(error instanceof Error)) return new Error(String(error))
  const { lastNodeError } = error as { lastNodeError?: unknown }
  return lastNodeError instanceof Error ? lastNodeError : error
}

function systemCode(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code !== '' ? code : undefined
}

/** Every error reply of a server starts with a word in capitals. */
function replyWord(message: string): string | undefined {
  return /^-?([A-Z][A-Z]+)(?: |$)/.exec(message)?.[1]
}

/** Servers repeat the arguments of a command they do not know; packages repeat the URL they were given. */
function withoutSecrets(message: string): string {
  return message
    .replace(/,? with args beginning with:.*$/s, '')
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1')
    .trimEnd()
}
