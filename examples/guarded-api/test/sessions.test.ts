import { expect, test, vi } from 'vitest'
import { signAccess } from '../src/access-tokens.ts'
import { ask, logIn, overBothStores, statuses } from './api.ts'

overBothStores((world, restart) => {
  test('a login opens what is of the user, and its cookie is out of reach of scripts and of other sites', async () => {
    const [one, other] = world().services
    const login = await logIn(one)
    expect(login.status).toBe(200)
    const [cookie] = login.headers.getSetCookie()
    expect(cookie).toMatch(/^refresh=\S+; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/)
    const me = await ask(other, 'GET /me', { token: login.accessToken })
    expect(me).toMatchObject({ status: 200, body: { user: 'ada' } })
    const sessions = await ask(other, 'GET /sessions', { token: login.accessToken })
    expect(sessions.body).toMatchObject([{ isCurrent: true, client: { ip: '127.0.0.1' } }])
    expect(JSON.stringify(sessions.body)).not.toContain(login.cookie.slice(60))
  })

  test('the cookie goes over TLS only where there is TLS', async () => {
    await restart({ tls: true })
    expect((await logIn(world().services[0])).headers.getSetCookie()[0]).toMatch(/; Secure$/)
  })

  test('no more passwords are tried at once than the limit allows, and nobody else is locked out', async () => {
    const { services } = world()
    const guesses = Array.from({ length: 12 }, (_, index) => logIn(services[index % 2]!, 'ada', `guess ${index}`))
    const replies = await Promise.all(guesses)
    expect(statuses(replies)).toEqual([...Array<number>(4).fill(401), ...Array<number>(8).fill(429)])
    const limited = replies.find(({ status }) => status === 429)
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Object.fromEntries(limited!.headers)).toMatchObject({
      'ratelimit-limit': '4',
      'ratelimit-remaining': '0',
      'ratelimit-policy': '"default";q=4;w=60',
    })
    expect((await logIn(services[0])).status).toBe(429)
    // At another address, or by another name, there is nothing of it.
    expect((await services[0].guards.logins.take('192.0.2.1', 'ada')).allowed).toBe(true)
    expect((await logIn(services[0], 'bob', 'battery staple')).status).toBe(200)
  })

  test('a right password is not held against the user, whatever was tried before', async () => {
    const [one] = world().services
    for (let round = 0; round < 2; round++) {
      for (let guess = 0; guess < 3; guess++) expect((await logIn(one, 'ada', 'wrong')).status).toBe(401)
      expect((await logIn(one)).status).toBe(200)
    }
  })

  test('one address tries no password on many users for long', async () => {
    const [one] = world().services
    const replies = await Promise.all(Array.from({ length: 33 }, (_, index) => logIn(one, `user ${index}`, 'summer')))
    expect(statuses(replies)).toEqual([...Array<number>(30).fill(401), ...Array<number>(3).fill(429)])
  })

  test('a refresh token that is used by many at once serves one, and then nobody', async () => {
    const { services, lines } = world()
    const [one] = services
    const login = await logIn(one)
    const uses = Array.from({ length: 6 }, (_, index) =>
      ask(services[index % 2]!, 'POST /refresh', { cookie: login.cookie }),
    )
    const replies = await Promise.all(uses)
    expect(statuses(replies)).toEqual([200, 401, 401, 401, 401, 401])
    const winner = replies.find(({ status }) => status === 200)!
    expect((await ask(one, 'POST /refresh', { cookie: winner.cookie })).status).toBe(401)
    await vi.waitFor(async () => {
      expect((await ask(one, 'GET /me', { token: winner.accessToken })).status).toBe(401)
    })
    expect(lines[0]).toBe('a refresh token of ada was used twice: the session was revoked')
    expect((await logIn(one)).status).toBe(200)
  })

  test('a refresh token goes on from one to the next, and no answer tells why one is refused', async () => {
    const [one, other] = world().services
    const login = await logIn(one)
    const next = await ask(other, 'POST /refresh', { cookie: login.cookie })
    expect(next.status).toBe(200)
    expect((await ask(one, 'GET /me', { token: next.accessToken })).status).toBe(200)
    const refused = await Promise.all(
      [login.cookie, 'refresh=made.up', ''].map((cookie) => ask(one, 'POST /refresh', { cookie })),
    )
    expect(new Set(refused.map(({ status, body }) => JSON.stringify({ status, body }))).size).toBe(1)
  })

  test('a logout ends the session and the access token, and no other session of the user', async () => {
    const [one, other] = world().services
    const [phone, laptop] = [await logIn(one), await logIn(one)]
    const out = await ask(one, 'POST /logout', { cookie: phone.cookie, token: phone.accessToken })
    expect(out.status).toBe(204)
    expect(out.headers.getSetCookie()[0]).toMatch(/^refresh=;.*Max-Age=0/)
    expect((await ask(other, 'GET /me', { token: phone.accessToken })).status).toBe(401)
    expect((await ask(other, 'POST /refresh', { cookie: phone.cookie })).status).toBe(401)
    expect((await ask(other, 'GET /me', { token: laptop.accessToken })).status).toBe(200)
    expect((await ask(other, 'POST /refresh', { cookie: laptop.cookie })).status).toBe(200)
  })

  test('after a logout everywhere nothing of before is good, and the user logs in again at once', async () => {
    const [one, other] = world().services
    const [phone, laptop] = [await logIn(one), await logIn(other)]
    const bob = await logIn(one, 'bob', 'battery staple')
    const out = await ask(other, 'POST /logout-everywhere', { token: phone.accessToken })
    expect(out).toMatchObject({ status: 200, body: { sessions: 2 } })
    for (const { accessToken, cookie } of [phone, laptop]) {
      expect((await ask(one, 'GET /me', { token: accessToken })).status).toBe(401)
      expect((await ask(one, 'POST /refresh', { cookie })).status).toBe(401)
    }
    const again = await logIn(one)
    expect((await ask(other, 'GET /me', { token: again.accessToken })).status).toBe(200)
    expect((await ask(other, 'GET /me', { token: bob.accessToken })).status).toBe(200)
  })

  test('refreshes that run into a logout everywhere leave no token that is good', async () => {
    const [one, other] = world().services
    for (let round = 0; round < 5; round++) {
      const login = await logIn(one)
      const second = await logIn(other)
      const [, refreshed] = await Promise.all([
        ask(one, 'POST /logout-everywhere', { token: login.accessToken }),
        ask(other, 'POST /refresh', { cookie: second.cookie }),
      ])
      const left = [login, second, ...(refreshed.status === 200 ? [refreshed] : [])]
      const answers = await Promise.all(left.map(({ accessToken }) => ask(one, 'GET /me', { token: accessToken })))
      expect(answers.every(({ status }) => status === 401)).toBe(true)
    }
  })

  test('an access token that was changed, has expired or was signed by somebody else opens nothing', async () => {
    const { services, settings } = world()
    const now = Date.now()
    const claims = { jti: 'a', sub: 'ada', sid: 's', iat: now - 2000, exp: now + 60_000 }
    const good = signAccess(claims, settings.accessSecret)
    expect((await ask(services[0], 'GET /me', { token: good })).status).toBe(200)
    const [, mac] = good.split('.')
    const forged = `${Buffer.from(JSON.stringify({ ...claims, sub: 'bob' })).toString('base64url')}.${mac}`
    const expired = signAccess({ ...claims, exp: now - 1000 }, settings.accessSecret)
    const foreign = signAccess(claims, `${settings.accessSecret}.`)
    for (const token of [forged, expired, foreign, `${good}.${mac}`, 'a.b', '.', ''])
      expect((await ask(services[0], 'GET /me', { token })).status).toBe(401)
  })
})
