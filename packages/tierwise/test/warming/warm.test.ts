import { afterEach, describe, expect, test } from 'vitest'
import type { WarmingTask } from '../../src/contract/warming.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { sharedStore } from '../../src/testing/shared-store.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import { lengths, overTwoTiers } from './two-tiers.ts'

let stop = async (): Promise<void> => undefined
afterEach(async () => {
  await stop()
  stop = async () => undefined
})

function twoTiers() {
  const built = overTwoTiers()
  stop = built.stop
  return built
}

describe('warm with keys', () => {
  test('loads what is missing and leaves what is fresh', async () => {
    const { manager, cache } = twoTiers()
    await cache.set('glass', 1)
    const asked: string[] = []
    const report = await manager.warm({
      namespace: 'factors',
      keys: ['steel', 'glass', 'wood', 'none'],
      loadMany: (keys) => {
        asked.push(...keys)
        return lengths(keys.filter((key) => key !== 'none'))
      },
    })
    expect(asked).toEqual(['steel', 'wood', 'none'])
    expect(report).toMatchObject({ outcome: 'done', loaded: 2, present: 1, absent: 1, failed: 0, givenUp: 0 })
    expect([cache.peek('steel'), cache.peek('glass'), cache.peek('wood')]).toEqual([5, 1, 4])
  })

  test('runs a loader of single keys no more than `concurrency` times at once', async () => {
    const { manager, cache, runtime } = twoTiers()
    let running = 0
    let most = 0
    const keys = Array.from({ length: 20 }, (_, at) => `k${at}`)
    const load = async ({ key }: { readonly key: string }): Promise<string> => {
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => void runtime.timers.after(10, resolve))
      running--
      return key
    }
    const report = await runtime.until(
      manager.warm({ namespace: 'factors', keys, load, tags: ['t'], ttl: '1m' }, { concurrency: 3, batchSize: 4 }),
    )
    expect(report.loaded).toBe(20)
    expect(most).toBe(3)
    expect(await cache.getEntry('k7')).toMatchObject({ value: 'k7', tags: ['t'] })
    expect(await cache.ttl('k7')).toBeLessThanOrEqual(60_000)
  })

  test('counts a loader that fails, tells the first ten failures and goes on', async () => {
    const { manager } = twoTiers()
    const keys = Array.from({ length: 40 }, (_, at) => `k${at}`)
    const report = await manager.warm(
      {
        namespace: 'factors',
        keys,
        loadMany: (some) => {
          if (some.includes('k5')) throw new Error('source is down')
          return lengths(some)
        },
      },
      { batchSize: 20, concurrency: 1 },
    )
    expect(report).toMatchObject({ outcome: 'done', loaded: 20, failed: 20, givenUp: 0 })
    expect(report.failures).toHaveLength(10)
    expect(report.failures[0]).toEqual({ namespace: 'factors', key: 'k0', code: undefined, message: 'source is down' })
  })

  test('loads the other keys of a batch when the namespace refuses one', async () => {
    const built = testCache()
      .memory()
      .namespace('factors', { keyFormat: /^[a-z]+$/ })
      .build()
    stop = built.stop
    const report = await built.manager.warm({ namespace: 'factors', keys: ['steel', 'NO', 'wood'], loadMany: lengths })
    expect(report).toMatchObject({ loaded: 2, failed: 1 })
    expect(report.failures).toMatchObject([{ key: 'NO', code: 'ERR_CACHE_POLICY' }])
  })

  test('refuses what is no key and takes the rest', async () => {
    const { manager } = twoTiers()
    const keys = ['a', '', 4 as unknown as string, 'b']
    const report = await manager.warm({ namespace: 'factors', keys, load: ({ key }) => key })
    expect(report).toMatchObject({ loaded: 2, failed: 2 })
    expect(report.failures).toMatchObject([{ code: 'ERR_CACHE_KEY' }, { code: 'ERR_CACHE_KEY' }])
  })

  test('takes keys from a function, from an asynchronous source, and counts duplicates once', async () => {
    const { manager } = twoTiers()
    async function* rows(): AsyncGenerator<string> {
      yield 'a'
      yield 'b'
      yield 'a'
    }
    const plan: WarmingTask[] = [
      { namespace: 'factors', keys: rows(), loadMany: lengths },
      { namespace: 'factors', keys: async () => ['c', 'c', 'd'], loadMany: lengths },
    ]
    const report = await manager.warm(plan)
    expect(report.tasks.map(({ loaded, givenUp }) => [loaded, givenUp])).toEqual([
      [2, 0],
      [2, 0],
    ])
  })

  test('does not replace a value that was set while its load was under way', async () => {
    const { manager, cache } = twoTiers()
    await manager.warm({
      namespace: 'factors',
      keys: ['steel'],
      load: async () => {
        await cache.set('steel', 'newer')
        return 'older'
      },
    })
    expect(await cache.get('steel')).toBe('newer')
  })

  test('counts a failure that a stale value stands in for', async () => {
    const built = testCache().memory().namespace('factors', { ttl: '1s', grace: '1h' }).build()
    stop = built.stop
    await built.cache.set('steel', 1)
    await built.runtime.advance(2000)
    const report = await built.manager.warm({
      namespace: 'factors',
      keys: ['steel'],
      loadMany: () => Promise.reject(new Error('down')),
    })
    expect(report).toMatchObject({ failed: 1, loaded: 0, present: 0 })
  })
})

describe('warm with a pattern', () => {
  test('brings what a lower tier holds into memory, and nothing else', async () => {
    const { manager, cache } = twoTiers()
    await cache.setMany(
      [
        ['eu/steel', 1],
        ['eu/glass', 2],
        ['us/steel', 3],
      ],
      { tiers: ['map'] },
    )
    expect(cache.peek('eu/steel')).toBeUndefined()
    const report = await manager.warm({ namespace: 'factors', pattern: 'eu/*' })
    expect(report).toMatchObject({ outcome: 'done', present: 2, absent: 0 })
    expect([cache.peek('eu/steel'), cache.peek('eu/glass'), cache.peek('us/steel')]).toEqual([1, 2, undefined])
  })

  test('stops at its limit', async () => {
    const { manager, cache } = twoTiers()
    const entries = Array.from({ length: 30 }, (_, at) => [`k${at}`, at] as const)
    await cache.setMany(entries, { tiers: ['map'] })
    expect(await manager.warm({ namespace: 'factors', pattern: '*', limit: 7 })).toMatchObject({ present: 7 })
    expect(entries.filter(([key]) => cache.peek(key) !== undefined)).toHaveLength(7)
  })

  test('fills no tier above the one that it names', async () => {
    const built = testCache()
      .memory()
      .tier(mapTier({ name: 'near' }))
      .tier(mapTier({ name: 'far' }))
      .namespace('factors')
      .build()
    stop = built.stop
    const { manager, cache } = built
    await cache.set('steel', 1, { tiers: ['far'] })
    await manager.warm({ namespace: 'factors', pattern: '*', tier: 'near' })
    const states = (await cache.inspect('steel')).map(({ tier, state }) => `${tier} ${state}`)
    expect(states).toEqual(['memory absent', 'near fresh', 'far fresh'])
  })

  test('tells of a tier that cannot list its keys, and goes on with the other tasks', async () => {
    const { manager, cache } = testCacheWithFaults()
    await cache.get('opens the tiers')
    faults().store.fail('scan')
    const report = await manager.warm([
      { namespace: 'factors', pattern: '*' },
      { namespace: 'factors', keys: ['a'], loadMany: lengths },
    ])
    expect(report).toMatchObject({ outcome: 'done', loaded: 1 })
    expect(report.failures).toMatchObject([{ namespace: 'factors', code: 'ERR_CACHE_TIER_READ' }])
  })

  let faults: () => ReturnType<typeof buildFaulty>['faults']
  const buildFaulty = () => testCache().memory().faulty('store').namespace('factors').build()
  function testCacheWithFaults() {
    const built = buildFaulty()
    stop = built.stop
    faults = () => built.faults
    return built
  }
})

describe('warm with entries', () => {
  test('stores what is missing, and leaves what is fresh', async () => {
    const { manager, cache } = twoTiers()
    await cache.set('glass', 'fresh')
    async function* rows(): AsyncGenerator<[string, unknown]> {
      yield ['steel', 1.85]
      yield ['glass', 'older']
    }
    const report = await manager.warm({ namespace: 'factors', entries: rows(), tags: ['metals'] })
    expect(report).toMatchObject({ loaded: 1, present: 1 })
    expect(await cache.get('glass')).toBe('fresh')
    expect(await cache.getEntry('steel')).toMatchObject({ value: 1.85, tags: ['metals'] })
  })

  test('does not store what is older than the fence of an invalidation', async () => {
    const runtime = fakeRuntime()
    const shared = sharedStore({ clock: runtime.clock, random: runtime.random })
    const built = testCache().runtime(runtime).memory().tier(shared.tier()).namespace('factors').build()
    stop = built.stop
    const { manager, cache } = built
    await cache.invalidate('steel', { fence: 7 })
    const task = (sourceVersion: number): WarmingTask => ({
      namespace: 'factors',
      entries: [['steel', `of ${sourceVersion}`]],
      sourceVersion,
    })
    await manager.warm(task(6))
    expect(await cache.get('steel')).toBeUndefined()
    await manager.warm(task(7))
    expect(await cache.get('steel')).toBe('of 7')
  })

  test('loses nothing of what a query has read when the query fails', async () => {
    const { manager } = twoTiers()
    async function* rows(): AsyncGenerator<[string, unknown]> {
      yield ['a', 1]
      yield ['b', 2]
      throw new Error('connection lost')
    }
    const report = await manager.warm({ namespace: 'factors', entries: rows }, { batchSize: 1 })
    expect(report).toMatchObject({ outcome: 'done', loaded: 2, failed: 0 })
    expect(report.failures).toEqual([{ namespace: 'factors', code: undefined, message: 'connection lost' }])
  })
})

describe('a namespace with tenants', () => {
  test('is warmed for the tenant that a task names', async () => {
    const built = testCache().memory().tier(mapTier()).namespace('users', { tenant: 'required' }).build()
    stop = built.stop
    const users = built.manager.namespace('users')
    await users.forTenant('globex').set('ann', 'globex', { tiers: ['map'] })
    const report = await built.manager.warm([
      { namespace: 'users', tenant: 'acme', keys: ['ann'], load: ({ key }) => `acme ${key}` },
      { namespace: 'users', tenant: 'globex', pattern: '*' },
    ])
    expect(report).toMatchObject({ loaded: 1, present: 1, failed: 0 })
    expect(['acme', 'globex', 'initech'].map((tenant) => users.forTenant(tenant).peek('ann'))).toEqual([
      'acme ann',
      'globex',
      undefined,
    ])
  })

  test('without one is refused key by key', async () => {
    const built = testCache().memory().namespace('users', { tenant: 'required' }).build()
    stop = built.stop
    const report = await built.manager.warm({ namespace: 'users', keys: ['ann'], load: ({ key }) => key })
    expect(report).toMatchObject({ loaded: 0, failed: 1 })
    expect(report.failures).toMatchObject([{ code: 'ERR_CACHE_POLICY' }])
  })
})

describe('strategies', () => {
  const plan = (order: string[]): WarmingTask[] =>
    (['low', 'high', 'medium'] as const).map((priority) => ({
      namespace: 'factors',
      priority,
      keys: [`${priority}1`, `${priority}2`],
      loadMany: async (keys) => {
        order.push(...keys)
        await new Promise((resolve) => setImmediate(resolve))
        return lengths(keys)
      },
    }))

  test.each([
    ['priority', ['high1', 'high2', 'medium1', 'medium2', 'low1', 'low2']],
    ['sequential', ['low1', 'low2', 'high1', 'high2', 'medium1', 'medium2']],
    ['parallel', ['low1', 'high1', 'medium1', 'low2', 'high2', 'medium2']],
  ] as const)('%s', async (strategy, expected) => {
    const { manager } = twoTiers()
    const order: string[] = []
    await manager.warm(plan(order), { strategy, batchSize: 1, concurrency: 3 })
    if (strategy === 'parallel') expect(order.slice(0, 3).toSorted()).toEqual(['high1', 'low1', 'medium1'])
    else expect(order).toEqual(expected)
  })
})

describe('a wrong plan', () => {
  test.each([
    [{ namespace: 'factors' }, {}, 'exactly one of'],
    [{ namespace: 'factors', keys: ['a'], pattern: '*' }, {}, 'exactly one of'],
    [{ keys: ['a'] }, {}, '`plan.namespace`'],
    [{ namespace: 'a b', keys: [] }, {}, 'not a namespace name'],
    [[{ namespace: 'factors', keys: 'steel' }], {}, '`plan[0].keys`'],
    [{ namespace: 'factors', keys: [], load: 1 }, {}, '`plan.load`'],
    [{ namespace: 'factors', keys: [], load: () => 1, loadMany: () => new Map() }, {}, '`plan.loadMany`'],
    [{ namespace: 'factors', keys: [], tenant: 'acme' }, {}, 'no tenants'],
    [{ namespace: 'factors', keys: [], priorty: 'high' }, {}, 'Did you mean `priority`'],
    [{ namespace: 'factors', keys: [] }, { concurrency: 0 }, '`options.concurrency`'],
    [{ namespace: 'factors', keys: [] }, { rate: 0 }, '`options.rate`'],
    [{ namespace: 'factors', keys: [] }, { once: 'no spaces' }, '`options.once`'],
    [{ namespace: 'factors', keys: [] }, { once: { others: 'wait' } }, '`options.once.name`'],
    [{ namespace: 'factors', keys: [] }, { deadline: -1 }, '`options.deadline`'],
  ])('is refused: %j %j', async (plan, options, complaint) => {
    const { manager } = twoTiers()
    const warming = manager.warm(plan as never, options as never)
    await expect(warming).rejects.toMatchObject({
      code: 'ERR_CACHE_OPTION',
      message: expect.stringContaining(complaint),
    })
    await expect(warming[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
  })
})
