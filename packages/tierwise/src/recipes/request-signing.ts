import { createHash, randomBytes } from 'node:crypto'

import { duration, oneOf, optionError, readOptions, text, type OptionReader } from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import type { Coordination, Register } from '../coordination/index.ts'
import { ConfigError, type Duration } from '../index.ts'
import { functionOf, type ReadBy } from './option-readers.ts'
import { refuse, RefusedError, unlessUnavailable, type Refusal } from './refusal.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'
import { checkSecret, isSameDigest, macOf, type Secret } from './secrets.ts'

/** A secret that a client and the server share. */
export interface SigningKey {
  /** Up to 64 letters, digits, `_`, `-` and `.`; goes with each request. */
  readonly id: string
  /** At least 32 bytes. */
  readonly secret: Secret
}

/** Finds the secret of a key; undefined when there is none. */
export type SigningKeyLookup = (id: string) => Secret | undefined | Promise<Secret | undefined>

/** What `requestSigning` takes. */
export interface RequestSigningOptions {
  /** All that are good: to rotate, add the new one, move the clients, take the old one out. */
  readonly keys: readonly SigningKey[] | SigningKeyLookup
  /** How old a request may be. @default '5m' */
  readonly past?: Duration
  /** How far ahead of this clock that of the client may be. @default '1m' */
  readonly future?: Duration
  /** Of the state: servers that one request could be sent to use the same. @default 'request_signing' */
  readonly name?: string
  /** When the store cannot be asked: `closed` refuses, `local` knows only what came to this process. @default 'closed' */
  readonly failure?: 'closed' | 'local'
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** What is signed of a request. */
export interface SignableRequest {
  readonly method: string
  /** As it is sent: `request.url` of Node, or a whole URL. */
  readonly url: string | URL
  /** The bytes, before anything has parsed them; a text stands for its UTF-8 bytes. @default none */
  readonly body?: Uint8Array | string | undefined
}

export interface SignedRequest extends SignableRequest {
  readonly headers: RequestHeaders
}

/** What a signature is made of. */
export interface SigningMoment {
  /** Epoch seconds. @default now */
  readonly timestamp?: number
  /** 16 to 128 letters, digits, `_` and `-`, never used before. @default 128 random bits */
  readonly nonce?: string
}

export type SignatureRefusal =
  /** A field is missing or there twice, or is not of its form. */
  'malformed' | 'stale' | 'future' | 'unknown-key' | 'wrong-signature' | 'replayed' | 'unavailable'

export type SignatureOutcome =
  | { readonly ok: true; readonly keyId: string; /** Epoch milliseconds. */ readonly signedAt: number }
  | Refusal<SignatureRefusal>

/** Checks requests that `signRequest` has signed. */
export interface RequestSigning {
  /**
   * Whether a request is signed with a good key, is of now, and has not come before. The nonce is used up last, so only by a
   * request that is good in all else.
   *
   * @throws TypeError when the body was parsed already
   * @throws ConfigError ERR_CACHE_OPTION when the look-up finds a secret that is too short
   */
  verify(request: SignedRequest): Promise<SignatureOutcome>
  /** @throws RefusedError with status 401, 409 for a replay, or 503 when the store cannot be asked */
  assertVerified(request: SignedRequest): Promise<{ readonly keyId: string; readonly signedAt: number }>
}

/**
 * Requests that only who has a key can make, and nobody can send twice.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const signing = requestSigning(coordination, { keys: [{ id: 'erp-2026', secret }] })
 * const outcome = await signing.verify({ method: request.method, url: request.url, headers: request.headers, body })
 */
export function requestSigning(coordination: Coordination, options: RequestSigningOptions): RequestSigning {
  return new StoredRequestSigning(coordination, readSigningOptions(options))
}

/**
 * The header fields that sign a request.
 *
 * @throws TypeError for a method, a URL or a nonce that cannot be signed
 * @throws ConfigError ERR_CACHE_OPTION for a key that is none
 * @example
 * const headers = signRequest({ method: 'POST', url, body }, { id: 'erp-2026', secret })
 * await fetch(url, { method: 'POST', body, headers })
 */
export function signRequest(
  request: SignableRequest,
  key: SigningKey,
  { timestamp = Math.floor(wallClock() / 1000), nonce = randomBytes(16).toString('base64url') }: SigningMoment = {},
): Readonly<Record<string, string>> {
  const { id, secret } = checkKey(key, 'key')
  const moment = { timestamp: String(timestamp), nonce }
  const canonical = canonicalRequest(request, moment)
  return {
    'X-Request-Key': id,
    'X-Request-Timestamp': moment.timestamp,
    'X-Request-Nonce': nonce,
    'X-Request-Signature': signatureOf(secret, canonical),
  }
}

/**
 * What is signed: five lines, none of which can have an end of a line in it.
 *
 * 1. the method in upper case
 * 2. path and query as they are sent, the pairs of the query sorted by name; those of one name stay in order
 * 3. the timestamp, epoch seconds
 * 4. the nonce
 * 5. SHA-256 of the body in lower-case hexadecimal digits, also when it is empty
 *
 * @throws TypeError
 */
export function canonicalRequest(
  { method, url, body = '' }: SignableRequest,
  { timestamp, nonce }: { readonly timestamp: string; readonly nonce: string },
): string {
  if (!forms.method.test(method)) throw new TypeError('`method` is not that of a request.')
  if (!forms.timestamp.test(timestamp)) throw new TypeError('`timestamp` must be whole seconds.')
  if (!forms.nonce.test(nonce)) throw new TypeError('`nonce` must be 16 to 128 letters, digits, `_` and `-`.')
  if (typeof body !== 'string' && !(body instanceof Uint8Array))
    throw new TypeError('`body` must be the bytes that were sent; one that was parsed cannot be checked.')
  const target = targetOf(url)
  if (target === undefined) throw new TypeError('`url` must be a path with its query as it is sent, or a whole URL.')
  const digest = createHash('sha256').update(body).digest('hex')
  return [method.toUpperCase(), target, timestamp, nonce, digest].join('\n')
}

const forms = {
  keyId: /^[\w.-]{1,64}$/,
  method: /^[A-Za-z-]{1,32}$/,
  /** Visible ASCII; a fragment is not sent. */
  target: /^\/[!"$-~]*$/,
  timestamp: /^\d{1,12}$/,
  nonce: /^[\w-]{16,128}$/,
  signature: /^v1=[\da-f]{64}$/,
}

/** Path and query with its pairs in order; undefined when they cannot be sent like this. */
function targetOf(url: string | URL): string | undefined {
  const whole = String(url)
  const isWhole = /^https?:\/\//i.test(whole) && URL.canParse(whole)
  const target = isWhole ? partOf(new URL(whole)) : whole
  if (!forms.target.test(target)) return undefined
  const start = target.indexOf('?')
  if (start === -1) return target
  const pairs = target.slice(start + 1).split('&')
  const sorted = pairs.toSorted((one, other) => compare(nameOf(one), nameOf(other)))
  return `${target.slice(0, start)}?${sorted.join('&')}`
}

function partOf({ pathname, search }: URL): string {
  return pathname + search
}

function nameOf(pair: string): string {
  return pair.split('=', 1)[0] ?? ''
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

/** The version of the canonical form, then HMAC-SHA-256. */
function signatureOf(secret: Secret, canonical: string): string {
  return `v1=${macOf(secret, canonical).toString('hex')}`
}

interface Settings {
  readonly find: SigningKeyLookup
  readonly pastMs: number
  readonly futureMs: number
  readonly name: string
  readonly failure: 'closed' | 'local'
  readonly now: () => number
}

const keysOption: OptionReader<SigningKeyLookup> = (raw, path) => {
  if (typeof raw === 'function')
    return async (id) => {
      const secret: unknown = await raw(id)
      return secret === undefined ? undefined : checkSecret(secret, `${path}(id)`, 32)
    }
  if (!Array.isArray(raw) || raw.length === 0)
    throw optionError(path, raw === undefined ? raw : {}, 'a list of at least one `{ id, secret }`, or a function')
  const keys = raw.map((key: SigningKey, index) => checkKey(key, `${path}[${index}]`))
  const secrets = new Map(keys.map(({ id, secret }) => [id, secret]))
  if (secrets.size < keys.length) throw new ConfigError(`\`${path}\` has an id twice.`, { code: 'ERR_CACHE_OPTION' })
  return (id) => secrets.get(id)
}

function checkKey(key: Partial<SigningKey>, path: string): SigningKey {
  const id = text(key.id, `${path}.id`)
  if (!forms.keyId.test(id)) throw optionError(`${path}.id`, id, 'up to 64 letters, digits, `_`, `-` and `.`')
  return { id, secret: checkSecret(key.secret, `${path}.secret`, 32) }
}

const table = {
  keys: keysOption,
  past: duration,
  future: duration,
  name: text,
  failure: oneOf('closed', 'local'),
  now: functionOf<() => number>(),
}

function readSigningOptions(raw: RequestSigningOptions): Settings {
  const options = readOptions<ReadBy<typeof table>>(raw, 'requestSigning', table)
  return {
    find: options.keys ?? keysOption(undefined, 'requestSigning.keys'),
    pastMs: options.past ?? 300_000,
    futureMs: options.future ?? 60_000,
    name: options.name ?? 'request_signing',
    failure: options.failure ?? 'closed',
    now: options.now ?? wallClock,
  }
}

interface Signed {
  readonly keyId: string
  readonly timestamp: string
  readonly nonce: string
  readonly signature: string
}

class StoredRequestSigning implements RequestSigning {
  readonly #settings: Settings
  readonly #nonces: Register<number>
  /** Stands in for a key that is not known, so that its time does not tell. */
  readonly #nobody = randomBytes(32)

  constructor(coordination: Coordination, settings: Settings) {
    const { name, failure, pastMs, futureMs } = settings
    this.#settings = settings
    // Twice as long as a request may be good, for servers whose clocks differ.
    const ttl = 2 * (pastMs + futureMs)
    this.#nonces = coordination.register<number>(`${name}.nonce`, { failure, ttl })
  }

  async verify(request: SignedRequest): Promise<SignatureOutcome> {
    const signed = readSigned(request.headers)
    const { method, url } = request
    if (signed === undefined || !forms.method.test(method) || targetOf(url) === undefined) return refused('malformed')
    const canonical = canonicalRequest(request, signed)
    const signedAt = Number(signed.timestamp) * 1000
    const untimely = this.#whatIsUntimely(signedAt)
    if (untimely !== undefined) return refused(untimely)
    const secret = await this.#settings.find(signed.keyId)
    const isRight = isSameDigest(signatureOf(secret ?? this.#nobody, canonical), signed.signature)
    if (secret === undefined) return refused('unknown-key')
    if (!isRight) return refused('wrong-signature')
    return unlessUnavailable<SignatureOutcome, SignatureOutcome>(
      async () => {
        const isFirst = await this.#nonces.setIfAbsent(`${signed.keyId}:${signed.nonce}`, signedAt)
        return isFirst ? { ok: true, keyId: signed.keyId, signedAt } : refuse('replayed', 409)
      },
      () => refuse('unavailable', 503),
    )
  }

  async assertVerified(request: SignedRequest): Promise<{ readonly keyId: string; readonly signedAt: number }> {
    const outcome = await this.verify(request)
    if (!outcome.ok) throw new RefusedError('The signature was refused.', outcome)
    return outcome
  }

  #whatIsUntimely(signedAt: number): 'stale' | 'future' | undefined {
    const { now, pastMs, futureMs } = this.#settings
    const ageMs = now() - signedAt
    return ageMs > pastMs ? 'stale' : ageMs < -futureMs ? 'future' : undefined
  }
}

function readSigned(headers: RequestHeaders): Signed | undefined {
  const keyId = headerOf(headers, 'x-request-key') ?? ''
  const timestamp = headerOf(headers, 'x-request-timestamp') ?? ''
  const nonce = headerOf(headers, 'x-request-nonce') ?? ''
  const signature = headerOf(headers, 'x-request-signature') ?? ''
  const isFormed =
    forms.keyId.test(keyId) &&
    forms.timestamp.test(timestamp) &&
    forms.nonce.test(nonce) &&
    forms.signature.test(signature)
  return isFormed ? { keyId, timestamp, nonce, signature } : undefined
}

function refused(reason: Exclude<SignatureRefusal, 'replayed' | 'unavailable'>): Refusal<SignatureRefusal> {
  return refuse(reason, 401, { 'WWW-Authenticate': 'Signature' })
}
