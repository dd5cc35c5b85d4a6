import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { escapeGlob } from '../../../src/base/glob.ts'
import { chainOpener, chains, listed } from './chains.ts'

const open = chainOpener()

/** Names that begin with each other, look like patterns, numbers or prototypes, or like the marks of tags. */
const names = ['a', 'a.b', 'a.b.c', 'b', 'ab', '-', '.', '..', '__proto__', 'constructor', '0', 'A', 'x'.repeat(64)]
const anyTenants = fc.uniqueArray(fc.oneof(fc.constantFrom(...names), fc.stringMatching(/^[\w.-]{1,8}$/)), {
  minLength: 2,
  maxLength: 3,
})

/** Pieces that mean something to keys, patterns, storage or tags, and whatever else there is. */
const piece = fc.oneof(
  fc.constantFrom(...names, ':', '::', '*', '?', '[', ']', '[^a]', '\\', '\\:', '~', '/', '..', '%3A', '{', '}', '\0'),
  fc.constantFrom('tw:1:test:', 'é', 'e\u0301', 'Å', 'A\u030a', 'ﬁ', '\u200b', '\uFEFF', '👩‍🔬', '\u2028', '\n', ' '),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }).map((text) => text.toWellFormed()),
)
const anyKey = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''))
const anyKeys = fc.uniqueArray(anyKey, { minLength: 1, maxLength: 5 })
const runs = { numRuns: 60 }

describe.each(chains)('keys and tags built to collide, over %s', (chain) => {
  test('never meet those of another tenant', async () => {
    await fc.assert(
      fc.asyncProperty(anyTenants, anyKeys, anyKeys, async (tenants, keys, tags) => {
        const { whole } = open(chain)
        const allowed = tags.filter((tag) => !tag.startsWith('~'))
        const views = tenants.map((tenant) => ({ tenant, view: whole.forTenant(tenant) }))
        for (const { tenant, view } of views)
          for (const key of keys) await view.set(key, `${tenant} ${key}`, { tags: allowed })
        const holds = async (): Promise<void> => {
          for (const { tenant, view } of views.slice(1)) {
            const own = new Map(keys.map((key) => [key, `${tenant} ${key}`]))
            expect(await view.getMany(keys)).toEqual(own)
            for (const key of keys) expect(view.peek(key) ?? own.get(key)).toBe(own.get(key))
            expect(await listed(view)).toEqual(keys.toSorted())
            const [key = ''] = keys
            expect((await view.getEntry(key))?.tags).toEqual([...new Set(allowed)])
          }
        }
        await holds()
        const { view } = views[0]!
        // The keys of the others, and every key that could be one, spelled by this tenant.
        const spelled = [...tenants.flatMap((other) => keys.map((key) => `${other}:${key}`)), ...tenants]
        const strange = spelled.filter((key) => !keys.includes(key))
        expect(await view.getMany(strange)).toEqual(new Map())
        expect(await view.deleteMany(strange)).toBe(0)
        if (allowed.length > 0) await view.invalidateTags(allowed)
        await view.invalidateTags(
          [...tenants, ...tenants.flatMap((other) => keys.map((key) => `${other}:${key}`))].filter(
            (tag) => !tag.startsWith('~'),
          ),
        )
        for (const key of spelled) await view.invalidatePattern(escapeGlob(key))
        for (const key of keys) await view.invalidatePattern(key)
        await view.set('*', 1)
        await view.clear()
        expect(await listed(view)).toEqual([])
        await holds()
      }),
      runs,
    )
  }, 120_000)
})

describe('patterns', () => {
  test('of a tenant find exactly what they would find were it alone', async () => {
    const { manager, whole } = open('memory')
    const alone = manager.namespace('alone')
    const views = ['a', 'a.b', 'b'].map((tenant) => whole.forTenant(tenant))
    await fc.assert(
      fc.asyncProperty(anyKeys, anyKey, async (keys, pattern) => {
        await Promise.all([whole.clear(), alone.clear()])
        for (const cache of [alone, ...views]) for (const key of keys) await cache.set(key, 1)
        const found = await listed(alone, pattern)
        for (const view of views) expect(await listed(view, pattern)).toEqual(found)
        expect(await views[0]!.invalidatePattern(pattern)).toBe(found.length)
        expect(await listed(views[1]!)).toEqual(keys.toSorted())
      }),
      { numRuns: 300 },
    )
  })
})

describe('keys', () => {
  test('are as long as the whole key may be, tenant and colon included', async () => {
    const { whole, acme } = open('memory and bytes')
    const longest = 'k'.repeat(4096 - 'acme:'.length)
    await acme.set(longest, 1)
    expect(await acme.get(longest)).toBe(1)
    expect(await listed(whole)).toEqual([`acme:${longest}`])
    await expect(acme.set(`${longest}k`, 1)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    await expect(acme.getMany([`${longest}k`])).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    await whole.forTenant('a').set(`${longest}kkk`, 2)
    expect(await acme.get(longest)).toBe(1)
  })

  test.each([[''], [5], [null], [undefined], [{}], ['\ud800']])(
    '%j is refused by every verb that takes one',
    async (key) => {
      const { acme } = open('memory')
      const bad = key as string
      const load = (): number => 1
      const calls = [
        () => acme.get(bad),
        () => acme.getOrSet(bad, load),
        () => acme.getEntry(bad),
        () => acme.set(bad, 1),
        () => acme.setMany([[bad, 1]]),
        () => acme.delete(bad),
        () => acme.deleteMany([bad]),
        () => acme.has(bad),
        () => acme.ttl(bad),
        () => acme.touch(bad),
        () => acme.expire(bad),
        () => acme.getMany([bad]),
        () => acme.getOrSetMany([bad], () => new Map()),
        () => acme.invalidate([bad]),
        () => acme.mutate([bad], async () => 1),
        () => acme.invalidatePattern(bad),
        () => acme.wrap(load, { key: () => bad })(),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
      expect(acme.peek(bad)).toBeUndefined()
    },
  )

  test('that look like a text do not reach an entry', async () => {
    const { acme } = open('memory')
    await acme.set('5', 'five')
    const five = 5 as unknown as string
    expect(acme.peek(five)).toBeUndefined()
    await expect(acme.get(five)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
    await expect(acme.getOrSet(five, () => 6)).rejects.toMatchObject({ code: 'ERR_CACHE_KEY' })
  })
})
