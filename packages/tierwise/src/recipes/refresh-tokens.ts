import { randomBytes } from 'node:crypto'

import { duration, positiveInteger, readOptions, text } from '../base/option-reader.ts'
import { wallClock } from '../base/runtime.ts'
import type { Coordination, MemberSet, Register } from '../coordination/index.ts'
import type { Duration } from '../index.ts'
import { functionOf, type ReadBy } from './option-readers.ts'
import { refuse, RefusedError, unlessUnavailable, type Refusal } from './refusal.ts'
import { digestOf, randomSecret } from './secrets.ts'
import { formatToken, isSecretOf, parseToken, successorOf, type SessionToken } from './session-token.ts'

/** What `refreshTokens` takes. */
export interface RefreshTokensOptions {
  /** Of the state. @default 'auth_refresh' */
  readonly name?: string
  /** After which a session ends that is not used. @default '7d' */
  readonly idle?: Duration
  /** After which a session ends in any case. @default '30d' */
  readonly absolute?: Duration
  /** Sessions of one user; the ones that were begun first are revoked. @default no limit */
  readonly maxSessions?: number
  /**
   * How long after a rotation the token before is answered with the same successor again, if the same device, address and
   * user agent ask and the successor was not used yet: for answers that were lost. @default none: it is reuse
   */
  readonly grace?: Duration
  /** Must not throw. @default none */
  readonly onEvent?: (event: RefreshTokenEvent) => void
  /** Epoch milliseconds of the wall clock; for tests. @default that of Node */
  readonly now?: () => number
}

/** Where a session is used; as the request says, so nothing of it is proof. */
export interface SessionClient {
  readonly deviceId?: string | undefined
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
}

/** A login that goes on from token to token. Times are epoch milliseconds. */
export interface Session {
  /** No secret: nothing can be done with it but to name the session. */
  readonly id: string
  readonly userId: string
  readonly issuedAt: number
  /** When a token was last given out. */
  readonly lastUsedAt: number
  /** Its end if it is used until then. */
  readonly expiresAt: number
  readonly rotations: number
  /** As of the last use. */
  readonly client: SessionClient
  /** Plain data that `issue` was given. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Why sessions end before their time. */
export type SessionEnd = 'logout' | 'reuse' | 'revoked' | 'max-sessions'

/** What happens. */
export type RefreshTokenEvent =
  | { readonly type: 'revoked'; readonly because: SessionEnd; readonly session: Session }
  /** A token that was rotated before came again: it is with two, so the session was revoked. `client` is who came now. */
  | { readonly type: 'reuse'; readonly session: Session; readonly client: SessionClient }

export type RefreshRefusal =
  | 'malformed'
  /** There is no such session, or it has ended and was forgotten. */
  | 'unknown'
  | 'expired'
  | 'revoked'
  /** It was rotated before: the session is revoked now. */
  | 'reused'
  | 'wrong-user'
  | 'unavailable'

export interface GivenToken {
  readonly ok: true
  /** For the client, and nobody else. */
  readonly token: string
  readonly session: Session
  /** The same as was given out before, see `grace`. */
  readonly repeated: boolean
}

export type RotateOutcome = GivenToken | Refusal<RefreshRefusal>

/** Who logs in. */
export interface Login {
  readonly userId: string
  readonly client?: SessionClient
  /** Plain data. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Who shows a token. */
export interface RotateOptions {
  /** Whose it has to be. @default anybody's */
  readonly userId?: string | undefined
  readonly client?: SessionClient
}

export type RevokeOutcome = { readonly ok: true; readonly session: Session } | Refusal<RefreshRefusal>

/**
 * Refresh tokens that are used once. What the store has is digests, so nobody who reads it has a token.
 *
 * All but `rotate` and `revoke` reject with a `TierError` ERR_CACHE_UNAVAILABLE when the store cannot be asked.
 */
export interface RefreshTokens {
  /** Begins a session. @throws TierError ERR_CACHE_UNAVAILABLE */
  issue(login: Login): Promise<GivenToken>
  /**
   * Exchanges a token for its successor, in one atomic step. Of several calls with one token one succeeds; any other is reuse
   * and revokes the session. With `userId` it is refused, and not used up, unless it is that user's.
   */
  rotate(token: string, options?: RotateOptions): Promise<RotateOutcome>
  /** As `rotate`. @throws RefusedError with status 401, or 503 when the store cannot be asked */
  assertRotated(token: string, options?: RotateOptions): Promise<GivenToken>
  /** Logs out: ends the session of a token, whether or not it was rotated since. */
  revoke(token: string): Promise<RevokeOutcome>
  /** Those of a user that go on, the newest first. */
  sessions(userId: string): Promise<readonly Session[]>
  /** Whether it went on, and was this user's. */
  revokeSession(userId: string, sessionId: string): Promise<boolean>
  /** Ends all of a user, or all but one; how many. */
  revokeAll(userId: string, options?: { readonly except?: string | undefined }): Promise<number>
}

/**
 * Sessions that go on by refresh tokens, each of which is used once and then replaced.
 *
 * @throws ConfigError ERR_CACHE_OPTION
 * @example
 * const tokens = refreshTokens(coordination, { onEvent: (event) => log.warn(event) })
 * const { token } = await tokens.issue({ userId: 'ada', client: { userAgent } })
 * const next = await tokens.rotate(token, { client: { userAgent } })
 */
export function refreshTokens(coordination: Coordination, options: RefreshTokensOptions = {}): RefreshTokens {
  return new StoredRefreshTokens(coordination, readRefreshOptions(options))
}

/** What is kept of a session. */
interface Family {
  readonly session: Session
  /** Digest of the half that all tokens of the family share: who has it has had one of them. */
  readonly shared: string
  /** Digest of the other half of the token that is good. */
  readonly current: string
  /** How the current half came from the one before, while that may be answered again. */
  readonly before?: { readonly digest: string; readonly salt: string; readonly client: string; readonly at: number }
  readonly ended?: { readonly at: number; readonly because: SessionEnd }
}

interface Settings {
  readonly name: string
  readonly idleMs: number
  readonly absoluteMs: number
  readonly maxSessions: number
  readonly graceMs: number
  readonly onEvent: ((event: RefreshTokenEvent) => void) | undefined
  readonly now: () => number
}

const table = {
  name: text,
  idle: duration,
  absolute: duration,
  maxSessions: positiveInteger,
  grace: duration,
  onEvent: functionOf<(event: RefreshTokenEvent) => void>(),
  now: functionOf<() => number>(),
}

function readRefreshOptions(raw: RefreshTokensOptions): Settings {
  const options = readOptions<ReadBy<typeof table>>(raw, 'refreshTokens', table)
  return {
    name: options.name ?? 'auth_refresh',
    idleMs: options.idle ?? 7 * 86_400_000,
    absoluteMs: options.absolute ?? 30 * 86_400_000,
    maxSessions: options.maxSessions ?? Infinity,
    graceMs: options.grace ?? 0,
    onEvent: options.onEvent,
    now: options.now ?? wallClock,
  }
}

/** What becomes of a session: what is answered, and what is kept and told when it changes. */
interface Decision<T> {
  readonly answer: T
  readonly next?: Family
  readonly events?: readonly RefreshTokenEvent[]
}

class StoredRefreshTokens implements RefreshTokens {
  readonly #settings: Settings
  readonly #families: Register<Family>
  /** The sessions of each user. */
  readonly #index: MemberSet

  constructor(coordination: Coordination, settings: Settings) {
    this.#settings = settings
    this.#families = coordination.register<Family>(`${settings.name}.session`, { failure: 'closed' })
    this.#index = coordination.memberSet(`${settings.name}.user`, { failure: 'closed' })
  }

  async issue({ userId, client = {}, metadata }: Login): Promise<GivenToken> {
    const now = this.#settings.now()
    const [shared, current] = [randomSecret(), randomSecret()]
    const session: Session = {
      id: randomBytes(16).toString('hex'),
      userId,
      issuedAt: now,
      lastUsedAt: now,
      expiresAt: now + this.#settings.absoluteMs,
      rotations: 0,
      client: clientOf(client),
      ...(metadata === undefined ? {} : { metadata }),
    }
    // In the index first: a session that is not in it would outlive `revokeAll`.
    await this.#index.add(userId, session.id, { ttl: this.#settings.absoluteMs })
    const family: Family = { session, shared: digestOf(shared), current: digestOf(current) }
    await this.#families.set(session.id, family, { ttl: this.#lifeOf(family) })
    await this.#endSurplus(userId)
    return { ok: true, token: formatToken({ id: session.id, shared, current }), session, repeated: false }
  }

  async rotate(token: string, { userId, client = {} }: RotateOptions = {}): Promise<RotateOutcome> {
    const presented = parseToken(token)
    if (presented === undefined) return refused('malformed')
    const from = clientOf(client)
    return unlessUnavailable<RotateOutcome, RotateOutcome>(
      () =>
        this.#change<RotateOutcome>(presented.id, (family) => {
          // Whoever knows only the id of a session must not end it by tokens that are made up.
          if (family === undefined || !isSecretOf(family.shared, presented.shared))
            return { answer: refused('unknown') }
          if (userId !== undefined && family.session.userId !== userId) return { answer: refused('wrong-user') }
          if (family.ended !== undefined) return { answer: refused('revoked') }
          if (!this.#goesOn(family)) return { answer: refused('expired') }
          if (isSecretOf(family.current, presented.current)) return this.#rotated(family, presented, from)
          return this.#repeated(family, presented, from) ?? this.#reused(family, from)
        }),
      () => refused('unavailable'),
    )
  }

  async assertRotated(token: string, options: RotateOptions = {}): Promise<GivenToken> {
    const outcome = await this.rotate(token, options)
    if (!outcome.ok) throw new RefusedError('The refresh token was refused.', outcome)
    return outcome
  }

  async revoke(token: string): Promise<RevokeOutcome> {
    const presented = parseToken(token)
    if (presented === undefined) return refused('malformed')
    return unlessUnavailable<RevokeOutcome, RevokeOutcome>(
      () =>
        this.#change<RevokeOutcome>(presented.id, (family) => {
          if (family === undefined || !isSecretOf(family.shared, presented.shared))
            return { answer: refused('unknown') }
          if (!this.#goesOn(family)) return { answer: refused(family.ended === undefined ? 'expired' : 'revoked') }
          return this.#ended(family, 'logout', { ok: true, session: family.session })
        }),
      () => refused('unavailable'),
    )
  }

  async sessions(userId: string): Promise<readonly Session[]> {
    const ids = await this.#index.members(userId)
    const families = await Promise.all(ids.map((id) => this.#families.get(id)))
    return families
      .filter((family) => family !== undefined && this.#goesOn(family))
      .map((family) => (family as Family).session)
      .sort((one, other) => other.issuedAt - one.issuedAt || (one.id < other.id ? 1 : -1))
  }

  revokeSession(userId: string, sessionId: string): Promise<boolean> {
    return this.#end(userId, sessionId, 'revoked')
  }

  async revokeAll(userId: string, { except }: { readonly except?: string | undefined } = {}): Promise<number> {
    const ids = (await this.#index.members(userId)).filter((id) => id !== except)
    const ended = await Promise.all(ids.map((id) => this.#end(userId, id, 'revoked')))
    return ended.filter(Boolean).length
  }

  /** All who log in at once come to the same order, so they end the same sessions. */
  async #endSurplus(userId: string): Promise<void> {
    const { maxSessions } = this.#settings
    if (maxSessions === Infinity) return
    const surplus = (await this.sessions(userId)).slice(maxSessions)
    await Promise.all(surplus.map(({ id }) => this.#end(userId, id, 'max-sessions')))
  }

  #end(userId: string, sessionId: string, because: SessionEnd): Promise<boolean> {
    return this.#change<boolean>(sessionId, (family) =>
      family?.session.userId === userId && this.#goesOn(family)
        ? this.#ended(family, because, true)
        : { answer: false },
    )
  }

  /** Decides by what is held, and again when somebody else has changed it meanwhile. */
  async #change<T>(id: string, decide: (family: Family | undefined) => Decision<T>): Promise<T> {
    for (;;) {
      const family = await this.#families.get(id)
      const { answer, next, events = [] } = decide(family)
      if (next === undefined) return answer
      const change = { expected: family, value: next, ttl: this.#lifeOf(next) }
      if (!(await this.#families.compareAndSet(id, change))) continue
      for (const event of events) this.#tell(event)
      if (next.ended !== undefined) await this.#index.remove(next.session.userId, id)
      return answer
    }
  }

  #rotated(family: Family, presented: SessionToken, client: SessionClient): Decision<RotateOutcome> {
    const now = this.#settings.now()
    const salt = randomSecret()
    const current = this.#settings.graceMs > 0 ? successorOf(presented.current, salt) : randomSecret()
    const { session, shared } = family
    const used: Session = { ...session, lastUsedAt: now, rotations: session.rotations + 1, client }
    const before = { digest: digestOf(presented.current), salt, client: markOf(client), at: now }
    const next: Family = {
      session: used,
      shared,
      current: digestOf(current),
      ...(this.#settings.graceMs > 0 ? { before } : {}),
    }
    return { answer: { ok: true, token: formatToken({ ...presented, current }), session: used, repeated: false }, next }
  }

  /** The token before the good one, from the same client and in time: its answer was lost, so it is given again. */
  #repeated(
    { session, before }: Family,
    presented: SessionToken,
    client: SessionClient,
  ): Decision<RotateOutcome> | undefined {
    if (before === undefined || !isSecretOf(before.digest, presented.current)) return undefined
    const isInTime = this.#settings.now() - before.at <= this.#settings.graceMs
    if (!isInTime || Object.keys(client).length === 0 || markOf(client) !== before.client) return undefined
    const token = formatToken({ ...presented, current: successorOf(presented.current, before.salt) })
    return { answer: { ok: true, token, session, repeated: true } }
  }

  #reused(family: Family, client: SessionClient): Decision<RotateOutcome> {
    const { session } = family
    const { events = [], ...ended } = this.#ended<RotateOutcome>(family, 'reuse', refused('reused'))
    return { ...ended, events: [{ type: 'reuse', session, client }, ...events] }
  }

  #ended<T>({ before: _, ...family }: Family, because: SessionEnd, answer: T): Decision<T> {
    const next: Family = { ...family, ended: { at: this.#settings.now(), because } }
    return { answer, next, events: [{ type: 'revoked', because, session: family.session }] }
  }

  #goesOn({ session, ended }: Family): boolean {
    const { now, idleMs } = this.#settings
    return ended === undefined && now() < Math.min(session.expiresAt, session.lastUsedAt + idleMs)
  }

  /** One that has ended is kept until its last token has, so that its use is still known for what it is. */
  #lifeOf({ session, ended }: Family): number {
    const leftMs = Math.max(1, session.expiresAt - this.#settings.now())
    return ended === undefined ? Math.min(leftMs, this.#settings.idleMs) : leftMs
  }

  #tell(event: RefreshTokenEvent): void {
    try {
      this.#settings.onEvent?.(event)
    } catch {
      // Who listens must not change what happens.
    }
  }
}

/** Longer texts of a client are cut. */
const longestText = 512

function clientOf({ deviceId, ip, userAgent }: SessionClient): SessionClient {
  const texts = Object.entries({ deviceId, ip, userAgent }).filter(
    ([, value]) => typeof value === 'string' && value !== '',
  )
  return Object.fromEntries(
    texts.map(([name, value]) => [name, (value as string).slice(0, longestText).toWellFormed()]),
  )
}

function markOf({ deviceId, ip, userAgent }: SessionClient): string {
  return digestOf(JSON.stringify([deviceId, ip, userAgent]))
}

function refused(reason: RefreshRefusal): Refusal<RefreshRefusal> {
  return reason === 'unavailable'
    ? refuse(reason, 503)
    : refuse(reason, 401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
}
