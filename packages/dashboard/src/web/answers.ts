import type { Failure } from '../wire.ts'

/**
 * Scripts and styles come from here only and nothing is inline; with trusted types a text cannot become markup even by
 * mistake.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const always: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

export function answer(
  body: ConstructorParameters<typeof Response>[0],
  init: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  const headers = { 'cache-control': 'no-store', ...always, ...init.headers }
  return new Response(body, { status: init.status ?? 200, headers })
}

export function answerJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return answer(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  })
}

/** An answer that says what is wrong; thrown by what reads a request. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly code: string | undefined

  constructor(
    status: number,
    message: string,
    more: { readonly headers?: Readonly<Record<string, string>>; readonly code?: string | undefined } = {},
  ) {
    super(message)
    this.status = status
    this.headers = more.headers ?? {}
    this.code = more.code
  }

  answer(): Response {
    const failure: Failure = { error: this.message, ...(this.code === undefined ? {} : { code: this.code }) }
    return answerJson(failure, this.status, this.headers)
  }
}
