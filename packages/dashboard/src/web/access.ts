import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { ResolvedOptions } from '../options.ts'
import type { Session } from '../wire.ts'
import { Refusal } from './answers.ts'

const sessionMs = 12 * 3_600_000
const failuresInMinute = 20

/**
 * Who may look. A visitor shows the token once and gets a cookie, which is a time and its signature: nothing is kept here,
 * and with a token of one's own a restart asks nobody to sign in again.
 */
export class Access {
  readonly #options: ResolvedOptions
  readonly #tokenHash: Buffer | undefined
  readonly #cookieName: string
  #failures = 0
  #failuresSince = 0

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#tokenHash = options.token === undefined ? undefined : hash(options.token)
    // Cookies know no ports: two dashboards on one host must not take each other's.
    const own = this.#tokenHash === undefined ? '' : hash(`name of ${this.#tokenHash.toString('hex')}`).toString('hex')
    this.#cookieName = `tierwise-${own.slice(0, 8)}`
  }

  async session(request: Request): Promise<Session> {
    const { allowWrites, showValues, authorize } = this.#options
    return {
      authorized: await this.#isAllowed(request),
      by: authorize === undefined ? 'token' : 'application',
      allowWrites,
      showValues,
    }
  }

  /** @throws Refusal 401, 403 or 429 */
  async demand(request: Request): Promise<void> {
    if (await this.#isAllowed(request)) return
    if (this.#options.authorize !== undefined) throw new Refusal(403, 'The application does not let you in.')
    throw new Refusal(401, 'Sign in first.', { headers: { 'www-authenticate': 'Bearer' } })
  }

  /** Whether the application decides, and lets the request have the files of the page; they hold no data. */
  async demandForPage(request: Request): Promise<void> {
    if (this.#options.authorize !== undefined) await this.demand(request)
  }

  /** The cookie of a visitor who knows the token. @throws Refusal 401 or 429 */
  login(request: Request, token: unknown): string {
    if (typeof token !== 'string' || !this.#isToken(token)) throw new Refusal(401, 'That is not the token.')
    const expires = String(Math.round(this.#options.clock.now() + sessionMs))
    return this.#cookie(request, `${expires}.${this.#sign(expires)}`, sessionMs / 1000)
  }

  logout(request: Request): string {
    return this.#cookie(request, '', 0)
  }

  /**
   * A page elsewhere can make a browser send its cookies, and cannot set this header nor lie about its origin.
   *
   * @throws Refusal 403 or 415
   */
  demandOwnPage(request: Request): void {
    const { headers } = request
    const origin = headers.get('origin')
    if (headers.get('x-tierwise-dashboard') === null || (origin !== null && !this.#isOwn(origin, request)))
      throw new Refusal(403, 'This has to come from the page of the dashboard.')
    if (!/^application\/json\b/i.test(headers.get('content-type') ?? '')) throw new Refusal(415, 'Send JSON.')
  }

  /** A name that was pointed at this machine by somebody else is not ours. @throws Refusal 421 */
  demandOwnHost(request: Request): void {
    const { allowedHosts } = this.#options
    if (allowedHosts === undefined || allowedHosts.includes(new URL(request.url).host)) return
    throw new Refusal(421, 'The dashboard is not known under this host; name it in `allowedHosts`.')
  }

  #isOwn(origin: string, request: Request): boolean {
    if (!URL.canParse(origin)) return false
    const { host } = new URL(origin)
    return host === new URL(request.url).host || (this.#options.allowedHosts?.includes(host) ?? false)
  }

  async #isAllowed(request: Request): Promise<boolean> {
    const { authorize } = this.#options
    if (authorize !== undefined) return (await authorize(request)) === true
    const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    if (bearer !== undefined) return this.#isToken(bearer)
    const [expires = '', signature = ''] = this.#cookieOf(request).split('.')
    return isSame(signature, this.#sign(expires)) && Number(expires) > this.#options.clock.now()
  }

  /** Guesses are counted, so a token of few words does not fall to a list of words. */
  #isToken(token: string): boolean {
    const now = this.#options.clock.now()
    if (now - this.#failuresSince > 60_000) {
      this.#failures = 0
      this.#failuresSince = now
    }
    if (this.#failures >= failuresInMinute)
      throw new Refusal(429, 'Too many wrong tokens. Try again in a minute.', { headers: { 'retry-after': '60' } })
    const isRight = this.#tokenHash !== undefined && timingSafeEqual(hash(token), this.#tokenHash)
    if (!isRight) this.#failures++
    return isRight
  }

  #sign(expires: string): string {
    return createHmac('sha256', this.#tokenHash ?? '')
      .update(`session until ${expires}`)
      .digest('base64url')
  }

  #cookieOf(request: Request): string {
    const all = (request.headers.get('cookie') ?? '').split(/; */)
    return all.find((each) => each.startsWith(`${this.#cookieName}=`))?.slice(this.#cookieName.length + 1) ?? ''
  }

  #cookie(request: Request, value: string, maxAge: number): string {
    const path = `${this.#options.basePath}/`
    const secure = new URL(request.url).protocol === 'https:' ? '; Secure' : ''
    return `${this.#cookieName}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`
  }
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(hash(a), hash(b))
}
