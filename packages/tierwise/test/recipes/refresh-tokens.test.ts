import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'

import { createCoordination } from '../../src/coordination/index.ts'
import { refreshTokens } from '../../src/recipes/refresh-tokens.ts'
import { refreshTokensCases } from './security/refresh-tokens-cases.ts'
import { recordingStore } from './security/recording-store.ts'
import { embedded } from './security/worlds.ts'

refreshTokensCases(embedded)

describe('refreshTokens', () => {
  it('gives the store nothing that a token could be made of', async () => {
    const recording = recordingStore()
    await using coordination = createCoordination({ store: recording.store })
    const tokens = refreshTokens(coordination, { grace: '10s' })
    const client = { deviceId: 'phone' }
    const first = await tokens.issue({ userId: 'ada', client })
    const second = await tokens.rotate(first.token, { client })
    await tokens.rotate(first.token, { client })
    const given = [first.token, second.ok ? second.token : ''].map((token) => token.split('.')[1] as string)
    expect(recording.seen()).toContain(first.session.id)
    for (const secret of given.flatMap((text) => [text.slice(0, 43), text.slice(43)]))
      expect(recording.seen()).not.toContain(secret)
  })

  it('goes on when who listens throws', async () => {
    await using coordination = createCoordination()
    const tokens = refreshTokens(coordination, {
      onEvent: () => {
        throw new Error('not my day')
      },
    })
    const { token } = await tokens.issue({ userId: 'ada' })
    expect(await tokens.revokeAll('ada')).toBe(1)
    expect(await tokens.rotate(token)).toMatchObject({ reason: 'revoked' })
  })

  it('cuts what a client says of itself', async () => {
    await using coordination = createCoordination()
    const tokens = refreshTokens(coordination)
    const userAgent = `${'x'.repeat(511)}\u{1F600}`.repeat(100)
    const { session } = await tokens.issue({ userId: 'ada', client: { userAgent, ip: '', deviceId: 5 as never } })
    expect(Object.keys(session.client)).toEqual(['userAgent'])
    expect(session.client.userAgent).toHaveLength(512)
  })

  it.each([
    [{ idle: 0 }, 'refreshTokens.idle'],
    [{ maxSessions: 0 }, 'refreshTokens.maxSessions'],
    [{ onEvents: () => {} }, 'refreshTokens.onEvents'],
    [{ grace: 'soon' }, 'refreshTokens.grace'],
  ])('refuses the options %j', async (options, named) => {
    await using coordination = createCoordination()
    expect(() => refreshTokens(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining(named) }),
    )
  })

  it('guards a server: a stolen token ends the session of thief and owner, and both hear the same', async () => {
    await using coordination = createCoordination()
    const tokens = refreshTokens(coordination)
    const server = createServer(async (request, response) => {
      const outcome = await tokens.rotate(String(request.headers['x-refresh']))
      if (outcome.ok) response.end(outcome.token)
      else response.writeHead(outcome.status, outcome.headers).end('log in again')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const ask = (token: string): Promise<Response> => fetch(url, { headers: { 'x-refresh': token } })
    const { token } = await tokens.issue({ userId: 'ada' })
    const next = await (await ask(token)).text()
    const refused = [await ask(token), await ask(next), await ask('nonsense')]
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401])
    expect(new Set(await Promise.all(refused.map((response) => response.text())))).toEqual(new Set(['log in again']))
    expect(new Set(refused.map(({ headers }) => headers.get('www-authenticate'))).size).toBe(1)
    server.close()
  })
})
