import { CacheError } from '../index.ts'

/** Something was refused. */
export interface Refusal<R extends string = string> {
  readonly ok: false
  /** For logs. An answer that repeats it tells a thief which part of a guess was right. */
  readonly reason: R
  /** What to answer over HTTP; the same for reasons that must not be told apart. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** What `assert…` throws: its message names no reason, so it may reach whoever asked. */
export class RefusedError<R extends string = string> extends Error {
  override readonly name = 'RefusedError'
  readonly refusal: Refusal<R>

  constructor(message: string, refusal: Refusal<R>) {
    super(message)
    this.refusal = refusal
  }
}

/** @internal */
export function refuse<R extends string>(
  reason: R,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Refusal<R> {
  return { ok: false, reason, status, headers }
}

/** @internal What comes of the work, or of `otherwise` when the store of the coordination could not be asked. */
export async function unlessUnavailable<T, U>(work: () => Promise<T>, otherwise: () => U): Promise<T | U> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CacheError && error.code === 'ERR_CACHE_UNAVAILABLE') return otherwise()
    throw error
  }
}
