import { exitCode, type ExitCode } from './exit-code.ts'

export interface FailureOptions {
  /** What to do about it, a sentence. */
  readonly hint?: string
  /** @default failed, 3 */
  readonly exitCode?: ExitCode
  readonly cause?: unknown
}

/** Why a command could not be done. Its message is for the person at the terminal and has no credential in it. */
export class CommandFailure extends Error {
  readonly hint: string | undefined
  readonly exitCode: ExitCode

  constructor(message: string, { hint, exitCode: code = exitCode.failed, cause }: FailureOptions = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.name = 'CommandFailure'
    this.hint = hint
    this.exitCode = code
  }
}

/** The first line of what an error says; an error without words gives its code or its name. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as { readonly code?: unknown }).code
  const [first = ''] = error.message.split('\n')
  if (first !== '') return first
  // A connection that was tried on several addresses fails with their errors and no message of its own.
  const [inner] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  if (inner !== undefined) return messageOf(inner)
  return typeof code === 'string' ? code : error.name
}
