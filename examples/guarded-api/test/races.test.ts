import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startRedis, tcpProxy } from 'tierwise/testing'
import type { RedisServer, TcpProxy } from 'tierwise/testing'
import { startService } from '../src/service.ts'
import type { Service } from '../src/service.ts'
import { ask, logIn, startWorld } from './api.ts'
import type { World } from './api.ts'

let redis: RedisServer
let proxy: TcpProxy
let world: World
/** Hears what Redis answers a tenth of a second late, so that another service can come in between. */
let slow: Service
beforeEach(async () => {
  redis = await startRedis()
  proxy = await tcpProxy({ target: redis })
  world = await startWorld({ redis })
  const url = new URL(redis.url)
  url.host = `${proxy.host}:${proxy.port}`
  slow = await startService({ ...world.settings, redisUrl: url.href })
  await slow.guards.revoked.count()
  proxy.delay(100)
})
afterEach(async () => {
  await slow.stop()
  await world.stop()
  await proxy.close()
  await redis.stop()
})

test('an access token that is on its way while all of its user are revoked is revoked too', async () => {
  const [fast] = world.services
  const login = await logIn(fast)
  const onItsWay = ask(slow, 'POST /refresh', { cookie: login.cookie })
  await vi.waitFor(
    async () => {
      const [session] = await fast.guards.sessions.sessions('ada')
      expect(session?.rotations).toBe(1)
    },
    { timeout: 5000, interval: 5 },
  )
  expect((await ask(fast, 'POST /logout-everywhere', { token: login.accessToken })).status).toBe(200)
  const refreshed = await onItsWay
  expect(refreshed.status).toBe(200)
  expect((await ask(fast, 'GET /me', { token: refreshed.accessToken })).status).toBe(401)
})

test('no session gives out an access token when the access tokens of its user have been revoked', async () => {
  const [fast] = world.services
  const login = await logIn(fast)
  const out = ask(slow, 'POST /logout-everywhere', { token: login.accessToken })
  await vi.waitFor(async () => expect(await fast.guards.revoked.userInfo('ada')).toBeDefined(), {
    timeout: 5000,
    interval: 5,
  })
  expect((await ask(fast, 'POST /refresh', { cookie: login.cookie })).status).toBe(401)
  expect((await out).status).toBe(200)
})
