import { describe, expect, test } from 'vitest'

import type { Cache } from '../../src/contract/cache.ts'
import { escapeGlob } from '../../src/index.ts'
import { stackOpener, stacks, stacksWithTiers } from '../stacks.ts'
import type { OpenStack } from '../stacks.ts'

const open = stackOpener()

async function listed(cache: Cache, pattern?: string): Promise<string[]> {
  const keys: string[] = []
  for await (const key of cache.keys(pattern)) keys.push(key)
  return keys.sort()
}

/** Keys spread over the tiers: in one, in another, in all. */
async function spread(stack: OpenStack): Promise<string[]> {
  const keys: string[] = []
  for (const name of stack.names) {
    await stack.cache.set(`user:${name}`, 1, { tiers: [name] })
    keys.push(`user:${name}`)
  }
  await stack.cache.setMany([
    ['user:all', 1],
    ['order:all', 1],
  ])
  return [...keys, 'user:all'].sort()
}

describe.each(stacks)('patterns over $name', (definition) => {
  test('count each key once, wherever it is', async () => {
    const stack = open(definition)
    const users = await spread(stack)
    expect(await stack.cache.invalidatePattern('user:*')).toBe(users.length)
    expect(await stack.cache.invalidatePattern('user:*')).toBe(0)
    expect(await listed(stack.cache)).toEqual(['order:all'])
  })

  test('take every sign as it is when it is escaped', async () => {
    const { cache } = open(definition)
    const odd = ['a*', 'a?', 'a[b]', 'a\\', 'a.b', 'aXb', 'a(b', 'ab', 'a/b', 'a:b', 'ä*']
    for (const key of odd) {
      await cache.setMany(odd.map((name) => [name, 1] as const))
      expect(await cache.invalidatePattern(escapeGlob(key)), key).toBe(1)
      expect(await cache.has(key)).toBe(false)
    }
  })

  test('of another namespace or a longer name are out of reach', async () => {
    const { cache, manager } = open(definition)
    await manager.namespace('test2').set('key', 1)
    await manager.namespace('test.').set('key', 1)
    await cache.set('key', 1)
    expect(await cache.invalidatePattern('*')).toBe(1)
    expect(await manager.namespace('test2').get('key')).toBe(1)
    expect(await manager.namespace('test.').get('key')).toBe(1)
  })

  test('reach stale entries too', async () => {
    const { cache, runtime } = open(definition, { namespace: { ttl: 1000, grace: '1h' } })
    await cache.set('key', 1)
    await runtime.advance(1000)
    expect(await listed(cache)).toEqual([])
    expect(await cache.invalidatePattern('k*')).toBe(1)
    expect(await cache.getEntry('key')).toBeUndefined()
  })
})

describe.each(stacks)('keys over $name', (definition) => {
  test('are listed once, fresh ones only, and stay', async () => {
    const stack = open(definition)
    const users = await spread(stack)
    expect(await listed(stack.cache, 'user:*')).toEqual(users)
    expect(await listed(stack.cache)).toEqual([...users, 'order:all'].sort())
    await stack.cache.expire('order:all')
    expect(await listed(stack.cache)).toEqual(users)
    await stack.cache.set('tagged', 1, { tags: ['a'] })
    await stack.cache.invalidateTags(['a'])
    expect(await listed(stack.cache)).toEqual(users)
    expect(stack.manager.analytics().overall).toMatchObject({ hits: 0, misses: 0, promotions: 0 })
  })

  test('can be deleted while they are listed', async () => {
    const { cache } = open(definition)
    await cache.setMany(Array.from({ length: 30 }, (_, index) => [`key${index}`, index] as const))
    for await (const key of cache.keys()) await cache.delete(key)
    expect(await listed(cache)).toEqual([])
  })

  test('show what is waiting to be written, unless it is no longer valid', async () => {
    const stack = open(definition, { namespace: { writeMode: 'behind' } })
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).hang('set')
    await stack.cache.set('plain', 1)
    await stack.cache.set('tagged', 1, { tags: ['a'] })
    await stack.cache.set('short', 1, { ttl: 50, grace: 5000 })
    expect(await listed(stack.cache)).toEqual(['plain', 'short', 'tagged'])
    await stack.cache.invalidateTags(['a'])
    await stack.runtime.advance(60)
    expect(await listed(stack.cache)).toEqual(['plain'])
  })
})

describe.each(stacksWithTiers)('a tier that cannot list, in $name', (definition) => {
  test('says so instead of answering half', async () => {
    const below = definition.below.map((tier) => ({ ...tier, capabilities: { ...tier.capabilities, scan: false } }))
    const { cache } = open({ ...definition, below })
    await cache.set('key', 1)
    const refusal = {
      name: 'TierError',
      code: 'ERR_CACHE_TIER_READ',
      tier: 'second',
      operation: 'scan',
      message: expect.stringMatching(/cannot list its keys\. Use tags/),
    }
    await expect(cache.invalidatePattern('*')).rejects.toMatchObject(refusal)
    await expect(listed(cache)).rejects.toMatchObject(refusal)
    expect(await cache.get('key')).toBe(1)
  })
})

describe.each(stacks)('removing over $name', (definition) => {
  test('tells whether any tier held the key', async () => {
    const stack = open(definition)
    for (const name of stack.names) {
      await stack.cache.set('key', 1, { tiers: [name] })
      expect(await stack.cache.delete('key'), name).toBe(true)
      expect(await stack.cache.delete('key'), name).toBe(false)
    }
    await stack.cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    expect(await stack.cache.deleteMany(['a', 'b', 'a', 'c'])).toBe(2)
    expect(await stack.cache.deleteMany([])).toBe(0)
  })

  test('keeps a stale copy only when the key is expired', async () => {
    const { cache } = open(definition, { namespace: { grace: '1h' } })
    await cache.set('key', 'old')
    expect(await cache.expire('key')).toBe(true)
    expect(await cache.get('key')).toBeUndefined()
    expect(await cache.has('key')).toBe(false)
    expect(await cache.getEntry('key')).toMatchObject({ value: 'old', stale: true })
    expect(await cache.getOrSet('key', () => Promise.reject(new Error('down')))).toBe('old')
    await cache.delete('key')
    expect(await cache.getEntry('key')).toBeUndefined()
    expect(await cache.expire('key')).toBe(false)
  })

  test('is told to those who listen, with keys and counts', async () => {
    const { cache, manager } = open(definition)
    const events: unknown[] = []
    manager.on('invalidate', ({ scope, targets, count }) => void events.push([scope, targets, count]))
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    await cache.delete('a')
    await cache.deleteMany(['a', 'b'])
    await cache.expire('c')
    await cache.invalidateTags(['t'])
    await cache.invalidatePattern('[cd]')
    await cache.invalidatePattern('d*')
    await cache.clear()
    expect(events).toEqual([
      ['key', ['a'], 1],
      ['keys', ['a', 'b'], 1],
      ['expire', ['c'], 1],
      ['tags', ['t'], 0],
      ['pattern', ['[cd]'], 1],
      ['pattern', ['d*'], 0],
      ['namespace', [], 0],
    ])
  })

  test('by a pattern finds what was written while a clear was still owed', async () => {
    const { cache, below, plan, runtime } = open(definition)
    for (const name of below) plan(name).fail('clear', { times: 1 })
    await cache.set('old', 1)
    await cache.clear()
    await cache.set('new', 2)
    expect(await cache.get('new')).toBe(2)
    expect(await cache.invalidatePattern('*')).toBe(1)
    await runtime.advance(5000)
    expect(await cache.getMany(['old', 'new'])).toEqual(new Map())
  })

  test('that expires a key which no tier can show takes effect once they answer again', async () => {
    const stack = open(definition)
    if (stack.below.length === 0) return
    await stack.cache.set('key', 'old', { tiers: stack.below })
    for (const name of stack.below) stack.plan(name).fail('get', { times: 2 }).fail('delete', { times: 1 })
    expect(await stack.cache.expire('key')).toBe(false)
    expect(await stack.cache.get('key')).toBeUndefined()
    await stack.runtime.advance(2000)
    expect(await stack.cache.get('key')).toBeUndefined()
  })
})
