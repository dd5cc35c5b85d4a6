import { describe, expect, test } from 'vitest'

import type { Cache } from '../../../src/contract/cache.ts'
import type { LoaderContext } from '../../../src/contract/loader.ts'
import type { CacheEvent } from '../../../src/contract/events.ts'
import { fakeRuntime, testCache } from '../../../src/testing/index.ts'
import { starter } from '../started.ts'
import { chainOpener, chains } from './chains.ts'
import { deferred } from './deferred.ts'

const open = chainOpener()
const start = starter()

describe.each(chains)('loads over %s', (chain) => {
  test('of the same key are shared within a tenant and never between two', async () => {
    const { acme, bell, manager } = open(chain)
    const runs = { acme: 0, bell: 0 }
    const load = (tenant: 'acme' | 'bell') => () => `${tenant} ${++runs[tenant]}`
    const answers = await Promise.all([
      acme.getOrSet('key', load('acme')),
      bell.getOrSet('key', load('bell')),
      acme.getOrSet('key', load('acme')),
      acme.getOrSetMany(['key'], () => new Map([['key', load('acme')()]])),
      bell.getOrSetMany(['key'], () => new Map([['key', load('bell')()]])),
      acme.wrap(load('acme'), { key: () => 'key' })(),
    ])
    const one = (tenant: string): Map<string, string> => new Map([['key', `${tenant} 1`]])
    expect(answers).toEqual(['acme 1', 'bell 1', 'acme 1', one('acme'), one('bell'), 'acme 1'])
    expect(runs).toEqual({ acme: 1, bell: 1 })
    expect(manager.analytics().overall.loads).toBe(2)
  })

  test('see the key and the previous value of their tenant', async () => {
    const { acme, bell } = open(chain, { grace: '1h' })
    for (const [view, of] of [
      [acme, 'acme'],
      [bell, 'bell'],
    ] as const) {
      await view.set('key', `${of} old`, { tags: ['tag'] })
      await view.expire('key')
    }
    const seen: unknown[] = []
    const look = ({ key, previous, signal, minSourceVersion }: LoaderContext<unknown>): string => {
      seen.push([key, previous?.value, signal.aborted, minSourceVersion])
      return 'new'
    }
    await acme.getOrSet('key', look)
    await bell.getOrSet('key', look)
    expect(seen).toEqual([
      ['key', 'acme old', false, undefined],
      ['key', 'bell old', false, undefined],
    ])
    await acme.expire('key')
    await acme.getOrSet('key', ({ notModified }) => notModified(), { tags: ['tag'] })
    expect((await acme.getEntry('key'))?.value).toBe('new')
    await acme.clear()
    expect(await acme.get('key')).toBeUndefined()
  })

  test('do with their contexts what they do without tenants', async () => {
    const { acme } = open(chain)
    await acme.getOrSet('skipped', ({ skip }) => (skip(), 1))
    expect(await acme.get('skipped')).toBeUndefined()
    await acme.getOrSet('short', ({ setTtl }) => (setTtl('1s'), 1))
    expect((await acme.ttl('short')) ?? 0).toBeLessThanOrEqual(1000)
    await acme.getOrSet('versioned', ({ setSourceVersion }) => (setSourceVersion(3), 1))
    expect(await acme.get('versioned')).toBe(1)
  })

  test('that fail say it of their own key, and leave the other tenant alone', async () => {
    const { acme, bell } = open(chain, { negativeTtl: '1m' })
    const failure = new Error('no such row')
    const failing = (): never => {
      throw failure
    }
    const error: unknown = await acme.getOrSet('key', failing).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_CACHE_LOADER', key: 'acme:key', cause: failure })
    expect(await bell.getOrSet('key', () => 'bell')).toBe('bell')
    await expect(acme.getOrSet('key', () => 'not asked')).rejects.toThrow('no such row')
  })

  test('of one tenant that nobody waits for any more are aborted, and not those of another', async () => {
    const { acme, bell } = open(chain)
    const reasons: unknown[] = []
    const gates = { acme: deferred(), bell: deferred() }
    const begun = { acme: deferred(), bell: deferred() }
    const waiting = (of: 'acme' | 'bell') => async (context: LoaderContext<unknown>) => {
      context.signal.addEventListener('abort', () => reasons.push(of))
      begun[of].resolve()
      await gates[of].promise
      return of
    }
    const leaving = new AbortController()
    const left = acme.getOrSet('key', waiting('acme'), { signal: leaving.signal })
    const stayed = bell.getOrSet('key', waiting('bell'))
    await Promise.all([begun.acme.promise, begun.bell.promise])
    leaving.abort()
    await expect(left).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' })
    gates.bell.resolve()
    expect(await stayed).toBe('bell')
    gates.acme.resolve()
    expect(reasons).toEqual(['acme'])
  })
})

test('background refreshes go on under the tags of the tenant', async () => {
  const cached = start(
    testCache()
      .memory()
      .namespace('test', { tenant: 'required', refreshAhead: 0.5, ttl: '10s' })
      .runtime(fakeRuntime())
      .build(),
  )
  const { runtime, cache } = cached
  const acme = cache.forTenant('acme')
  let runs = 0
  const load = ({ key }: { key: string }): string => `${key} ${++runs}`
  await runtime.until(acme.getOrSet('key', load, { tags: ['tag'] }))
  await runtime.advance(6000)
  expect(await runtime.until(acme.getOrSet('key', load, { tags: ['tag'] }))).toBe('key 1')
  await runtime.advance(10)
  expect(acme.peek('key')).toBe('key 2')
  expect((await runtime.until(acme.getEntry('key')))?.tags).toEqual(['tag'])
  await runtime.until(acme.clear())
  expect(acme.peek('key')).toBeUndefined()
})

test('a guarded write of one tenant does not hold the key of another', async () => {
  const { acme, bell } = open('memory and Redis')
  const stored = await acme.mutate(['key'], async () => {
    await bell.getOrSet('key', () => 'bell')
    await acme.getOrSet('key', () => 'read meanwhile')
    return [await acme.get('key'), await bell.get('key')]
  })
  expect(stored).toEqual([undefined, 'bell'])
})

/** Nothing that a tenant is handed tells whether others exist, but how long it took and what of its own was evicted. */
test('what one tenant is told is the same whether another exists or not', async () => {
  const told = async (withOther: boolean): Promise<unknown> => {
    const { acme, bell, manager } = open('memory and bytes', { grace: '1h' })
    const events: CacheEvent[] = []
    for (const type of ['hit', 'miss', 'load', 'write', 'invalidate'] as const)
      manager.on(type, (event) => events.push(event))
    const secret = ['key', 'shared', 'acme:key']
    if (withOther) for (const key of secret) await bell.set(key, `secret ${key}`, { tags: ['tag', 'acme'] })
    const answers = await everythingOf(acme)
    const own = events.filter((event) => !('key' in event && event.key.startsWith('bell:')))
    expect(JSON.stringify([answers, own])).not.toContain('secret')
    return [answers, own.length]
  }
  expect(await told(true)).toEqual(await told(false))
})

async function everythingOf(view: Cache<unknown>): Promise<unknown> {
  const keys = ['key', 'shared', 'bell:key', 'acme:key']
  const listed: string[] = []
  const answers: unknown[] = [
    await view.getMany(keys),
    ...(await Promise.all(keys.map((key) => view.get(key)))),
    ...(await Promise.all(keys.map((key) => view.has(key)))),
    ...(await Promise.all(keys.map((key) => view.delete(key)))),
    (await view.invalidate(keys)).held,
    (await view.set('key', 1, { tags: ['tag'] })).tiers,
    await view.touch('shared'),
    await view.expire('shared'),
    await view.invalidatePattern('*'),
    await view.invalidateTags(['tag']),
    await view.getOrSet('shared', () => 'own').catch((error: unknown) => String(error)),
    await view.getOrSet('acme:key', () => Promise.reject(new Error('down'))).catch((error: unknown) => String(error)),
    await view.clear(),
  ]
  for await (const key of view.keys()) listed.push(key)
  return [answers, listed]
}
