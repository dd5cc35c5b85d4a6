import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Crypto from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'

const counted = vi.hoisted(() => ({ macs: 0, comparisons: 0 }))
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof Crypto>()
  const createHmac = (...args: Parameters<typeof crypto.createHmac>): ReturnType<typeof crypto.createHmac> => {
    counted.macs++
    return crypto.createHmac(...args)
  }
  const timingSafeEqual = (...args: Parameters<typeof crypto.timingSafeEqual>): boolean => {
    counted.comparisons++
    return crypto.timingSafeEqual(...args)
  }
  return { ...crypto, createHmac, timingSafeEqual }
})

import { createCoordination, rateLimitHeaders } from '../../src/coordination/index.ts'
import { apiKeys } from '../../src/recipes/api-keys.ts'
import { apiKeysCases, pepper } from './security/api-keys-cases.ts'
import { recordingStore } from './security/recording-store.ts'
import { embedded } from './security/worlds.ts'

apiKeysCases(embedded)

describe('apiKeys', () => {
  beforeEach(() => void Object.assign(counted, { macs: 0, comparisons: 0 }))

  it('makes one HMAC for a wrong key, however many keys there are and whether or not it is one of them', async () => {
    await using coordination = createCoordination()
    const keys = apiKeys(coordination, { peppers: [pepper] })
    const { key } = await keys.create('billing')
    for (let i = 0; i < 500; i++) await keys.create('billing')
    for (const presented of [key, `${key.slice(0, 34)}${'A'.repeat(43)}`, key.replace(/[\da-f]{24}/, '0'.repeat(24))]) {
      counted.macs = 0
      await keys.verify(presented)
      expect(counted.macs).toBe(1)
    }
    expect(counted.comparisons, 'in constant time').toBe(2)
    counted.macs = 0
    await keys.verify('no key')
    expect(counted.macs).toBe(0)
  })

  it('refuses guesses at the price of one HMAC each', async () => {
    await using coordination = createCoordination()
    const keys = apiKeys(coordination, { peppers: [pepper] })
    const { key } = await keys.create('billing')
    const start = performance.now()
    const guesses = 20_000
    for (let i = 0; i < guesses; i++) await keys.verify(`${key.slice(0, 34)}${String(i).padStart(43, 'A')}`)
    expect(counted.macs).toBe(guesses + 1)
    const each = (performance.now() - start) / guesses
    // Measured: 0.02 ms on a machine with two cores. A guess that is compared with each of many slow hashes costs as many times 250 ms.
    expect(each).toBeLessThan(2)
  })

  it('gives the store nothing that a key could be made of', async () => {
    const recording = recordingStore()
    await using coordination = createCoordination({ store: recording.store })
    const keys = apiKeys(coordination, { peppers: [pepper] })
    const { key, info } = await keys.create('billing')
    const rotated = await keys.rotate(info.id)
    await keys.verify(key)
    expect(recording.seen()).toContain(info.id)
    for (const secret of [key.split('.')[1], rotated?.key.split('.')[1], pepper.secret])
      expect(recording.seen()).not.toContain(secret)
  })

  it('does not accept a digest that was made without the pepper', async () => {
    await using coordination = createCoordination()
    const attacker = apiKeys(coordination, { peppers: [{ id: pepper.id, secret: 'x'.repeat(32) }] })
    const { key } = await attacker.create('billing')
    const outcome = await apiKeys(coordination, { peppers: [pepper] }).verify(key)
    expect(outcome).toMatchObject({ reason: 'wrong-secret' })
  })

  it.each([
    [{ peppers: undefined }, 'apiKeys.peppers'],
    [{ peppers: [] }, 'apiKeys.peppers'],
    [{ peppers: ['x'.repeat(32)] }, 'apiKeys.peppers[0].id'],
    [{ peppers: [{ id: 'a', secret: 'x'.repeat(31) }] }, 'apiKeys.peppers[0].secret` has 31 bytes'],
    [{ peppers: [pepper, pepper] }, 'an id twice'],
    [{ prefix: 'a_b' }, 'apiKeys.prefix'],
    [{ environment: 'Live' }, 'apiKeys.environment'],
    [{ limit: { limit: 0, period: '1h' } }, 'limit'],
    [{ limits: 5 }, 'apiKeys.limits'],
  ])('refuses the options %j and shows no secret', async (options, named) => {
    await using coordination = createCoordination()
    const message = (): string => {
      try {
        apiKeys(coordination, { peppers: [pepper], ...options } as never)
        return 'accepted'
      } catch (error) {
        return String(error)
      }
    }
    expect(message()).toContain(named)
    expect(message()).not.toContain('xxxx')
  })

  it.each([
    [{ allowedIps: ['10.0.0.0/33'] }, 'allowedIps[0]'],
    [{ allowedIps: ['10.0.0.0/8/8'] }, 'allowedIps[0]'],
    [{ allowedIps: ['::/129'] }, 'allowedIps[0]'],
    [{ allowedIps: ['10.0.0.0/'] }, 'allowedIps[0]'],
    [{ limit: { limit: 1.5, period: '1h' } }, 'limit'],
    [{ limit: { limit: 1, period: 'soon' } }, 'period'],
    [{ expiresAt: 5 }, 'expiresAt'],
    [{ expiresAt: NaN }, 'expiresAt'],
  ])('refuses the grant %j', async (grant, named) => {
    await using coordination = createCoordination()
    const keys = apiKeys(coordination, { peppers: [pepper] })
    await expect(keys.create('billing', grant as never)).rejects.toMatchObject({
      code: 'ERR_CACHE_OPTION',
      message: expect.stringContaining(named),
    })
    expect(await keys.list('billing')).toEqual([])
  })

  it('guards a server: 401, 403 and 429, and what is left of the limit', async () => {
    await using coordination = createCoordination()
    const keys = apiKeys(coordination, { peppers: [pepper], limit: { limit: 2, period: '1m' } })
    const server = createServer(async (request, response) => {
      const [, key = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
      const needed = request.method === 'GET' ? 'read' : 'write'
      const outcome = await keys.verify(key, { scopes: [needed], ip: request.socket.remoteAddress })
      if (outcome.ok) response.writeHead(200, rateLimitHeaders(outcome.limit)).end(outcome.info.service)
      else response.writeHead(outcome.status, outcome.headers).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { key } = await keys.create('billing', { scopes: ['read'], allowedIps: ['127.0.0.1'] })
    const ask = (bearer: string, method = 'GET'): Promise<Response> =>
      fetch(url, { method, headers: { authorization: `Bearer ${bearer}` } })
    expect((await fetch(url)).status).toBe(401)
    expect((await ask(`${key.slice(0, -1)}_`)).headers.get('www-authenticate')).toBe('Bearer')
    expect((await ask(key, 'POST')).status).toBe(403)
    const good = await ask(key)
    expect([good.status, await good.text(), good.headers.get('ratelimit-remaining')]).toEqual([200, 'billing', '1'])
    await ask(key)
    const limited = await ask(key)
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60'])
    server.close()
  })
})
