import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'

import { connectorLimiter, type ConnectorLimiterOptions } from '../../../src/recipes/connector-limiter.ts'
import type { RecipeWorlds } from './worlds.ts'

const alone: ConnectorLimiterOptions = { share: 1 }

export function connectorLimiterCases(worlds: RecipeWorlds): void {
  describe(`connectorLimiter ${worlds.name}`, () => {
    it('allows ten calls a minute of each endpoint, by all processes together', async () => {
      await using world = await worlds.create()
      const limiters = [connectorLimiter(world.one, alone), connectorLimiter(world.other, alone)]
      const asked = Array.from({ length: 30 }, (_, i) => limiters[i % 2]!.acquire('orders'))
      const answers = await Promise.all(asked)
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10)
      expect((await limiters[0]!.acquire('invoices')).allowed).toBe(true)
    })

    it('says what is left and when there is more', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, { ...alone, now: () => 1000 })
      const first = await limiter.acquire('orders', 4)
      expect(first).toMatchObject({ allowed: true, limit: 10, periodMs: 60_000, remaining: 6, assumed: false })
      const status = await limiter.status('orders')
      expect(status).toMatchObject({ limit: 10, remaining: 6, assumed: false })
      expect(status.resetAfterMs).toBeGreaterThan(20_000)
      expect(status.resetAfterMs).toBeLessThanOrEqual(24_000)
      expect(status.resetAt).toBe(1000 + status.resetAfterMs)
      const refused = await limiter.acquire('orders', 7)
      expect(refused).toMatchObject({ allowed: false, reason: 'limited', remaining: 6 })
      const retryAfterMs = 'retryAfterMs' in refused ? refused.retryAfterMs : NaN
      expect(retryAfterMs).toBeGreaterThan(2000)
      expect(retryAfterMs).toBeLessThanOrEqual(6000)
      expect((await limiter.status('orders')).remaining).toBe(6)
    })

    it('has limits of their own for some endpoints, which say only in what they differ', async () => {
      await using world = await worlds.create()
      const endpoints = { slow: { limit: 2 }, strict: { algorithm: 'sliding-window', period: '2m' } } as const
      const limiter = connectorLimiter(world.one, { ...alone, endpoints })
      expect(await limiter.status('slow')).toMatchObject({ limit: 2, periodMs: 60_000 })
      expect(await limiter.status('strict')).toMatchObject({ limit: 10, periodMs: 120_000 })
      expect(await limiter.status('any')).toMatchObject({ limit: 10, periodMs: 60_000 })
    })

    it('never allows more than there ever is', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, alone)
      expect(await limiter.acquire('orders', 11)).toMatchObject({ allowed: false, retryAfterMs: Infinity })
      await expect(limiter.waitIfNeeded('orders', { tokens: 11 })).rejects.toMatchObject({
        code: 'ERR_CACHE_LIMIT_EXCEEDED',
        retryAfterMs: Infinity,
      })
    })

    it('waits for room, and refuses at once when there will be none in time', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, { ...alone, limit: 2, period: 400 })
      await limiter.acquire('orders', 2)
      await expect(limiter.waitIfNeeded('orders', { timeout: 1 })).rejects.toMatchObject({
        code: 'ERR_CACHE_LIMIT_EXCEEDED',
      })
      const began = world.now()
      await world.until(limiter.waitIfNeeded('orders'))
      expect(world.now() - began).toBeGreaterThan(50)
    })

    it('forgets what was taken from an endpoint', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, alone)
      await limiter.acquire('orders', 10)
      await limiter.reset('orders')
      expect((await limiter.acquire('orders', 10)).allowed).toBe(true)
    })

    it('counts against its share while the store cannot be asked', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, { share: 0.25 })
      world.switched.mood = 'fails'
      const answers = []
      for (let i = 0; i < 5; i++) answers.push(await limiter.acquire('orders'))
      expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, false, false, false])
      expect(answers[0]).toMatchObject({ limit: 2, assumed: true })
    })

    it('refuses everything with `closed`, and says why', async () => {
      await using world = await worlds.create()
      const limiter = connectorLimiter(world.one, { failure: 'closed' })
      world.switched.mood = 'fails'
      expect(await limiter.acquire('orders')).toEqual({ allowed: false, reason: 'unavailable' })
      await expect(limiter.status('orders')).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(limiter.wrap('orders', () => 1)()).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    })

    it('keeps a server from being called more often than it takes, whoever calls', async () => {
      await using world = await worlds.create()
      let calls = 0
      const server = createServer((_, response) => {
        calls++
        response.statusCode = calls > 5 ? 429 : 200
        response.end()
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`
      const clients = [world.one, world.other].map((coordination) =>
        connectorLimiter(coordination, { ...alone, limit: 5, algorithm: 'sliding-window' }).wrap(
          'orders',
          async () => (await fetch(url)).status,
          { timeout: '1s' },
        ),
      )
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, i) => clients[i % 2]!()))
      server.closeAllConnections()
      server.close()
      const statuses = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      expect(statuses).toEqual([200, 200, 200, 200, 200])
      expect(calls).toBe(5)
    })
  })
}
