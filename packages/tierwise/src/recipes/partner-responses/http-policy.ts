import { ConfigError } from '../../index.ts'

/** Names in lower case. A header that was sent more than once is one, joined by commas. */
export type HeaderFields = Readonly<Record<string, string>>

export interface PolicyRequest {
  readonly method: string
  readonly headers: HeaderFields
}

interface PolicyResponse {
  readonly status: number
  readonly headers: HeaderFields
}

/** What http-cache-semantics keeps of a request and its response; plain data. */
export interface PolicyRecord {
  /** No Authorization in the request. */
  readonly a: boolean
  /** Response headers. */
  readonly resh: HeaderFields
  /** Directives of the response, as the package has read them. */
  readonly rescc: Readonly<Record<string, unknown>>
  /** Directives of the request, as the package has read them. */
  readonly reqcc: Readonly<Record<string, unknown>>
  /** Request headers, where the response varies. */
  readonly reqh: HeaderFields | null
  readonly st: number
}

interface Policy {
  storable(): boolean
  stale(): boolean
  maxAge(): number
  age(): number
  timeToLive(): number
  responseHeaders(): HeaderFields
  evaluateRequest(request: PolicyRequest): {
    readonly response: unknown
    readonly revalidation: { readonly synchronous: boolean } | undefined
  }
  revalidationHeaders(request: PolicyRequest): HeaderFields
  revalidatedPolicy(
    request: PolicyRequest,
    response: PolicyResponse | undefined,
  ): { readonly policy: Policy; readonly modified: boolean; readonly matches: boolean }
  toObject(): PolicyRecord
  now(): number
}

interface PolicyClass {
  new (request: PolicyRequest, response: PolicyResponse, options: object): Policy
  fromObject(record: PolicyRecord): Policy
}

export type PolicyModule = { readonly default: unknown }

export interface PolicyRules {
  /** See `PartnerPolicy`. */
  readonly shared: boolean
  readonly heuristic: number
}

/** Whether what is kept may answer. `while-revalidating`: at once, and somebody asks the partner meanwhile. */
export type Reuse = 'fresh' | 'while-revalidating' | 'no'

/** What HTTP says of a response that may be kept. */
export interface Verdict {
  readonly record: PolicyRecord
  /** How long it is fresh; 0 when it has to be confirmed each time. */
  readonly freshMs: number
}

export interface Confirmation extends Verdict {
  /** False when the partner has changed its mind. */
  readonly mayKeep: boolean
}

/** @throws ConfigError ERR_CACHE_PEER_MISSING */
export async function loadHttpRules(
  now: (() => number) | undefined,
  load: () => Promise<PolicyModule> = () => import('http-cache-semantics'),
): Promise<HttpRules> {
  try {
    const Policy = (await load()).default as PolicyClass
    return new HttpRules(now === undefined ? Policy : timed(Policy, now))
  } catch (cause) {
    throw new ConfigError(
      'Caching responses of partners needs the package http-cache-semantics, which is not installed or cannot be loaded. Install it: npm install http-cache-semantics',
      { code: 'ERR_CACHE_PEER_MISSING', cause },
    )
  }
}

function timed(Policy: PolicyClass, now: () => number): PolicyClass {
  return class extends Policy {
    override now(): number {
      return now()
    }
  }
}

/**
 * RFC 9111 as http-cache-semantics reads it. Where the package is laxer than the RFC, or stricter in a way that would make
 * a cache useless, its own reading of the directives is used to correct it; no header of freshness is parsed here.
 */
export class HttpRules {
  readonly #Policy: PolicyClass

  constructor(Policy: PolicyClass) {
    this.#Policy = Policy
  }

  /** Undefined for what may not be kept, or is of no use kept: neither fresh for a while nor confirmable. */
  judge(request: PolicyRequest, response: PolicyResponse, rules: PolicyRules): Verdict | undefined {
    const headers = normalized(response.headers)
    if (varyNames(headers).includes('*')) return undefined
    const policy = new this.#Policy(
      request,
      { status: response.status, headers },
      { shared: rules.shared, cacheHeuristic: rules.heuristic },
    )
    if (!policy.storable()) return undefined
    const isConfirmable = headers['etag'] !== undefined || headers['last-modified'] !== undefined
    if (!isConfirmable && policy.timeToLive() === 0) return undefined
    return verdictOf(policy)
  }

  reuse(record: PolicyRecord, request: PolicyRequest): Reuse {
    // The package lets requests that accept stale responses, and stale-while-revalidate, pass by `no-cache`.
    if (isTold(record, 'no-cache')) return 'no'
    const { response, revalidation } = this.#whileFresh(record).evaluateRequest(request)
    if (response === undefined) return 'no'
    if (revalidation === undefined) return 'fresh'
    return revalidation.synchronous ? 'no' : 'while-revalidating'
  }

  /** Whether what is kept may stand in for a partner that fails. */
  mayStandIn(record: PolicyRecord, request: PolicyRequest): boolean {
    // The package lets stale-if-error pass by these.
    if (isTold(record, 'no-cache') || isTold(record, 'must-revalidate') || isTold(record, 'proxy-revalidate'))
      return false
    // Nor may what the caller wants confirmed be answered otherwise.
    if (this.#asksForConfirmation(request)) return false
    const failed = { status: 503, headers: {} }
    return !this.#Policy.fromObject(record).revalidatedPolicy(request, failed).modified
  }

  /** The headers that ask whether what is kept is still current. */
  conditions(record: PolicyRecord, request: PolicyRequest): HeaderFields {
    const asked = this.#Policy.fromObject(record).revalidationHeaders(request)
    const conditions: Record<string, string> = {}
    for (const name of ['if-none-match', 'if-modified-since']) if (asked[name]) conditions[name] = asked[name]
    return conditions
  }

  /** What a 304 makes of what is kept; undefined when it speaks of another response. */
  confirmed(record: PolicyRecord, request: PolicyRequest, headers: HeaderFields): Confirmation | undefined {
    const { policy, matches } = this.#Policy.fromObject(record).revalidatedPolicy(request, {
      status: 304,
      headers: normalized(headers),
    })
    return matches ? { ...verdictOf(policy), mayKeep: policy.storable() } : undefined
  }

  /** The headers of an answer from what is kept: with its age, and without those of the connection it came by. */
  headersOf(record: PolicyRecord): HeaderFields {
    return this.#Policy.fromObject(record).responseHeaders()
  }

  #asksForConfirmation(request: PolicyRequest): boolean {
    const { reqcc } = new this.#Policy(request, { status: 200, headers: {} }, {}).toObject()
    return reqcc['no-cache'] !== undefined || (request.headers['pragma'] ?? '').includes('no-cache')
  }

  /**
   * `must-revalidate` binds what is stale (RFC 9111, 5.2.2.2); the package would have fresh responses confirmed as well.
   * That the response may be kept was found out before, and may rest on this directive.
   */
  #whileFresh(record: PolicyRecord): Policy {
    const policy = this.#Policy.fromObject(record)
    if (!isTold(record, 'must-revalidate') || policy.stale()) return policy
    const { 'must-revalidate': _, ...rescc } = record.rescc
    return this.#Policy.fromObject({ ...record, rescc, a: true })
  }
}

/** Whether the request is for the response that is kept, as far as that one varies. */
export function matchesVary({ resh, reqh }: PolicyRecord, { headers }: PolicyRequest): boolean {
  return varyNames(resh).every((name) => headers[name] === reqh?.[name])
}

/** The names of request headers that choose among responses: in lower case, sorted, each once. */
export function varyNames(headers: HeaderFields): readonly string[] {
  const names = (headers['vary'] ?? '').toLowerCase().split(',')
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort()
}

function verdictOf(policy: Policy): Verdict {
  const { reqh, ...record } = policy.toObject()
  const names = varyNames(record.resh)
  // Headers that choose nothing are nobody's business later on.
  const chosen = names.filter((name) => reqh?.[name] !== undefined).map((name) => [name, reqh![name]!] as const)
  const freshMs = Math.max(0, Math.floor((policy.maxAge() - policy.age()) * 1000))
  return { record: { ...record, reqh: names.length === 0 ? null : Object.fromEntries(chosen) }, freshMs }
}

/** Names of directives have no case; the package knows them in lower case only. */
export function normalized(headers: HeaderFields): HeaderFields {
  const directives = headers['cache-control']
  return directives === undefined ? headers : { ...headers, 'cache-control': directives.toLowerCase() }
}

function isTold({ rescc }: PolicyRecord, directive: string): boolean {
  return rescc[directive] !== undefined
}
