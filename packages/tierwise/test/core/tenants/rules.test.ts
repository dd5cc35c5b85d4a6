import { describe, expect, test } from 'vitest'

import { createCacheManager } from '../../../src/create-cache-manager.ts'
import type { NamespaceOptions } from '../../../src/contract/options.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { chainOpener, listed } from './chains.ts'
import { furnish } from './verbs.ts'

const open = chainOpener()
const option = { code: 'ERR_CACHE_OPTION' }

describe('forTenant', () => {
  test('refuses what cannot name a tenant', () => {
    const { whole } = open('memory')
    const long = 'x'.repeat(65)
    for (const name of [
      '',
      'a:b',
      ':',
      'a b',
      'ä',
      'a/b',
      '*',
      '~a',
      'a\n',
      'a\0',
      long,
      5,
      null,
      undefined,
      ['a'],
      {},
    ])
      expect(() => whole.forTenant(name as string), JSON.stringify(name)).toThrow(
        expect.objectContaining(option) as Error,
      )
    for (const name of ['a', 'A-1_.', '..', '__proto__', 'constructor', long.slice(1)])
      expect(whole.forTenant(name).name).toBe('test')
  })

  test('is refused where there are no tenants', () => {
    const manager = createCacheManager({ tiers: [memory()] })
    expect(() => manager.namespace('plain').forTenant('acme')).toThrow(expect.objectContaining(option) as Error)
  })

  test('gives the same view for the same tenant, and for every name of the namespace', () => {
    const { manager, whole, acme } = open('memory', { aliases: ['other'] })
    expect(whole.forTenant('acme')).toBe(acme)
    expect(manager.namespace('other').forTenant('acme')).toBe(acme)
    expect(whole.forTenant('bell')).not.toBe(acme)
  })
})

describe.each(['warn', 'off'] as const)('calls without a tenant, with the mode %s', (governance) => {
  test('have one without a name, which no view reaches', async () => {
    const { whole, acme, manager } = open('memory and bytes', { governance })
    await furnish(acme, 'acme')
    await whole.set('one', 'nobody', { tags: ['tag'] })
    expect(await whole.getOrSet('two', ({ key }) => `loaded ${key}`)).toBe('loaded two')
    expect(whole.peek('one')).toBe('nobody')
    expect(await whole.getMany(['one', 'acme:one'])).toEqual(new Map([['one', 'nobody']]))
    expect(await whole.has('acme:one')).toBe(false)
    expect(await whole.delete('acme:one')).toBe(false)
    expect(await listed(whole)).toEqual([':one', ':two', 'acme:one', 'acme:two'])
    expect(await acme.get('one')).toBe('acme one')
    expect(await acme.get(':one')).toBeUndefined()
    // What is missed is counted for each key: set, getOrSet, peek, getMany of two, has and delete.
    const counted = manager.governanceReport().violations['tenant-missing']
    expect(counted).toBe(governance === 'warn' ? 7 : undefined)
  })
})

test('the verbs of the manager need a tenant too', async () => {
  const { manager, acme } = open('memory')
  await acme.set('one', 1)
  const missing = { rule: 'tenant-missing' }
  const namespace = 'test'
  await expect(manager.get('acme:one', { namespace })).rejects.toMatchObject(missing)
  await expect(manager.set('acme:one', 2, { namespace })).rejects.toMatchObject(missing)
  await expect(manager.getOrSet('acme:one', () => 2, { namespace })).rejects.toMatchObject(missing)
  await expect(manager.delete('acme:one', { namespace })).rejects.toMatchObject(missing)
  expect(await acme.get('one')).toBe(1)
})

describe('rules for keys', () => {
  const rules: NamespaceOptions = {
    keyFormat: /^[a-z]+$/,
    maxKeyLength: 5,
    keyRules: [
      { match: 'short*', ttl: '1s', maxKeyLength: 4 },
      { match: 'b*', ttl: '10s' },
    ],
  }

  test('look at the key without its tenant', async () => {
    const { whole, manager } = open('memory and bytes', rules)
    const longName = whole.forTenant('SHORT-1.a-name-that-is-long')
    await longName.set('abcde', 1)
    await longName.set('bcd', 1)
    expect((await longName.ttl('bcd')) ?? 0).toBeLessThanOrEqual(10_000)
    expect((await longName.ttl('abcde')) ?? 0).toBeGreaterThan(10_000)
    await expect(longName.set('abcdef', 1)).rejects.toMatchObject({ rule: 'key-too-long' })
    await expect(longName.set('ab:c', 1)).rejects.toMatchObject({ rule: 'key-format' })
    expect(manager.governanceReport().worstOffenders.map(({ family }) => family)).toEqual(['abcdef', 'ab:*'])
  })

  test('do not take a tenant for the beginning of a key', async () => {
    const { whole } = open('memory', { keyRules: [{ match: 'acme*', ttl: '1s' }] })
    await whole.forTenant('acme').set('key', 1)
    expect((await whole.forTenant('acme').ttl('key')) ?? 0).toBeGreaterThan(1000)
    await whole.forTenant('bell').set('acme:key', 1)
    expect((await whole.forTenant('bell').ttl('acme:key')) ?? 0).toBeLessThanOrEqual(1000)
  })
})

describe('tags', () => {
  test('that are required are those of callers', async () => {
    const { acme } = open('memory', { requiredTags: ['*'] })
    await expect(acme.set('key', 1)).rejects.toMatchObject({ rule: 'tags-missing' })
    await acme.set('key', 1, { tags: ['mine'] })
    expect(await acme.getOrSet('loaded', () => 1)).toBe(1)
    expect(await acme.get('loaded')).toBeUndefined()
    expect(await acme.getOrSet('loaded', ({ setTags }) => (setTags(['mine']), 2))).toBe(2)
    expect(await acme.get('loaded')).toBe(2)
  })

  test('of the namespace are given to all and invalidated by one for itself', async () => {
    const { acme, bell, whole } = open('memory and bytes', { tags: ['all'] })
    await Promise.all([furnish(acme, 'acme'), furnish(bell, 'bell')])
    expect((await acme.getEntry('one'))?.tags.toSorted()).toEqual(['all', 'first', 'tag'])
    await acme.invalidateTags(['all'])
    expect([await listed(acme), await listed(bell)]).toEqual([[], ['one', 'two']])
    await whole.invalidateTags(['all'])
    expect(await listed(bell)).toEqual([])
  })

  test('that would be taken for those of a tenant are refused', async () => {
    const { whole } = open('memory')
    await expect(whole.invalidateTags(['~acme'])).rejects.toMatchObject(option)
    const namespaces = { test: { tenant: 'required', tags: ['~acme:all'] } } as const
    expect(() => createCacheManager({ tiers: [memory()], namespaces })).toThrow('`namespaces.test.tags[0]`')
    const plain = createCacheManager({ tiers: [memory()] }).namespace('plain')
    await plain.set('key', 1, { tags: ['~acme'] })
    await plain.invalidateTags(['~acme'])
    expect(await plain.get('key')).toBeUndefined()
  })

  test.each([['x'], [5], [{}], [['', 'a']], [[5]]])('%j are none, and refused', async (tags) => {
    const { acme } = open('memory')
    const bad = { tags: tags as unknown as string[] }
    await expect(acme.set('key', 1, bad)).rejects.toMatchObject(option)
    await expect(acme.getOrSet('key', () => 1, bad)).rejects.toMatchObject(option)
    await expect(acme.getOrSetMany(['key'], () => new Map(), bad)).rejects.toMatchObject(option)
    await expect(acme.invalidateTags(bad.tags)).rejects.toMatchObject(option)
    await expect(acme.getOrSet('key', ({ setTags }) => setTags(bad.tags))).rejects.toMatchObject(option)
  })
})

test('options and loaders that are wrong are told as without tenants', async () => {
  const { acme } = open('memory')
  const wrong = 'wrong' as never
  const calls = [
    () => acme.set('key', 1, { unknown: 1 } as never),
    () => acme.set('key', 1, wrong),
    () => acme.set('key', 1, null as never),
    () => acme.getOrSet('key', wrong),
    () => acme.getOrSetMany(['key'], wrong),
    () => acme.clear({ unknown: 1 } as never),
    () => acme.clear(wrong),
    async () => acme.wrap(wrong),
  ]
  for (const call of calls) await expect(call()).rejects.toMatchObject(option)
})

test('options that are changed between two calls are read again, and those that cannot be are read once', async () => {
  const { acme } = open('memory')
  const options = { tags: ['first'], ttl: 1000 }
  await acme.set('one', 1, options)
  options.tags.push('second')
  options.ttl = 5000
  await acme.set('two', 2, options)
  expect((await acme.getEntry('one'))?.tags).toEqual(['first'])
  expect((await acme.getEntry('two'))?.tags).toEqual(['first', 'second'])
  expect((await acme.ttl('two')) ?? 0).toBeGreaterThan(1000)
  const frozen = Object.freeze({ tags: Object.freeze(['third']) })
  for (const key of ['three', 'four']) await acme.set(key, 3, frozen)
  expect((await acme.getEntry('four'))?.tags).toEqual(['third'])
})
