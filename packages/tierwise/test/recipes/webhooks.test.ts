import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { signWebhook } from '../../src/recipes/webhook-signature.ts'
import { webhooks, type WebhookRequest } from '../../src/recipes/webhooks.ts'
import { secret, webhooksCases } from './security/webhooks-cases.ts'
import { embedded } from './security/worlds.ts'

webhooksCases(embedded)

const seconds = (): number => Math.floor(Date.now() / 1000)
const body = Buffer.from('{"id":"evt_1"}')
const signed = (id = 'msg_1', secrets: readonly string[] = [secret]): WebhookRequest => ({
  headers: signWebhook({ id, timestamp: seconds(), body }, { secrets }),
  body,
})

describe('signWebhook', () => {
  it('makes the signature that the specification of Standard Webhooks has as its example', () => {
    const example = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
    expect(signWebhook(example, { secrets: [`whsec_${'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'}`] })).toEqual({
      'Webhook-Id': example.id,
      'Webhook-Timestamp': '1614265330',
      'Webhook-Signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  it.each([
    [{ id: 'a.b' }, 'id'],
    [{ id: '' }, 'id'],
    [{ id: 'a\nb' }, 'id'],
    [{ timestamp: 1.5 }, 'timestamp'],
    [{ timestamp: -1 }, 'timestamp'],
  ])('refuses %j', (change, named) => {
    expect(() => signWebhook({ id: 'a', timestamp: 1, body: '', ...change }, { secrets: [secret] })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })
})

describe('webhooks: partners', () => {
  it('accepts both secrets while one replaces the other, on either side', async () => {
    await using coordination = createCoordination()
    const next = 'another secret of twenty-four bytes'
    const hooks = webhooks(coordination, {
      partners: { moving: { secrets: [next, secret] }, moved: { secrets: [next] } },
    })
    expect(await hooks.receive('moving', signed('1'), () => 1)).toMatchObject({ ok: true })
    expect(await hooks.receive('moving', signed('2', [next]), () => 1)).toMatchObject({ ok: true })
    expect(await hooks.receive('moved', signed('3', [secret, next]), () => 1)).toMatchObject({ ok: true })
    expect(await hooks.receive('moved', signed('4'), () => 1)).toMatchObject({ reason: 'wrong-signature' })
  })

  it.each([
    ['192.0.2.7', 'ok'],
    ['::ffff:192.0.2.7', 'ok'],
    ['192.0.3.7', 'address'],
    ['2001:db8:1::9', 'ok'],
    ['2001:db8:1::9%eth0', 'ok'],
    ['2001:db9::1', 'address'],
    ['203.0.113.5', 'ok'],
    ['localhost', 'address'],
    ['', 'address'],
    [undefined, 'address'],
  ])('knows where a partner may deliver from: %s is %s', async (ip, expected) => {
    await using coordination = createCoordination()
    const allowedIps = ['192.0.2.0/24', '2001:db8::/32', '203.0.113.5']
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret], allowedIps } } })
    const outcome = await hooks.receive('acme', { ...signed(), ip }, () => 1)
    expect(outcome.ok ? 'ok' : outcome.reason).toBe(expected)
  })

  it('answers alike for partners that are not there and signatures that are wrong', async () => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } } })
    const { headers } = signed('1', ['some other secret of enough bytes'])
    const wrong = await hooks.receive('acme', { headers, body }, () => 1)
    for (const name of ['nobody', '__proto__', 'constructor', 'a:b', '']) {
      const outcome = await hooks.receive(name, signed(), () => 1)
      expect({ ...outcome, reason: '' }).toEqual({ ...wrong, reason: '' })
      expect(outcome).toMatchObject({ reason: 'unknown-partner' })
    }
  })

  it('finds partners where it is told to look, and never asks for a name that is none', async () => {
    await using coordination = createCoordination()
    const asked: string[] = []
    const hooks = webhooks(coordination, {
      partners: async (name) => {
        asked.push(name)
        return name === 'acme' ? { secrets: [secret] } : undefined
      },
    })
    expect(await hooks.receive('acme', signed(), () => 1)).toMatchObject({ ok: true })
    expect(await hooks.receive('a/../b', signed(), () => 1)).toMatchObject({ reason: 'unknown-partner' })
    expect(asked).toEqual(['acme'])
  })

  it('takes the id of a delivery from where its format has it', async () => {
    await using coordination = createCoordination()
    const secrets = [secret]
    const deliveryId = (raw: Buffer): string | undefined => raw.toString().split(' ')[0]
    const hooks = webhooks(coordination, {
      partners: {
        shop: { secrets, format: 'stripe', signatureHeader: 'X-Shop-Signature' },
        own: { secrets, format: 'stripe', deliveryId },
      },
    })
    const send = async (partner: string, text: string, header = 'Stripe-Signature'): Promise<string> => {
      const content = Buffer.from(text)
      const made = signWebhook({ id: '', timestamp: seconds(), body: content }, { secrets, format: 'stripe' })
      const outcome = await hooks.receive(
        partner,
        { headers: { [header]: made['Stripe-Signature'] }, body: content },
        (delivery) => delivery.id,
      )
      return outcome.ok ? outcome.result : outcome.reason
    }
    const header = 'x-shop-signature'
    expect(await send('shop', '{"id":"evt_9"}')).toBe('malformed')
    expect(await send('shop', '{"id":"evt_9"}', header)).toBe('evt_9')
    expect(await send('shop', '{"id":"evt_9","again":true}', header)).toBe('duplicate')
    expect(await send('shop', '{"id":"ä"}', header)).toMatch(/^digest-[\w-]{43}$/)
    for (const text of ['no json', 'null', '[]', '{"id":7}'])
      expect(await send('shop', text, header)).toMatch(/^content-/)
    expect(await send('shop', 'no json', header)).toBe('duplicate')
    expect(await send('own', '42 is the answer')).toBe('42')
  })

  it.each([
    ['v1 of another length', { 'Stripe-Signature': `t=1,v1=${'0'.repeat(63)}` }],
    ['two timestamps', { 'Stripe-Signature': `t=1,t=2,v1=${'0'.repeat(64)}` }],
    ['no timestamp', { 'Stripe-Signature': `v1=${'0'.repeat(64)}` }],
    ['only another version', { 'Stripe-Signature': `t=1,v0=${'0'.repeat(64)}` }],
    ['more signatures than anybody needs', { 'Stripe-Signature': `t=1${`,v1=${'0'.repeat(64)}`.repeat(11)}` }],
    ['nothing', {}],
  ])('refuses a field with %s', async (_, headers) => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { shop: { secrets: [secret], format: 'stripe' } } })
    expect(await hooks.receive('shop', { headers, body }, () => 1)).toMatchObject({ reason: 'malformed', status: 401 })
  })

  it('refuses an id with a dot, by which the end of it could be moved', async () => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } } })
    const timestamp = seconds()
    // The same bytes are signed for `a` with the body `<timestamp>.x` and for `a.<timestamp>` with the body `x`.
    const made = signWebhook({ id: 'a', timestamp, body: `${timestamp}.x` }, { secrets: [secret] })
    const moved = { ...made, 'Webhook-Id': `a.${timestamp}` }
    expect(await hooks.receive('acme', { headers: moved, body: Buffer.from('x') }, () => 1)).toMatchObject({
      reason: 'malformed',
    })
  })
})

describe('webhooks: options', () => {
  const partner = { secrets: [secret] }
  it.each([
    [{}, 'webhooks.partners'],
    [{ partners: { 'a:b': partner } }, 'webhooks.partners'],
    [{ partners: { acme: {} } }, 'webhooks.partners.acme.secrets'],
    [{ partners: { acme: { secrets: [] } } }, 'webhooks.partners.acme.secrets'],
    [{ partners: { acme: { secrets: ['x'.repeat(23)] } } }, 'webhooks.partners.acme.secrets[0]'],
    [{ partners: { acme: { secrets: ['whsec_xxxx'] } } }, 'webhooks.partners.acme.secrets[0]'],
    [{ partners: { acme: { ...partner, allowedIps: ['10.0.0.0/33'] } } }, 'webhooks.partners.acme.allowedIps[0]'],
    [{ partners: { acme: { ...partner, allowedIps: ['here'] } } }, 'webhooks.partners.acme.allowedIps[0]'],
    [{ partners: { acme: { ...partner, allowedIps: [7] } } }, 'webhooks.partners.acme.allowedIps[0]'],
    [{ partners: { acme: { ...partner, allowedIp: '::1' } } }, 'Did you mean `allowedIps`'],
    [{ partners: { acme: partner }, keep: '10m' }, 'webhooks.keep'],
    [{ partners: { acme: partner }, share: 0 }, 'share'],
    [{ partners: { acme: partner }, limit: { limit: 0, period: '1m' } }, 'limit'],
    [{ partners: { acme: partner }, maxBytes: 'big' }, 'webhooks.maxBytes'],
  ])('refuses %j and shows no secret', async (options, named) => {
    await using coordination = createCoordination()
    const message = (): string => {
      try {
        webhooks(coordination, options as never)
        return 'accepted'
      } catch (error) {
        return String(error)
      }
    }
    expect(message()).toContain(named)
    expect(message()).not.toContain('xxxx')
  })
})

describe('webhooks: bodies', () => {
  it('refuses more than it takes, without reading on', async () => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } }, maxBytes: 100 })
    let read = 0
    const endless = Readable.from(
      (function* () {
        for (;;) {
          read += 50
          yield Buffer.alloc(50)
        }
      })(),
      { highWaterMark: 1 },
    )
    expect(await hooks.receive('acme', { ...signed(), body: endless }, () => 1)).toMatchObject({
      reason: 'too-large',
      status: 413,
    })
    expect(read).toBeLessThan(1000)
    const large = { ...signed(), body: Buffer.alloc(101) }
    expect(await hooks.receive('acme', large, () => 1)).toMatchObject({ reason: 'too-large' })
    const untouched: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => {
        throw new Error('it was read')
      },
    }
    const told = { headers: { ...signed().headers, 'content-length': '101' }, body: untouched }
    expect(await hooks.receive('acme', told, () => 1)).toMatchObject({ reason: 'too-large' })
  })

  it('takes exactly as much as it takes, in pieces', async () => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } }, maxBytes: body.length })
    const pieces = Readable.from([...body].map((byte) => Buffer.from([byte])))
    expect(
      await hooks.receive('acme', { ...signed(), body: pieces }, (delivery) => delivery.body.toString()),
    ).toMatchObject({
      ok: true,
      result: body.toString(),
    })
  })

  it.each([
    ['an object', { id: 'evt_1' }],
    ['a text', '{"id":"evt_1"}'],
    ['nothing', undefined],
    ['a stream of texts', Readable.from(['{"id":"evt_1"}'])],
  ])('refuses a body that was parsed or decoded: %s', async (_, parsed) => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } } })
    await expect(hooks.receive('acme', { ...signed(), body: parsed as never }, () => 1)).rejects.toThrow(
      'must be the bytes that were sent',
    )
  })
})

describe('webhooks: a server', () => {
  it('answers over HTTP/2 to a body that it does not read to its end', async () => {
    await using coordination = createCoordination()
    const hooks = webhooks(coordination, { partners: { acme: { secrets: [secret] } } })
    const server = createHttp2Server(async (request, response) => {
      const outcome = await hooks.receive('acme', { headers: request.headers, body: request }, () => 1)
      response.writeHead(outcome.ok ? 204 : outcome.status).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const headers = Object.entries(signed().headers).map(([name, value]) => [name.toLowerCase(), value])
    const stream = client.request({ ':method': 'POST', ...Object.fromEntries(headers) })
    stream.on('error', () => {})
    stream.end(Buffer.alloc(3 * 1024 ** 2))
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(answer[':status']).toBe(413)
    client.destroy()
    server.close()
  })

  it('answers by what came of a delivery, also to a body that it does not read to its end', async () => {
    await using coordination = createCoordination()
    const limit = { limit: 3, period: '1m' } as const
    const hooks = webhooks(coordination, {
      partners: {
        acme: { secrets: [secret], allowedIps: ['127.0.0.0/8'], limit },
        far: { secrets: [secret], allowedIps: ['10.0.0.1'] },
      },
    })
    let failures = 1
    const destroyed: boolean[] = []
    const server = createServer(async (request, response) => {
      const { headers, socket } = request
      const source = { headers, body: request, ip: socket.remoteAddress }
      try {
        const outcome = await hooks.receive(String(request.url).slice(1), source, () => {
          if (failures-- > 0) throw new Error('not now')
        })
        destroyed.push(request.destroyed)
        if (outcome.ok) response.writeHead(204).end()
        else response.writeHead(outcome.status, outcome.headers).end()
      } catch {
        response.writeHead(500).end()
      }
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const send = async (path: string, { headers, body: content }: WebhookRequest): Promise<number | undefined> => {
      const request = httpRequest({
        port,
        host: '127.0.0.1',
        path,
        method: 'POST',
        headers: headers as Record<string, string>,
      })
      // A server that has answered may close while the rest is still being sent.
      request.on('error', () => {})
      request.end(content)
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode
    }
    expect(await send('/acme', { ...signed(), body: Buffer.from('forged') })).toBe(401)
    expect(await send('/far', signed())).toBe(401)
    expect(await send('/acme', signed())).toBe(500)
    expect(await send('/acme', signed())).toBe(204)
    expect(await send('/acme', signed())).toBe(200)
    expect(await send('/acme', signed('msg_2'))).toBe(429)
    expect(await send('/acme', { ...signed(), body: Buffer.alloc(3 * 1024 ** 2) })).toBe(413)
    const unsized = {
      ...signed(),
      headers: { ...signed().headers, 'transfer-encoding': 'chunked' },
      body: Buffer.alloc(3 * 1024 ** 2),
    }
    expect(await send('/acme', unsized)).toBe(413)
    expect(destroyed.at(-1), 'what listens to the request is not told that it failed').toBe(false)
    server.closeAllConnections()
    server.close()
  })
})
