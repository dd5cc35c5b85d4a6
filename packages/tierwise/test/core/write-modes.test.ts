import { describe, expect, test } from 'vitest'

import { heldByTier, stackOpener, stacks, stacksWithTiers } from '../stacks.ts'

const open = stackOpener()

describe.each(stacks)('a write over $name', (definition) => {
  test('goes through to every tier and says so', async () => {
    const stack = open(definition)
    const result = await stack.cache.set('key', 'value')
    expect(result.tiers).toEqual(Object.fromEntries(stack.names.map((name) => [name, 'applied'])))
    expect(Number.parseInt(result.token, 36)).toBe(result.version)
    expect(await heldByTier(stack, 'key')).toEqual(Object.fromEntries(stack.names.map((name) => [name, 'value'])))
  })

  test('goes around memory when asked', async () => {
    const stack = open(definition)
    await stack.cache.set('key', 'old')
    const { tiers } = await stack.cache.set('key', 'new', { writeMode: 'around' })
    expect(tiers).toEqual(
      Object.fromEntries(stack.names.map((name) => [name, name === 'memory' ? 'skipped' : 'applied'])),
    )
    expect(stack.cache.peek('key')).toBeUndefined()
    expect(await stack.cache.get('key')).toBe(stack.below.length > 0 ? 'new' : undefined)
  })

  test('to some tiers takes the key out of the others', async () => {
    for (const name of open(definition).names) {
      const stack = open(definition)
      await stack.cache.set('key', 'old')
      const { tiers } = await stack.cache.set('key', 'new', { tiers: [name] })
      expect(tiers).toEqual(
        Object.fromEntries(stack.names.map((tier) => [tier, tier === name ? 'applied' : 'skipped'])),
      )
      expect(await heldByTier(stack, 'key')).toEqual(
        Object.fromEntries(stack.names.map((tier) => [tier, tier === name ? 'new' : undefined])),
      )
    }
  })

  test('has a larger version than the one before', async () => {
    const { cache } = open(definition)
    let last = 0
    for (let at = 0; at < 20; at++) {
      const { version } = await cache.set('key', at)
      expect(version).toBeGreaterThan(last)
      last = version
    }
  })

  test('is what a read with its token answers, or newer', async () => {
    const { cache } = open(definition)
    const first = await cache.set('key', 1)
    const second = await cache.set('key', 2)
    expect(await cache.get('key', { after: first.token })).toBe(2)
    expect(await cache.get('key', { after: second.token })).toBe(2)
    const later = await cache.set('other', 1)
    expect(await cache.get('key', { after: later.token })).toBeUndefined()
    expect(await cache.getOrSet('key', () => 3, { after: later.token })).toBe(3)
    expect(await cache.get('key')).toBe(3)
  })

  test('is told to those who listen', async () => {
    const stack = open(definition)
    const events: unknown[] = []
    stack.manager.on('write', ({ key, version, tiers }) => void events.push({ key, version, tiers }))
    const { version, tiers } = await stack.cache.set('key', 1)
    expect(events).toEqual([{ key: 'key', version, tiers }])
  })
})

describe.each(stacksWithTiers)('a write behind, over $name', (definition) => {
  test('is acknowledged at once and read back before it has arrived', async () => {
    const stack = open(definition, { memoryEntries: 1, namespace: { writeMode: 'behind' } })
    await stack.cache.set('key', 'old', { writeMode: 'through' })
    for (const name of stack.below) stack.plan(name).hang('set', { times: 1 })
    const { tiers } = await stack.cache.set('key', 'new')
    expect(tiers).toEqual(
      Object.fromEntries(stack.names.map((name) => [name, name === 'memory' ? 'applied' : 'pending'])),
    )
    expect(await stack.manager.health()).toMatchObject({ pendingWrites: stack.below.length })
    if (stack.names[0] === 'memory')
      for (const other of ['a', 'b', 'c']) await stack.cache.set(other, 1, { tiers: ['memory'] })
    for (const name of stack.below) expect(await stack.cache.get('key', { tiers: [name] }), name).toBe('new')
    expect(await stack.cache.get('key')).toBe('new')
    for (const name of stack.below) stack.plan(name).clear()
    await stack.runtime.advance(1)
    expect(await stack.manager.health()).toMatchObject({ pendingWrites: 0 })
    expect(await heldByTier(stack, 'key')).toMatchObject(Object.fromEntries(stack.below.map((name) => [name, 'new'])))
  })

  test('is overtaken by a delete, and never arrives', async () => {
    const stack = open(definition)
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).hang('set', { times: 1 })
    await stack.cache.set('blocker', 1, { writeMode: 'behind' })
    await stack.runtime.settle()
    await stack.cache.set('key', 'value', { writeMode: 'behind' })
    expect(await stack.cache.delete('key')).toBe(true)
    expect(await stack.cache.get('key')).toBeUndefined()
    for (const name of stack.below) stack.plan(name).release()
    await stack.runtime.advance(1000)
    expect(Object.values(await heldByTier(stack, 'key')).filter((value) => value !== undefined)).toEqual([])
  })

  test('keeps the newest of several and sends it once', async () => {
    const stack = open(definition)
    await stack.manager.start()
    for (let at = 0; at < 50; at++) await stack.cache.set('key', at, { writeMode: 'behind', tiers: stack.names })
    await stack.runtime.settle()
    expect(new Set(Object.values(await heldByTier(stack, 'key')))).toEqual(new Set([49]))
  })

  test('travels in batches', async () => {
    const stack = open(definition)
    await stack.manager.start()
    const writes = Array.from({ length: 250 }, (_, index) =>
      stack.cache.set(`key${index}`, index, { writeMode: 'behind' }),
    )
    await Promise.all(writes)
    await stack.runtime.settle()
    for (const name of stack.below) expect(stack.plan(name).callsOf('set').length, name).toBeLessThanOrEqual(4)
    expect(await stack.cache.get('key249', { tiers: [stack.below[0]!] })).toBe(249)
  })

  test('goes through when too many wait', async () => {
    const stack = open(definition, { manager: { maxPendingWrites: 1 } })
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).hang('set', { times: 1 })
    await stack.cache.set('a', 1, { writeMode: 'behind', tiers: [stack.below[0]!] })
    await stack.runtime.settle()
    const { tiers } = await stack.cache.set('b', 2, { writeMode: 'behind', tiers: [stack.below[0]!] })
    expect(tiers[stack.below[0]!]).toBe('applied')
    expect(
      (await stack.cache.set('a', 3, { writeMode: 'behind', tiers: [stack.below[0]!] })).tiers[stack.below[0]!],
    ).toBe('pending')
    expect(await stack.cache.get('a')).toBe(3)
  })

  test('has arrived when stop resolves', async () => {
    const stack = open(definition)
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).delay('set', 20)
    for (let at = 0; at < 150; at++) await stack.cache.set(`key${at}`, at, { writeMode: 'behind' })
    await stack.runtime.until(stack.manager.stop())
    for (const name of stack.below) {
      const sent = stack
        .plan(name)
        .callsOf('set')
        .flatMap(({ keys }) => keys)
      expect(new Set(sent).size, name).toBe(150)
    }
    expect(await stack.manager.health()).toMatchObject({ pendingWrites: 0 })
  })

  test('is forgotten with its namespace', async () => {
    const stack = open(definition)
    await stack.manager.start()
    for (const name of stack.below) stack.plan(name).hang('set', { times: 1 })
    await stack.cache.set('blocker', 1, { writeMode: 'behind' })
    await stack.runtime.settle()
    await stack.cache.set('key', 'value', { writeMode: 'behind' })
    await stack.cache.clear()
    expect(await stack.cache.get('key')).toBeUndefined()
    for (const name of stack.below) stack.plan(name).release()
    await stack.runtime.advance(1000)
    expect(await stack.cache.getMany(['key', 'blocker'])).toEqual(new Map())
  })

  test('that fails leaves an intent, not an old value', async () => {
    const stack = open(definition)
    await stack.cache.set('key', 'old')
    for (const name of stack.below) stack.plan(name).fail('set', { times: 1 })
    await stack.cache.set('key', 'new', { writeMode: 'behind', tiers: stack.below })
    await stack.runtime.settle()
    expect(await stack.cache.get('key')).toBeUndefined()
    expect((await stack.manager.health()).healthy).toBe(false)
    await stack.runtime.advance(2000)
    expect((await stack.manager.health()).healthy).toBe(true)
  })
})

describe('a value that is too large for a tier', () => {
  test('is skipped there, and does not leave the older one behind', async () => {
    const { mapTier, testCache } = await import('../../src/testing/index.ts')
    const { cache, stop } = testCache()
      .memory()
      .tier(mapTier({ name: 'small', maxRecordBytes: 200 }))
      .tier(mapTier({ name: 'large' }))
      .build()
    await cache.set('key', 'old')
    expect((await cache.set('key', 'x'.repeat(1000))).tiers).toEqual({
      memory: 'applied',
      small: 'skipped',
      large: 'applied',
    })
    expect(await cache.get('key', { tiers: ['small'] })).toBeUndefined()
    expect(await cache.get('key', { tiers: ['large'] })).toBe('x'.repeat(1000))
    await stop()
  })
})
