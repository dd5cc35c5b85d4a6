import { isNamePart } from '../base/key.ts'
import {
  duration,
  numberIn,
  oneOf,
  optionError,
  readOptions,
  size,
  text,
  type OptionReader,
} from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import { rateLimitHeaders } from '../coordination/index.ts'
import type { Claim, Claims, Coordination, CoordinationFailure, RateLimiter } from '../coordination/index.ts'
import { ConfigError, type Duration, type Size } from '../index.ts'
import { AddressList } from './address-list.ts'
import { functionOf, type ReadBy } from './option-readers.ts'
import { readRawBody, type RawBody } from './raw-body.ts'
import { refuse, unlessUnavailable, type Refusal } from './refusal.ts'
import { headerOf, type RequestHeaders } from './request-headers.ts'
import { digestOf, type Secret } from './secrets.ts'
import { contentDigest, isSignedBy, readDelivery, webhookSecret } from './webhook-signature.ts'
import type { SignedDelivery, WebhookFormat } from './webhook-signature.ts'

/** How many deliveries. */
export interface WebhookLimit {
  readonly limit: number
  readonly period: Duration
}

/** Who delivers. */
export interface WebhookPartner {
  /** All that are good, at least 24 bytes each: to rotate, add the new one, and take the old one out when the partner has moved. */
  readonly secrets: readonly Secret[]
  /** What the partner signs, and how. @default 'standard' */
  readonly format?: WebhookFormat
  /** The field of the signature, with `stripe`. @default 'stripe-signature' */
  readonly signatureHeader?: string
  /** Addresses and CIDR blocks, IPv4 and IPv6, that it delivers from. @default from anywhere */
  readonly allowedIps?: readonly string[]
  /** How much it may send. @default that of the webhooks */
  readonly limit?: WebhookLimit
  /** With `stripe`, what names a delivery: found in the body, because nothing else is signed. @default `id` of a JSON body, else its digest */
  readonly deliveryId?: (body: Buffer) => string | undefined
}

/** What `webhooks` takes. */
export interface WebhooksOptions {
  /** By their names, which are letters, digits, `_`, `-` and `.`. */
  readonly partners:
    | Readonly<Record<string, WebhookPartner>>
    | ((name: string) => WebhookPartner | undefined | Promise<WebhookPartner | undefined>)
  /** How old a delivery may be. @default '5m' */
  readonly past?: Duration
  /** How far ahead of this clock that of the partner may be. @default '1m' */
  readonly future?: Duration
  /** Of a body. @default '1mb' */
  readonly maxBytes?: Size
  /** Of each partner, in any stretch of a period; only what is signed counts. @default 100 in a minute */
  readonly limit?: WebhookLimit
  /**
   * When the store cannot be asked, this process's part of the limits: one divided by the number of processes. Without it such a
   * delivery is refused. @default none
   */
  readonly share?: number
  /** How long a handler may take; after it the delivery is free again. @default '1m' */
  readonly lease?: Duration
  /** How long it is known that a delivery was handled. Longer than partners go on trying. @default '7d' */
  readonly keep?: Duration
  /**
   * When the store cannot be asked whether a delivery was handled: `closed` refuses it, so that the partner tries again; `local`
   * knows what this process has handled, `open` nothing. @default 'closed'
   */
  readonly failure?: CoordinationFailure
  /** Of the state. @default 'webhook_security' */
  readonly name?: string
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

export interface WebhookRequest {
  readonly headers: RequestHeaders
  /** The bytes, or the request of Node or the stream of the web that has them; nothing may have read it before. */
  readonly body: RawBody
  /** Where it comes from; needed for partners with `allowedIps`. */
  readonly ip?: string | undefined
}

/** A delivery that is signed by its partner and was not handled before. */
export interface WebhookDelivery {
  readonly partner: string
  readonly id: string
  /** Epoch milliseconds. */
  readonly sentAt: number
  readonly body: Buffer
}

export type WebhookRefusal =
  | 'unknown-partner'
  | 'address'
  | 'malformed'
  | 'stale'
  | 'future'
  | 'too-large'
  | 'wrong-signature'
  | 'limited'
  /** It was handled before. Answered with 200, for a partner that did not hear so would send it again and again. */
  | 'duplicate'
  /** Somebody is at it. */
  | 'busy'
  | 'unavailable'

export type WebhookOutcome<T> =
  | {
      readonly ok: true
      readonly delivery: WebhookDelivery
      /** What the handler answered. */
      readonly result: T
      /** False when the store could not be told that it was handled: it may be handled again. */
      readonly recorded: boolean
    }
  | Refusal<WebhookRefusal>

/** Takes in what partners deliver. */
export interface Webhooks {
  /**
   * Checks a delivery and hands it on, once. What the handler throws is thrown, and the delivery may come again.
   *
   * @throws TypeError when the body was parsed already
   * @throws ConfigError ERR_CACHE_OPTION for a partner that the look-up found and whose options are wrong
   */
  receive<T>(
    partner: string,
    request: WebhookRequest,
    handle: (delivery: WebhookDelivery) => T | Promise<T>,
  ): Promise<WebhookOutcome<T>>
}

/**
 * Deliveries of partners: signed, of now, of a bounded size and number, each handled once.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } } })
 * const outcome = await hooks.receive('acme', { headers: request.headers, body: request }, handle)
 * response.writeHead(outcome.ok ? 204 : outcome.status, outcome.ok ? {} : outcome.headers).end()
 */
export function webhooks(coordination: Coordination, options: WebhooksOptions): Webhooks {
  return new StoredWebhooks(coordination, readWebhooksOptions(options))
}

/** A partner with every option read. */
interface Partner {
  readonly name: string
  readonly format: WebhookFormat
  readonly secrets: readonly Secret[]
  readonly signatureHeader: string | undefined
  readonly allowed: AddressList | undefined
  readonly limit: WebhookLimit | undefined
  readonly deliveryId: (body: Buffer) => string | undefined
}

interface Settings {
  readonly find: (name: string) => Promise<Partner | undefined>
  readonly pastMs: number
  readonly futureMs: number
  readonly maxBytes: number
  readonly limit: WebhookLimit
  readonly share: number | undefined
  readonly leaseMs: number
  readonly keepMs: number
  readonly failure: CoordinationFailure
  readonly name: string
  readonly now: () => number
}

// Its parts are checked by the limiter that is made of it.
const limitOption: OptionReader<WebhookLimit> = (raw) => raw as WebhookLimit
const listOption: OptionReader<readonly unknown[]> = (raw, path) => {
  if (!Array.isArray(raw) || raw.length === 0)
    throw optionError(path, raw === undefined ? raw : {}, 'a list that is not empty')
  return raw
}

const partnerTable = {
  secrets: listOption,
  format: oneOf('standard', 'stripe'),
  signatureHeader: text,
  allowedIps: listOption,
  limit: limitOption,
  deliveryId: functionOf<(body: Buffer) => string | undefined>(),
}

function readPartner(name: string, raw: WebhookPartner, path: string): Partner {
  const options = readOptions<ReadBy<typeof partnerTable>>(raw, path, partnerTable)
  const { format = 'standard', allowedIps } = options
  const secrets = options.secrets ?? listOption(undefined, `${path}.secrets`)
  return {
    name,
    format,
    secrets: secrets.map((secret, index) => webhookSecret(secret, format, `${path}.secrets[${index}]`)),
    signatureHeader: options.signatureHeader?.toLowerCase(),
    allowed: allowedIps && new AddressList(allowedIps as readonly string[], `${path}.allowedIps`),
    limit: options.limit,
    deliveryId: options.deliveryId ?? idOfJson,
  }
}

const partnersOption: OptionReader<Settings['find']> = (raw, path) => {
  if (typeof raw === 'function')
    return async (name) => {
      const found: WebhookPartner | undefined = isNamePart(name) ? await raw(name) : undefined
      return found && readPartner(name, found, `${path}(name)`)
    }
  if (typeof raw !== 'object' || raw === null) throw optionError(path, raw, 'a record of partners, or a function')
  const read = Object.entries(raw).map(([name, partner]: [string, WebhookPartner]) => {
    if (!isNamePart(name)) throw optionError(path, name, 'named by letters, digits, `_`, `-` and `.`')
    return [name, readPartner(name, partner, `${path}.${name}`)] as const
  })
  const partners = new Map(read)
  return async (name) => partners.get(name)
}

const table = {
  partners: partnersOption,
  past: duration,
  future: duration,
  maxBytes: size,
  limit: limitOption,
  share: numberIn({ min: 0, max: 1 }),
  lease: duration,
  keep: duration,
  failure: oneOf('closed', 'open', 'local'),
  name: text,
  now: functionOf<() => number>(),
}

function readWebhooksOptions(raw: WebhooksOptions): Settings {
  const options = readOptions<ReadBy<typeof table>>(raw, 'webhooks', table)
  const { past: pastMs = 300_000, future: futureMs = 60_000, keep: keepMs = 7 * 86_400_000 } = options
  if (keepMs < 2 * (pastMs + futureMs))
    throw new ConfigError('`webhooks.keep` must be at least twice as long as `past` and `future` together.', {
      code: 'ERR_CACHE_OPTION',
    })
  return {
    find: options.partners ?? partnersOption(undefined, 'webhooks.partners'),
    pastMs,
    futureMs,
    maxBytes: options.maxBytes ?? 1024 ** 2,
    limit: options.limit ?? { limit: 100, period: '1m' },
    share: options.share,
    leaseMs: options.lease ?? 60_000,
    keepMs,
    failure: options.failure ?? 'closed',
    name: options.name ?? 'webhook_security',
    now: options.now ?? wallClock,
  }
}

class StoredWebhooks implements Webhooks {
  readonly #settings: Settings
  readonly #claims: Claims
  readonly #limiterOf: (limit: WebhookLimit | undefined) => RateLimiter

  constructor(coordination: Coordination, settings: Settings) {
    const { name, failure, leaseMs, keepMs, share, limit: standard } = settings
    this.#settings = settings
    this.#claims = coordination.claims(`${name}.delivery`, { failure, lease: leaseMs, keep: keepMs })
    const mode = share === undefined ? { failure: 'closed' as const } : { failure: 'local' as const, share }
    this.#limiterOf = ({ limit, period } = standard) =>
      coordination.rateLimiter(`${name}.limit`, { limit, period, ...mode })
    this.#limiterOf(standard)
  }

  async receive<T>(
    partner: string,
    request: WebhookRequest,
    handle: (delivery: WebhookDelivery) => T | Promise<T>,
  ): Promise<WebhookOutcome<T>> {
    const checked = await this.#check(partner, request)
    if ('ok' in checked) return checked
    const claim = await unlessUnavailable(
      () => this.#admit(checked),
      () => refused('unavailable'),
    )
    if ('ok' in claim) return claim
    if (claim.kind === 'done') return refused('duplicate')
    if (claim.kind === 'busy') return refused('busy', { 'Retry-After': String(Math.ceil(claim.leftMs / 1000)) })
    const { delivery } = checked
    let result: T
    try {
      result = await handle(delivery)
    } catch (error) {
      // The lease frees it if this cannot.
      await claim.abandon().catch(() => false)
      throw error
    }
    // The work is done. A partner that was told otherwise would have it done again.
    return { ok: true, delivery, result, recorded: await claim.commit().catch(() => false) }
  }

  /** What costs least comes first; only a signature that is right leads to a step of the store. */
  async #check(name: string, { headers, body: raw, ip }: WebhookRequest): Promise<Checked | Refusal<WebhookRefusal>> {
    const { maxBytes } = this.#settings
    const partner = await this.#settings.find(name)
    if (partner === undefined) return refused('unknown-partner')
    if (partner.allowed?.has(ip) === false) return refused('address')
    const signed = readDelivery(headers, partner.format, partner.signatureHeader)
    if (signed === undefined) return refused('malformed')
    const sentAt = Number(signed.timestamp) * 1000
    const untimely = this.#whatIsUntimely(sentAt)
    if (untimely !== undefined) return refused(untimely)
    if (Number(headerOf(headers, 'content-length')) > maxBytes) return refused('too-large')
    const body = await readRawBody(raw, maxBytes)
    if (body === undefined) return refused('too-large')
    if (!isSignedBy(partner.secrets, signed, body)) return refused('wrong-signature')
    const id = idOf(partner, signed, body)
    return { partner, delivery: { partner: name, id, sentAt, body } }
  }

  async #admit({ partner, delivery }: Checked): Promise<Claim<never> | Refusal<WebhookRefusal>> {
    const decision = await this.#limiterOf(partner.limit).consume(partner.name)
    if (!decision.allowed) return refused('limited', rateLimitHeaders(decision))
    return this.#claims.claim(`${partner.name}:${delivery.id}`)
  }

  #whatIsUntimely(sentAt: number): 'stale' | 'future' | undefined {
    const { now, pastMs, futureMs } = this.#settings
    const ageMs = now() - sentAt
    return ageMs > pastMs ? 'stale' : ageMs < -futureMs ? 'future' : undefined
  }
}

/** Signed by its partner. */
interface Checked {
  readonly partner: Partner
  readonly delivery: WebhookDelivery
}

/** Longer ids, and those with other characters, stand as their digest. */
const plainId = /^[!-~]{1,256}$/

function idOf(partner: Partner, signed: SignedDelivery, body: Buffer): string {
  const id = signed.id ?? partner.deliveryId(body)
  if (typeof id !== 'string' || id === '') return `content-${contentDigest(signed, body)}`
  return plainId.test(id) ? id : `digest-${digestOf(id)}`
}

function idOfJson(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString('utf8')) as { readonly id?: string } | null)?.id
  } catch {
    return undefined
  }
}

const statuses: Partial<Readonly<Record<WebhookRefusal, number>>> = {
  'too-large': 413,
  limited: 429,
  duplicate: 200,
  busy: 409,
  unavailable: 503,
}

function refused(reason: WebhookRefusal, headers: Readonly<Record<string, string>> = {}): Refusal<WebhookRefusal> {
  const status = statuses[reason]
  if (status === undefined) return refuse(reason, 401, { 'WWW-Authenticate': 'Signature' })
  // What is left of the body is not read.
  return refuse(reason, status, reason === 'too-large' ? { Connection: 'close' } : headers)
}
