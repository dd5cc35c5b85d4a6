import { describe, expect, it } from 'vitest'

import { refreshTokens } from '../../../src/recipes/refresh-tokens.ts'
import type { RefreshTokenEvent, RefreshTokens, RefreshTokensOptions } from '../../../src/recipes/refresh-tokens.ts'
import type { SecurityWorld, SecurityWorlds } from './worlds.ts'

const hour = 3_600_000
const phone = { deviceId: 'phone', ip: '192.0.2.1', userAgent: 'App/1' }

export function refreshTokensCases(worlds: SecurityWorlds): void {
  const whereStoreMoves = worlds.movesStore ? it : () => {}
  const open = (world: SecurityWorld, options: RefreshTokensOptions = {}): RefreshTokens =>
    refreshTokens(world.one, { now: world.now, ...options })
  const login = async (tokens: RefreshTokens, userId = 'ada'): Promise<string> =>
    (await tokens.issue({ userId, client: phone })).token
  const rotated = async (tokens: RefreshTokens, token: string): Promise<string> => {
    const outcome = await tokens.rotate(token, { client: phone })
    if (!outcome.ok) throw new Error(outcome.reason)
    return outcome.token
  }
  const reasonOf = async (tokens: RefreshTokens, token: string): Promise<string> => {
    const outcome = await tokens.rotate(token, { client: phone })
    return outcome.ok ? 'ok' : outcome.reason
  }

  describe(`refreshTokens ${worlds.name}: rotation`, () => {
    it('exchanges each token for the next one, in any process', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const elsewhere = refreshTokens(world.other, { now: world.now })
      const first = await tokens.issue({ userId: 'ada', client: phone, metadata: { app: 'web' } })
      await world.pass(1000)
      const laptop = { ...phone, deviceId: 'laptop' }
      const second = await elsewhere.rotate(first.token, { client: laptop })
      expect(second).toMatchObject({ ok: true, repeated: false })
      if (!second.ok) return
      expect(second.session).toMatchObject({ id: first.session.id, userId: 'ada', rotations: 1, client: laptop })
      expect(second.session.metadata).toEqual({ app: 'web' })
      expect(second.session.lastUsedAt).toBeGreaterThan(first.session.lastUsedAt)
      expect(second.session.expiresAt).toBe(first.session.expiresAt)
      expect(second.token).not.toBe(first.token)
      expect(await reasonOf(tokens, second.token)).toBe('ok')
    })

    it('revokes the session when a token comes again, and says so', async () => {
      await using world = await worlds.create()
      const events: RefreshTokenEvent[] = []
      const tokens = open(world, { onEvent: (event) => events.push(event) })
      const stolen = await login(tokens)
      const next = await rotated(tokens, stolen)
      const thief = { ip: '203.0.113.66' }
      expect(await tokens.rotate(stolen, { client: thief })).toMatchObject({ ok: false, reason: 'reused', status: 401 })
      expect(await reasonOf(tokens, next)).toBe('revoked')
      expect(await tokens.sessions('ada')).toEqual([])
      expect(events).toMatchObject([
        { type: 'reuse', client: thief, session: { userId: 'ada' } },
        { type: 'revoked', because: 'reuse' },
      ])
    })

    it('knows a token again however long ago it was rotated', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const old = await login(tokens)
      let current = old
      for (let i = 0; i < 100; i++) current = await rotated(tokens, current)
      expect(await reasonOf(tokens, old)).toBe('reused')
      expect(await reasonOf(tokens, current)).toBe('revoked')
    })

    it('lets exactly one of many at once have the successor, and revokes the session', async () => {
      await using world = await worlds.create()
      const elsewhere = refreshTokens(world.other, { now: world.now })
      const tokens = open(world)
      const token = await login(tokens)
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? tokens : elsewhere).rotate(token)),
      )
      const good = outcomes.flatMap((outcome) => (outcome.ok ? [outcome.token] : []))
      const reasons = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.reason]))
      expect(good).toHaveLength(1)
      expect(reasons.filter((reason) => reason === 'reused')).toHaveLength(1)
      expect(reasons.filter((reason) => reason === 'revoked')).toHaveLength(6)
      expect(await reasonOf(tokens, good[0] as string)).toBe('revoked')
    })

    it('does not let who knows only the id of a session end it', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      const forged = token.slice(0, 33) + 'A'.repeat(86)
      expect(await reasonOf(tokens, forged)).toBe('unknown')
      expect(await tokens.revoke(forged)).toMatchObject({ ok: false, reason: 'unknown' })
      expect(await reasonOf(tokens, token)).toBe('ok')
    })

    it('refuses what is no token, and one of nobody', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      for (const text of ['', 'x', 'a.b', `${'0'.repeat(32)}.${'A'.repeat(85)}`, undefined as never, {} as never])
        expect(await reasonOf(tokens, text)).toBe('malformed')
      expect(await reasonOf(tokens, `${'0'.repeat(32)}.${'A'.repeat(86)}`)).toBe('unknown')
    })

    it('refuses the token of another user and does not use it up', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      expect(await tokens.rotate(token, { userId: 'bob' })).toMatchObject({ ok: false, reason: 'wrong-user' })
      expect(await tokens.rotate(token, { userId: 'ada' })).toMatchObject({ ok: true })
    })

    it('throws from assertRotated what may be told', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      await expect(tokens.assertRotated(token)).resolves.toMatchObject({ ok: true })
      await expect(tokens.assertRotated(token)).rejects.toMatchObject({
        message: 'The refresh token was refused.',
        refusal: { reason: 'reused', status: 401 },
      })
    })
  })

  describe(`refreshTokens ${worlds.name}: lost answers`, () => {
    it('gives the same client the same successor within the grace', async () => {
      await using world = await worlds.create()
      const tokens = open(world, { grace: '10s' })
      const token = await login(tokens)
      const next = await rotated(tokens, token)
      await world.pass(5000)
      const again = await tokens.rotate(token, { client: phone })
      expect(again).toMatchObject({ ok: true, repeated: true, token: next })
      const last = await rotated(tokens, next)
      expect(last).not.toBe(next)
    })

    it.each([
      ['another client', { ...phone, ip: '203.0.113.66' }, 5000],
      ['a client that says nothing of itself', {}, 5000],
      ['the same client when the grace is over', phone, 10_001],
    ])('takes it for reuse from %s', async (_, client, afterMs) => {
      await using world = await worlds.create()
      const tokens = open(world, { grace: '10s' })
      const token = await login(tokens)
      const next =
        Object.keys(client).length === 0 ? await tokens.rotate(token) : await tokens.rotate(token, { client: phone })
      await world.pass(afterMs)
      expect(await tokens.rotate(token, { client })).toMatchObject({ ok: false, reason: 'reused' })
      expect(next.ok && (await reasonOf(tokens, next.token))).toBe('revoked')
    })

    it('takes it for reuse when the successor was used', async () => {
      await using world = await worlds.create()
      const tokens = open(world, { grace: '10s' })
      const token = await login(tokens)
      await rotated(tokens, await rotated(tokens, token))
      expect(await reasonOf(tokens, token)).toBe('reused')
    })

    it('gives all that come at once from one client the same successor', async () => {
      await using world = await worlds.create()
      const tokens = open(world, { grace: '10s' })
      const token = await login(tokens)
      const next = await Promise.all([1, 2, 3].map(() => rotated(tokens, token)))
      expect(new Set(next).size).toBe(1)
      expect(await reasonOf(tokens, next[0] as string)).toBe('ok')
    })
  })

  describe(`refreshTokens ${worlds.name}: sessions`, () => {
    it('lists those of a user, the newest first, and no secret', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const made: string[] = []
      for (const deviceId of ['one', 'two', 'three']) {
        await world.pass(1000)
        made.push((await tokens.issue({ userId: 'ada', client: { deviceId, ip: '192.0.2.1', userAgent: 'x' } })).token)
      }
      await login(tokens, 'bob')
      await rotated(tokens, made[0] as string)
      const sessions = await tokens.sessions('ada')
      expect(sessions.map(({ client, rotations }) => [client.deviceId, rotations])).toEqual([
        ['three', 0],
        ['two', 0],
        ['phone', 1],
      ])
      for (const token of made) expect(JSON.stringify(sessions)).not.toContain(token.split('.')[1]?.slice(0, 43))
    })

    it('revokes one, but not for another user', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      const [session] = await tokens.sessions('ada')
      expect(await tokens.revokeSession('bob', session?.id ?? '')).toBe(false)
      expect(await tokens.revokeSession('ada', session?.id ?? '')).toBe(true)
      expect(await tokens.revokeSession('ada', session?.id ?? '')).toBe(false)
      expect(await reasonOf(tokens, token)).toBe('revoked')
    })

    it('revokes all of a user, or all but one', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const [one, two, three] = [await login(tokens), await login(tokens), await login(tokens)]
      const bob = await login(tokens, 'bob')
      expect(await tokens.revokeAll('ada', { except: two.split('.')[0] })).toBe(2)
      expect(await Promise.all([one, three].map((token) => reasonOf(tokens, token)))).toEqual(['revoked', 'revoked'])
      const next = await rotated(tokens, two)
      expect(await tokens.revokeAll('ada')).toBe(1)
      expect(await world.other.memberSet('auth_refresh.user').members('ada')).toEqual([])
      expect(await reasonOf(tokens, next)).toBe('revoked')
      expect(await reasonOf(tokens, bob)).toBe('ok')
    })

    it('lists a session before it is good, so that none is left out when all are revoked', async () => {
      await using world = await worlds.create()
      await login(open(world))
      expect(world.switched.asked).toEqual(['enter', 'write'])
    })

    it('revokes all of a user while they are rotated: no successor lives', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const elsewhere = refreshTokens(world.other, { now: world.now })
      for (let round = 0; round < 20; round++) {
        const held = await Promise.all([login(tokens), login(tokens), login(tokens)])
        const [outcomes] = await Promise.all([
          Promise.all(held.map((token) => tokens.rotate(token))),
          elsewhere.revokeAll('ada'),
        ])
        for (const outcome of outcomes) if (outcome.ok) expect(await reasonOf(tokens, outcome.token)).toBe('revoked')
      }
      expect(await tokens.sessions('ada')).toEqual([])
    })

    it('logs out with any token of the session', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      const next = await rotated(tokens, token)
      expect(await tokens.revoke(token)).toMatchObject({ ok: true, session: { userId: 'ada' } })
      expect(await tokens.revoke(next)).toMatchObject({ ok: false, reason: 'revoked' })
      expect(await tokens.revoke('x')).toMatchObject({ ok: false, reason: 'malformed' })
      expect(await reasonOf(tokens, next)).toBe('revoked')
    })

    it('ends the oldest beyond the most that a user may have', async () => {
      await using world = await worlds.create()
      const events: RefreshTokenEvent[] = []
      const tokens = open(world, { maxSessions: 2, onEvent: (event) => events.push(event) })
      const made: string[] = []
      for (let i = 0; i < 4; i++) {
        await world.pass(1000)
        made.push(await login(tokens))
      }
      const reasons = await Promise.all(made.map((token) => reasonOf(tokens, token)))
      expect(reasons).toEqual(['revoked', 'revoked', 'ok', 'ok'])
      expect(events.map((event) => event.type === 'revoked' && event.because)).toEqual(['max-sessions', 'max-sessions'])
    })

    it('keeps to the most when several log in at once', async () => {
      await using world = await worlds.create()
      const elsewhere = refreshTokens(world.other, { now: world.now, maxSessions: 2 })
      const tokens = open(world, { maxSessions: 2 })
      await Promise.all(Array.from({ length: 8 }, (_, index) => login(index % 2 === 0 ? tokens : elsewhere)))
      expect(await tokens.sessions('ada')).toHaveLength(2)
    })
  })

  describe(`refreshTokens ${worlds.name}: life`, () => {
    it('ends a session that is not used, and in any case after its absolute life', async () => {
      await using world = await worlds.create()
      const tokens = open(world, { idle: '1h', absolute: '3h' })
      const idle = await login(tokens)
      let used = await login(tokens)
      for (const _ of [1, 2, 3, 4]) {
        await world.pass(0.7 * hour)
        used = await rotated(tokens, used)
      }
      expect(['expired', 'unknown']).toContain(await reasonOf(tokens, idle))
      expect(await tokens.sessions('ada')).toHaveLength(1)
      await world.pass(0.3 * hour)
      expect(['expired', 'unknown']).toContain(await reasonOf(tokens, used))
      expect(await tokens.sessions('ada')).toEqual([])
    })

    whereStoreMoves('leaves nothing behind when all has ended', async () => {
      await using world = await worlds.create()
      const tokens = open(world, { idle: '1h', absolute: '3h' })
      const token = await login(tokens)
      await rotated(tokens, token)
      await tokens.rotate(token)
      await world.pass(3 * hour)
      expect(await world.other.memberSet('auth_refresh.user').members('ada')).toEqual([])
      expect(await world.other.register('auth_refresh.session').get(token.split('.')[0] as string)).toBeUndefined()
    })
  })

  describe(`refreshTokens ${worlds.name}: a store that is down`, () => {
    it('refuses, and uses nothing up', async () => {
      await using world = await worlds.create()
      const tokens = open(world)
      const token = await login(tokens)
      world.switched.mood = 'fails'
      expect(await tokens.rotate(token)).toMatchObject({ ok: false, reason: 'unavailable', status: 503 })
      expect(await tokens.revoke(token)).toMatchObject({ ok: false, reason: 'unavailable', status: 503 })
      await expect(tokens.issue({ userId: 'ada' })).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(tokens.revokeAll('ada')).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      const elsewhere = refreshTokens(world.other, { now: world.now })
      expect(await elsewhere.rotate(token)).toMatchObject({ ok: true })
    })
  })
}
