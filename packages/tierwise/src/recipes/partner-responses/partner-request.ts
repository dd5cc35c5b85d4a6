import { createHash, createHmac } from 'node:crypto'

import { normalized } from './http-policy.ts'
import type { PolicyRequest } from './http-policy.ts'

/** How `fetch` is called. */
export type FetchInput = string | URL | Request

/** The function that asks a partner. */
export type Fetch = (input: FetchInput, init?: RequestInit) => Promise<Response>

/** Who asks, and with which credentials. */
export interface Identity {
  readonly partner: string
  readonly credential: string | undefined
  /** Whether a header tells who asks, by its name in lower case. */
  isCredential(header: string): boolean
  readonly secret: string | undefined
}

/** A request as the cache sees it. Credentials are in no part of it but `sent`. */
export interface PartnerRequest {
  readonly method: string
  readonly url: string
  /** The headers as they are sent. */
  readonly sent: Headers
  /** The request as the rules of HTTP see it, with digests in the place of credentials. */
  readonly seen: PolicyRequest
  readonly signal: AbortSignal | undefined
  /** The rest of what the caller said. */
  readonly init: RequestInit | undefined
  /** Where the first response to be kept is. */
  readonly key: string
  /** Of all that is kept for the URL, for whichever credentials and variants. */
  readonly urlTag: string
}

/** What becomes of a call. `around`: it neither reads nor changes what is kept. */
export type CallKind = 'cached' | 'around' | 'unsafe'

/** Headers with which a caller deals with freshness, or with parts, itself. */
const ownConditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range']
const safeMethods = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
const keptMethods = ['GET', 'HEAD']
/** Those that do not ask for another cache than this one. */
const plainModes = ['default', 'reload', 'no-cache']

/** What a call says in its options, else in its request, else not at all. */
interface Call {
  readonly method: string
  readonly cache: string
  readonly redirect: string
  readonly integrity: string
  readonly signal: AbortSignal | undefined
}

export function kindOf(input: FetchInput, init: RequestInit | undefined): CallKind {
  const { method, cache, redirect, integrity } = callOf(input, init)
  if (!safeMethods.includes(method)) return 'unsafe'
  if (!keptMethods.includes(method) || !plainModes.includes(cache)) return 'around'
  // What is kept was fetched by following redirects, and not checked against a digest.
  if (redirect !== 'follow' || integrity !== '') return 'around'
  const headers = headersOf(input, init)
  return ownConditions.some((name) => headers.has(name)) ? 'around' : 'cached'
}

/** @throws TypeError for what is not a URL */
export function describeRequest(identity: Identity, input: FetchInput, init: RequestInit | undefined): PartnerRequest {
  const { method, cache, signal } = callOf(input, init)
  const url = urlOf(input)
  const sent = headersOf(input, init)
  const { seen, credentials } = hideCredentials(identity, sent)
  if (cache !== 'default') seen['cache-control'] = 'no-cache'
  const who = [identity.partner, identity.credential ?? null, credentials]
  return {
    method,
    url,
    sent,
    seen: { method, headers: normalized(seen) },
    signal,
    init,
    key: `${identity.partner}:${digest(identity, [method, url, who])}`,
    urlTag: urlTag(identity, url),
  }
}

function hideCredentials(
  identity: Identity,
  sent: Headers,
): { readonly seen: Record<string, string>; readonly credentials: readonly (readonly string[])[] } {
  const seen: Record<string, string> = {}
  const credentials: (readonly string[])[] = []
  for (const [name, value] of sent) {
    const isCredential = identity.isCredential(name)
    seen[name] = isCredential ? digest(identity, [name, value]) : value
    if (isCredential) credentials.push([name, value])
  }
  return { seen, credentials }
}

function callOf(input: FetchInput, init: RequestInit | undefined): Call {
  const said: Partial<Record<keyof Call, unknown>> = { ...fieldsOf(requestOf(input)), ...fieldsOf(init) }
  const { method = 'GET', cache = 'default', redirect = 'follow', integrity = '', signal } = said
  return {
    method: String(method).toUpperCase(),
    cache: String(cache),
    redirect: String(redirect),
    integrity: String(integrity),
    signal: signal as AbortSignal | undefined,
  }
}

/** The fields that are there; those of a request are getters. */
function fieldsOf(source: object | undefined): Partial<Record<keyof Call, unknown>> {
  const fields: Partial<Record<keyof Call, unknown>> = {}
  for (const name of ['method', 'cache', 'redirect', 'integrity', 'signal'] as const) {
    const value: unknown = (source as Partial<Record<keyof Call, unknown>> | undefined)?.[name]
    if (value !== undefined && value !== null) fields[name] = value
  }
  return fields
}

/** Where the response is kept for the values of the headers that choose it. */
export function variantKey({ key, seen }: PartnerRequest, names: readonly string[]): string {
  const chosen = names.map((name) => [name, seen.headers[name] ?? null])
  return `${key}:${createHash('sha256').update(JSON.stringify(chosen)).digest('hex')}`
}

export function partnerTag(partner: string): string {
  return `partner:${partner}`
}

/** A URL may have secrets in it, so keys and tags have digests. */
export function urlTag(identity: Identity, url: string): string {
  return `url:${digest(identity, [identity.partner, url])}`
}

/** The URL as it is asked for: without its fragment. @throws TypeError */
export function urlOf(input: FetchInput): string {
  const request = requestOf(input)
  const url = new URL(request === undefined ? (input as string | URL) : request.url)
  url.hash = ''
  return url.href
}

function headersOf(input: FetchInput, init: RequestInit | undefined): Headers {
  return new Headers(init?.headers ?? requestOf(input)?.headers)
}

/** Any class of requests will do, not only that of Node. */
function requestOf(input: FetchInput): Request | undefined {
  return typeof input === 'object' && 'url' in input ? input : undefined
}

function digest({ secret }: Identity, parts: readonly unknown[]): string {
  const hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret)
  hash.update(JSON.stringify(parts))
  return hash.digest('hex')
}
