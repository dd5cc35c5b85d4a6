import { randomUUID } from 'node:crypto'
import { rateLimitHeaders } from 'tierwise/coordination'
import type { Fetch, GivenToken } from 'tierwise/recipes'
import { readAccess, signAccess } from './access-tokens.ts'
import type { AccessClaims } from './access-tokens.ts'
import { accessMs } from './guards.ts'
import type { Guards } from './guards.ts'
import { amountOf, bearerOf, cookieOf, HttpError, parseObject, readBody, refused, textOf } from './http.ts'
import type { Answer, Call, Routes } from './http.ts'
import type { OrderBook } from './orders.ts'
import { partner } from './settings.ts'
import type { Settings } from './settings.ts'
import type { Users } from './users.ts'

/** What routes are made of. */
export interface Parts {
  readonly guards: Guards
  readonly users: Users
  readonly orders: OrderBook
  /** Asks the partner whose prices are passed on. */
  readonly askPartner: Fetch
  readonly settings: Settings
}

export function createRoutes(parts: Parts): Routes {
  return {
    'POST /login': (call) => login(parts, call),
    'POST /refresh': (call) => refresh(parts, call),
    'POST /logout': (call) => logout(parts, call),
    'POST /logout-everywhere': (call) => logoutEverywhere(parts, call),
    'GET /sessions': (call) => listSessions(parts, call),
    'GET /me': (call) => me(parts, call),
    'GET /reports': (call) => reports(parts, call),
    'POST /orders': (call) => placeOrder(parts, call),
    'POST /webhooks/*': (call) => receiveWebhook(parts, call),
    'GET /partner/prices': (call) => prices(parts, call),
  }
}

async function login({ guards, users, settings }: Parts, { request, address }: Call): Promise<Answer> {
  const body = parseObject(await readBody(request))
  const user = textOf(body['user'], 'user')
  // Taken before the password is looked at, so that of many guesses at once no more are made than the limit allows.
  const decision = await guards.logins.take(address, user)
  const headers = rateLimitHeaders(decision)
  if (!decision.allowed) return { status: 429, headers, body: { error: 'Too many attempts' } }
  if (!(await users.has(user, String(body['password']))))
    return { status: 401, headers, body: { error: 'The user or the password is wrong' } }
  const given = await guards.sessions.issue({ userId: user, client: clientOf(request, address) })
  await guards.logins.forgive(address, user)
  return withTokens(given, settings)
}

async function refresh({ guards, settings }: Parts, { request, address }: Call): Promise<Answer> {
  const outcome = await guards.sessions.rotate(cookieOf(request, 'refresh'), { client: clientOf(request, address) })
  return outcome.ok ? withTokens(outcome, settings) : refused(outcome)
}

/** Ends the session of the cookie, and the access token that is shown beside it. */
async function logout({ guards, settings }: Parts, { request }: Call): Promise<Answer> {
  const outcome = await guards.sessions.revoke(cookieOf(request, 'refresh'))
  if (!outcome.ok && outcome.reason === 'unavailable') return refused(outcome)
  const claims = readAccess(bearerOf(request), settings.accessSecret, Date.now())
  if (claims !== undefined)
    await guards.revoked.revokeToken({ jti: claims.jti, expiresAt: claims.exp, userId: claims.sub, reason: 'logout' })
  return { status: 204, headers: { 'Set-Cookie': cookie('', settings, 0) } }
}

async function logoutEverywhere(parts: Parts, { request }: Call): Promise<Answer> {
  const { guards, settings } = parts
  const { sub } = await authenticate(parts, request)
  // In this order: no session gives out an access token any more when those there are get revoked.
  const sessions = await guards.sessions.revokeAll(sub)
  await guards.revoked.revokeUser(sub, { reason: 'logout everywhere', actor: sub })
  return { status: 200, headers: { 'Set-Cookie': cookie('', settings, 0) }, body: { sessions } }
}

async function listSessions(parts: Parts, { request }: Call): Promise<Answer> {
  const { sub, sid } = await authenticate(parts, request)
  const sessions = await parts.guards.sessions.sessions(sub)
  return {
    status: 200,
    body: sessions.map(({ id, issuedAt, lastUsedAt, client }) => ({
      id,
      issuedAt,
      lastUsedAt,
      client,
      isCurrent: id === sid,
    })),
  }
}

async function me(parts: Parts, { request }: Call): Promise<Answer> {
  const { sub, exp } = await authenticate(parts, request)
  return { status: 200, body: { user: sub, expiresAt: exp } }
}

async function reports({ guards }: Parts, { request, address }: Call): Promise<Answer> {
  const outcome = await guards.keys.verify(bearerOf(request), { scopes: ['reports:read'], ip: address })
  if (!outcome.ok) return refused(outcome)
  return { status: 200, headers: rateLimitHeaders(outcome.limit), body: { for: outcome.info.service, total: 4711 } }
}

async function placeOrder({ guards, orders }: Parts, { request }: Call): Promise<Answer> {
  const { method = '', url = '', headers } = request
  const body = await readBody(request)
  const signed = await guards.signing.verify({ method, url, headers, body })
  if (!signed.ok) return refused(signed)
  const { number, amount } = parseObject(body)
  // Of the two only the number is signed, so it wins.
  const name = textOf(number ?? headers['idempotency-key'], 'number, or the field Idempotency-Key,')
  const placed = await orders.place(partner.name, { number: name, amount: amountOf(amount) })
  if (placed.kind === 'busy') throw new HttpError(409, 'It is being placed', { 'Retry-After': '1' })
  if (placed.kind === 'conflict') throw new HttpError(422, 'The number stands for another order')
  return { status: placed.kind === 'placed' ? 201 : 200, body: placed.order }
}

/** Nothing has read the request before: the guard reads it, and no more of it than it may have. */
async function receiveWebhook({ guards, orders }: Parts, { request, parameter, address }: Call): Promise<Answer> {
  const source = { headers: request.headers, body: request, ip: address }
  const outcome = await guards.hooks.receive(parameter, source, async (delivery) => {
    const { number, amount } = parseObject(delivery.body)
    const payment = { delivery: delivery.id, amount: amountOf(amount) }
    const paid = await orders.pay(delivery.partner, textOf(number, 'number'), payment)
    // What a handler throws leaves the delivery to be sent again: the order may be on its way.
    if (paid === undefined) throw new HttpError(404, 'There is no such order')
    return paid
  })
  if (outcome.ok) return { status: 200, body: { paid: outcome.result } }
  return outcome.reason === 'duplicate' ? { status: 200, body: {} } : refused(outcome)
}

async function prices({ askPartner, settings }: Parts, { request }: Call): Promise<Answer> {
  const response = await askPartner(settings.pricesUrl).catch(() => {
    throw new HttpError(502, 'The partner is out of reach')
  })
  const headers = Object.fromEntries(
    ['etag', 'cache-control', 'age', 'content-type'].flatMap((name) => {
      const value = response.headers.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )
  const etag = response.headers.get('etag')
  if (etag !== null && request.headers['if-none-match'] === etag) {
    await response.body?.cancel()
    return { status: 304, headers }
  }
  return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) }
}

/** Signature and expiry first, then the list of those that are not good all the same. */
async function authenticate({ guards, settings }: Parts, request: Call['request']): Promise<AccessClaims> {
  const claims = readAccess(bearerOf(request), settings.accessSecret, Date.now())
  if (claims === undefined) throw new HttpError(401, undefined, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
  await guards.revoked.assertNotRevoked({ jti: claims.jti, userId: claims.sub, issuedAt: claims.iat })
  return claims
}

/** Issued when the session was used, not now: a revocation that came in between is about this token too. */
function withTokens({ token, session }: GivenToken, settings: Settings): Answer {
  const { id, userId, lastUsedAt: iat } = session
  const claims = { jti: randomUUID(), sub: userId, sid: id, iat, exp: iat + accessMs }
  const maxAge = Math.floor((session.expiresAt - iat) / 1000)
  return {
    status: 200,
    headers: { 'Set-Cookie': cookie(token, settings, maxAge) },
    body: { accessToken: signAccess(claims, settings.accessSecret), expiresAt: claims.exp },
  }
}

function cookie(token: string, { tls }: Settings, maxAge: number): string {
  return `refresh=${token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAge}${tls ? '; Secure' : ''}`
}

function clientOf({ headers }: Call['request'], ip: string): { ip: string; userAgent: string | undefined } {
  return { ip, userAgent: headers['user-agent'] }
}
