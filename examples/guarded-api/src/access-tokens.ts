import { createHmac, timingSafeEqual } from 'node:crypto'

/** What an access token says. Times are epoch milliseconds, as the list of revoked tokens compares them best. */
export interface AccessClaims {
  readonly jti: string
  readonly sub: string
  /** The session that it was given to. */
  readonly sid: string
  readonly iat: number
  readonly exp: number
}

/** The claims and their HMAC-SHA-256, both base64url: what a JWT is without its header, of which there is one kind here. */
export function signAccess(claims: AccessClaims, secret: string): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${payload}.${macOf(payload, secret).toString('base64url')}`
}

/** The claims of a token that this service has signed and that has not expired. Whether it was revoked is another question. */
export function readAccess(token: string, secret: string, now: number): AccessClaims | undefined {
  const [payload = '', mac = '', ...more] = token.split('.')
  const [shown, right] = [Buffer.from(mac, 'base64url'), macOf(payload, secret)]
  if (more.length > 0 || shown.length !== right.length || !timingSafeEqual(shown, right)) return undefined
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as AccessClaims
  return now < claims.exp ? claims : undefined
}

function macOf(payload: string, secret: string): Buffer {
  return createHmac('sha256', secret).update('access:').update(payload).digest()
}
