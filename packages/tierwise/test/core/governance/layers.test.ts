import { afterEach, describe, expect, test } from 'vitest'

import type { CacheManagerOptions, NamespaceOptions } from '../../../src/contract/options.ts'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { emissionFactors, marketDataClasses, ttlClasses } from '../../../src/governance/index.ts'
import { ConfigError } from '../../../src/index.ts'
import { fakeRuntime, mapTier, testCache } from '../../../src/testing/index.ts'
import { memory } from '../../../src/tiers/memory/index.ts'

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

type Options = Pick<CacheManagerOptions, 'defaults' | 'governance'>

/** What a key is given to live, by its namespace. */
async function ttls(options: Options, namespaces: Record<string, NamespaceOptions>, keys: readonly string[]) {
  const manager = createCacheManager({ ...options, namespaces, tiers: [memory(), mapTier()], runtime: fakeRuntime() })
  stops.push(() => manager.stop())
  const found: Record<string, number | undefined> = {}
  for (const name of Object.keys(namespaces))
    for (const key of keys) {
      await manager.namespace(name).set(key, 1)
      found[`${name} ${key}`] = await manager.namespace(name).ttl(key)
    }
  return found
}

function refusal(options: Options & { readonly namespaces?: Record<string, NamespaceOptions> }): unknown {
  try {
    createCacheManager({ ...options, tiers: [memory(), mapTier()] })
  } catch (error) {
    return error
  }
  return undefined
}

describe('the layers of a policy', () => {
  const governance = { dataClasses: { ...ttlClasses, volatile: { ttl: '10s', maxTtl: '1m' } } } as const

  test('are laid on each other: defaults, data class, namespace, key rule', async () => {
    const found = await ttls(
      { defaults: { ttl: '1h' }, governance },
      {
        plain: {},
        classed: { dataClass: 'volatile' },
        own: { dataClass: 'volatile', ttl: '20s' },
        ruled: {
          dataClass: 'volatile',
          keyRules: [
            { match: 'a:1', ttl: '1s' },
            { match: 'a:*', ttl: '2s' },
          ],
        },
      },
      ['a:1', 'a:2', 'b'],
    )
    expect(found).toEqual({
      'plain a:1': 3_600_000,
      'plain a:2': 3_600_000,
      'plain b': 3_600_000,
      'classed a:1': 10_000,
      'classed a:2': 10_000,
      'classed b': 10_000,
      'own a:1': 20_000,
      'own a:2': 20_000,
      'own b': 20_000,
      'ruled a:1': 1000,
      'ruled a:2': 2000,
      'ruled b': 10_000,
    })
  })

  test('give a key rule the class that it names', async () => {
    const found = await ttls({ governance }, { n: { keyRules: [{ match: 'x*', dataClass: 'short' }] } }, ['x1', 'y1'])
    expect(found).toEqual({ 'n x1': 300_000, 'n y1': 300_000 })
  })

  test('let a call have the last word on its ttl, within the bounds', async () => {
    const { cache, stop } = testCache()
      .namespace('n', { keyRules: [{ match: 'x', maxTtl: 100 }] })
      .build()
    stops.push(stop)
    await cache.set('x', 1, { ttl: 1000 })
    await cache.set('y', 1, { ttl: 1000 })
    expect([await cache.ttl('x'), await cache.ttl('y')]).toEqual([100, 1000])
  })

  test('send a batch where each of its keys belongs', async () => {
    const { cache, stop } = testCache()
      .memory()
      .tier(mapTier())
      .namespace('n', { keyRules: [{ match: 'x*', ttl: 100, tiers: ['map'] }] })
      .build()
    stops.push(stop)
    await cache.setMany([
      ['x1', 1],
      ['y1', 2],
    ])
    expect([cache.peek('x1'), cache.peek('y1')]).toEqual([undefined, 2])
    expect(await cache.getMany(['x1', 'y1', 'z1'])).toEqual(
      new Map([
        ['x1', 1],
        ['y1', 2],
      ]),
    )
    const loaded = await cache.getOrSetMany(['x1', 'x2', 'y2'], (missing) => new Map(missing.map((key) => [key, key])))
    expect(Object.fromEntries(loaded)).toEqual({ x1: 1, x2: 'x2', y2: 'y2' })
    expect([cache.peek('x2'), cache.peek('y2')]).toEqual([undefined, 'y2'])
    expect(await cache.ttl('x2')).toBe(100)
  })
})

describe('a layer that allows more than what it is laid on', () => {
  const dataClasses = {
    strict: {
      maxTtl: '1m',
      minTtl: '10s',
      ttl: '30s',
      tiers: ['memory'],
      maxValueBytes: '1kb',
      maxKeyLength: 10,
    },
  } as const
  const governance = { dataClasses }

  const wrong: readonly (readonly [NamespaceOptions, string])[] = [
    [{ maxTtl: '2m' }, '`namespaces.n.maxTtl` is 120000, and what it is laid on allows at most 60000.'],
    [{ minTtl: '1s' }, '`namespaces.n.minTtl` is 1000, and what it is laid on demands at least 10000.'],
    [{ tiers: ['memory', 'map'] }, '`namespaces.n.tiers` names map, and what it is laid on allows only memory.'],
    [{ maxValueBytes: '2kb' }, '`namespaces.n.maxValueBytes` is 2048, and what it is laid on allows at most 1024.'],
    [{ maxKeyLength: 11 }, '`namespaces.n.maxKeyLength` is 11, and what it is laid on allows at most 10.'],
    [{ ttl: '2m' }, '`namespaces.n.ttl` is 120000 ms, more than the `maxTtl` of 60000 ms.'],
    [{ ttl: '5s' }, '`namespaces.n.ttl` is 5000 ms, less than the `minTtl` of 10000 ms.'],
    [{ ttl: 'forever' }, '`namespaces.n.ttl` is forever, more than the `maxTtl` of 60000 ms.'],
    [{ maxTtl: '5s' }, '`namespaces.n.minTtl` is 10000 ms, more than the `maxTtl` of 5000 ms.'],
    [
      { keyRules: [{ match: 'x', maxTtl: '2m' }] },
      '`namespaces.n.keyRules[0].maxTtl` is 120000, and what it is laid on allows at most 60000.',
    ],
  ]
  test.each(wrong)('is refused: %j', (options, message) => {
    const error = refusal({ governance, namespaces: { n: { dataClass: 'strict', ...options } } })
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).toBe(message)
  })

  test('narrows where it allows less', () => {
    const narrower: NamespaceOptions = { dataClass: 'strict', maxTtl: '40s', minTtl: '20s', maxKeyLength: 5 }
    expect(refusal({ governance, namespaces: { n: narrower } })).toBeUndefined()
  })
})

describe('wrong rules', () => {
  const wrong: readonly (readonly [NamespaceOptions, string])[] = [
    [{ dataClass: 'shrot' }, '`namespaces.n.dataClass: shrot` is not an option. Did you mean `short`?'],
    [{ keyFormat: '(' }, "`namespaces.n.keyFormat` is '('; it must be a regular expression; this one is none: "],
    [{ keyRules: {} as never }, '`namespaces.n.keyRules` is a value of type object; it must be a list of key rules.'],
    [{ keyRules: [{ ttl: '1s' } as never] }, '`namespaces.n.keyRules[0].match` is undefined; it must be a pattern'],
    [
      { keyRules: [{ match: 'x', grce: '1s' } as never] },
      '`namespaces.n.keyRules[0].grce` is not an option. Did you mean `grace`?',
    ],
    [
      { adaptiveTtl: { min: '2m', max: '1m' } },
      '`namespaces.n.adaptiveTtl` is a value of type object; it must be false',
    ],
    [
      { governance: 'strict' as never },
      "`namespaces.n.governance` is 'strict'; it must be one of 'off', 'warn', 'enforce'.",
    ],
    [{ tenant: 'optional' as never }, "`namespaces.n.tenant` is 'optional'; it must be one of 'none', 'required'."],
    [{ failure: 'shut' as never }, "`namespaces.n.failure` is 'shut'; it must be one of 'open', 'closed'."],
    [{ ttlBounds: 'cut' as never }, "`namespaces.n.ttlBounds` is 'cut'; it must be one of 'clamp', 'reject'."],
    [{ requiredTags: 'a' as never }, "`namespaces.n.requiredTags` is 'a'; it must be a list of texts."],
  ]
  test.each(wrong)('are refused: %j', (options, message) => {
    const error = refusal({ governance: { dataClasses: ttlClasses }, namespaces: { n: options } })
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message.slice(0, message.length)).toBe(message)
  })

  test('of the manager are refused', () => {
    const messages = [
      { mode: 'loud' },
      { dataClasses: [] },
      { dataClasses: { a: { tll: '1s' } } },
      { dataClasses: { a: { tiers: ['memroy'] } } },
    ].map(
      (governance) =>
        (refusal({ governance: governance as never, namespaces: { n: { dataClass: 'a' } } }) as Error)?.message,
    )
    expect(messages).toEqual([
      "`governance.mode` is 'loud'; it must be one of 'off', 'warn', 'enforce'.",
      '`governance.dataClasses` is a list; it must be an object: the rules of each class by its name.',
      '`governance.dataClasses.a.tll` is not an option. Did you mean `ttl`?',
      '`governance.dataClasses.a.tiers[0]: memroy` is not an option. Did you mean `memory`?',
    ])
  })
})

describe('the ready sets', () => {
  test('are the table of the platform and the classes by time', async () => {
    const classes = { ...marketDataClasses, ...ttlClasses }
    const namespaces = Object.fromEntries(Object.keys(classes).map((name) => [name, { dataClass: name }]))
    const found = await ttls({ governance: { dataClasses: classes } }, namespaces, ['k'])
    expect(
      Object.fromEntries(Object.entries(found).map(([name, ms]) => [name.slice(0, -2), (ms ?? 0) / 1000])),
    ).toEqual({
      curves: 300,
      metadata: 1800,
      scenarios: 60,
      eia_data: 600,
      external_data: 1800,
      user_data: 3600,
      system_config: 86_400,
      ultra_short: 30,
      short: 300,
      medium: 1800,
      long: 14_400,
      extended: 86_400,
      persistent: 604_800,
    })
  })

  test('know emission factors by both names', async () => {
    const { manager, stop } = testCache().namespace('emission_factors', emissionFactors).build()
    stops.push(stop)
    await manager.namespace('factor_broker').set('steel', 1)
    expect(await manager.namespace('emission_factors').get('steel')).toBe(1)
    await expect(manager.namespace('factor_broker').set('steel', 1, { ttl: '25h' })).rejects.toMatchObject({
      code: 'ERR_CACHE_LICENSE',
      violationType: 'cache_ttl_exceeded',
      licenseSource: 'ecoinvent',
      ttlHours: 25,
    })
  })
})
