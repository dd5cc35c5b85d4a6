import { afterEach, describe, expect, test } from 'vitest'
import { invalidateOn } from '../../src/config/index.ts'
import { createCacheManager } from '../../src/index.ts'
import type { CacheManager } from '../../src/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

const config = {
  invalidation: {
    groups: { lists: { namespaces: ['lists'], tags: ['user:{id}'] } },
    on: {
      'user.updated': {
        keys: { users: ['{id}', '{id}:profile'] },
        patterns: { users: ['session:{id}:*'] },
        groups: ['lists'],
      },
      'all.updated': { namespaces: ['users'] },
      'prefix.updated': { patterns: { users: ['{prefix}*'] } },
    },
  },
}

let manager: CacheManager
afterEach(() => manager.stop())

async function filled(...keys: readonly string[]): Promise<CacheManager> {
  manager = createCacheManager({ tiers: [memory()] })
  const users = manager.namespace('users')
  for (const key of keys) await users.set(key, key)
  return manager
}

async function left(name = 'users'): Promise<string[]> {
  const keys: string[] = []
  for await (const key of manager.namespace(name).keys()) keys.push(key)
  return keys.toSorted()
}

describe('invalidateOn', () => {
  test('removes the keys, patterns, tags and namespaces of an event and its groups', async () => {
    await filled('42', '42:profile', 'session:42:a', 'session:42:b', '43', 'session:43:a')
    await manager.namespace('lists').set('newest', 1)
    await manager.namespace('orders').set('1', 1, { tags: ['user:42'] })
    await manager.namespace('orders').set('2', 2, { tags: ['user:43'] })
    expect(await invalidateOn(manager, config, 'user.updated', { id: 42 })).toEqual({
      keys: 4,
      tags: ['user:42'],
      namespaces: ['lists'],
    })
    expect(await left()).toEqual(['43', 'session:43:a'])
    expect(await left('lists')).toEqual([])
    expect(await left('orders')).toEqual(['2'])
  })

  test('clears what is listed whole', async () => {
    await filled('1', '2')
    expect(await invalidateOn(manager, config, 'all.updated')).toEqual({ keys: 0, tags: [], namespaces: ['users'] })
    expect(await left()).toEqual([])
  })

  test('takes the characters of a parameter as they are', async () => {
    await filled('a*b:1', 'axb:1', '[a]:1')
    await invalidateOn(manager, config, 'prefix.updated', { prefix: 'a*b' })
    expect(await left()).toEqual(['[a]:1', 'axb:1'])
    await invalidateOn(manager, config, 'prefix.updated', { prefix: '[a]' })
    expect(await left()).toEqual(['axb:1'])
  })

  test.each([
    {
      event: 'user.updated',
      parameters: {},
      says: 'The event `user.updated` needs the parameter `id`, which is missing or empty.',
    },
    {
      event: 'prefix.updated',
      parameters: { prefix: '' },
      says: 'The event `prefix.updated` needs the parameter `prefix`, which is missing or empty.',
    },
    {
      event: 'user.update',
      parameters: { id: 1 },
      says: '`invalidation.on` has no event `user.update`. Did you mean `user.updated`?',
    },
    {
      event: 'constructor',
      parameters: { id: 1 },
      says: '`invalidation.on` has no event `constructor`. Known: user.updated, all.updated, prefix.updated.',
    },
  ])('refuses $event with $parameters, and removes nothing', async ({ event, parameters, says }) => {
    await filled('1', 'session:1:a')
    const refusal = invalidateOn(manager, config, event, parameters as Record<string, string>)
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION', message: says })
    expect(await left()).toEqual(['1', 'session:1:a'])
  })

  describe('in namespaces with tenants', () => {
    const namespaces = { curves: { tenant: 'required', aliases: ['curve_data'] } } as const
    const rules = {
      namespaces,
      invalidation: {
        on: {
          'curve.published': { keys: { curve_data: ['{curve}'] } },
          'curves.tagged': { tags: ['curve:{curve}'] },
          'region.published': { patterns: { curves: ['*{region}:*'] } },
          'all.published': { namespaces: ['curves'] },
        },
      },
    }

    async function tenants(): Promise<{ readonly left: () => Promise<unknown[]> }> {
      manager = createCacheManager({ tiers: [memory()], namespaces })
      const views = ['a', 'b'].map((tenant) => manager.namespace('curves').forTenant(tenant))
      for (const view of views) await view.set('eu:1', 1, { tags: ['curve:eu:1'] })
      return { left: () => Promise.all(views.map((view) => view.get('eu:1'))) }
    }

    test.each([
      { event: 'curve.published', parameters: { curve: 'eu:1', tenant: 'a' }, left: [undefined, 1] },
      { event: 'curves.tagged', parameters: { curve: 'eu:1', tenant: 'a' }, left: [undefined, undefined] },
      { event: 'region.published', parameters: { region: 'eu', tenant: 'b' }, left: [1, undefined] },
      { event: 'region.published', parameters: { region: 'eu' }, left: [undefined, undefined] },
      { event: 'all.published', parameters: { tenant: 'b' }, left: [1, undefined] },
      { event: 'all.published', parameters: {}, left: [undefined, undefined] },
    ])('$event with $parameters leaves $left', async ({ event, parameters, left: expected }) => {
      const { left: remaining } = await tenants()
      await invalidateOn(manager, rules, event, parameters as Record<string, string>)
      expect(await remaining()).toEqual(expected)
    })

    test('needs the tenant of a key', async () => {
      await tenants()
      await expect(invalidateOn(manager, rules, 'curve.published', { curve: 'eu:1' })).rejects.toThrow(
        'The event `curve.published` needs the parameter `tenant`, which is missing or empty.',
      )
    })
  })
})
