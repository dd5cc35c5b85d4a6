import { readBody, streamOn } from './body.ts'
import type { Handover } from './body.ts'
import type { HeaderFields, HttpRules, PolicyRules } from './http-policy.ts'
import type { Fetch, PartnerRequest } from './partner-request.ts'
import { answerFrom } from './stored-response.ts'
import type { StoredResponse } from './stored-response.ts'

/** What a partner is asked with. */
export interface Counterpart extends PolicyRules {
  readonly fetch: Fetch
  readonly rules: HttpRules
  readonly maxBodyBytes: number
  readonly keepSetCookie: boolean
}

/** What came of asking a partner. */
export interface Exchange {
  /** For the caller that asked. */
  readonly response: Response
  readonly outcome: 'loaded' | 'confirmed' | 'stood-in'
  /** What is to be kept; undefined for nothing. */
  readonly keep: { readonly stored: StoredResponse; readonly freshMs: number } | undefined
  /** What was kept must go. */
  readonly isSuperseded: boolean
}

/** Ends what is under way with a partner. `flight`: all who wait; afterwards the caller alone. */
interface Line extends Handover {
  readonly controller: AbortController
}

/**
 * Asks the partner, with the conditions of what is kept if something is. What is kept stands in for a failing partner as
 * far as the partner itself allows. Throws what `fetch` throws.
 */
export async function exchange(
  counterpart: Counterpart,
  request: PartnerRequest,
  from: { readonly held: StoredResponse | undefined; readonly flight: AbortSignal },
): Promise<Exchange> {
  const { flight } = from
  const controller = new AbortController()
  const line: Line = { controller, signal: request.signal, abort: (reason) => controller.abort(reason) }
  const endFlight = (): void => controller.abort(flight.reason)
  flight.addEventListener('abort', endFlight, { once: true })
  if (flight.aborted) endFlight()
  try {
    return await ask({ counterpart, request, line }, from.held)
  } finally {
    flight.removeEventListener('abort', endFlight)
  }
}

interface Asking {
  readonly counterpart: Counterpart
  readonly request: PartnerRequest
  readonly line: Line
}

async function ask(asking: Asking, held: StoredResponse | undefined): Promise<Exchange> {
  const { counterpart, request } = asking
  const { rules } = counterpart
  const mayStandIn = held !== undefined && rules.mayStandIn(held.policy, request.seen)
  let response: Response
  try {
    response = await send(asking, held === undefined ? {} : rules.conditions(held.policy, request.seen))
  } catch (error) {
    if (!mayStandIn || asking.line.controller.signal.aborted) throw error
    return standIn(asking, held)
  }
  if (held !== undefined && response.status === 304) return confirm(asking, held, response)
  if (mayStandIn && response.status >= 500) {
    await response.body?.cancel()
    return standIn(asking, held)
  }
  return take(asking, response, held !== undefined)
}

async function send({ counterpart, request, line }: Asking, conditions: HeaderFields): Promise<Response> {
  const headers = new Headers(request.sent)
  for (const [name, value] of Object.entries(conditions)) headers.set(name, value)
  const { signal } = line.controller
  return counterpart.fetch(request.url, { ...request.init, method: request.method, headers, signal })
}

function standIn({ counterpart, request }: Asking, held: StoredResponse): Exchange {
  const response = answerFrom(counterpart.rules, held, request)
  return { response, outcome: 'stood-in', keep: undefined, isSuperseded: false }
}

async function confirm(asking: Asking, held: StoredResponse, answer: Response): Promise<Exchange> {
  const { counterpart, request } = asking
  const confirmed = counterpart.rules.confirmed(held.policy, request.seen, fieldsOf(answer.headers))
  // It speaks of a response that is not here, so the whole one is asked for.
  if (confirmed === undefined) return take(asking, await send(asking, {}), true)
  const stored: StoredResponse = { ...held, policy: confirmed.record }
  const response = answerFrom(counterpart.rules, stored, request)
  const keep = confirmed.mayKeep ? { stored, freshMs: confirmed.freshMs } : undefined
  return { response, outcome: 'confirmed', keep, isSuperseded: keep === undefined }
}

/** A response with a body of its own: kept if HTTP and the size allow. */
async function take(asking: Asking, response: Response, wasHeld: boolean): Promise<Exchange> {
  const { counterpart, request, line } = asking
  // A failure says nothing of what was there before.
  const isSuperseded = wasHeld && response.status < 500
  const passed = { outcome: 'loaded', keep: undefined, isSuperseded } as const
  const verdict = verdictOn(asking, response)
  if (verdict === undefined) return { ...passed, response: streamOn(response, line) }
  const body = await readBody(response, counterpart.maxBodyBytes)
  if (!('bytes' in body)) return { ...passed, response: streamOn(response, line, body) }
  const stored: StoredResponse = {
    kind: 'response',
    policy: verdict.record,
    statusText: response.statusText,
    body: body.bytes,
    cookies: response.headers.getSetCookie(),
  }
  return {
    response: answerFrom(counterpart.rules, stored, request),
    outcome: 'loaded',
    keep: { stored, freshMs: verdict.freshMs },
    isSuperseded: false,
  }
}

function verdictOn({ counterpart, request }: Asking, response: Response): ReturnType<HttpRules['judge']> {
  // Behind a redirect it is the last answer that is here, and how long the first one holds is not known.
  if (response.redirected) return undefined
  if (!counterpart.keepSetCookie && response.headers.has('set-cookie')) return undefined
  const length = Number(response.headers.get('content-length') ?? 0)
  if (request.method !== 'HEAD' && length > counterpart.maxBodyBytes) return undefined
  return counterpart.rules.judge(
    request.seen,
    { status: response.status, headers: fieldsOf(response.headers) },
    counterpart,
  )
}

/** All but cookies, which are kept apart. */
function fieldsOf(headers: Headers): HeaderFields {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) if (name !== 'set-cookie') fields[name] = value
  return fields
}
