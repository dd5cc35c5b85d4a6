import { describe, expect, it } from 'vitest'

import {
  tokenBlacklist,
  type TokenBlacklist,
  type TokenBlacklistOptions,
} from '../../../src/recipes/token-blacklist.ts'
import type { SecurityWorld, SecurityWorlds } from './worlds.ts'

const hour = 3_600_000
const day = 24 * hour

export function tokenBlacklistCases(worlds: SecurityWorlds): void {
  const whereStoreMoves = worlds.movesStore ? it : () => {}
  const open = (world: SecurityWorld, options: TokenBlacklistOptions = {}): TokenBlacklist =>
    tokenBlacklist(world.one, { now: world.now, ...options })

  describe(`tokenBlacklist ${worlds.name}: tokens`, () => {
    it('refuses a token that was revoked in another process, and no other one', async () => {
      await using world = await worlds.create()
      const elsewhere = tokenBlacklist(world.other, { now: world.now })
      expect(await elsewhere.revokeToken({ jti: 'a', expiresAt: world.now() + hour })).toBe(true)
      expect(await open(world).isRevoked({ jti: 'a' })).toEqual({ revoked: true, reason: 'token' })
      expect(await open(world).isRevoked({ jti: 'b' })).toEqual({ revoked: false })
      expect(await open(world).isRevoked({ token: 'a' })).toEqual({ revoked: false })
    })

    it('keeps only a digest of a token without a jti', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const token = 'header.payload.signature'
      await blacklist.revokeToken({ token, reason: 'stolen' })
      expect(await blacklist.isRevoked({ token })).toEqual({ revoked: true, reason: 'token' })
      expect(JSON.stringify(await blacklist.list('token'))).not.toContain('payload')
    })

    it('refuses a token by either of the names that it was revoked with', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await blacklist.revokeToken({ jti: 'a', token: 'the token' })
      expect(await blacklist.isRevoked({ jti: 'a' })).toMatchObject({ reason: 'token' })
      expect(await blacklist.isRevoked({ token: 'the token' })).toMatchObject({ reason: 'token' })
      expect(await blacklist.isRevoked({ jti: 'b', token: 'the token' })).toMatchObject({ reason: 'token' })
    })

    it('skips a token that has expired, but not one that a lenient verifier may still accept', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      expect(await blacklist.revokeToken({ jti: 'old', expiresAt: world.now() - 60_001 })).toBe(false)
      expect(await blacklist.revokeToken({ jti: 'late', exp: Math.ceil(world.now() / 1000) - 30 })).toBe(true)
      expect(await blacklist.isRevoked({ jti: 'late' })).toMatchObject({ revoked: true })
      expect(await blacklist.count()).toEqual({ tokens: 1, users: 0 })
    })

    it('is never shortened by a second revocation that knows less', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const expiresAt = world.now() + 7 * day
      await blacklist.revokeToken({ jti: 'a', expiresAt, reason: 'stolen' })
      await blacklist.revokeToken({ jti: 'a' })
      expect(await blacklist.tokenInfo({ jti: 'a' })).toMatchObject({ endsAt: expiresAt + 60_000, reason: 'stolen' })
    })

    it('keeps who revoked it and why', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const note = { reason: 'logout', actor: 'admin', userId: 'ada', metadata: { ticket: 7 } }
      await blacklist.revokeToken({ jti: 'a', ...note })
      expect(await blacklist.tokenInfo({ jti: 'a' })).toEqual({
        kind: 'token',
        id: 'jti:a',
        ...note,
        revokedAt: expect.any(Number),
        endsAt: expect.any(Number),
      })
      expect(await blacklist.tokenInfo({ jti: 'b' })).toBeUndefined()
    })

    whereStoreMoves('forgets a token when it has expired, a day later when nobody knows', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await blacklist.revokeToken({ jti: 'known', expiresAt: world.now() + hour })
      await blacklist.revokeToken({ jti: 'unknown' })
      await world.pass(hour + 59_999)
      expect(await blacklist.isRevoked({ jti: 'known' })).toMatchObject({ revoked: true })
      await world.pass(1)
      expect(await blacklist.isRevoked({ jti: 'known' })).toEqual({ revoked: false })
      expect(await blacklist.count()).toEqual({ tokens: 1, users: 0 })
      await world.pass(day - hour)
      expect(await blacklist.isRevoked({ jti: 'unknown' })).toEqual({ revoked: false })
      expect(await blacklist.count()).toEqual({ tokens: 0, users: 0 })
    })

    it('takes a revocation back', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await blacklist.revokeToken({ jti: 'a' })
      expect(await blacklist.unrevokeToken({ jti: 'a' })).toBe(true)
      expect(await blacklist.unrevokeToken({ jti: 'a' })).toBe(false)
      expect(await blacklist.isRevoked({ jti: 'a' })).toEqual({ revoked: false })
      expect(await blacklist.count()).toEqual({ tokens: 0, users: 0 })
    })
  })

  describe(`tokenBlacklist ${worlds.name}: users`, () => {
    it('refuses what was issued before and lets the user log in again', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const before = world.now() - 1
      await blacklist.revokeUser('ada', { reason: 'password changed' })
      expect(await blacklist.isRevoked({ jti: 'a', userId: 'ada', issuedAt: before })).toEqual({
        revoked: true,
        reason: 'user',
      })
      await world.pass(1000)
      expect(await blacklist.isRevoked({ jti: 'b', userId: 'ada', issuedAt: world.now() })).toEqual({ revoked: false })
      expect(await blacklist.isRevoked({ jti: 'c', userId: 'bob', issuedAt: before })).toEqual({ revoked: false })
    })

    it('refuses a token of the same second when only seconds are known, and accepts it by milliseconds', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const second = Math.floor(world.now() / 1000) - 1
      await blacklist.revokeUser('ada', { at: second * 1000 + 400 })
      const user = { userId: 'ada' }
      expect(await blacklist.isRevoked({ ...user, iat: second })).toMatchObject({ reason: 'user' })
      expect(await blacklist.isRevoked({ ...user, iat: second, issuedAt: second * 1000 + 400 })).toMatchObject({
        reason: 'user',
      })
      expect(await blacklist.isRevoked({ ...user, iat: second, issuedAt: second * 1000 + 401 })).toEqual({
        revoked: false,
      })
      expect(await blacklist.isRevoked({ ...user, iat: second + 1 })).toEqual({ revoked: false })
      expect(await blacklist.isRevoked({ ...user, iat: second + 0.999 })).toMatchObject({ reason: 'user' })
    })

    it('refuses a token of a revoked user whose time of issue is not known or makes no sense', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await blacklist.revokeUser('ada')
      const senseless = [
        {},
        { iat: NaN },
        { iat: world.now() + 1000 },
        { issuedAt: world.now() * 1000 },
        { iat: 'x' as never },
      ]
      for (const issued of senseless)
        expect(await blacklist.isRevoked({ userId: 'ada', ...issued })).toMatchObject({ reason: 'user' })
    })

    it('keeps the latest revocation, in whatever order they come', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      const now = world.now()
      const times = [3, 9, 1, 5, 7].map((seconds) => now - 10_000 + seconds * 1000)
      const answers = await Promise.all(times.map((at) => blacklist.revokeUser('ada', { at, reason: String(at) })))
      expect(Math.max(...answers.map(({ revokedAt }) => revokedAt))).toBe(now - 1000)
      expect(await blacklist.userInfo('ada')).toMatchObject({ revokedAt: now - 1000, reason: String(now - 1000) })
      expect(await blacklist.revokeUser('ada', { at: now - 5000 })).toMatchObject({ revokedAt: now - 1000 })
      expect(await blacklist.revokeUser('bob', { at: now - 30 * day })).toMatchObject({ revokedAt: now - 30 * day })
    })

    it('holds longer for clocks that are ahead, when it is told so', async () => {
      await using world = await worlds.create()
      const blacklist = open(world, { clockTolerance: '2s' })
      const at = world.now() - 10_000
      await blacklist.revokeUser('ada', { at })
      expect(await blacklist.isRevoked({ userId: 'ada', issuedAt: at + 2000 })).toMatchObject({ reason: 'user' })
      expect(await blacklist.isRevoked({ userId: 'ada', issuedAt: at + 2001 })).toEqual({ revoked: false })
    })

    whereStoreMoves('forgets a revocation when the last token that it is about has expired', async () => {
      await using world = await worlds.create()
      const blacklist = open(world, { userLife: '2h' })
      const old = { userId: 'ada', issuedAt: world.now() - 1 }
      await blacklist.revokeUser('ada', { at: world.now() - hour })
      await blacklist.revokeUser('ada')
      await world.pass(2 * hour)
      expect(await blacklist.isRevoked(old)).toMatchObject({ reason: 'user' })
      await world.pass(60_000)
      expect(await blacklist.isRevoked(old)).toEqual({ revoked: false })
    })

    it('lists and counts what there is, takes it back, and clears all of it', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      for (const [index, user] of ['ada', 'bob', 'cy'].entries())
        await blacklist.revokeUser(user, { at: world.now() - 1000 + index })
      await blacklist.revokeToken({ jti: 'a', userId: 'ada' })
      expect((await blacklist.list('user')).map(({ id }) => id)).toEqual(['cy', 'bob', 'ada'])
      expect(await blacklist.list('user', { limit: 1 })).toHaveLength(1)
      expect(await blacklist.list('token')).toMatchObject([{ id: 'jti:a', userId: 'ada' }])
      expect(await blacklist.count()).toEqual({ tokens: 1, users: 3 })
      expect(await blacklist.unrevokeUser('bob')).toBe(true)
      expect(await blacklist.unrevokeUser('bob')).toBe(false)
      expect(await blacklist.clear()).toBe(3)
      expect(await blacklist.count()).toEqual({ tokens: 0, users: 0 })
      expect(await blacklist.isRevoked({ jti: 'a', userId: 'ada' })).toEqual({ revoked: false })
    })

    it('checks many in the order in which they are asked', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await blacklist.revokeToken({ jti: '1' })
      await blacklist.revokeUser('ada')
      const outcomes = await blacklist.areRevoked([{ jti: '0' }, { jti: '1' }, { jti: '2', userId: 'ada' }])
      expect(outcomes.map((outcome) => outcome.revoked && outcome.reason)).toEqual([false, 'token', 'user'])
    })
  })

  describe(`tokenBlacklist ${worlds.name}: a store that is down`, () => {
    it('refuses every token and makes no revocation that nobody would know of', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      world.switched.mood = 'fails'
      expect(await blacklist.isRevoked({ jti: 'a' })).toEqual({ revoked: true, reason: 'unavailable' })
      expect(await blacklist.areRevoked([{ userId: 'ada', iat: 1 }])).toEqual([
        { revoked: true, reason: 'unavailable' },
      ])
      await expect(blacklist.revokeToken({ jti: 'a' })).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(blacklist.revokeUser('ada')).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    })

    it('throws from assertNotRevoked what may be told', async () => {
      await using world = await worlds.create()
      const blacklist = open(world)
      await expect(blacklist.assertNotRevoked({ jti: 'a' })).resolves.toBeUndefined()
      world.switched.mood = 'fails'
      await expect(blacklist.assertNotRevoked({ jti: 'a' })).rejects.toMatchObject({
        refusal: { reason: 'unavailable', status: 503 },
      })
    })

    it('accepts when it was told to, and still makes no revocation', async () => {
      await using world = await worlds.create()
      const blacklist = open(world, { failure: 'open' })
      world.switched.mood = 'fails'
      expect(await blacklist.isRevoked({ jti: 'a', userId: 'ada' })).toEqual({ revoked: false, assumed: true })
      await expect(blacklist.revokeToken({ jti: 'a' })).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(blacklist.tokenInfo({ jti: 'a' })).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(blacklist.count()).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    })
  })
}
