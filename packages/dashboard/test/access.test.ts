import { createDashboard, serveDashboard, type Dashboard, type DashboardOptions } from '@tierwise/dashboard'
import { ConfigError } from 'tierwise'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { stageOf } from './stage.ts'

const token = 'a token for the tests'
const own = { 'content-type': 'application/json', 'x-tierwise-dashboard': '1' }

function dashboardOf(options: DashboardOptions = {}): Dashboard {
  const dashboard = createDashboard(stageOf().manager, options.authorize ? options : { token, ...options })
  onTestFinished(() => dashboard.stop())
  return dashboard
}

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

function ask({ fetch }: Dashboard, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Response> {
  const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  return fetch(new Request(`http://localhost${path}`, { method, headers, ...content }))
}

const post = (dashboard: Dashboard, path: string, { headers, body }: Omit<Sent, 'method'>): Promise<Response> =>
  ask(dashboard, path, { method: 'POST', headers: { ...own, ...headers }, body })

async function cookieOf(dashboard: Dashboard): Promise<string> {
  const signedIn = await post(dashboard, '/api/login', { body: { token } })
  expect(signedIn.status).toBe(200)
  return signedIn.headers.get('set-cookie')!.split(';')[0]!
}

const lookUp = { namespace: 'factors', key: 'steel' }

describe('who may look', () => {
  it('nobody without the token', async () => {
    const dashboard = dashboardOf()
    expect((await ask(dashboard, '/api/stream')).status).toBe(401)
    expect((await post(dashboard, '/api/inspect', { body: lookUp })).status).toBe(401)
    expect((await post(dashboard, '/api/login', { body: { token: 'another token for tests' } })).status).toBe(401)
    expect((await post(dashboard, '/api/login', { body: {} })).status).toBe(401)
    const bearer = { authorization: 'Bearer wrong' }
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: bearer })).status).toBe(401)
    expect(await (await ask(dashboard, '/api/session')).json()).toMatchObject({ authorized: false, by: 'token' })
    // The page itself holds no data, and has the form.
    expect((await ask(dashboard, '/')).status).toBe(200)
  })

  it('whoever has the token, by cookie or by header', async () => {
    const dashboard = dashboardOf({ basePath: '/cache/' })
    const signedIn = await post(dashboard, '/cache/api/login', { body: { token } })
    const cookie = signedIn.headers.get('set-cookie')!
    expect(cookie).toMatch(/^tierwise-\w{8}=\d+\.[\w-]{43}; Path=\/cache\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(token)
    const by = [{ cookie: `other=1; ${cookie.split(';')[0]}` }, { authorization: `Bearer ${token}` }]
    for (const headers of by)
      expect((await post(dashboard, '/cache/api/inspect', { body: lookUp, headers })).status).toBe(200)
    expect((await post(dashboard, '/cache/api/logout', { body: {} })).headers.get('set-cookie')).toContain('Max-Age=0')
  })

  it('no longer than twelve hours, and not with a cookie that was changed', async () => {
    let now = 1_000_000
    const dashboard = dashboardOf({ runtime: { clock: { now: () => now, burstNow: () => now } } })
    const cookie = await cookieOf(dashboard)
    now += 12 * 3_600_000 - 1
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: { cookie } })).status).toBe(200)
    now += 1
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: { cookie } })).status).toBe(401)
    const longer = cookie.replace(/=\d+/, '=99999999999999')
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: { cookie: longer } })).status).toBe(401)
    const foreign = await cookieOf(dashboardOf({ token }))
    expect(foreign.split('=')[0]).toBe(cookie.split('=')[0])
  })

  it('a cookie of another token is worth nothing', async () => {
    const other = dashboardOf({ token: 'another token for tests' })
    const [, value] = (await cookieOf(dashboardOf())).split('=')
    const name = (await post(other, '/api/logout', { body: {} })).headers.get('set-cookie')!.split('=')[0]
    expect((await post(other, '/api/inspect', { body: lookUp, headers: { cookie: `${name}=${value}` } })).status).toBe(
      401,
    )
  })

  it('guesses are limited', async () => {
    let now = 0
    const dashboard = dashboardOf({ runtime: { clock: { now: () => now, burstNow: () => now } } })
    const cookie = await cookieOf(dashboard)
    for (let guess = 0; guess < 20; guess++) await post(dashboard, '/api/login', { body: { token: `guess ${guess}` } })
    const refused = await post(dashboard, '/api/login', { body: { token } })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60'])
    expect(
      (await post(dashboard, '/api/inspect', { body: lookUp, headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(429)
    // Those who are in already are not locked out by others.
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: { cookie } })).status).toBe(200)
    now += 60_001
    expect((await post(dashboard, '/api/login', { body: { token } })).status).toBe(200)
  })

  it('whom the application lets in, for the page too', async () => {
    const authorize = vi.fn((request: Request) => request.headers.get('x-user') === 'ada')
    const dashboard = dashboardOf({ authorize })
    expect(dashboard.token).toBeUndefined()
    for (const path of ['/', '/page.js', '/api/stream']) expect((await ask(dashboard, path)).status).toBe(403)
    expect((await ask(dashboard, '/', { headers: { 'x-user': 'ada' } })).status).toBe(200)
    expect((await post(dashboard, '/api/inspect', { body: lookUp, headers: { 'x-user': 'ada' } })).status).toBe(200)
    expect((await post(dashboard, '/api/inspect', { body: lookUp })).status).toBe(403)
    expect((await post(dashboard, '/api/login', { body: { token: '' } })).status).toBe(401)

    authorize.mockImplementation(() => {
      throw new Error('the directory with the secret is away')
    })
    const failed = await ask(dashboard, '/')
    expect([failed.status, await failed.text()]).toEqual([500, expect.not.stringContaining('secret')])
    authorize.mockImplementation((() => 'yes') as never)
    expect((await ask(dashboard, '/')).status).toBe(403)
  })
})

describe('what others can make a browser send', () => {
  it('does nothing without the header, the type and the origin of the page', async () => {
    const dashboard = dashboardOf({ allowWrites: true })
    const cookie = await cookieOf(dashboard)
    const body = { what: 'namespace', namespace: 'factors' }
    const send = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await ask(dashboard, '/api/invalidate', { method: 'POST', headers: { cookie, ...headers }, body })).status
    expect(await send(own)).toBe(200)
    expect(await send({ ...own, origin: 'http://localhost' })).toBe(200)
    expect(await send({ ...own, origin: 'http://evil.example' })).toBe(403)
    expect(await send({ ...own, origin: 'http://localhost:81' })).toBe(403)
    expect(await send({ ...own, origin: 'null' })).toBe(403)
    expect(await send({ 'content-type': 'application/json' })).toBe(403)
    expect(await send({ ...own, 'content-type': 'text/plain' })).toBe(415)
    expect((await ask(dashboard, '/api/invalidate', { headers: { cookie, ...own } })).status).toBe(405)
  })

  it('does not reach it under a name of theirs', async () => {
    const dashboard = dashboardOf({ allowedHosts: ['cache.internal'] })
    expect((await ask(dashboard, '/')).status).toBe(421)
    const known = new Request('http://cache.internal/')
    expect((await dashboard.fetch(known)).status).toBe(200)
    const { manager } = stageOf()
    const { address, stop } = await serveDashboard(manager, { token })
    onTestFinished(stop)
    const { port } = new URL(address)
    expect((await fetch(`http://localhost:${port}/`)).status).toBe(200)
    const { request } = await import('node:http')
    const status = await new Promise((resolve) => {
      request({ host: '127.0.0.1', port, headers: { host: 'evil.example' } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).end()
    })
    expect(status).toBe(421)
  })
})

describe('what is answered', () => {
  it('binds the page to itself', async () => {
    const dashboard = dashboardOf()
    for (const path of ['/', '/page.js', '/api/session', '/nowhere']) {
      const { headers } = await ask(dashboard, path)
      const policy = headers.get('content-security-policy')
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toMatch(/unsafe|\*|data:/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('cache-control')).toMatch(/^no-(store|cache)$/)
    }
  })

  it('sends the files of the page once', async () => {
    const dashboard = dashboardOf()
    const first = await ask(dashboard, '/page.js')
    expect(first.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    const again = await ask(dashboard, '/page.js', { headers: { 'if-none-match': first.headers.get('etag')! } })
    expect([again.status, await again.text()]).toEqual([304, ''])
    const head = await ask(dashboard, '/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('refuses what is too large, is no JSON, or names nothing', async () => {
    const dashboard = dashboardOf({ allowWrites: true })
    const headers = { authorization: `Bearer ${token}` }
    const status = async (body: unknown): Promise<number> =>
      (await post(dashboard, '/api/invalidate', { body, headers })).status
    expect(await status({ what: 'key', namespace: 'factors', key: 'x'.repeat(40_000) })).toBe(413)
    expect(await status('{')).toBe(400)
    expect(await status('[]')).toBe(400)
    expect(await status({ what: 'everything', namespace: 'factors' })).toBe(400)
    expect(await status({ what: 'key', namespace: 'factors', key: 7 })).toBe(400)
    expect(await status({ what: 'key', namespace: 'unheard-of', key: 'a' })).toBe(404)
    expect(await status({ what: 'key', namespace: 'toString', key: 'a' })).toBe(404)
    expect(await status({ what: 'key', namespace: 'factors', key: '\ud800' })).toBe(400)
  })

  it('does not wait for a body that never ends', async () => {
    const dashboard = dashboardOf()
    const endless = new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(10_000)) })
    const init = {
      method: 'POST',
      headers: { ...own, authorization: `Bearer ${token}` },
      body: endless,
      duplex: 'half',
    }
    expect((await dashboard.fetch(new Request('http://localhost/api/inspect', init as RequestInit))).status).toBe(413)
  })

  it('answers where it is mounted and nowhere else', async () => {
    const dashboard = dashboardOf({ basePath: '/cache' })
    const moved = await ask(dashboard, '/cache')
    expect([moved.status, moved.headers.get('location')]).toEqual([308, '/cache/'])
    expect((await ask(dashboard, '/cache/')).status).toBe(200)
    for (const path of ['/', '/cached/', '/cacheXpage.js', '/cache/nowhere', '/cache/../page.js', '/cache/api/nowhere'])
      expect((await ask(dashboard, path)).status).toBe(404)
    expect((await ask(dashboard, '/cache/', { method: 'DELETE' })).status).toBe(404)
  })

  it('is nothing in production, unless that is wanted', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect((await ask(dashboardOf(), '/')).status).toBe(404)
    expect((await post(dashboardOf(), '/api/login', { body: { token } })).status).toBe(404)
    expect((await ask(dashboardOf({ enabled: true }), '/')).status).toBe(200)
    vi.stubEnv('NODE_ENV', 'test')
    expect((await ask(dashboardOf({ enabled: false }), '/')).status).toBe(404)
  })

  it('ends with its stop', async () => {
    const dashboard = dashboardOf()
    await dashboard.stop()
    expect((await ask(dashboard, '/')).status).toBe(503)
  })
})

describe('options', () => {
  it.each([
    [{ token: 'short' }, 'dashboard.token'],
    [{ token, authorize: () => true }, 'exclude each other'],
    [{ allowWrite: true }, 'is not an option'],
    [{ interval: '1 second' }, 'dashboard.interval'],
    [{ interval: 10 }, 'dashboard.interval'],
    [{ basePath: 'cache' }, 'dashboard.basePath'],
    [{ basePath: '/a b' }, 'dashboard.basePath'],
    [{ alerts: [] }, 'dashboard.alerts'],
    [{ auditor: {} }, 'dashboard.auditor'],
  ])('%o is refused', (options, message) => {
    const { manager } = stageOf()
    expect(() => createDashboard(manager, options as DashboardOptions)).toThrow(ConfigError)
    expect(() => createDashboard(manager, options as DashboardOptions)).toThrow(message)
  })

  it('never shows a token in an error', () => {
    const { manager } = stageOf()
    let message = ''
    try {
      createDashboard(manager, { token: 'tiny-secret' })
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain('at least 16 characters')
    expect(message).not.toContain('tiny-secret')
  })

  it.each(['0.0.0.0', '::', '192.168.0.1', 'cache.internal'])('%s needs a token or authorize', async (host) => {
    const { manager } = stageOf()
    await expect(serveDashboard(manager, { host })).rejects.toThrow(ConfigError)
  })

  it('listens elsewhere with a token of its own, which stays out of the address', async () => {
    const { manager } = stageOf()
    const { url, address, stop } = await serveDashboard(manager, { host: '0.0.0.0', token })
    onTestFinished(stop)
    expect(url).toBe(address)
    expect((await fetch(`http://127.0.0.1:${new URL(address).port}/`)).status).toBe(200)
  })

  it('makes up another token each time', async () => {
    const { manager } = stageOf()
    const tokens = [1, 2].map(() => createDashboard(manager).token)
    expect(tokens[0]).toMatch(/^[\w-]{32}$/)
    expect(tokens[0]).not.toBe(tokens[1])
  })
})
