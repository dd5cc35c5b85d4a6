import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { ask, order, orderHeaders, overBothStores, statuses, webhookHeaders } from './api.ts'
import type { Reply, World } from './api.ts'

overBothStores((world, restart) => {
  describe('reports', () => {
    test('need a key that was given out, with the scope, and within its limit', async () => {
      const [one, other] = world().services
      const { key, info } = await one.guards.keys.create('billing', {
        scopes: ['reports:read'],
        limit: { limit: 2, period: '1m' },
      })
      const replies = await Promise.all([one, other, one, other].map((at) => ask(at, 'GET /reports', { token: key })))
      expect(statuses(replies)).toEqual([200, 200, 429, 429])
      const limited = replies.find(({ status }) => status === 429)
      expect(limited?.headers.get('ratelimit-limit')).toBe('2')
      expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
      await one.guards.keys.revoke(info.id)
      expect((await ask(other, 'GET /reports', { token: key })).status).toBe(401)
    })

    test('are refused to a key without the scope, and to what is no key', async () => {
      const [one, other] = world().services
      const { key } = await one.guards.keys.create('reader', { scopes: ['prices:read'] })
      expect((await ask(other, 'GET /reports', { token: key })).status).toBe(403)
      const wrong = `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`
      for (const token of [wrong, 'demo_live_none', undefined])
        expect((await ask(other, 'GET /reports', token === undefined ? {} : { token })).status).toBe(401)
    })
  })

  describe('orders', () => {
    const content = { number: '4711', amount: 10 }
    const body = JSON.stringify(content)

    test('a forged copy is refused, and leaves the nonce to the real one', async () => {
      const [one, other] = world().services
      const headers = orderHeaders(world(), body)
      const forged = await ask(one, 'POST /orders', { body: JSON.stringify({ ...content, amount: 99 }), headers })
      expect(forged.status).toBe(401)
      expect(world().delivered).toEqual([])
      expect((await ask(other, 'POST /orders', { body, headers })).status).toBe(201)
    })

    test('of one signed request that is sent many times at once one passes', async () => {
      const { services, delivered } = world()
      const headers = orderHeaders(world(), body)
      const copies = Array.from({ length: 6 }, (_, index) =>
        ask(services[index % 2]!, 'POST /orders', { body, headers }),
      )
      expect(statuses(await Promise.all(copies))).toEqual([201, 409, 409, 409, 409, 409])
      expect(delivered).toEqual(['4711'])
    })

    test('one number in many requests at once is delivered once, and all get the same order in the end', async () => {
      const delivered: number[] = []
      let release = (): void => undefined
      const isReleased = new Promise<void>((resolve) => (release = resolve))
      await restart({
        deliver: async () => {
          await isReleased
          return `delivery ${delivered.push(1)}`
        },
      })
      const busy: Reply[] = []
      const replies = [0, 1, 0, 1, 0, 1].map(async (at) => {
        const reply = await order(world(), content, { at: at === 0 ? 0 : 1 })
        if (reply.status === 409 && busy.push(reply) === 5) release()
        return reply
      })
      expect(statuses(await Promise.all(replies))).toEqual([201, 409, 409, 409, 409, 409])
      expect(busy.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true)
      const placed = { status: 200, body: { ...content, confirmation: 'delivery 1' } }
      for (const at of [0, 1] as const) expect(await order(world(), content, { at })).toMatchObject(placed)
      expect(delivered).toEqual([1])
    })

    test('the field Idempotency-Key names an order that has no number, and does not rename one that has', async () => {
      const named = (at: 0 | 1, key: string, request: object): Promise<Reply> =>
        order(world(), request, { at, headers: { 'Idempotency-Key': key } })
      const first = await named(0, 'k-1', { amount: 5 })
      expect(first).toMatchObject({ status: 201, body: { number: 'k-1', confirmation: 'delivery 1' } })
      expect(await named(1, 'k-1', { amount: 5 })).toMatchObject({ status: 200, body: first.body })
      expect((await named(1, 'k-1', { amount: 6 })).status).toBe(422)
      expect((await order(world(), content)).status).toBe(201)
      expect((await named(1, 'k-2', content)).status).toBe(200)
      expect((await order(world(), { amount: 5 })).status).toBe(400)
      expect(world().delivered).toEqual(['k-1', '4711'])
    })

    test('an order whose delivery failed can be sent again', async () => {
      let calls = 0
      await restart({
        deliver: async () => {
          if (++calls === 1) throw new Error('the warehouse burns')
          return 'delivered'
        },
      })
      expect((await order(world(), content)).status).toBe(500)
      expect((await order(world(), content, { at: 1 })).status).toBe(201)
    })

    test('a body that is too large is answered before it has come to its end', async () => {
      const url = `${world().services[0].origin}/orders`
      const request = httpRequest(url, { method: 'POST', headers: orderHeaders(world(), body) })
      request.write(Buffer.alloc(20_000, 'x'))
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      expect(response).toMatchObject({ statusCode: 413, headers: { connection: 'close' } })
      request.on('error', () => undefined).destroy()
    })
  })

  describe('webhooks', () => {
    const body = JSON.stringify({ number: '4711', amount: 4 })

    test('a delivery that is sent again and again pays once', async () => {
      const { services } = world()
      await order(world(), { number: '4711', amount: 10 })
      const headers = webhookHeaders(world(), 'msg_1', body)
      const deliver = (index: number): Promise<Reply> =>
        ask(services[index % 2]!, 'POST /webhooks/acme', { body, headers })
      const first = await Promise.all([0, 1, 2, 3].map(deliver))
      expect(first.filter(({ body: { paid } }) => paid === 4)).toHaveLength(1)
      expect(await deliver(1)).toMatchObject({ status: 200, body: {} })
      expect(await pay(world(), 'msg_2')).toMatchObject({ status: 200, body: { paid: 8 } })
    })

    test('what is forged, from nobody, old or too large is refused, and uses up no id', async () => {
      const [one, other] = world().services
      await order(world(), { number: '4711', amount: 10 })
      const headers = webhookHeaders(world(), 'msg_1', body)
      const more = JSON.stringify({ number: '4711', amount: 400 })
      expect((await ask(one, 'POST /webhooks/acme', { body: more, headers })).status).toBe(401)
      expect((await ask(one, 'POST /webhooks/nobody', { body, headers })).status).toBe(401)
      const old = { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 400) }
      expect((await ask(one, 'POST /webhooks/acme', { body, headers: old })).status).toBe(401)
      const large = JSON.stringify({ number: '4711', amount: 4, note: 'x'.repeat(20_000) })
      const signed = webhookHeaders(world(), 'msg_1', large)
      expect((await ask(one, 'POST /webhooks/acme', { body: large, headers: signed })).status).toBe(413)
      expect(await ask(other, 'POST /webhooks/acme', { body, headers })).toMatchObject({
        status: 200,
        body: { paid: 4 },
      })
    })

    test('a delivery that is ahead of its order comes again and is handled then', async () => {
      expect((await pay(world(), 'msg_1')).status).toBe(404)
      await order(world(), { number: '4711', amount: 10 })
      expect(await pay(world(), 'msg_1')).toMatchObject({ status: 200, body: { paid: 4 } })
    })

    function pay(at: World, id: string): Promise<Reply> {
      return ask(at.services[1], 'POST /webhooks/acme', { body, headers: webhookHeaders(at, id, body) })
    }
  })

  describe('prices', () => {
    test('are asked for once, however many ask, and whoever has them already gets none', async () => {
      const { services, prices } = world()
      const [one, other] = services
      const replies = await Promise.all([1, 2, 3].map(() => ask(one, 'GET /partner/prices')))
      expect(statuses(replies)).toEqual([200, 200, 200])
      expect(replies[0]?.body).toEqual({ steel: 812, glass: 95 })
      expect((await ask(other, 'GET /partner/prices')).status).toBe(200)
      expect(prices.counts).toEqual({ asked: 1, unchanged: 0 })
      const etag = replies[0]?.headers.get('etag') ?? ''
      const known = await ask(other, 'GET /partner/prices', { headers: { 'if-none-match': etag } })
      expect(known).toMatchObject({ status: 304, body: {} })
      expect(known.headers.get('etag')).toBe('"2026-11"')
    })

    test('are confirmed by the partner when they are not fresh any more, and stand in when it is gone', async () => {
      await restart({ maxAgeSeconds: 0 })
      const { services, prices } = world()
      await ask(services[0], 'GET /partner/prices')
      expect(await ask(services[1], 'GET /partner/prices')).toMatchObject({ status: 200, body: { steel: 812 } })
      expect(prices.counts).toEqual({ asked: 2, unchanged: 1 })
      await prices.stop()
      expect(await ask(services[0], 'GET /partner/prices')).toMatchObject({ status: 200, body: { steel: 812 } })
    })

    test('that nobody has are a failure of the partner', async () => {
      await world().prices.stop()
      expect((await ask(world().services[0], 'GET /partner/prices')).status).toBe(502)
    })
  })
})
