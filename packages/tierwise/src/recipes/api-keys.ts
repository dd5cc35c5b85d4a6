import { randomBytes } from 'node:crypto'

import { duration, optionError, readOptions, text, type OptionReader } from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import { rateLimitHeaders } from '../coordination/index.ts'
import type {
  Coordination,
  Counter,
  LimitAlgorithm,
  LimitDecision,
  MemberSet,
  RateLimiter,
  Register,
} from '../coordination/index.ts'
import type { Duration } from '../index.ts'
import { AddressList } from './address-list.ts'
import { functionOf, type ReadBy } from './option-readers.ts'
import { peppersOption, type Pepper, type PepperedDigest, type Peppers } from './peppers.ts'
import { refuse, RefusedError, unlessUnavailable, type Refusal } from './refusal.ts'
import { randomSecret } from './secrets.ts'

/** How often a key may be used. */
export interface ApiKeyLimit {
  readonly limit: number
  readonly period: Duration
  /** @default 'sliding-window' */
  readonly algorithm?: LimitAlgorithm
}

/** What `apiKeys` takes. */
export interface ApiKeysOptions {
  /** The first one makes new digests, all of them check. */
  readonly peppers: readonly Pepper[]
  /** What keys start with: lower-case letters and digits. @default 'key' */
  readonly prefix?: string
  /** Which installation keys are for, as part of them: lower-case letters and digits. @default 'live' */
  readonly environment?: string
  /** Of keys that have none of their own. @default 1000 in an hour */
  readonly limit?: ApiKeyLimit
  /** How long keys that were revoked or have expired are still listed, and told apart from unknown ones. @default '30d' */
  readonly keepEnded?: Duration
  /** Of the state. @default 'auth_api_keys' */
  readonly name?: string
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** What a key may do. */
export interface ApiKeyGrant {
  /** @default none */
  readonly scopes?: readonly string[]
  /** Addresses and CIDR blocks, IPv4 and IPv6, that it may be used from. @default from anywhere */
  readonly allowedIps?: readonly string[]
  readonly limit?: ApiKeyLimit
  /** Epoch milliseconds. @default never */
  readonly expiresAt?: number
  /** Plain data. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A key without its secret. Times are epoch milliseconds. */
export interface ApiKey extends ApiKeyGrant {
  /** No secret: it is a part of the key, by which it is found. */
  readonly id: string
  readonly service: string
  readonly scopes: readonly string[]
  readonly createdAt: number
  readonly rotatedAt?: number
  readonly revoked?: { readonly at: number; readonly reason?: string; readonly actor?: string }
}

/** A key as it is given to who will use it, this once: it is not kept. */
export interface IssuedApiKey {
  readonly key: string
  readonly info: ApiKey
}

/** `address` and the ones before it are answered alike. */
export type ApiKeyRefusal =
  | 'malformed'
  | 'unknown'
  | 'wrong-secret'
  | 'revoked'
  | 'expired'
  | 'address'
  | 'scope'
  | 'limited'
  | 'unavailable'

/** Whose key it is and what is left of its limit, or why it was refused. */
export type ApiKeyOutcome =
  | { readonly ok: true; readonly info: ApiKey; readonly limit: LimitDecision }
  | (Refusal<ApiKeyRefusal> & {
      /** Of the key that was meant, unless it has the form of none. */
      readonly id?: string
    })

/** What a request needs. */
export interface ApiKeyDemand {
  /** All of them. @default none */
  readonly scopes?: readonly string[]
  /** Where it comes from; needed for keys with `allowedIps`. */
  readonly ip?: string | undefined
}

/**
 * Keys of services. A key is `<prefix>_<environment>_<id>.<secret>` with 256 random bits of secret, of which an HMAC is kept.
 *
 * All but `verify` reject with a `TierError` ERR_CACHE_UNAVAILABLE when the store cannot be asked.
 */
export interface ApiKeys {
  /** @throws ConfigError ERR_CACHE_OPTION for wrong addresses or limits */
  create(service: string, grant?: ApiKeyGrant): Promise<IssuedApiKey>
  /** One look-up and one HMAC, whatever is presented and however many keys there are; then what the key may do. */
  verify(key: string, demand?: ApiKeyDemand): Promise<ApiKeyOutcome>
  /** @throws RefusedError with status 401, 403, 429, or 503 when the store cannot be asked */
  assertVerified(key: string, demand?: ApiKeyDemand): Promise<ApiKey>
  /**
   * A new secret for the same id, in one atomic step; the secrets before stay good for `overlap`. Undefined when there is no
   * such key or it has ended.
   */
  rotate(
    id: string,
    options?: { /** @default '24h' */ readonly overlap?: Duration | 'none' },
  ): Promise<IssuedApiKey | undefined>
  /** Changes what is named. Undefined when there is no such key or it has ended. @throws ConfigError ERR_CACHE_OPTION */
  update(id: string, grant: ApiKeyGrant): Promise<ApiKey | undefined>
  /** From now on, all secrets of it. Whether it was good before. */
  revoke(id: string, note?: { readonly reason?: string; readonly actor?: string }): Promise<boolean>
  info(id: string): Promise<ApiKey | undefined>
  /** Those of a service, ended ones among them for `keepEnded`; the newest first. */
  list(service: string): Promise<readonly ApiKey[]>
  /** How often the key was presented and may do what it was presented for, within its limit or not; and what the limit says. Undefined for no key. */
  usage(id: string): Promise<{ readonly total: number; readonly limit: LimitDecision } | undefined>
}

/**
 * Keys for services: made, checked, rotated, revoked.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const keys = apiKeys(coordination, { peppers: [{ id: '2026', secret }], prefix: 'acme' })
 * const { key } = await keys.create('billing', { scopes: ['read'] })
 * const outcome = await keys.verify(key, { scopes: ['read'] })
 */
export function apiKeys(coordination: Coordination, options: ApiKeysOptions): ApiKeys {
  return new StoredApiKeys(coordination, readApiKeysOptions(options))
}

interface KeyRecord {
  readonly info: ApiKey
  readonly current: PepperedDigest
  /** The secrets before, as long as they are good. */
  readonly before: readonly (PepperedDigest & { readonly until: number })[]
}

interface Settings {
  readonly peppers: Peppers
  readonly prefix: string
  readonly environment: string
  readonly limit: ApiKeyLimit
  readonly keepEndedMs: number
  readonly name: string
  readonly now: () => number
}

const word: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || !/^[a-z\d]{1,32}$/.test(raw))
    throw optionError(path, raw, 'up to 32 lower-case letters and digits')
  return raw
}

const table = {
  peppers: peppersOption,
  prefix: word,
  environment: word,
  // Its parts are checked by the limiter that is made of it.
  limit: (raw: unknown) => raw as ApiKeyLimit,
  keepEnded: duration,
  name: text,
  now: functionOf<() => number>(),
}

function readApiKeysOptions(raw: ApiKeysOptions): Settings {
  const options = readOptions<ReadBy<typeof table>>(raw, 'apiKeys', table)
  return {
    peppers: options.peppers ?? peppersOption(undefined, 'apiKeys.peppers'),
    prefix: options.prefix ?? 'key',
    environment: options.environment ?? 'live',
    limit: options.limit ?? { limit: 1000, period: '1h' },
    keepEndedMs: options.keepEnded ?? 30 * 86_400_000,
    name: options.name ?? 'auth_api_keys',
    now: options.now ?? wallClock,
  }
}

class StoredApiKeys implements ApiKeys {
  readonly #settings: Settings
  readonly #records: Register<KeyRecord>
  readonly #index: MemberSet
  readonly #uses: Counter
  readonly #limiterOf: (limit: ApiKeyLimit | undefined) => RateLimiter

  constructor(coordination: Coordination, settings: Settings) {
    const { name, limit: standard } = settings
    this.#settings = settings
    this.#records = coordination.register<KeyRecord>(`${name}.key`, { failure: 'closed' })
    this.#index = coordination.memberSet(`${name}.service`, { failure: 'closed' })
    this.#uses = coordination.counter(`${name}.uses`, { failure: 'closed' })
    this.#limiterOf = (limit = standard) => coordination.rateLimiter(`${name}.limit`, { ...limit, failure: 'closed' })
    this.#limiterOf(standard)
  }

  async create(service: string, grant: ApiKeyGrant = {}): Promise<IssuedApiKey> {
    this.#check(grant)
    const id = randomBytes(12).toString('hex')
    const key = this.#keyOf(id)
    const info: ApiKey = { scopes: [], ...given(grant), id, service, createdAt: this.#settings.now() }
    const record: KeyRecord = { info, current: this.#settings.peppers.digestOf(key), before: [] }
    // In the index first: a key that is not listed would be overlooked.
    await this.#list(record)
    await this.#records.set(id, record, this.#lifeOf(info))
    return { key, info }
  }

  verify(key: string, demand: ApiKeyDemand = {}): Promise<ApiKeyOutcome> {
    return unlessUnavailable<ApiKeyOutcome, ApiKeyOutcome>(
      () => this.#verify(key, demand),
      () => refuse('unavailable', 503),
    )
  }

  async assertVerified(key: string, demand?: ApiKeyDemand): Promise<ApiKey> {
    const outcome = await this.verify(key, demand)
    if (!outcome.ok) throw new RefusedError('The key was refused.', outcome)
    return outcome.info
  }

  async rotate(
    id: string,
    { overlap = '24h' }: { readonly overlap?: Duration | 'none' } = {},
  ): Promise<IssuedApiKey | undefined> {
    const overlapMs = overlap === 'none' ? 0 : duration(overlap, 'overlap')
    const key = this.#keyOf(id)
    const record = await this.#change(id, ({ info, current, before }) => {
      const now = this.#settings.now()
      const good = [...before, { ...current, until: now + overlapMs }].filter(({ until }) => until > now)
      // Without an overlap all secrets before end, those of earlier rotations too.
      return {
        info: { ...info, rotatedAt: now },
        current: this.#settings.peppers.digestOf(key),
        before: overlapMs === 0 ? [] : good,
      }
    })
    return record && { key, info: record.info }
  }

  async update(id: string, grant: ApiKeyGrant): Promise<ApiKey | undefined> {
    this.#check(grant)
    const record = await this.#change(id, (held) => ({ ...held, info: { ...held.info, ...given(grant) } }))
    return record?.info
  }

  async revoke(id: string, note: { readonly reason?: string; readonly actor?: string } = {}): Promise<boolean> {
    const record = await this.#change(id, (held) => ({
      ...held,
      info: { ...held.info, revoked: { at: this.#settings.now(), ...note } },
    }))
    return record !== undefined
  }

  async info(id: string): Promise<ApiKey | undefined> {
    return (await this.#records.get(id))?.info
  }

  async list(service: string): Promise<readonly ApiKey[]> {
    const ids = await this.#index.members(service)
    const records = await Promise.all(ids.map((id) => this.#records.get(id)))
    const infos = records.flatMap((record) => (record === undefined ? [] : [record.info]))
    return infos.sort((one, other) => other.createdAt - one.createdAt)
  }

  async usage(id: string): Promise<{ readonly total: number; readonly limit: LimitDecision } | undefined> {
    const record = await this.#records.get(id)
    if (record === undefined) return undefined
    const [total, limit] = await Promise.all([this.#uses.get(id), this.#limiterOf(record.info.limit).peek(id)])
    return { total, limit }
  }

  async #verify(key: string, { scopes = [], ip }: ApiKeyDemand): Promise<ApiKeyOutcome> {
    const id = this.#idOf(key)
    if (id === undefined) return refused('malformed')
    const record = await this.#records.get(id)
    const now = this.#settings.now()
    const good = record === undefined ? [] : [record.current, ...record.before.filter(({ until }) => until > now)]
    const isRight = this.#settings.peppers.isAmong(good, key)
    if (record === undefined) return { ...refused('unknown'), id }
    const { info } = record
    const wrong = isRight ? this.#whatIsWrong(info, scopes, ip) : 'wrong-secret'
    if (wrong !== undefined) return { ...refused(wrong), id }
    const [limit] = await Promise.all([
      this.#limiterOf(info.limit).consume(id),
      // A number that is for reports only.
      this.#uses.increment(id).catch(() => 0),
    ])
    return limit.allowed ? { ok: true, info, limit } : { ...refuse('limited', 429, rateLimitHeaders(limit)), id }
  }

  #whatIsWrong(info: ApiKey, scopes: readonly string[], ip: string | undefined): FirmRefusal | undefined {
    if (info.revoked !== undefined) return 'revoked'
    if (!this.#goesOn(info)) return 'expired'
    if (info.allowedIps !== undefined && !new AddressList(info.allowedIps, 'allowedIps').has(ip)) return 'address'
    return scopes.every((scope) => info.scopes.includes(scope)) ? undefined : 'scope'
  }

  #check({ allowedIps, limit, expiresAt }: ApiKeyGrant): void {
    if (allowedIps !== undefined) new AddressList(allowedIps, 'allowedIps')
    if (limit !== undefined) this.#limiterOf(limit)
    if (expiresAt !== undefined && !(expiresAt > this.#settings.now()))
      throw optionError('expiresAt', expiresAt, 'a time that has not passed, in epoch milliseconds')
  }

  /** Changes a key that is good; by what is held, and again when somebody else has changed it meanwhile. */
  async #change(id: string, change: (record: KeyRecord) => KeyRecord): Promise<KeyRecord | undefined> {
    for (;;) {
      const record = await this.#records.get(id)
      if (record === undefined || !this.#goesOn(record.info)) return undefined
      const next = change(record)
      if (!(await this.#records.compareAndSet(id, { expected: record, value: next, ...this.#lifeOf(next.info) })))
        continue
      await this.#list(next)
      return next
    }
  }

  async #list({ info }: KeyRecord): Promise<void> {
    await this.#index.add(info.service, info.id, this.#lifeOf(info))
  }

  #goesOn({ revoked, expiresAt }: ApiKey): boolean {
    return revoked === undefined && (expiresAt === undefined || this.#settings.now() < expiresAt)
  }

  #lifeOf({ revoked, expiresAt = Infinity }: ApiKey): { readonly ttl?: number } {
    const { now, keepEndedMs } = this.#settings
    const endsAt = Math.min(revoked?.at ?? Infinity, expiresAt)
    return endsAt === Infinity ? {} : { ttl: Math.max(1, endsAt - now()) + keepEndedMs }
  }

  #keyOf(id: string): string {
    const { prefix, environment } = this.#settings
    return `${prefix}_${environment}_${id}.${randomSecret()}`
  }

  #idOf(key: unknown): string | undefined {
    const { prefix, environment } = this.#settings
    if (typeof key !== 'string') return undefined
    const [, start, where, id] = /^([a-z\d]+)_([a-z\d]+)_([a-f\d]{24})\.[\w-]{43}$/.exec(key) ?? []
    return start === prefix && where === environment ? id : undefined
  }
}

/** Such that asking again later does not help. */
type FirmRefusal = Exclude<ApiKeyRefusal, 'limited' | 'unavailable'>

function refused(reason: FirmRefusal): Refusal<ApiKeyRefusal> {
  return reason === 'scope' ? refuse(reason, 403) : refuse(reason, 401, { 'WWW-Authenticate': 'Bearer' })
}

/** Without the fields that are undefined. */
function given({ scopes, allowedIps, limit, expiresAt, metadata }: ApiKeyGrant): ApiKeyGrant {
  const fields = { scopes, allowedIps, limit, expiresAt, metadata }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
