import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { canonicalRequest, requestSigning, signRequest } from '../../src/recipes/request-signing.ts'
import { key, requestSigningCases } from './security/request-signing-cases.ts'
import { embedded } from './security/worlds.ts'

requestSigningCases(embedded)

const moment = { timestamp: '1767225600', nonce: 'abcdefghijklmnop' }
const emptyDigest = createHash('sha256').digest('hex')

describe('canonicalRequest', () => {
  it('is five lines', () => {
    const body = '{"amount":10}'
    const digest = createHash('sha256').update(body).digest('hex')
    expect(canonicalRequest({ method: 'post', url: 'https://erp.example/a%20b/c?z=1&a=2&z=0&a', body }, moment)).toBe(
      `POST\n/a%20b/c?a=2&a&z=1&z=0\n1767225600\nabcdefghijklmnop\n${digest}`,
    )
    expect(canonicalRequest({ method: 'GET', url: '/' }, moment)).toBe(
      `GET\n/\n1767225600\nabcdefghijklmnop\n${emptyDigest}`,
    )
  })

  it('is signed by HMAC-SHA-256, as anybody can', () => {
    const request = { method: 'DELETE', url: '/orders/7' }
    const headers = signRequest(request, key, { timestamp: 1_767_225_600, nonce: moment.nonce })
    const mac = createHmac('sha256', key.secret).update(canonicalRequest(request, moment)).digest('hex')
    expect(headers).toEqual({
      'X-Request-Key': 'erp-2026',
      'X-Request-Timestamp': '1767225600',
      'X-Request-Nonce': 'abcdefghijklmnop',
      'X-Request-Signature': `v1=${mac}`,
    })
  })

  it.each([
    ['method', { method: 'GET\n/admin' }],
    ['method', { method: '' }],
    ['url', { url: '/a\nb' }],
    ['url', { url: '/a b' }],
    ['url', { url: '/ä' }],
    ['url', { url: '/a#b' }],
    ['url', { url: 'a/b' }],
    ['url', { url: '' }],
    ['url', { url: 'https://' }],
    ['body', { body: { amount: 10 } as never }],
    ['body', { body: null as never }],
  ])('refuses a %s that is none: %j', (named, change) => {
    expect(() => canonicalRequest({ method: 'GET', url: '/', ...change }, moment)).toThrow(`\`${named}\``)
  })

  it.each([
    ['timestamp', { timestamp: '1e9' }],
    ['timestamp', { timestamp: '1\n2' }],
    ['nonce', { nonce: 'short' }],
    ['nonce', { nonce: 'abcdefghijklmno\n' }],
    ['nonce', { nonce: 'x'.repeat(129) }],
  ])('refuses a %s that is none: %j', (named, change) => {
    expect(() => canonicalRequest({ method: 'GET', url: '/' }, { ...moment, ...change })).toThrow(`\`${named}\``)
  })

  it('is another one for every other request', () => {
    const part = fc.stringMatching(/^[a-c=&%?;]{0,6}$/)
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'G'),
      url: fc
        .tuple(part, fc.option(part))
        .map(([path, query]) => `/${path.replaceAll('?', '')}${query === null ? '' : `?${query}`}`),
      body: fc.constantFrom('', '\n', 'POST', 'a'),
      timestamp: fc.constantFrom('1', '01', '12'),
      nonce: fc.constantFrom('a'.repeat(16), 'a'.repeat(17)),
    })
    // What may differ: the order of pairs with different names.
    const meaning = ({ url, ...rest }: { readonly url: string }): string => {
      const [path, ...query] = url.split('?')
      const names = new Map<string, string[]>()
      if (query.length > 0)
        for (const pair of query.join('?').split('&')) {
          const name = pair.split('=')[0] as string
          names.set(name, [...(names.get(name) ?? []), pair])
        }
      return JSON.stringify([path, query.length > 0, [...names].toSorted(([a], [b]) => (a < b ? -1 : 1)), rest])
    }
    fc.assert(
      fc.property(request, request, (one, other) => {
        const isSame = canonicalRequest(one, one) === canonicalRequest(other, other)
        expect(isSame).toBe(meaning(one) === meaning(other))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('requestSigning', () => {
  it.each([
    [{}, 'requestSigning.keys'],
    [{ keys: [] }, 'requestSigning.keys'],
    [{ keys: [{ id: 'a', secret: 'x'.repeat(31) }] }, 'requestSigning.keys[0].secret` has 31 bytes'],
    [{ keys: [{ id: 'a', secret: Buffer.alloc(31) }] }, 'requestSigning.keys[0].secret'],
    [{ keys: [{ id: 'a' }] }, 'requestSigning.keys[0].secret'],
    [{ keys: [{ id: 'a b', secret: 'x'.repeat(32) }] }, 'requestSigning.keys[0].id'],
    [{ keys: [key, key] }, 'an id twice'],
    [{ keys: [key], failure: 'open' }, 'requestSigning.failure'],
    [{ keys: [key], past: -1 }, 'requestSigning.past'],
  ])('refuses the options %j and shows no secret', async (options, named) => {
    await using coordination = createCoordination()
    const message = (): string => {
      try {
        requestSigning(coordination, options as never)
        return 'accepted'
      } catch (error) {
        return String(error)
      }
    }
    expect(message()).toContain(named)
    expect(message()).not.toContain('xxxx')
  })

  it.each([
    ['no field at all', {}],
    ['a field twice', { 'X-Request-Nonce': ['a'.repeat(16), 'b'.repeat(16)] }],
    ['a field in two spellings', { 'x-request-nonce': 'b'.repeat(16) }],
    ['another version', { 'X-Request-Signature': `v2=${'0'.repeat(64)}` }],
    ['a signature of another length', { 'X-Request-Signature': `v1=${'0'.repeat(62)}` }],
    ['a key that is a name of a property', { 'X-Request-Key': '__proto__' }],
  ])('refuses %s', async (what, change) => {
    await using coordination = createCoordination()
    const signing = requestSigning(coordination, { keys: [key] })
    const request = { method: 'GET', url: '/' }
    const headers = what === 'no field at all' ? {} : { ...signRequest(request, key), ...change }
    expect(await signing.verify({ ...request, headers })).toMatchObject({ ok: false, status: 401 })
    expect(await signing.verify({ ...request, headers: signRequest(request, key) })).toMatchObject({ ok: true })
  })

  it('refuses a target that cannot be signed as it refuses a wrong signature', async () => {
    await using coordination = createCoordination()
    const signing = requestSigning(coordination, { keys: [key] })
    const headers = signRequest({ method: 'GET', url: '/' }, key)
    for (const url of ['*', '/\u00e4', '//', 'http://['])
      expect(await signing.verify({ method: 'GET', url, headers })).toMatchObject({ ok: false, status: 401 })
    await expect(signing.verify({ method: 'GET', url: '/', headers, body: {} as never })).rejects.toThrow(TypeError)
  })

  it('guards a server: 401 for what is forged and 409 for what comes twice', async () => {
    await using coordination = createCoordination()
    const signing = requestSigning(coordination, { keys: [key] })
    const server = createServer(async (request, response) => {
      const { method = '', url = '', headers } = request
      const outcome = await signing.verify({ method, url, headers, body: await buffer(request) })
      if (outcome.ok) response.end(`hello ${outcome.keyId}`)
      else response.writeHead(outcome.status, outcome.headers).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders?size=2&color=dark%20red&size=1`
    const body = JSON.stringify({ amount: 10 })
    const headers = signRequest({ method: 'POST', url, body }, key)
    const send = async (init: RequestInit): Promise<readonly [number, string, string | null]> => {
      const response = await fetch(url, { method: 'POST', body, headers, ...init })
      return [response.status, await response.text(), response.headers.get('www-authenticate')]
    }
    expect(await send({ body: 'forged' })).toEqual([401, '', 'Signature'])
    expect(await send({ headers: {} })).toEqual([401, '', 'Signature'])
    expect(await send({})).toEqual([200, 'hello erp-2026', null])
    expect(await send({})).toEqual([409, '', null])
    server.close()
  })
})
