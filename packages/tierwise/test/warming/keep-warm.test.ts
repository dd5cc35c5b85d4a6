import { afterEach, describe, expect, test } from 'vitest'
import type { CacheManager } from '../../src/contract/cache.ts'
import { mapTier } from '../../src/testing/map-tier.ts'
import { testCache } from '../../src/testing/test-cache.ts'
import { keepWarm, type KeepWarmOptions } from '../../src/warming/index.ts'
import { accessTo } from '../../src/warming/manager-access.ts'
import { MemoryKeyRecords } from '../../src/warming/hot-keys/memory-keys.ts'
import { HotKeyRecords } from '../../src/warming/hot-keys/records.ts'
import { tellHotKeys } from './hot-key-source.ts'

let stop = async (): Promise<void> => undefined
afterEach(async () => {
  await stop()
  stop = async () => undefined
})

type Hot = Record<string, number>

function build(hot: Hot, ttl: '1h' | '100s' = '1h') {
  const built = testCache()
    .memory()
    .tier(mapTier({ capabilities: { durable: true } }))
    .namespace('factors', { ttl })
    .build()
  stop = built.stop
  tellHotKeys(built.manager, hot)
  const stored = async (): Promise<unknown> => built.manager.namespace('tierwise.hot-keys').get('factors')
  return { ...built, stored, records: new HotKeyRecords(built.manager, () => built.runtime.clock.now()) }
}

const hour = 3_600_000
const keeping = { keys: 64, halfLifeMs: hour }

describe('the record of hot keys', () => {
  test('is written as often as it is told to, and at the stop of the manager', async () => {
    const hot: Hot = { steel: 10 }
    const { manager, runtime, records } = build(hot)
    const kept = keepWarm(manager, { namespaces: { factors: true }, saveEvery: '1m' })
    expect(await kept.warming).toMatchObject({ outcome: 'done' })
    expect(await records.read('factors')).toEqual([])
    await runtime.advance(75_000)
    expect(await records.read('factors')).toEqual([['steel', 10]])
    hot['glass'] = 30
    await kept.stop()
    expect(await records.read('factors')).toMatchObject([
      ['glass', 30],
      ['steel', expect.closeTo(10, 1)],
    ])
  })

  test('keeps what is hot anywhere, lets it fade, and stays within its bound', async () => {
    const hot: Hot = {}
    const { manager, records, runtime, stored } = build(hot)
    const source = accessTo(manager).hotKeys
    for (let at = 0; at < 50; at++) hot[`a${at}`] = 1000 + at
    await records.save('factors', source, keeping)
    for (const key of Object.keys(hot)) delete hot[key]
    for (let at = 0; at < 50; at++) hot[`b${at}`] = 800 + at
    await runtime.advance(hour)
    await records.save('factors', source, keeping)
    expect(((await stored()) as { readonly keys: readonly unknown[] }).keys).toHaveLength(64)
    const kept = await records.read('factors')
    expect(kept).toHaveLength(64)
    expect(kept[0]).toEqual(['b49', 849])
    expect(kept[50]?.[0]).toBe('a49')
    expect(kept[50]?.[1]).toBeCloseTo(524.5, 1)
    // Written again and again, nothing gets hotter by that.
    for (let round = 0; round < 5; round++) await records.save('factors', source, keeping)
    expect((await records.read('factors'))[0]).toEqual(['b49', 849])
  })

  test('forgets what is far colder than the rest', async () => {
    const { manager, records } = build({ steel: 10_000, dust: 1 })
    await records.save('factors', accessTo(manager).hotKeys, keeping)
    expect(await records.read('factors')).toEqual([['steel', 10_000]])
  })

  test.each([
    ['a text'],
    [{ format: 2, savedAt: 0, keys: [['steel', 1]] }],
    [{ format: 1, savedAt: 'now', keys: [['steel', 1]] }],
    [{ format: 1, savedAt: 0, keys: 'steel' }],
    [{ format: 1, savedAt: 0, keys: [['steel'], [1, 1], ['', 1], ['k', Number.NaN], ['k', -1], null] }],
  ])('is ignored where it is of no use: %j', async (content) => {
    const { manager, records } = build({ glass: 1 })
    await manager.namespace('tierwise.hot-keys').set('factors', content)
    expect(await records.read('factors')).toEqual([])
    await records.save('factors', accessTo(manager).hotKeys, keeping)
    expect(await records.read('factors')).toEqual([['glass', 1]])
  })

  test('is cut to its bound when a foreign one is larger', async () => {
    const { manager, records } = build({})
    const keys = Array.from({ length: 500 }, (_, at) => [`k${at}`, at])
    await manager.namespace('tierwise.hot-keys').set('factors', { format: 1, savedAt: 0, keys })
    expect(await records.read('factors')).toHaveLength(64)
  })

  test('is not written by a stop that the tiers do not answer, which ends all the same', async () => {
    const built = testCache()
      .memory()
      .faulty('store', mapTier({ capabilities: { durable: true } }))
      .namespace('factors')
      .options({ tierTimeout: '10s' })
      .build()
    stop = built.stop
    tellHotKeys(built.manager, { steel: 1 })
    const kept = keepWarm(built.manager, { namespaces: { factors: true } })
    await kept.warming
    built.faults.store.hang('get')
    built.faults.store.hang('set')
    const startedAt = built.runtime.clock.now()
    await built.runtime.until(kept.stop())
    expect(built.runtime.clock.now() - startedAt).toBeLessThanOrEqual(1000)
  })
})

describe('the record of what memory holds', () => {
  const part = (over: object): object => ({ format: 1, savedAt: 5, parts: 2, keys: ['a'], ...over })
  const read = async (...parts: readonly unknown[]): Promise<readonly string[]> => {
    const { manager } = build({})
    const records = manager.namespace('tierwise.hot-keys')
    for (const [at, content] of parts.entries()) await records.set(`memory:factors:${at}`, content)
    return new MemoryKeyRecords(manager, () => 0).read('factors', 10_000)
  }

  test.each<[readonly unknown[], readonly string[]]>([
    [
      [part({}), part({ keys: ['b', 7, ''] })],
      ['a', 'b'],
    ],
    [[part({}), part({ savedAt: 6, keys: ['of another time'] })], ['a']],
    [[part({ parts: 1 }), part({ keys: ['of no use any more'] })], ['a']],
    [[part({ format: 2 }), part({})], []],
    [[part({ parts: 1e9, keys: Array.from({ length: 900 }, () => 'k') })], Array.from({ length: 500 }, () => 'k')],
    [['a text'], []],
  ])('is read as far as it belongs together: %j', async (parts, keys) => {
    expect(await read(...parts)).toEqual(keys)
  })

  test('is bounded by its characters too', async () => {
    const { manager, cache } = build({})
    for (let at = 0; at < 300; at++) await cache.set(`${at}-${'k'.repeat(4000)}`, at)
    const records = new MemoryKeyRecords(manager, () => 0)
    await records.save('factors', { memory: 'memory', most: 10_000 })
    expect(await records.read('factors', 10_000)).toHaveLength(249)
  })
})

describe('keepWarm after a start', () => {
  const noted = {
    format: 1,
    savedAt: 0,
    keys: [
      ['glass', 9],
      ['steel', 5],
      ['gone', 1],
    ],
  }

  test('loads what was hot, hottest first', async () => {
    const { manager } = build({})
    await manager.namespace('tierwise.hot-keys').set('factors', noted)
    const loaded: string[] = []
    const load = ({ key }: { readonly key: string }): string | undefined => {
      loaded.push(key)
      return key === 'gone' ? undefined : key
    }
    const kept = keepWarm(manager, { namespaces: { factors: { load } } })
    expect(await kept.warming).toMatchObject({ name: 'hot-keys', loaded: 2, absent: 1 })
    expect(loaded).toEqual(['glass', 'steel', 'gone'])
    await kept.stop()
  })

  test('brings up what the tiers hold where there is no loader', async () => {
    const { manager, cache } = build({})
    await cache.setMany(
      [
        ['steel', 1],
        ['cold', 2],
      ],
      { tiers: ['map'] },
    )
    await manager.namespace('tierwise.hot-keys').set('factors', noted)
    const kept = keepWarm(manager, { namespaces: { factors: true } })
    expect(await kept.warming).toMatchObject({ present: 1, absent: 2 })
    expect([cache.peek('steel'), cache.peek('cold')]).toEqual([1, undefined])
    await kept.stop()
  })
})

describe('hot keys that are about to end', () => {
  test('are loaded in the second half of the time before it, not all at once', async () => {
    const hot: Hot = {}
    for (let at = 0; at < 40; at++) hot[`k${at}`] = 1
    const { manager, cache, runtime } = build(hot, '100s')
    await cache.setMany([...Object.keys(hot), 'cold'].map((key) => [key, 'old'] as const))
    const startedAt = runtime.clock.now()
    const times = new Map<string, number>()
    const load = ({ key }: { readonly key: string }): string => {
      times.set(key, runtime.clock.now() - startedAt)
      return 'new'
    }
    const kept = keepWarm(manager, { namespaces: { factors: { load, refreshBelow: 0.4 } }, warmNow: false })
    await runtime.advance(59_000)
    expect(times.size).toBe(0)
    await runtime.advance(40_000)
    expect(times.size).toBe(40)
    const all = [...times.values()]
    expect(Math.min(...all)).toBeGreaterThanOrEqual(60_000)
    expect(Math.max(...all)).toBeLessThanOrEqual(82_000)
    expect(new Set(all).size).toBeGreaterThan(10)
    expect([await cache.get('k7'), await cache.get('cold')]).toEqual(['new', 'old'])
    await kept.stop()
    times.clear()
    await runtime.advance(100_000)
    expect(times.size).toBe(0)
  })

  test('are loaded by so many at once, and a failure is tried again before the end', async () => {
    const { manager, cache, runtime } = build({ a: 1, b: 1, c: 1, d: 1 }, '100s')
    await cache.setMany(['a', 'b', 'c', 'd'].map((key) => [key, 'old'] as const))
    let running = 0
    let most = 0
    const tries: string[] = []
    const load = async ({ key }: { readonly key: string }): Promise<string> => {
      tries.push(key)
      most = Math.max(most, ++running)
      await new Promise<void>((resolve) => void runtime.timers.after(3000, resolve))
      running--
      if (tries.filter((each) => each === key).length === 1) throw new Error('down')
      return 'new'
    }
    const errors: string[] = []
    manager.on('background-error', ({ work }) => errors.push(work))
    const refresh = { concurrency: 1 }
    const kept = keepWarm(manager, { namespaces: { factors: { load, refreshBelow: 0.5 } }, warmNow: false, refresh })
    await runtime.advance(99_000)
    expect(most).toBe(1)
    expect(tries.toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'])
    expect(errors).toEqual(Array.from({ length: 4 }, () => 'refresh of hot keys'))
    expect([...(await cache.getMany(['a', 'b', 'c', 'd'])).values()]).toEqual(['new', 'new', 'new', 'new'])
    await kept.stop()
    await runtime.advance(10_000)
  })

  test('are not held up by one whose loader hangs', async () => {
    const { manager, cache, runtime } = build({ a: 1, b: 1, c: 1 }, '100s')
    await cache.setMany(['a', 'b', 'c'].map((key) => [key, 'old'] as const))
    let giveUp = (): void => undefined
    const load = ({ key }: { readonly key: string }): string | Promise<string> =>
      key === 'a' ? new Promise((_, reject) => (giveUp = () => reject(new Error('over')))) : 'new'
    const kept = keepWarm(manager, { namespaces: { factors: { load, refreshBelow: 0.5 } }, warmNow: false })
    await runtime.advance(99_000)
    expect([...(await cache.getMany(['b', 'c'])).values()]).toEqual(['new', 'new'])
    await kept.stop()
    giveUp()
    await runtime.settle()
  })

  test('are not loaded every second when their source is down', async () => {
    const { manager, cache, runtime } = build({ steel: 1 }, '100s')
    await cache.set('steel', 'old')
    let tries = 0
    const loadMany = (): Promise<never> => {
      tries++
      return Promise.reject(new Error('down'))
    }
    const kept = keepWarm(manager, { namespaces: { factors: { loadMany, refreshBelow: 0.5 } }, warmNow: false })
    await runtime.advance(98_000)
    expect(tries).toBeGreaterThan(2)
    expect(tries).toBeLessThan(9)
    expect(await cache.get('steel')).toBe('old')
    await kept.stop()
  })

  test('are left alone when they are gone, stale or never end', async () => {
    const { manager, cache, runtime } = build({ gone: 1, stale: 1, endless: 1 })
    await cache.set('stale', 1, { ttl: '1s', grace: '1h' })
    await cache.set('endless', 1, { ttl: 'forever' })
    await runtime.advance(2000)
    let loads = 0
    const load = (): number => ++loads
    const kept = keepWarm(manager, { namespaces: { factors: { load, refreshBelow: 0.5 } }, warmNow: false })
    await runtime.advance(60_000)
    expect(loads).toBe(0)
    await kept.stop()
  })
})

describe('wrong options', () => {
  test.each<[unknown, string]>([
    [{}, '`options.namespaces`'],
    [{ namespaces: { factors: { refreshBelow: 0.5 } } }, '`options.namespaces.factors.refreshBelow`'],
    [{ namespaces: { factors: { refreshBelow: 1, load: () => 1 } } }, '`options.namespaces.factors.refreshBelow`'],
    [{ namespaces: { factors: { laod: () => 1 } } }, 'Did you mean `load`'],
    [{ namespaces: {}, keys: 65 }, '`options.keys`'],
    [{ namespaces: {}, warming: { rate: -1 } }, '`options.warming.rate`'],
    [{ namespaces: {}, refresh: { every: 0 } }, '`options.refresh.every`'],
  ])('are refused: %j', (options, complaint) => {
    const { manager } = build({})
    expect(() => keepWarm(manager, options as KeepWarmOptions)).toThrow(complaint)
  })

  test('a manager of another make is refused', () => {
    expect(() => keepWarm({} as CacheManager, { namespaces: {} })).toThrow('createCacheManager')
  })
})
