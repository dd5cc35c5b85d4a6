import { responseOf } from './body.ts'
import type { HttpRules, PolicyRecord } from './http-policy.ts'
import type { PartnerRequest } from './partner-request.ts'

/** What the cache keeps of a response. */
export interface StoredResponse {
  readonly kind: 'response'
  readonly policy: PolicyRecord
  readonly statusText: string
  readonly body: Uint8Array
  /** Values of Set-Cookie, where they may be kept. */
  readonly cookies: readonly string[]
}

/** What callers of one load are told when its response is not kept: each asks for itself. */
export const notKept: { readonly kind: 'not-kept' } = Object.freeze({ kind: 'not-kept' })

/** What was kept, or undefined for anything else that lies under the key. */
export function storedResponse(value: unknown): StoredResponse | undefined {
  const isStored = typeof value === 'object' && value !== null && (value as StoredResponse).kind === 'response'
  return isStored ? (value as StoredResponse) : undefined
}

/** The answer to a request from what is kept. */
export function answerFrom(rules: HttpRules, stored: StoredResponse, request: PartnerRequest): Response {
  const headers = new Headers(rules.headersOf(stored.policy) as Record<string, string>)
  for (const cookie of stored.cookies) headers.append('set-cookie', cookie)
  const { policy, statusText, body } = stored
  const facts = { status: policy.st, statusText, headers, url: request.url }
  return responseOf(facts, request.method === 'HEAD' ? null : body)
}
