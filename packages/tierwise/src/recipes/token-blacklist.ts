import { duration, oneOf, readOptions, text } from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import type { Coordination, MemberSet, Register } from '../coordination/index.ts'
import type { Duration } from '../index.ts'
import { functionOf, type ReadBy } from './option-readers.ts'
import { refuse, RefusedError, unlessUnavailable } from './refusal.ts'
import { digestOf } from './secrets.ts'

/** What `tokenBlacklist` takes. */
export interface TokenBlacklistOptions {
  /** Of the state: blacklists of one name are one. @default 'auth_blacklist' */
  readonly name?: string
  /** How long a token is kept whose expiry is not known. At least as long as such tokens live. @default '24h' */
  readonly unknownLife?: Duration
  /** How long the revocation of a user is kept. At least as long as any token lives. @default '7d' */
  readonly userLife?: Duration
  /** How long after its expiry a token may still be accepted somewhere. @default '1m' */
  readonly expiryLeeway?: Duration
  /**
   * How far the clocks of those who issue tokens may be ahead of those who revoke users. Who logs in again within it after a
   * revocation is refused. @default none
   */
  readonly clockTolerance?: Duration
  /** When the store cannot be asked: `closed` takes every token for revoked, `open` none. @default 'closed' */
  readonly failure?: 'closed' | 'open'
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** Who revoked, and why. */
export interface RevocationNote {
  readonly reason?: string | undefined
  readonly actor?: string | undefined
  /** Plain data. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** Names a token: by its `jti`, or by the token itself, of which only a digest is kept. */
export interface TokenName {
  readonly jti?: string | undefined
  readonly token?: string | undefined
}

/** A token that is to be revoked. */
export interface TokenToRevoke extends TokenName, RevocationNote {
  /** The claim: epoch seconds. */
  readonly exp?: number | undefined
  /** Epoch milliseconds; wins over `exp`. */
  readonly expiresAt?: number | Date | undefined
  readonly userId?: string | undefined
}

/** A token whose signature and expiry were found to be good. */
export interface PresentedToken extends TokenName {
  readonly userId?: string | undefined
  /** The claim: epoch seconds, the whole second in which it was issued. */
  readonly iat?: number | undefined
  /** Epoch milliseconds; wins over `iat`. */
  readonly issuedAt?: number | Date | undefined
}

/** A revocation that holds. Times are epoch milliseconds. */
export interface Revocation extends RevocationNote {
  readonly kind: 'token' | 'user'
  /** The user, or the token: `jti:` and its jti, or `digest:` and its SHA-256. */
  readonly id: string
  readonly userId?: string
  readonly revokedAt: number
  /** When it is forgotten, because no token it is about can be accepted any more. */
  readonly endsAt: number
}

/** Whether a token is revoked. As an object or as a promise that was not awaited it is true: a mistake refuses. */
export type RevocationOutcome =
  /** `assumed` with `failure: 'open'`: the store could not be asked. */
  | { readonly revoked: false; readonly assumed?: true }
  /** `token`: it, by itself. `user`: it was issued before all tokens of its user were revoked. `unavailable`: nobody knows. */
  | { readonly revoked: true; readonly reason: RevocationReason }

export type RevocationReason = 'token' | 'user' | 'unavailable'

/**
 * Tokens that are valid by themselves, and must not be accepted any more.
 *
 * Whatever changes it rejects with a `TierError` ERR_CACHE_UNAVAILABLE when the store cannot be asked: it may have been done,
 * and can be done again.
 */
export interface TokenBlacklist {
  /**
   * Revokes one token until it expires. `false` when it has expired, so that there is nothing to do. Revoked again it is kept
   * for the longer of both times, never shorter.
   *
   * @throws TypeError when it has no name
   * @throws RangeError for an expiry in another unit than it should be
   */
  revokeToken(token: TokenToRevoke): Promise<boolean>
  /**
   * Revokes all tokens that were issued to a user until `at`, and answers what holds then: the latest revocation, also when
   * an earlier one comes late. Who logs in again afterwards is accepted.
   */
  revokeUser(userId: string, note?: RevocationNote & { readonly at?: number | Date }): Promise<Revocation>
  /** @throws TypeError when the token has neither a name nor a user */
  isRevoked(token: PresentedToken): Promise<RevocationOutcome>
  /** In the order of the tokens. */
  areRevoked(tokens: readonly PresentedToken[]): Promise<readonly RevocationOutcome[]>
  /** @throws RefusedError with status 401, or 503 when the store cannot be asked */
  assertNotRevoked(token: PresentedToken): Promise<void>
  tokenInfo(token: TokenName): Promise<Revocation | undefined>
  userInfo(userId: string): Promise<Revocation | undefined>
  /** Whether it was revoked. */
  unrevokeToken(token: TokenName): Promise<boolean>
  /** Whether the user was revoked. */
  unrevokeUser(userId: string): Promise<boolean>
  /** The latest first. Reads all of them. */
  list(kind: 'token' | 'user', options?: { readonly limit?: number }): Promise<readonly Revocation[]>
  count(): Promise<{ readonly tokens: number; readonly users: number }>
  /** Forgets all that is listed; how many there were. */
  clear(): Promise<number>
}

/**
 * A list of tokens that were revoked before their time: one by one, or all that a user had.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const blacklist = tokenBlacklist(coordination)
 * await blacklist.revokeToken({ jti: claims.jti, exp: claims.exp, reason: 'logout' })
 * await blacklist.assertNotRevoked({ jti: claims.jti, userId: claims.sub, iat: claims.iat })
 */
export function tokenBlacklist(coordination: Coordination, options: TokenBlacklistOptions = {}): TokenBlacklist {
  return new StoredBlacklist(coordination, readBlacklistOptions(options))
}

const table = {
  name: text,
  unknownLife: duration,
  userLife: duration,
  expiryLeeway: duration,
  clockTolerance: duration,
  failure: oneOf('closed', 'open'),
  now: functionOf<() => number>(),
}

interface Settings {
  readonly name: string
  readonly unknownLifeMs: number
  readonly userLifeMs: number
  readonly leewayMs: number
  readonly toleranceMs: number
  readonly failure: 'closed' | 'open'
  readonly now: () => number
}

function readBlacklistOptions(raw: TokenBlacklistOptions): Settings {
  const options = readOptions<ReadBy<typeof table>>(raw, 'tokenBlacklist', table)
  return {
    name: options.name ?? 'auth_blacklist',
    unknownLifeMs: options.unknownLife ?? 86_400_000,
    userLifeMs: options.userLife ?? 7 * 86_400_000,
    leewayMs: options.expiryLeeway ?? 60_000,
    toleranceMs: options.clockTolerance ?? 0,
    failure: options.failure ?? 'closed',
    now: options.now ?? wallClock,
  }
}

type Kind = Revocation['kind']

class StoredBlacklist implements TokenBlacklist {
  readonly #settings: Settings
  /** Changes are always closed: a revocation that nobody has heard of is none. */
  readonly #held: Readonly<Record<Kind, Register<Revocation>>>
  readonly #asked: Readonly<Record<Kind, Register<Revocation>>>
  /** What there is, of each kind: for lists and counts only. */
  readonly #index: MemberSet

  constructor(coordination: Coordination, settings: Settings) {
    const { name, failure } = settings
    const register = (kind: Kind, mode: 'closed' | 'open'): Register<Revocation> =>
      coordination.register<Revocation>(`${name}.${kind}`, { failure: mode })
    this.#settings = settings
    this.#held = { token: register('token', 'closed'), user: register('user', 'closed') }
    this.#asked = { token: register('token', failure), user: register('user', failure) }
    this.#index = coordination.memberSet(`${name}.index`, { failure: 'closed' })
  }

  async revokeToken(token: TokenToRevoke): Promise<boolean> {
    const ids = idsOf(token)
    if (ids.length === 0) throw nameless()
    const { unknownLifeMs, leewayMs } = this.#settings
    const now = this.#settings.now()
    const expiresAt = expiryOf(token, now)
    const endsAt = (expiresAt ?? now + unknownLifeMs) + leewayMs
    if (endsAt <= now) return false
    const { userId, reason, actor, metadata } = token
    const note = given({ userId, reason, actor, metadata })
    await Promise.all(ids.map((id) => this.#keep({ kind: 'token', id, revokedAt: now, endsAt, ...note }, 'endsAt')))
    return true
  }

  async revokeUser(
    userId: string,
    { at, reason, actor, metadata }: RevocationNote & { readonly at?: number | Date } = {},
  ): Promise<Revocation> {
    const { now, userLifeMs, leewayMs, toleranceMs } = this.#settings
    const revokedAt = at === undefined ? now() : Number(at)
    if (!Number.isFinite(revokedAt)) throw new RangeError('`at` is no time.')
    // From now on at least, so that one of long ago has a life too.
    const endsAt = Math.max(revokedAt, now()) + toleranceMs + userLifeMs + leewayMs
    return this.#keep(
      { kind: 'user', id: userId, userId, revokedAt, endsAt, ...given({ reason, actor, metadata }) },
      'revokedAt',
    )
  }

  isRevoked(token: PresentedToken): Promise<RevocationOutcome> {
    return unlessUnavailable(
      () => this.#isRevoked(token),
      () => ({ revoked: true, reason: 'unavailable' }) as const,
    )
  }

  areRevoked(tokens: readonly PresentedToken[]): Promise<readonly RevocationOutcome[]> {
    return Promise.all(tokens.map((token) => this.isRevoked(token)))
  }

  async assertNotRevoked(token: PresentedToken): Promise<void> {
    const outcome = await this.isRevoked(token)
    if (!outcome.revoked) return
    const refusal =
      outcome.reason === 'unavailable'
        ? refuse(outcome.reason, 503)
        : refuse(outcome.reason, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
    throw new RefusedError('The token was refused.', refusal)
  }

  async tokenInfo(token: TokenName): Promise<Revocation | undefined> {
    const found = await Promise.all(idsOf(token).map((id) => this.#held.token.get(id)))
    return found.find((each) => each !== undefined)
  }

  userInfo(userId: string): Promise<Revocation | undefined> {
    return this.#held.user.get(userId)
  }

  async unrevokeToken(token: TokenName): Promise<boolean> {
    const removed = await Promise.all(idsOf(token).map((id) => this.#remove('token', id)))
    return removed.includes(true)
  }

  unrevokeUser(userId: string): Promise<boolean> {
    return this.#remove('user', userId)
  }

  async list(kind: Kind, { limit = Infinity }: { readonly limit?: number } = {}): Promise<readonly Revocation[]> {
    const ids = await this.#index.members(kind)
    const found = await Promise.all(ids.map((id) => this.#held[kind].get(id)))
    const held = found.filter((each) => each !== undefined)
    return held.sort((one, other) => other.revokedAt - one.revokedAt).slice(0, limit)
  }

  async count(): Promise<{ readonly tokens: number; readonly users: number }> {
    const [tokens, users] = await Promise.all([this.#index.count('token'), this.#index.count('user')])
    return { tokens, users }
  }

  async clear(): Promise<number> {
    const removed = await Promise.all(
      (['token', 'user'] as const).map(async (kind) => {
        const ids = await this.#index.members(kind)
        return Promise.all(ids.map((id) => this.#remove(kind, id)))
      }),
    )
    return removed.flat().filter(Boolean).length
  }

  async #isRevoked(token: PresentedToken): Promise<RevocationOutcome> {
    const { userId } = token
    const ids = idsOf(token)
    if (ids.length === 0 && userId === undefined) throw nameless()
    const [ofUser, ...ofToken] = await Promise.all([
      userId === undefined ? undefined : this.#asked.user.getWithSource(userId),
      ...ids.map((id) => this.#asked.token.getWithSource(id)),
    ])
    if (ofToken.some((each) => each?.value !== undefined)) return { revoked: true, reason: 'token' }
    const revocation = ofUser?.value
    if (revocation !== undefined && !this.#isIssuedAfter(token, revocation.revokedAt))
      return { revoked: true, reason: 'user' }
    const isAssumed = [ofUser, ...ofToken].some((each) => each?.source === 'assumed')
    return isAssumed ? { revoked: false, assumed: true } : { revoked: false }
  }

  /**
   * A time that is not known is not after anything. Neither is one that has not come yet: it is in another unit, or somebody's
   * clock is far off. Of whole seconds the beginning counts, so a token of the second of the revocation is revoked.
   */
  #isIssuedAfter({ iat, issuedAt }: PresentedToken, revokedAt: number): boolean {
    const { now, toleranceMs } = this.#settings
    const issued = issuedAt === undefined ? Math.floor(iat ?? NaN) * 1000 : Number(issuedAt)
    return issued > revokedAt + toleranceMs && issued <= now() + mostAheadMs
  }

  /** Keeps a revocation unless one is held that reaches as far. */
  async #keep(revocation: Revocation, by: 'endsAt' | 'revokedAt'): Promise<Revocation> {
    const { kind, id, endsAt } = revocation
    const now = this.#settings.now()
    const updated = await this.#held[kind].update(
      id,
      (current) => (current !== undefined && current[by] >= revocation[by] ? undefined : revocation),
      { ttl: endsAt - now },
    )
    const held = updated ?? revocation
    if (held.endsAt > now) await this.#index.add(kind, id, { ttl: held.endsAt - now })
    return held
  }

  async #remove(kind: Kind, id: string): Promise<boolean> {
    const removed = await this.#held[kind].delete(id)
    await this.#index.remove(kind, id)
    return removed
  }
}

/** How far in the future the issue of a token may lie, by clocks that differ. */
const mostAheadMs = 300_000

/** Before this milliseconds are taken for seconds: 1973. */
const firstMs = 1e11

/** Later than this seconds are taken for milliseconds. */
const longestLifeMs = 10 * 365 * 86_400_000

function expiryOf({ exp, expiresAt }: TokenToRevoke, now: number): number | undefined {
  if (expiresAt === undefined && exp === undefined) return undefined
  const ms = expiresAt === undefined ? Number(exp) * 1000 : Number(expiresAt)
  if (ms >= firstMs && ms <= now + longestLifeMs) return ms
  throw new RangeError('The expiry of a token is out of range: `exp` is epoch seconds, `expiresAt` epoch milliseconds.')
}

function idsOf({ jti, token }: TokenName): readonly string[] {
  const ids = []
  if (typeof jti === 'string' && jti !== '')
    ids.push(jti.length <= longestJti ? `jti:${jti}` : `jti-digest:${digestOf(jti)}`)
  if (typeof token === 'string' && token !== '') ids.push(`digest:${digestOf(token)}`)
  return ids
}

/** Longer ones stand in keys as their digest. */
const longestJti = 256

function nameless(): TypeError {
  return new TypeError('A token is named by its `jti` or by the `token` itself.')
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}
