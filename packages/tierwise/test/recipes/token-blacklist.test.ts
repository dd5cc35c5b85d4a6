import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { RefusedError } from '../../src/recipes/refusal.ts'
import { tokenBlacklist } from '../../src/recipes/token-blacklist.ts'
import { tokenBlacklistCases } from './security/token-blacklist-cases.ts'
import { embedded } from './security/worlds.ts'

tokenBlacklistCases(embedded)

describe('tokenBlacklist', () => {
  it('stays closed in a coordination whose standard is open', async () => {
    await using world = await embedded.create()
    await using coordination = createCoordination({ store: world.switched.store, failure: 'open' })
    const blacklist = tokenBlacklist(coordination)
    world.switched.mood = 'fails'
    expect(await blacklist.isRevoked({ jti: 'a' })).toEqual({ revoked: true, reason: 'unavailable' })
  })

  it.each([
    [{ names: 'x' }, 'tokenBlacklist.names'],
    [{ userLife: 0 }, 'tokenBlacklist.userLife'],
    [{ failure: 'local' }, 'tokenBlacklist.failure'],
    [{ now: 5 }, 'tokenBlacklist.now'],
  ])('refuses the options %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => tokenBlacklist(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })

  it('refuses tokens without a name, and times in another unit', async () => {
    await using coordination = createCoordination()
    const blacklist = tokenBlacklist(coordination)
    await expect(blacklist.revokeToken({})).rejects.toThrow(TypeError)
    await expect(blacklist.revokeToken({ jti: '' })).rejects.toThrow(TypeError)
    await expect(blacklist.isRevoked({})).rejects.toThrow(TypeError)
    await expect(blacklist.revokeToken({ jti: 'a', exp: Date.now() })).rejects.toThrow(RangeError)
    await expect(blacklist.revokeToken({ jti: 'a', expiresAt: Date.now() / 1000 })).rejects.toThrow(RangeError)
    await expect(blacklist.revokeToken({ jti: 'a', exp: NaN })).rejects.toThrow(RangeError)
    await expect(blacklist.revokeUser('ada', { at: NaN })).rejects.toThrow(RangeError)
    expect(await blacklist.count()).toEqual({ tokens: 0, users: 0 })
  })

  it('takes a jti of any length and content', async () => {
    await using coordination = createCoordination()
    const blacklist = tokenBlacklist(coordination)
    for (const jti of ['x'.repeat(100_000), 'with:colon', '__proto__', 'ä ']) {
      expect(await blacklist.isRevoked({ jti })).toEqual({ revoked: false })
      await blacklist.revokeToken({ jti })
      expect(await blacklist.isRevoked({ jti })).toMatchObject({ revoked: true })
    }
  })

  it('guards a server: 401 for what is revoked, and an answer that does not tell why', async () => {
    await using coordination = createCoordination()
    const blacklist = tokenBlacklist(coordination)
    const server = createServer(async (request, response) => {
      const claims = JSON.parse(String(request.headers['x-claims']))
      try {
        await blacklist.assertNotRevoked({ jti: claims.jti, userId: claims.sub, iat: claims.iat })
        response.end('welcome')
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error
        response.writeHead(error.refusal.status, error.refusal.headers).end(error.message)
      }
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ask = (claims: object): Promise<Response> => fetch(url, { headers: { 'x-claims': JSON.stringify(claims) } })
    const iat = Math.floor(Date.now() / 1000) - 100
    expect((await ask({ jti: 'a', sub: 'ada', iat })).status).toBe(200)
    await blacklist.revokeToken({ jti: 'a' })
    await blacklist.revokeUser('bob')
    const refused = await Promise.all([ask({ jti: 'a', sub: 'ada', iat }), ask({ jti: 'b', sub: 'bob', iat })])
    expect(refused.map(({ status }) => status)).toEqual([401, 401])
    expect(refused[0]?.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    const bodies = await Promise.all(refused.map((response) => response.text()))
    expect(bodies[0]).toBe(bodies[1])
    server.close()
  })
})
