import { describe, expect, it } from 'vitest'

import { signWebhook } from '../../../src/recipes/webhook-signature.ts'
import { webhooks } from '../../../src/recipes/webhooks.ts'
import type {
  WebhookOutcome,
  WebhookPartner,
  WebhookRequest,
  Webhooks,
  WebhooksOptions,
} from '../../../src/recipes/webhooks.ts'
import type { SecurityWorld, SecurityWorlds } from './worlds.ts'

export const secret = 'a secret of at least twenty-four bytes'
const acme: WebhookPartner = { secrets: [secret] }
const shop: WebhookPartner = { secrets: [secret], format: 'stripe' }

export function webhooksCases(worlds: SecurityWorlds): void {
  const whereStoreMoves = worlds.movesStore ? it : () => {}
  const open = (world: SecurityWorld, options: Partial<WebhooksOptions> = {}): Webhooks =>
    webhooks(world.one, { partners: { acme, shop }, now: world.now, ...options })
  const seconds = (world: SecurityWorld, aheadMs = 0): number => Math.floor((world.now() + aheadMs) / 1000)
  const delivery = (world: SecurityWorld, id = 'msg_1', aheadMs = 0): WebhookRequest => {
    const body = Buffer.from('{"id":"evt_1","paid":true}')
    return { headers: signWebhook({ id, timestamp: seconds(world, aheadMs), body }, { secrets: [secret] }), body }
  }
  const stripe = (world: SecurityWorld, text = '{"id":"evt_1","paid":true}', aheadMs = 0): WebhookRequest => {
    const body = Buffer.from(text)
    const timestamp = seconds(world, aheadMs)
    return { headers: signWebhook({ id: '', timestamp, body }, { secrets: [secret], format: 'stripe' }), body }
  }
  const said = (outcome: WebhookOutcome<unknown>): string => (outcome.ok ? 'ok' : outcome.reason)

  describe(`webhooks ${worlds.name}`, () => {
    it('hands a delivery on once, in one process', async () => {
      await using world = await worlds.create()
      const handled: string[] = []
      const request = delivery(world)
      const handle = ({ body }: { readonly body: Buffer }): number => handled.push(body.toString())
      const outcome = await open(world).receive('acme', request, handle)
      expect(outcome).toMatchObject({ ok: true, result: 1, recorded: true, delivery: { partner: 'acme', id: 'msg_1' } })
      const elsewhere = webhooks(world.other, { partners: { acme }, now: world.now })
      expect(await elsewhere.receive('acme', request, handle)).toMatchObject({ reason: 'duplicate', status: 200 })
      expect(handled).toEqual(['{"id":"evt_1","paid":true}'])
    })

    it('knows a delivery that its partner sends again later, signed anew', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      expect(said(await hooks.receive('acme', delivery(world), () => 1))).toBe('ok')
      expect(said(await hooks.receive('shop', stripe(world), () => 1))).toBe('ok')
      await world.pass(3_600_000)
      expect(said(await hooks.receive('acme', delivery(world), () => 1))).toBe('duplicate')
      expect(said(await hooks.receive('shop', stripe(world), () => 1))).toBe('duplicate')
      expect(said(await hooks.receive('acme', delivery(world, 'msg_2'), () => 1))).toBe('ok')
    })

    it('keeps deliveries of partners apart, whatever their ids', async () => {
      await using world = await worlds.create()
      const hooks = open(world, { partners: { acme, other: acme } })
      expect(said(await hooks.receive('acme', delivery(world), () => 1))).toBe('ok')
      expect(said(await hooks.receive('other', delivery(world), () => 1))).toBe('ok')
    })

    it('handles one of many that come at once, and tells the others when to come again', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      const request = delivery(world)
      let handled = 0
      let finish = (): void => {}
      const working = new Promise<void>((resolve) => (finish = resolve))
      const first = hooks.receive('acme', request, async () => {
        handled++
        await working
      })
      const elsewhere = webhooks(world.other, { partners: { acme }, now: world.now })
      while (handled === 0) await new Promise((resolve) => setImmediate(resolve))
      const others = await Promise.all(
        Array.from({ length: 5 }, () => elsewhere.receive('acme', request, () => handled++)),
      )
      expect(others.map(said)).toEqual(Array.from({ length: 5 }, () => 'busy'))
      expect(others[0]).toMatchObject({ status: 409, headers: { 'Retry-After': '60' } })
      finish()
      expect(said(await first)).toBe('ok')
      expect(handled).toBe(1)
    })

    it('lets a delivery come again whose handler failed', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      const request = delivery(world)
      const fail = (): never => {
        throw new Error('the database is down')
      }
      await expect(hooks.receive('acme', request, fail)).rejects.toThrow('the database is down')
      expect(await hooks.receive('acme', request, () => 'done')).toMatchObject({ ok: true, result: 'done' })
      expect(said(await hooks.receive('acme', request, () => 1))).toBe('duplicate')
    })

    whereStoreMoves('lets a delivery come again whose handler died, after the lease', async () => {
      await using world = await worlds.create()
      const hooks = open(world, { lease: '30s' })
      const request = delivery(world)
      void hooks.receive('acme', request, () => new Promise(() => {}))
      await world.pass(29_999)
      expect(said(await hooks.receive('acme', request, () => 1))).toBe('busy')
      await world.pass(1)
      expect(said(await hooks.receive('acme', request, () => 1))).toBe('ok')
    })

    it.each([
      ['body', { body: Buffer.from('{"id":"evt_1","paid":false}') }, {}],
      ['id', {}, { 'Webhook-Id': 'msg_2' }],
      ['timestamp', {}, { 'Webhook-Timestamp': 'now' }],
      ['signature', {}, { 'Webhook-Signature': `v1,${'A'.repeat(43)}=` }],
    ])('refuses another %s, and asks the store nothing', async (_, change, headers) => {
      await using world = await worlds.create()
      const hooks = open(world)
      const request = delivery(world)
      const now = { 'Webhook-Timestamp': String(seconds(world, -1000)) }
      const forged = {
        ...request,
        ...change,
        headers: { ...request.headers, ...('Webhook-Timestamp' in headers ? now : headers) },
      }
      expect(await hooks.receive('acme', forged, () => 1)).toMatchObject({ reason: 'wrong-signature', status: 401 })
      expect(world.switched.asked).toEqual([])
      expect(said(await hooks.receive('acme', request, () => 1))).toBe('ok')
    })

    it('refuses what is too old or too far ahead, in both formats', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      for (const [aheadMs, expected] of [
        [-298_000, 'ok'],
        [-302_000, 'stale'],
        [58_000, 'ok'],
        [62_000, 'future'],
      ] as const) {
        expect(said(await hooks.receive('acme', delivery(world, `msg${aheadMs}`, aheadMs), () => 1))).toBe(expected)
        expect(said(await hooks.receive('shop', stripe(world, `{"id":"${aheadMs}"}`, aheadMs), () => 1))).toBe(expected)
      }
    })

    it('takes exactly as many of a partner as its limit says, and counts none that is forged', async () => {
      await using world = await worlds.create()
      const hooks = open(world, { partners: { acme: { ...acme, limit: { limit: 10, period: '1m' } }, other: acme } })
      const elsewhere = webhooks(world.other, {
        partners: { acme: { ...acme, limit: { limit: 10, period: '1m' } } },
        now: world.now,
      })
      const forged = { ...delivery(world), body: Buffer.from('forged') }
      for (let i = 0; i < 20; i++) expect(said(await hooks.receive('acme', forged, () => 1))).toBe('wrong-signature')
      const outcomes = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          (index % 2 === 0 ? hooks : elsewhere).receive('acme', delivery(world, `msg_${index}`), () => 1),
        ),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(10)
      const limited = outcomes.find((outcome) => said(outcome) === 'limited')
      expect(limited).toMatchObject({ status: 429, headers: { 'Retry-After': expect.stringMatching(/^(59|60)$/) } })
      expect(said(await hooks.receive('other', delivery(world), () => 1))).toBe('ok')
    })

    it('refuses when the store is down, so that the partner tries again', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      world.switched.mood = 'fails'
      expect(await hooks.receive('acme', delivery(world), () => 1)).toMatchObject({
        reason: 'unavailable',
        status: 503,
      })
    })

    it('counts and remembers in this process when the store is down, if it was told so', async () => {
      await using world = await worlds.create()
      const hooks = open(world, { failure: 'local', share: 0.05 })
      world.switched.mood = 'fails'
      const outcomes = []
      for (let i = 0; i < 8; i++)
        outcomes.push(said(await hooks.receive('acme', delivery(world, `msg_${i % 4}`), () => 1)))
      expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ok', 'duplicate', 'limited', 'limited', 'limited'])
    })

    it('is handled when only the end of it could not be told to the store', async () => {
      await using world = await worlds.create()
      const hooks = open(world)
      const outcome = await hooks.receive('acme', delivery(world), () => {
        world.switched.mood = 'fails'
        return 'done'
      })
      expect(outcome).toMatchObject({ ok: true, result: 'done', recorded: false })
    })
  })
}
