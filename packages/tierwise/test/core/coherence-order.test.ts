import { describe, expect, test } from 'vitest'

import { createCacheManager } from '../../src/create-cache-manager.ts'
import { fakeRuntime, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { deepStacks, heldByTier, stackOpener, stacks, stacksWithTiers } from '../stacks.ts'
import { Gate, slowTier } from './model/slow-tier.ts'

const open = stackOpener()

/** A promise that the test settles. */
function pending<T>(): {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

describe.each(stacks)('two loads of a key over $name', (definition) => {
  test('keep what the newer one brought when the older one ends last', async () => {
    const stack = open(definition)
    await stack.manager.start()
    const older = pending<string>()
    const newer = pending<string>()
    const first = stack.cache.getOrSet('key', () => older.promise)
    await stack.runtime.settle()
    const second = stack.cache.getOrSet('key', () => newer.promise, { forceFresh: true })
    await stack.runtime.settle()
    newer.resolve('newer')
    expect(await stack.runtime.until(second)).toBe('newer')
    older.resolve('older')
    expect(await stack.runtime.until(first)).toBe('older')
    await stack.runtime.settle()
    expect(new Set(Object.values(await heldByTier(stack, 'key')))).toEqual(new Set(['newer']))
    expect(stack.manager.analytics().overall.rejectedFills).toBe(1)
  })

  test('keep what the newer one brought when the older one timed out', async () => {
    const stack = open(definition)
    await stack.manager.start()
    const older = pending<string>()
    const first = stack.cache.getOrSet('key', () => older.promise, { hardTimeout: 100 })
    const failed = expect(first).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER_TIMEOUT' })
    await stack.runtime.advance(100)
    await failed
    expect(await stack.runtime.until(stack.cache.getOrSet('key', () => 'newer'))).toBe('newer')
    older.resolve('older')
    await stack.runtime.settle()
    expect(new Set(Object.values(await heldByTier(stack, 'key')))).toEqual(new Set(['newer']))
  })

  test('keep what a late load brings when nothing happened meanwhile', async () => {
    const stack = open(definition)
    await stack.manager.start()
    const late = pending<string>()
    const load = stack.cache.getOrSet('key', () => late.promise, { hardTimeout: 100 })
    const failed = expect(load).rejects.toMatchObject({ code: 'ERR_CACHE_LOADER_TIMEOUT' })
    await stack.runtime.advance(100)
    await failed
    late.resolve('late')
    await stack.runtime.settle()
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe('late')
  })
})

describe.each(stacks)('a load that was asked to keep to some tiers, over $name', (definition) => {
  test.each(
    definition.hasMemory
      ? ['memory', ...definition.below.map(({ name }) => name)]
      : definition.below.map(({ name }) => name),
  )('leaves nothing older in the others when it uses only %s', async (name) => {
    const stack = open(definition)
    await stack.cache.set('key', 'old')
    expect(await stack.cache.getOrSet('key', () => 'new', { tiers: [name], forceFresh: true })).toBe('new')
    await stack.runtime.settle()
    for (const [tier, value] of Object.entries(await heldByTier(stack, 'key'))) {
      expect(value, tier).toBe(tier === name ? 'new' : undefined)
    }
  })

  test('leaves nothing older in memory when it goes around it', async () => {
    const stack = open(definition)
    await stack.cache.set('key', 'old')
    await stack.cache.getOrSet('key', () => 'new', { writeMode: 'around', forceFresh: true })
    expect(stack.cache.peek('key')).toBeUndefined()
    expect(await stack.cache.get('key')).toBe(definition.below.length > 0 ? 'new' : undefined)
  })
})

describe.each(stacksWithTiers)('a reply that is overtaken by a load, over $name', (definition) => {
  test('is not kept, even when the newer value has been evicted', async () => {
    const gate = new Gate()
    const stack = open(definition, { memoryEntries: 1, around: (inner) => slowTier(inner, gate.pauseFor) })
    const last = stack.below.at(-1)!
    await stack.cache.set('key', 'old', { tiers: [last] })
    gate.holdNext(last, 'get', 'reply')
    const reading = stack.cache.get('key')
    await stack.runtime.settle()
    await stack.runtime.until(stack.cache.getOrSet('key', () => 'new', { forceFresh: true }))
    for (const other of ['a', 'b', 'c', 'd'])
      await stack.runtime.until(stack.cache.set(other, 1, { tiers: [stack.names[0]!] }))
    gate.release()
    await stack.runtime.settle()
    await reading
    for (const value of Object.values(await heldByTier(stack, 'key'))) expect([undefined, 'new']).toContain(value)
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe('new')
  })

  test('does not make touch renew what the load replaced', async () => {
    const gate = new Gate()
    const stack = open(definition, { around: (inner) => slowTier(inner, gate.pauseFor) })
    const last = stack.below.at(-1)!
    await stack.cache.set('key', 'old', { tiers: [last] })
    gate.holdNext(last, 'get', 'reply')
    const touching = stack.cache.touch('key', '1h')
    await stack.runtime.settle()
    await stack.runtime.until(stack.cache.getOrSet('key', () => 'new', { forceFresh: true }))
    gate.release()
    await stack.runtime.settle()
    expect(await touching).toBe(false)
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe('new')
  })
})

describe.each(stacksWithTiers)('a loader that started while a delete was on its way, over $name', (definition) => {
  test('has no older fallback for callers that came after the delete', async () => {
    const gate = new Gate()
    const stack = open(definition, {
      namespace: { ttl: 1000, grace: '1h' },
      around: (inner) => slowTier(inner, gate.pauseFor),
    })
    const last = stack.below.at(-1)!
    await stack.cache.set('key', 'old', { tiers: [last] })
    await stack.runtime.advance(1000)
    gate.holdNext(last, 'delete', 'request')
    const deleting = stack.cache.delete('key')
    await stack.runtime.settle()
    const source = pending<string>()
    const during = stack.cache.getOrSet('key', () => source.promise)
    await stack.runtime.settle()
    gate.release()
    await stack.runtime.until(deleting)
    const after = stack.cache.getOrSet('key', () => source.promise)
    const both = Promise.allSettled([during, after])
    await stack.runtime.settle()
    source.reject(new Error('the source is down'))
    const [, second] = await stack.runtime.until(both)
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CACHE_LOADER' } })
  })
})

describe.each(deepStacks)('what a reader sees over $name', (definition) => {
  test('is its own write at once, in every mode', async () => {
    for (const writeMode of ['through', 'behind', 'around'] as const) {
      const stack = open(definition, { memoryEntries: 1 })
      await stack.cache.set('key', 'old')
      await stack.runtime.until(stack.cache.set('key', writeMode, { writeMode }))
      await stack.cache.set('other', 1, { tiers: [stack.names[0]!] })
      expect(await stack.runtime.until(stack.cache.get('key'))).toBe(writeMode)
    }
  })
})

describe('a guarded write', () => {
  test.each(stacks.map(({ name }) => name))('stores nothing that was read while it ran, over %s', async (name) => {
    const stack = open(name)
    await stack.cache.set('key', 'old')
    let source = 'old'
    const seen: unknown[] = []
    const result = await stack.runtime.until(
      stack.cache.mutate(['key'], async () => {
        seen.push(await stack.cache.getOrSet('key', () => source))
        source = 'new'
        seen.push(await stack.cache.get('key'))
        await stack.cache.set('key', 'set inside')
        return 'result'
      }),
    )
    expect(result).toBe('result')
    expect(seen).toEqual(['old', undefined])
    for (const value of Object.values(await heldByTier(stack, 'key'))) expect(value).toBeUndefined()
    expect(await stack.runtime.until(stack.cache.getOrSet('key', () => source))).toBe('new')
    expect(await stack.runtime.until(stack.cache.get('key'))).toBe('new')
  })

  test('removes the keys and passes the error on when the work fails', async () => {
    const stack = open('L1+L2+L3')
    await stack.cache.set('key', 'old')
    const failure = new Error('rolled back')
    await expect(stack.cache.mutate(['key'], () => Promise.reject(failure))).rejects.toBe(failure)
    expect(await stack.cache.get('key')).toBeUndefined()
    await stack.cache.getOrSet('key', () => 'new')
    expect(await stack.cache.get('key')).toBe('new')
  })
})

describe('two managers over one shared tier', () => {
  const versionsOnly = { durable: false, tags: false }

  function pair(hasMemory: boolean) {
    const gate = new Gate()
    const runtime = fakeRuntime()
    const shared = mapTier({ name: 'shared', capabilities: versionsOnly })
    const here = slowTier(shared, gate.pauseFor)
    const first = createCacheManager({ tiers: hasMemory ? [memory(), here] : [here], runtime })
    const second = createCacheManager({ tiers: [shared], runtime })
    const stop = async (): Promise<void> => {
      await first.stop()
      await second.stop()
    }
    return { gate, runtime, mine: first.namespace('n'), theirs: second.namespace('n'), stop }
  }

  test('do not undo the delete of the other with a load that started before it', async () => {
    const { runtime, mine, theirs, stop } = pair(false)
    const source = pending<string>()
    const load = mine.getOrSet('key', () => source.promise)
    await runtime.settle()
    await runtime.advance(1)
    await theirs.delete('key')
    await runtime.advance(1)
    source.resolve('old')
    expect(await load).toBe('old')
    expect(await theirs.get('key')).toBeUndefined()
    expect(await mine.get('key')).toBeUndefined()
    await stop()
  })

  test('do not let an older reply replace a newer one in memory', async () => {
    const { gate, runtime, mine, theirs, stop } = pair(true)
    await theirs.set('key', 'old')
    gate.holdNext('shared', 'get', 'reply')
    const late = mine.get('key')
    await runtime.settle()
    await theirs.set('key', 'new')
    expect(await mine.get('key')).toBe('new')
    gate.release()
    expect(await late).toBe('old')
    expect(mine.peek('key')).toBe('new')
    await stop()
  })
})
