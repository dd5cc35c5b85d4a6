import { afterEach, describe, expect, test } from 'vitest'

import type { Cache } from '../../src/contract/cache.ts'
import { testCache, type TestCache } from '../../src/testing/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

function open(failure: 'open' | 'closed'): TestCache<'store'> {
  const opened = testCache()
    .memory()
    .faulty('store')
    .namespace('tokens', { failure, ttl: '1m', grace: '1m' })
    .options({ breaker: { failures: 1000, failureRate: 1 } })
    .build()
  stops.push(opened.stop)
  return opened
}

const asks: Readonly<Record<string, (cache: Cache) => Promise<unknown>>> = {
  get: (cache) => cache.get('token'),
  getMany: (cache) => cache.getMany(['token']),
  has: (cache) => cache.has('token'),
  ttl: (cache) => cache.ttl('token'),
  getEntry: (cache) => cache.getEntry('token'),
  touch: (cache) => cache.touch('token'),
}

const changes: Readonly<Record<string, (cache: Cache) => Promise<unknown>>> = {
  set: (cache) => cache.set('token', 1),
  setMany: (cache) => cache.setMany([['token', 1]]),
  delete: (cache) => cache.delete('token'),
  deleteMany: (cache) => cache.deleteMany(['token']),
  invalidate: (cache) => cache.invalidate('token'),
  invalidateTags: (cache) => cache.invalidateTags(['user']),
  clear: (cache) => cache.clear(),
  mutate: (cache) => cache.mutate(['token'], async () => 1),
}

const unavailable = { code: 'ERR_CACHE_UNAVAILABLE', namespace: 'tokens', retryable: true }

describe('a namespace that fails closed', () => {
  test.each(Object.keys(asks))('does not take a broken store for an empty one: %s', async (verb) => {
    const { cache, faults, runtime } = open('closed')
    faults.store.fail('get')
    await expect(runtime.until(asks[verb]!(cache))).rejects.toMatchObject(unavailable)
  })

  test.each(Object.keys(asks))('answers from a store that works: %s', async (verb) => {
    const { cache, runtime } = open('closed')
    await runtime.until(asks[verb]!(cache))
  })

  test.each(Object.keys(changes))('says that a store has missed a change: %s', async (verb) => {
    const { cache, faults, runtime } = open('closed')
    await runtime.until(cache.get('token'))
    faults.store.fail('set')
    faults.store.fail('delete')
    faults.store.fail('tags')
    await expect(runtime.until(changes[verb]!(cache))).rejects.toMatchObject(unavailable)
    faults.store.clear()
  })

  test('answers what memory may serve, and what a loader brings', async () => {
    const { cache, faults, runtime } = open('closed')
    await runtime.until(cache.set('token', 1))
    faults.store.fail('get')
    expect(await runtime.until(cache.get('token'))).toBe(1)
    expect(await runtime.until(cache.getOrSet('other', () => 2))).toBe(2)
  })

  test('passes on what came of a guarded write, though its end could not be told', async () => {
    const { cache, faults, runtime } = open('closed')
    const work = cache.mutate(['token'], async () => {
      faults.store.fail('delete')
      return 'written'
    })
    expect(await runtime.until(work)).toBe('written')
    faults.store.clear()
  })
})

test('a tenant is told that a store has missed its clear', async () => {
  const { cache, faults, runtime, stop } = testCache()
    .memory()
    .faulty('store')
    .namespace('tokens', { failure: 'closed', tenant: 'required' })
    .build()
  stops.push(stop)
  await runtime.until(cache.forTenant('acme').get('token'))
  faults.store.fail('tags')
  await expect(runtime.until(cache.forTenant('acme').clear())).rejects.toMatchObject(unavailable)
  faults.store.clear()
})

describe('a namespace that fails open', () => {
  test.each(Object.keys(asks))('goes on without the store: %s', async (verb) => {
    const { cache, faults, runtime } = open('open')
    faults.store.fail('get')
    await runtime.until(asks[verb]!(cache))
  })

  test.each(Object.keys(changes))('keeps what the store has missed: %s', async (verb) => {
    const { cache, faults, runtime } = open('open')
    faults.store.fail('set')
    faults.store.fail('delete')
    faults.store.fail('tags')
    await runtime.until(changes[verb]!(cache))
    faults.store.clear()
  })
})
