import { describe, expect, it } from 'vitest'

import { requestSigning, signRequest } from '../../../src/recipes/request-signing.ts'
import type {
  RequestSigning,
  RequestSigningOptions,
  SignableRequest,
  SignedRequest,
} from '../../../src/recipes/request-signing.ts'
import type { SecurityWorld, SecurityWorlds } from './worlds.ts'

export const key = { id: 'erp-2026', secret: 'a secret of thirty-two bytes, or more' }
const order: SignableRequest = { method: 'POST', url: '/orders?b=2&a=1', body: '{"amount":10}' }

export function requestSigningCases(worlds: SecurityWorlds): void {
  const whereStoreMoves = worlds.movesStore ? it : () => {}
  const open = (world: SecurityWorld, options: Partial<RequestSigningOptions> = {}): RequestSigning =>
    requestSigning(world.one, { keys: [key], now: world.now, ...options })
  const signed = (world: SecurityWorld, request: SignableRequest = order, aheadMs = 0): SignedRequest => ({
    ...request,
    headers: signRequest(request, key, { timestamp: Math.floor((world.now() + aheadMs) / 1000) }),
  })

  describe(`requestSigning ${worlds.name}`, () => {
    it('accepts a signed request once', async () => {
      await using world = await worlds.create()
      const request = signed(world)
      const outcome = await open(world).verify(request)
      expect(outcome).toEqual({ ok: true, keyId: key.id, signedAt: Math.floor(world.now() / 1000) * 1000 })
      const again = { ok: false, reason: 'replayed', status: 409 }
      expect(await open(world).verify(request)).toMatchObject(again)
      const elsewhere = requestSigning(world.other, { keys: [key], now: world.now })
      expect(await elsewhere.verify(request)).toMatchObject(again)
    })

    it('accepts one of many that come at once', async () => {
      await using world = await worlds.create()
      const signing = open(world)
      const elsewhere = requestSigning(world.other, { keys: [key], now: world.now })
      const request = signed(world)
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? signing : elsewhere).verify(request)),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1)
    })

    it.each([
      ['method', { method: 'PUT' }],
      ['path', { url: '/invoices?b=2&a=1' }],
      ['query', { url: '/orders?b=2&a=9' }],
      ['order of two values of one name', { url: '/orders?a=2&a=1' }, { url: '/orders?a=1&a=2' }],
      ['body', { body: '{"amount":99}' }],
      ['body that is left out', { body: undefined }],
    ])('refuses another %s', async (_, change, base: Partial<SignableRequest> = {}) => {
      await using world = await worlds.create()
      const request = signed(world, { ...order, ...base })
      expect(await open(world).verify({ ...request, ...change })).toMatchObject({
        reason: 'wrong-signature',
        status: 401,
      })
      expect(await open(world).verify(request)).toMatchObject({ ok: true })
    })

    it('does not mind the order of a query, the case of a method, or the form of body and header', async () => {
      await using world = await worlds.create()
      const signing = open(world)
      const { headers } = signed(world)
      const body = Buffer.from(String(order.body))
      const asSent = { method: 'post', url: new URL('https://erp.example/orders?a=1&b=2'), body }
      expect(
        await signing.verify({ ...asSent, headers: new Headers(headers as Record<string, string>) }),
      ).toMatchObject({
        ok: true,
      })
    })

    it('does not let a forged request use up the nonce of the real one', async () => {
      await using world = await worlds.create()
      const signing = open(world)
      const request = signed(world)
      const forged = { ...request, headers: { ...request.headers, 'X-Request-Signature': `v1=${'0'.repeat(64)}` } }
      expect(await signing.verify(forged)).toMatchObject({ reason: 'wrong-signature' })
      expect(await signing.verify({ ...request, body: 'other' })).toMatchObject({ reason: 'wrong-signature' })
      expect(world.switched.asked).toEqual([])
      expect(await signing.verify(request)).toMatchObject({ ok: true })
    })

    it.each([
      ['X-Request-Timestamp', '1'],
      ['X-Request-Nonce', 'x'.repeat(22)],
    ])('refuses another %s', async (name, value) => {
      await using world = await worlds.create()
      const request = signed(world)
      const outcome = await open(world).verify({ ...request, headers: { ...request.headers, [name]: value } })
      expect(outcome).toMatchObject({ ok: false, status: 401 })
    })

    it('refuses what is too old or too far ahead', async () => {
      await using world = await worlds.create()
      const signing = open(world)
      expect(await signing.verify(signed(world, order, -298_000))).toMatchObject({ ok: true })
      expect(await signing.verify(signed(world, order, -302_000))).toMatchObject({ reason: 'stale', status: 401 })
      expect(await signing.verify(signed(world, order, 58_000))).toMatchObject({ ok: true })
      expect(await signing.verify(signed(world, order, 62_000))).toMatchObject({ reason: 'future', status: 401 })
    })

    whereStoreMoves(
      'remembers a nonce for as long as its request could be accepted, by a clock that is behind too',
      async () => {
        await using world = await worlds.create()
        const signing = open(world)
        const behind = requestSigning(world.other, { keys: [key], now: () => world.now() - 350_000 })
        const request = signed(world, order, 59_000)
        expect(await signing.verify(request)).toMatchObject({ ok: true })
        for (let passed = 0; passed < 700; passed += 50) {
          expect(await signing.verify(request)).toMatchObject({ ok: false })
          expect(await behind.verify(request)).toMatchObject({ ok: false })
          await world.pass(50_000)
        }
      },
    )

    it('accepts all keys that are good and no other one', async () => {
      await using world = await worlds.create()
      const next = { id: 'erp-2027', secret: Buffer.alloc(32, 7) }
      const both = open(world, { keys: [key, next] })
      const timestamp = Math.floor(world.now() / 1000)
      const of = (with_: typeof key | typeof next): SignedRequest => ({
        ...order,
        headers: signRequest(order, with_, { timestamp }),
      })
      expect(await both.verify(of(next))).toMatchObject({ ok: true, keyId: 'erp-2027' })
      expect(await both.verify(of(key))).toMatchObject({ ok: true, keyId: 'erp-2026' })
      expect(await open(world, { keys: [next] }).verify(of(key))).toMatchObject({ reason: 'unknown-key', status: 401 })
      const renamed = { ...of(key), headers: { ...of(key).headers, 'X-Request-Key': next.id } }
      expect(await both.verify(renamed)).toMatchObject({ reason: 'wrong-signature' })
    })

    it('finds keys where it is told to look', async () => {
      await using world = await worlds.create()
      const keys = async (id: string): Promise<string | undefined> => (id === key.id ? key.secret : undefined)
      expect(await open(world, { keys }).verify(signed(world))).toMatchObject({ ok: true })
      expect(await open(world, { keys: () => undefined }).verify(signed(world))).toMatchObject({
        reason: 'unknown-key',
      })
      await expect(open(world, { keys: () => 'short' }).verify(signed(world))).rejects.toMatchObject({
        code: 'ERR_CACHE_OPTION',
      })
    })

    it('refuses when the store is down, unless it was told to look in this process', async () => {
      await using world = await worlds.create()
      world.switched.mood = 'fails'
      const request = signed(world)
      expect(await open(world).verify(request)).toMatchObject({ reason: 'unavailable', status: 503 })
      await expect(open(world).assertVerified(request)).rejects.toMatchObject({ refusal: { status: 503 } })
      const local = open(world, { failure: 'local' })
      expect(await local.verify(request)).toMatchObject({ ok: true })
      expect(await local.verify(request)).toMatchObject({ reason: 'replayed' })
    })
  })
}
