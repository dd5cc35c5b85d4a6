import { LoaderError } from '../index.ts'
import type { Cache, LoaderContext, LoadOptions } from '../index.ts'
import { exchange } from './partner-responses/exchange.ts'
import type { Counterpart } from './partner-responses/exchange.ts'
import { loadHttpRules, matchesVary, varyNames } from './partner-responses/http-policy.ts'
import type { HttpRules } from './partner-responses/http-policy.ts'
import { identityOf, resolvePolicy } from './partner-responses/partner-policy.ts'
import type { PartnerPolicy, ResolvedPolicy } from './partner-responses/partner-policy.ts'
import { describeRequest, kindOf, partnerTag, urlOf, urlTag, variantKey } from './partner-responses/partner-request.ts'
import type { Fetch, FetchInput, Identity, PartnerRequest } from './partner-responses/partner-request.ts'
import { answerFrom, notKept, storedResponse } from './partner-responses/stored-response.ts'
import type { StoredResponse } from './partner-responses/stored-response.ts'

export type { PartnerPolicy } from './partner-responses/partner-policy.ts'
export type { Fetch, FetchInput } from './partner-responses/partner-request.ts'

/** What `partnerResponses` takes: a policy for all partners, and what differs for some. */
export interface PartnerResponsesOptions extends PartnerPolicy {
  /** Asks the partners. @default the global `fetch` */
  readonly fetch?: Fetch
  /** Policies by partner, each laid on that of all. @default none */
  readonly partners?: Readonly<Record<string, PartnerPolicy>>
  /**
   * Makes digests of credentials and URLs in keys with this key, so that nobody who reads a store can try whether a guess
   * is right. The same for all instances that share a tier. @default none: plain SHA-256
   */
  readonly secret?: string
  /** Epoch milliseconds; for tests. @default the time of the system */
  readonly now?: () => number
}

/** How partners were answered for, since the recipe was made. */
export interface PartnerResponsesStats {
  /** Answered with what was kept and fresh. */
  readonly hits: number
  /** Answered with what was kept while the partner was asked again, or because it failed. */
  readonly staleHits: number
  /** Answered with what was kept after the partner had confirmed it (304). */
  readonly confirmed: number
  /** Answered by the partner. */
  readonly misses: number
  /** Calls that the cache had no part in: unsafe methods, parts, conditions of the caller. */
  readonly around: number
}

/** Responses of partners, each partner for itself. */
export interface PartnerResponses {
  /**
   * A `fetch` for one partner: what it keeps is seen by nobody else, whatever the URL.
   *
   * @throws ConfigError ERR_CACHE_OPTION when the name is not made of 1 to 64 letters, digits, `_`, `-` and `.`; the first
   *   call of what it gives, ERR_CACHE_PEER_MISSING without http-cache-semantics
   */
  forPartner(partner: string): Fetch
  /** Forgets all responses of a partner. O(1). */
  invalidatePartner(partner: string): Promise<void>
  /** Forgets what a partner answered for a URL, for whichever credentials. O(1). @throws TypeError for what is not a URL */
  invalidateUrl(partner: string, url: FetchInput): Promise<void>
  stats(): PartnerResponsesStats
}

/**
 * Keeps responses of partners' APIs as HTTP allows a shared cache to (RFC 9111, RFC 5861). Works in any namespace without
 * `raw`.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const responses = partnerResponses(manager.namespace('partner_responses'), { fetch })
 * const fetchFromAcme = responses.forPartner('acme')
 * const response = await fetchFromAcme('https://api.acme.example/prices')
 */
export function partnerResponses(cache: Cache, options: PartnerResponsesOptions = {}): PartnerResponses {
  return new ResponseCache(cache, options)
}

type Counter = keyof PartnerResponsesStats

/** What asking one key came to: an answer, or what lies there and is no answer to this request. */
type Asked = { readonly response: Response } | { readonly held: StoredResponse | undefined }

class ResponseCache implements PartnerResponses {
  readonly #cache: Cache
  readonly #options: PartnerResponsesOptions
  readonly #policies: ReadonlyMap<string, ResolvedPolicy>
  readonly #policyOfAll: ResolvedPolicy
  readonly #stats: Record<Counter, number> = { hits: 0, staleHits: 0, confirmed: 0, misses: 0, around: 0 }
  readonly #confirming = new Set<string>()
  #rules: Promise<HttpRules> | undefined

  constructor(cache: Cache, options: PartnerResponsesOptions) {
    const { fetch: _fetch, partners = {}, secret: _secret, now: _now, ...all } = options
    this.#cache = cache
    this.#options = options
    this.#policyOfAll = resolvePolicy('options', all)
    this.#policies = new Map(
      Object.entries(partners).map(([name, own]) => [name, resolvePolicy(`partners.${name}`, { ...all, ...own })]),
    )
  }

  forPartner(partner: string): Fetch {
    const policy = this.#policies.get(partner) ?? this.#policyOfAll
    const identity = identityOf(partner, policy, this.#options.secret)
    const ask = this.#options.fetch ?? globalThis.fetch
    const line: PartnerLine = { identity, policy, ask }
    return async (input, init) => {
      const kind = kindOf(input, init)
      if (kind === 'cached') return this.#answer(line, describeRequest(identity, input, init))
      this.#stats.around++
      return kind === 'unsafe' ? this.#change(line, input, init) : ask(input, init)
    }
  }

  async invalidatePartner(partner: string): Promise<void> {
    identityOf(partner, this.#policyOfAll, undefined)
    await this.#cache.invalidateTags([partnerTag(partner)])
  }

  async invalidateUrl(partner: string, url: FetchInput): Promise<void> {
    const identity = identityOf(partner, this.#policyOfAll, this.#options.secret)
    await this.#cache.invalidateTags([urlTag(identity, urlOf(url))])
  }

  stats(): PartnerResponsesStats {
    return { ...this.#stats }
  }

  /** The first variant of a response lies under the key of its request, the others under keys of what they vary by. */
  async #answer(line: PartnerLine, request: PartnerRequest): Promise<Response> {
    const visit = await this.#visit(line, request)
    const first = await this.#ask(visit, request.key)
    if ('response' in first) return first.response
    const { held } = first
    if (held === undefined || matchesVary(held.policy, request.seen)) return this.#load(visit, request.key, held)
    const key = variantKey(request, varyNames(held.policy.resh))
    const second = await this.#ask(visit, key)
    return 'response' in second ? second.response : this.#load(visit, key, second.held)
  }

  async #visit({ identity, policy, ask }: PartnerLine, request: PartnerRequest): Promise<Visit> {
    this.#rules ??= loadHttpRules(this.#options.now)
    const rules = await this.#rules
    const options: LoadOptions = {
      grace: policy.keepStale,
      tags: [partnerTag(identity.partner), request.urlTag],
      // HTTP says when a response is fresh and when a stale one may stand in; options of the namespace shall not.
      softTimeout: false,
      refreshAhead: false,
      earlyRefresh: false,
      negativeTtl: false,
    }
    return { rules, request, options, counterpart: { ...policy, fetch: ask, rules } }
  }

  /** Looks for an answer under a key. Callers that find none together ask the partner once, and share what may be kept. */
  async #ask(visit: Visit, key: string): Promise<Asked> {
    const { rules, request, options } = visit
    const own: OwnAnswer = {}
    const value = await this.#fetchThrough(visit, { key, own, options }, async (context) => {
      const previous = storedResponse(context.previous?.value)
      if (previous === undefined) return this.#askPartner(visit, { key, own, context, held: undefined })
      const isOther = !matchesVary(previous.policy, request.seen)
      const mayServe = !isOther && rules.reuse(previous.policy, request.seen) === 'while-revalidating'
      if (!isOther && !mayServe) return this.#askPartner(visit, { key, own, context, held: previous })
      if (mayServe) {
        own.response = this.#count('staleHits', answerFrom(rules, previous, request))
        this.#confirmLater(visit, key, previous)
      }
      context.skip()
      return previous
    })
    if (own.response !== undefined) return { response: own.response }
    const held = storedResponse(value)
    if (held === undefined) return { held }
    const reuse = rules.reuse(held.policy, request.seen)
    if (reuse === 'no') return { held }
    if (reuse === 'while-revalidating') this.#confirmLater(visit, key, held)
    const counter = reuse === 'fresh' ? 'hits' : 'staleHits'
    return { response: this.#count(counter, answerFrom(rules, held, request)) }
  }

  /** Asks the partner for this caller alone. */
  async #load(visit: Visit, key: string, held: StoredResponse | undefined): Promise<Response> {
    const own: OwnAnswer = {}
    const options = { ...visit.options, forceFresh: true }
    const load = (context: LoaderContext<unknown>): Promise<unknown> =>
      this.#askPartner(visit, { key, own, context, held })
    await this.#fetchThrough(visit, { key, own, options }, load)
    return own.response!
  }

  /** `getOrSet`, as its callers know `fetch`: with its errors, and with the caller's signal. */
  async #fetchThrough(
    { request }: Visit,
    { key, own, options }: { key: string; own: OwnAnswer; options: LoadOptions },
    load: (context: LoaderContext<unknown>) => Promise<unknown>,
  ): Promise<unknown> {
    const { signal } = request
    const observed = async (context: LoaderContext<unknown>): Promise<unknown> => {
      try {
        return await load(context)
      } catch (error) {
        own.failure = { error }
        throw error
      }
    }
    try {
      signal?.throwIfAborted()
      const value = await this.#cache.getOrSet(key, observed, signal === undefined ? options : { ...options, signal })
      // The cache would have a stale response stand in, which HTTP does not allow: `exchange` would have answered with it.
      if (own.response === undefined && own.failure !== undefined) throw own.failure.error
      return value
    } catch (error) {
      signal?.throwIfAborted()
      // What the partner answered is good, whatever became of keeping it.
      if (own.response !== undefined) return undefined
      throw error instanceof LoaderError && error.cause !== undefined ? error.cause : error
    }
  }

  async #askPartner(visit: Visit, { key, own, context, held }: Question): Promise<unknown> {
    const { counterpart, request } = visit
    const isMatch = held !== undefined && matchesVary(held.policy, request.seen)
    const from = { held: isMatch ? held : undefined, flight: context.signal }
    const { response, outcome, keep, isSuperseded } = await exchange(counterpart, request, from)
    // Nobody is there any more, or the cache had this asked twice because it was invalidated meanwhile.
    const unread = request.signal?.aborted === true ? response : own.response
    await unread?.body?.cancel()
    own.response = this.#count(counters[outcome], response)
    if (keep !== undefined) {
      context.setTtl(Math.max(1, keep.freshMs))
      return keep.stored
    }
    context.skip()
    if (isSuperseded) await this.#cache.delete(key)
    return outcome === 'stood-in' && held !== undefined ? held : notKept
  }

  /** Once for all who are answered meanwhile. A partner that fails is asked again by the next of them. */
  #confirmLater(visit: Visit, key: string, held: StoredResponse): void {
    if (this.#confirming.has(key)) return
    this.#confirming.add(key)
    const alone: Visit = { ...visit, request: { ...visit.request, signal: undefined } }
    void this.#load(alone, key, held)
      .then((response) => response.body?.cancel())
      .catch(() => undefined)
      .finally(() => this.#confirming.delete(key))
  }

  /** What may have been changed is forgotten: the URL itself, and what the response names beside it (RFC 9111, 4.4). */
  async #change({ identity, ask }: PartnerLine, input: FetchInput, init: RequestInit | undefined): Promise<Response> {
    const url = urlOf(input)
    let response: Response | undefined
    try {
      response = await ask(input, init)
      return response
    } finally {
      // Without an answer nobody knows what the partner did.
      const urls = response === undefined ? [url] : response.status < 400 ? [url, ...namedUrls(url, response)] : []
      if (urls.length > 0) await this.#cache.invalidateTags([...new Set(urls)].map((each) => urlTag(identity, each)))
    }
  }

  #count(counter: Counter, response: Response): Response {
    this.#stats[counter]++
    return response
  }
}

const counters = { loaded: 'misses', confirmed: 'confirmed', 'stood-in': 'staleHits' } as const

/** What one partner is asked with. */
interface PartnerLine {
  readonly identity: Identity
  readonly policy: ResolvedPolicy
  readonly ask: Fetch
}

interface Visit {
  readonly rules: HttpRules
  readonly request: PartnerRequest
  readonly options: LoadOptions
  readonly counterpart: Counterpart
}

/** The response that a caller's own question to the partner brought. */
interface OwnAnswer {
  response?: Response
  failure?: { readonly error: unknown }
}

interface Question {
  readonly key: string
  readonly own: OwnAnswer
  readonly context: LoaderContext<unknown>
  readonly held: StoredResponse | undefined
}

/** Of the same origin only: a partner has no say about others. */
function namedUrls(url: string, { headers }: Response): string[] {
  return ['location', 'content-location'].flatMap((name) => {
    const value = headers.get(name)
    if (value === null || !URL.canParse(value, url)) return []
    const named = new URL(value, url)
    return named.origin === new URL(url).origin ? [urlOf(named)] : []
  })
}
