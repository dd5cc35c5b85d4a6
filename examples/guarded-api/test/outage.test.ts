import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startRedis } from 'tierwise/testing'
import type { RedisServer } from 'tierwise/testing'
import { ask, logIn, order, startWorld, webhookHeaders } from './api.ts'
import type { Reply, World } from './api.ts'

let redis: RedisServer
let world: World
beforeEach(async () => {
  redis = await startRedis({ dedicated: true })
  world = await startWorld({ redis, processes: 2 })
})
afterEach(async () => {
  await world.stop()
  await redis.stop()
})

test('without Redis nothing is let in that has to be known, and everything is again when it is back', async () => {
  const [one] = world.services
  const login = await logIn(one)
  const { key } = await one.guards.keys.create('billing', { scopes: ['reports:read'] })
  const body = JSON.stringify({ number: '4711', amount: 4 })
  await ask(one, 'GET /partner/prices')
  await redis.kill()
  const all: Readonly<Record<string, () => Promise<Reply>>> = {
    me: () => ask(one, 'GET /me', { token: login.accessToken }),
    sessions: () => ask(one, 'GET /sessions', { token: login.accessToken }),
    refresh: () => ask(one, 'POST /refresh', { cookie: login.cookie }),
    logout: () => ask(one, 'POST /logout', { cookie: login.cookie }),
    everywhere: () => ask(one, 'POST /logout-everywhere', { token: login.accessToken }),
    reports: () => ask(one, 'GET /reports', { token: key }),
    orders: () => order(world, { number: '4711', amount: 10 }),
    webhook: () => ask(one, 'POST /webhooks/acme', { body, headers: webhookHeaders(world, 'msg_1', body) }),
  }
  for (const [name, call] of Object.entries(all)) expect([name, (await call()).status]).toEqual([name, 503])
  expect(world.delivered).toEqual([])
  expect((await ask(one, 'GET /partner/prices')).status).toBe(200)
  expect(world.lines).toContain('the store is out of reach')

  await redis.restart()
  await vi.waitFor(async () => expect((await ask(one, 'GET /me', { token: login.accessToken })).status).toBe(200), {
    timeout: 15_000,
    interval: 200,
  })
  expect(world.lines).toContain('the store is back')
})

test('without Redis each process limits logins by its share, and nobody gets a session', async () => {
  const [one, other] = world.services
  await redis.kill()
  for (const at of [one, other]) {
    const replies = []
    for (let guess = 0; guess < 4; guess++) replies.push(await logIn(at, 'ada', `guess ${guess}`))
    expect(replies.map(({ status }) => status)).toEqual([401, 401, 429, 429])
    expect(replies[3]?.headers.get('ratelimit-limit')).toBe('2')
  }
  expect((await logIn(one, 'bob', 'battery staple')).status).toBe(503)
})

test('a service that is started while Redis is away limits logins, and lets users in when it is there', async () => {
  await redis.kill()
  await world.stop()
  world = await startWorld({ redis })
  const [one] = world.services
  expect((await logIn(one, 'ada', 'wrong')).status).toBe(401)
  expect((await logIn(one)).status).toBe(503)
  await redis.restart()
  await vi.waitFor(async () => expect((await logIn(one, 'bob', 'battery staple')).status).toBe(200), {
    timeout: 15_000,
    // Not so often that the limit of logins is what answers.
    interval: 2000,
  })
})
