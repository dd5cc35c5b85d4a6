import { describe, expect, it } from 'vitest'

import { apiKeys, type ApiKeyDemand, type ApiKeys, type ApiKeysOptions } from '../../../src/recipes/api-keys.ts'
import type { Coordination } from '../../../src/coordination/index.ts'
import type { SecurityWorld, SecurityWorlds } from './worlds.ts'

export const pepper = { id: '2026', secret: 'a pepper of at least thirty-two bytes' }
const hour = 3_600_000
const day = 24 * hour

export function apiKeysCases(worlds: SecurityWorlds): void {
  const whereStoreMoves = worlds.movesStore ? it : () => {}
  const on = (coordination: Coordination, world: SecurityWorld, options: Partial<ApiKeysOptions> = {}): ApiKeys =>
    apiKeys(coordination, { peppers: [pepper], prefix: 'vcci', now: world.now, ...options })
  const open = (world: SecurityWorld, options?: Partial<ApiKeysOptions>): ApiKeys => on(world.one, world, options)
  const reasonOf = async (keys: ApiKeys, key: string, demand?: ApiKeyDemand): Promise<string> => {
    const outcome = await keys.verify(key, demand)
    return outcome.ok ? 'ok' : outcome.reason
  }

  describe(`apiKeys ${worlds.name}`, () => {
    it('makes keys that any process accepts, and says whose they are', async () => {
      await using world = await worlds.create()
      const metadata = { team: 'finance' }
      const { key, info } = await open(world).create('billing', { scopes: ['read'], metadata })
      expect(key).toMatch(/^vcci_live_[\da-f]{24}\.[\w-]{43}$/)
      expect(info).toEqual({
        id: key.slice(10, 34),
        service: 'billing',
        scopes: ['read'],
        metadata,
        createdAt: expect.any(Number),
      })
      const outcome = await on(world.other, world).verify(key)
      expect(outcome).toMatchObject({ ok: true, info, limit: { limit: 1000, remaining: 999, periodMs: hour } })
      expect(await on(world.other, world).assertVerified(key)).toEqual(info)
      expect(await open(world).info(info.id)).toEqual(info)
    })

    it('refuses what is no key, is of nobody, or has a wrong secret', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key } = await keys.create('billing')
      const other = (await keys.create('billing')).key
      const swapped = `${key.slice(0, 35)}${other.slice(35)}`
      expect(await reasonOf(keys, swapped)).toBe('wrong-secret')
      expect(await reasonOf(keys, `${key.slice(0, 10)}${'0'.repeat(24)}${key.slice(34)}`)).toBe('unknown')
      const none = [
        '',
        'x',
        key.slice(0, -1),
        `${key}A`,
        key.replace('live', 'test'),
        key.replace('vcci', 'acme'),
        undefined as never,
      ]
      for (const text of none) expect(await reasonOf(keys, text)).toBe('malformed')
      expect(await reasonOf(keys, key)).toBe('ok')
    })

    it('needs one look-up and one step of the limit, whatever is presented and however many keys there are', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key } = await keys.create('billing')
      await Promise.all(Array.from({ length: 200 }, () => keys.create('billing')))
      const asked = async (presented: string): Promise<readonly string[]> => {
        world.switched.asked.length = 0
        await keys.verify(presented)
        return world.switched.asked.slice()
      }
      expect(await asked(`${key.slice(0, 35)}${'A'.repeat(43)}`)).toEqual(['read'])
      expect(await asked(`${key.slice(0, 10)}${'0'.repeat(24)}${key.slice(34)}`)).toEqual(['read'])
      expect(await asked('no key')).toEqual([])
      world.switched.asked.length = 0
      await keys.create('billing')
      expect(world.switched.asked, 'listed before it is good').toEqual(['enter', 'write'])
      expect(await asked(key)).toEqual(['read', 'take', 'add'])
    })

    it('answers over HTTP alike whatever is wrong with a key', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const revoked = await keys.create('billing')
      await keys.revoke(revoked.info.id)
      const far = await keys.create('billing', { allowedIps: ['10.0.0.0/8'] })
      const expiring = await keys.create('billing', { expiresAt: world.now() + 1000 })
      await world.pass(1000)
      const presented = [
        'x',
        `${far.key.slice(0, -1)}_`,
        revoked.key,
        far.key,
        expiring.key,
        far.key.replace(/_\w{24}\./, `_${'0'.repeat(24)}.`),
      ]
      const outcomes = await Promise.all(presented.map((key) => keys.verify(key, { ip: '192.0.2.1' })))
      const reasons = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.reason))
      expect(reasons).toEqual(['malformed', 'wrong-secret', 'revoked', 'address', 'expired', 'unknown'])
      const answers = outcomes.map((outcome) => (outcome.ok ? '' : JSON.stringify([outcome.status, outcome.headers])))
      expect(new Set(answers)).toEqual(new Set(['[401,{"WWW-Authenticate":"Bearer"}]']))
      await expect(keys.assertVerified(revoked.key)).rejects.toMatchObject({ message: 'The key was refused.' })
    })

    it('wants all scopes that are needed, by their whole names', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key } = await keys.create('billing', { scopes: ['read', 'report'] })
      expect(await reasonOf(keys, key, { scopes: ['report', 'read'] })).toBe('ok')
      expect(await keys.verify(key, { scopes: ['read', 'write'] })).toMatchObject({ reason: 'scope', status: 403 })
      expect(await reasonOf(keys, key, { scopes: ['rea'] })).toBe('scope')
      expect(await reasonOf(keys, (await keys.create('billing')).key, { scopes: ['read'] })).toBe('scope')
    })

    it('accepts a key from allowed addresses only, and from nowhere when none is known', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key } = await keys.create('billing', { allowedIps: ['192.0.2.0/24', '2001:db8::/32'] })
      for (const ip of ['192.0.2.9', '::ffff:192.0.2.9', '2001:db8::1'])
        expect(await reasonOf(keys, key, { ip })).toBe('ok')
      for (const ip of ['192.0.3.9', '2001:db9::1', 'x', undefined])
        expect(await reasonOf(keys, key, { ip })).toBe('address')
      const nowhere = await keys.create('billing', { allowedIps: [] })
      expect(await reasonOf(keys, nowhere.key, { ip: '192.0.2.9' })).toBe('address')
    })

    it('is used as often as its own limit allows, over all processes, and wrong secrets do not use it up', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const elsewhere = on(world.other, world)
      const { key, info } = await keys.create('billing', { limit: { limit: 5, period: '1m' } })
      const wrong = `${key.slice(0, 35)}${'A'.repeat(43)}`
      for (let i = 0; i < 10; i++) expect(await reasonOf(keys, wrong)).toBe('wrong-secret')
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? keys : elsewhere).verify(key)),
      )
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(5)
      expect(await keys.verify(key)).toMatchObject({
        reason: 'limited',
        status: 429,
        id: info.id,
        headers: { 'RateLimit-Limit': '5', 'Retry-After': expect.any(String) },
      })
      expect(await keys.usage(info.id)).toMatchObject({ total: 21, limit: { remaining: 0 } })
      expect(await keys.usage('0'.repeat(24))).toBeUndefined()
    })

    it('rotates with an overlap: both secrets are good for a while, then the new one', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const first = await keys.create('billing', { scopes: ['read'] })
      await world.pass(1000)
      const second = await keys.rotate(first.info.id, { overlap: '1h' })
      expect(second?.info).toEqual({ ...first.info, rotatedAt: expect.any(Number) })
      const next = second?.key ?? ''
      expect(await Promise.all([first.key, next].map((key) => reasonOf(keys, key)))).toEqual(['ok', 'ok'])
      await world.pass(hour)
      expect(await Promise.all([first.key, next].map((key) => reasonOf(keys, key)))).toEqual(['wrong-secret', 'ok'])
    })

    it('rotates twice within the overlap without taking a key from anybody, and at once when it was stolen', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key, info } = await keys.create('billing')
      const made = await Promise.all([keys.rotate(info.id), on(world.other, world).rotate(info.id)])
      const all = [key, ...made.map((each) => each?.key ?? '')]
      expect(await Promise.all(all.map((each) => reasonOf(keys, each)))).toEqual(['ok', 'ok', 'ok'])
      const last = await keys.rotate(info.id, { overlap: 'none' })
      expect(await Promise.all(all.map((each) => reasonOf(keys, each)))).toEqual([
        'wrong-secret',
        'wrong-secret',
        'wrong-secret',
      ])
      expect(await reasonOf(keys, last?.key ?? '')).toBe('ok')
    })

    it('revokes all secrets of a key at once, and for good', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key, info } = await keys.create('billing')
      const next = await keys.rotate(info.id)
      expect(await on(world.other, world).revoke(info.id, { reason: 'leaked', actor: 'ada' })).toBe(true)
      expect(await keys.revoke(info.id)).toBe(false)
      expect(await reasonOf(keys, next?.key ?? '')).toBe('revoked')
      expect(await reasonOf(keys, key)).toBe('revoked')
      expect(await keys.rotate(info.id)).toBeUndefined()
      expect(await keys.update(info.id, { scopes: ['admin'] })).toBeUndefined()
      expect(await keys.info(info.id)).toMatchObject({
        revoked: { reason: 'leaked', actor: 'ada', at: expect.any(Number) },
      })
    })

    it('is not brought back by a rotation that runs with a revocation', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      for (let round = 0; round < 20; round++) {
        const { info } = await keys.create('billing')
        const [rotated] = await Promise.all([keys.rotate(info.id), on(world.other, world).revoke(info.id)])
        if (rotated !== undefined) expect(await reasonOf(keys, rotated.key)).toBe('revoked')
      }
    })

    it('lists the keys of a service, the newest first, without a secret', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const made: string[] = []
      for (let i = 0; i < 3; i++) {
        made.push((await keys.create('billing', { metadata: { i } })).key)
        await world.pass(1000)
      }
      await keys.create('shop')
      await keys.revoke(made[1]?.slice(10, 34) ?? '')
      const listed = await keys.list('billing')
      expect(listed.map(({ metadata, revoked }) => [metadata?.['i'], revoked !== undefined])).toEqual([
        [2, false],
        [1, true],
        [0, false],
      ])
      for (const key of made) expect(JSON.stringify(listed)).not.toContain(key.slice(35))
      expect(await keys.list('nobody')).toEqual([])
    })

    it('changes what a key may do, and nothing else', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key, info } = await keys.create('billing', { scopes: ['read'], metadata: { a: 1 } })
      expect(await keys.update(info.id, { scopes: ['write'], limit: { limit: 7, period: '1m' } })).toEqual({
        ...info,
        scopes: ['write'],
        limit: { limit: 7, period: '1m' },
      })
      expect(await keys.verify(key, { scopes: ['write'] })).toMatchObject({ ok: true, limit: { limit: 7 } })
      await expect(keys.update(info.id, { allowedIps: ['x'] })).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
      await keys.update(info.id, { service: 'admin', id: 'x', revoked: undefined } as never)
      expect(await keys.info(info.id)).toMatchObject({ service: 'billing', id: info.id })
    })

    it('accepts keys of a pepper that is being replaced, and none of one that is gone', async () => {
      await using world = await worlds.create()
      const { key, info } = await open(world).create('billing')
      const next = { id: '2027', secret: Buffer.alloc(32, 1) }
      const both = open(world, { peppers: [next, pepper] })
      expect(await reasonOf(both, key)).toBe('ok')
      const rotated = await both.rotate(info.id)
      expect(await Promise.all([key, rotated?.key ?? ''].map((each) => reasonOf(both, each)))).toEqual(['ok', 'ok'])
      const after = open(world, { peppers: [next] })
      expect(await Promise.all([key, rotated?.key ?? ''].map((each) => reasonOf(after, each)))).toEqual([
        'wrong-secret',
        'ok',
      ])
    })

    whereStoreMoves('forgets a key a while after it has ended, and one that never ends never', async () => {
      await using world = await worlds.create()
      const keys = open(world, { keepEnded: '1d' })
      const expiring = await keys.create('billing', { expiresAt: world.now() + hour })
      const revoked = await keys.create('billing')
      await keys.create('billing')
      await keys.revoke(revoked.info.id)
      await world.pass(hour)
      expect(await reasonOf(keys, expiring.key)).toBe('expired')
      expect(await keys.rotate(expiring.info.id)).toBeUndefined()
      expect(await keys.list('billing')).toHaveLength(3)
      await world.pass(day)
      expect(await reasonOf(keys, expiring.key)).toBe('unknown')
      expect(await reasonOf(keys, revoked.key)).toBe('unknown')
      expect(await keys.list('billing')).toHaveLength(1)
    })

    it('refuses every key when the store is down', async () => {
      await using world = await worlds.create()
      const keys = open(world)
      const { key, info } = await keys.create('billing')
      world.switched.mood = 'fails'
      expect(await keys.verify(key)).toMatchObject({ ok: false, reason: 'unavailable', status: 503 })
      await expect(keys.create('billing')).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
      await expect(keys.revoke(info.id)).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    })
  })
}
