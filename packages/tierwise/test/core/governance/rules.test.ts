import { afterEach, describe, expect, test } from 'vitest'

import type { Cache } from '../../../src/contract/cache.ts'
import type { LoaderContext } from '../../../src/contract/loader.ts'
import type { PolicyViolationEvent } from '../../../src/contract/events.ts'
import type { GovernanceRule } from '../../../src/contract/governance.ts'
import type { GovernanceMode, NamespaceOptions } from '../../../src/contract/options.ts'
import { LicenseViolationError, PolicyViolationError } from '../../../src/index.ts'
import { mapTier, testCache, type TestCache } from '../../../src/testing/index.ts'

const opened: TestCache<string>[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.stop()
})

interface Opened extends TestCache<string> {
  readonly events: PolicyViolationEvent[]
}

function open(namespace: NamespaceOptions, { withTier = true } = {}): Opened {
  const builder = testCache().memory().namespace('test', namespace)
  const cache = (withTier ? builder.tier(mapTier()) : builder).build()
  opened.push(cache)
  const events: PolicyViolationEvent[] = []
  cache.manager.on('policy-violation', (event) => events.push(event))
  return { ...cache, events }
}

const key = 'factor:1'
const large = 'x'.repeat(200)

interface Case {
  readonly rule: GovernanceRule
  readonly namespace: NamespaceOptions
  /** Calls that break the rule and are refused for it. */
  readonly calls: Readonly<Record<string, (cache: Cache) => Promise<unknown>>>
}

const setTtl = ({ setTtl: ask }: LoaderContext<unknown>, ttl: number): number => {
  ask(ttl)
  return 1
}

const refused: readonly Case[] = [
  {
    rule: 'key-format',
    namespace: { keyFormat: 'other:[0-9]+' },
    calls: {
      set: (cache) => cache.set(key, 1),
      setMany: (cache) =>
        cache.setMany([
          ['other:1', 1],
          [key, 2],
        ]),
      getOrSet: (cache) => cache.getOrSet(key, () => 1),
      getOrSetMany: (cache) => cache.getOrSetMany([key], () => new Map([[key, 1]])),
      wrap: (cache) => cache.wrap(() => 1, { key: () => key })(),
      touch: (cache) => cache.touch(key),
    },
  },
  {
    rule: 'key-too-long',
    namespace: { maxKeyLength: 5 },
    calls: { set: (cache) => cache.set(key, 1), getOrSet: (cache) => cache.getOrSet(key, () => 1) },
  },
  {
    rule: 'tags-missing',
    namespace: { requiredTags: ['source:*'] },
    calls: { set: (cache) => cache.set(key, 1, { tags: ['other'] }), setMany: (cache) => cache.setMany([[key, 1]]) },
  },
  {
    rule: 'value-too-large',
    namespace: { maxValueBytes: 100 },
    calls: { set: (cache) => cache.set(key, large), setMany: (cache) => cache.setMany([[key, large]]) },
  },
  {
    rule: 'tier-not-allowed',
    namespace: { keyRules: [{ match: 'factor:*', tiers: ['map'] }] },
    calls: {
      set: (cache) => cache.set(key, 1, { tiers: ['memory'] }),
      getOrSet: (cache) => cache.getOrSet(key, () => 1, { tiers: ['memory', 'map'] }),
    },
  },
  {
    rule: 'ttl-too-long',
    namespace: { maxTtl: 1000, ttlBounds: 'reject' },
    calls: {
      set: (cache) => cache.set(key, 1, { ttl: 1001 }),
      getOrSet: (cache) => cache.getOrSet(key, () => 1, { ttl: 'forever' }),
      touch: async (cache) => {
        await cache.set(key, 1)
        await cache.touch(key, 1001)
      },
      setTtl: (cache) => cache.getOrSet(key, (context) => setTtl(context, 1001)),
    },
  },
  {
    rule: 'ttl-too-short',
    namespace: { minTtl: 1000, ttlBounds: 'reject' },
    calls: {
      set: (cache) => cache.set(key, 1, { ttl: 999 }),
      setTtl: (cache) => cache.getOrSet(key, (c) => setTtl(c, 1)),
    },
  },
  {
    rule: 'license',
    namespace: { maxTtl: 1000, license: 'ecoinvent' },
    calls: {
      set: (cache) => cache.set(key, 1, { ttl: 2000 }),
      setTtl: (cache) => cache.getOrSet(key, (c) => setTtl(c, 2000)),
    },
  },
]

const isCap = (rule: GovernanceRule): boolean => rule === 'license' || rule === 'ttl-too-long'

describe.each(refused)('the rule $rule', ({ rule, namespace, calls }) => {
  test.each(Object.keys(calls))('is kept by %s where it is enforced', async (name) => {
    const { cache, manager, events } = open(namespace)
    const error: unknown = await calls[name]!(cache).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(rule === 'license' ? LicenseViolationError : PolicyViolationError)
    if (rule !== 'license') expect(error).toMatchObject({ code: 'ERR_CACHE_POLICY', rule, namespace: 'test', key })
    expect(String(error)).not.toContain(large)
    expect(events.map((event) => [event.rule, event.outcome, event.key])).toEqual([[rule, 'refused', key]])
    expect(manager.governanceReport().violations).toEqual({ [rule]: 1 })
    expect(manager.governanceReport().worstOffenders).toEqual([
      { namespace: 'test', rule, family: 'factor:*', count: 1, error: 0 },
    ])
    // Nothing was done before it failed.
    if (name === 'set' || name === 'setMany') expect(await cache.get('other:1')).toBeUndefined()
  })

  test.each(Object.keys(calls))('is told of and does not hinder %s where it warns', async (name) => {
    const { cache, events } = open({ ...namespace, governance: 'warn' })
    await calls[name]!(cache)
    expect(events.map((event) => [event.rule, event.outcome])).toEqual([[rule, isCap(rule) ? 'clamped' : 'counted']])
    const left = await cache.ttl(key)
    if (isCap(rule)) expect(left).toBeLessThanOrEqual(1000)
  })

  test.each(Object.keys(calls))('is not looked at by %s where it is off, unless it is a cap', async (name) => {
    const { cache, events } = open({ ...namespace, governance: 'off' })
    const outcome = await calls[name]!(cache).then(
      () => 'done',
      () => 'refused',
    )
    expect([outcome, events.length]).toEqual(isCap(rule) ? ['refused', 1] : ['done', 0])
  })
})

describe('a ttl outside of its bounds', () => {
  const modes: readonly (readonly [GovernanceMode, number, number])[] = [
    ['enforce', 1000, 5000],
    ['warn', 10, 5000],
    ['off', 10, 5000],
  ]
  test.each(modes)('is moved, in the mode %s', async (governance, short, long) => {
    const { cache, events } = open({ minTtl: 1000, maxTtl: 5000, governance })
    await cache.set('short', 1, { ttl: 10 })
    await cache.set('long', 1, { ttl: 60_000 })
    expect([await cache.ttl('short'), await cache.ttl('long')]).toEqual([short, long])
    expect(events.map(({ rule, outcome }) => [rule, outcome])).toEqual([
      ...(governance === 'off' ? [] : [['ttl-too-short', governance === 'warn' ? 'counted' : 'clamped']]),
      ['ttl-too-long', 'clamped'],
    ])
  })

  test('that nobody chose here is moved without a word', async () => {
    const { cache, events } = open({ minTtl: '10m', maxTtl: '20m' })
    await cache.set(key, 1)
    expect(await cache.ttl(key)).toBe(600_000)
    expect(events).toEqual([])
  })
})

describe('what a loader brings against the rules', () => {
  const rules: readonly (readonly [GovernanceRule, NamespaceOptions])[] = [
    ['value-too-large', { maxValueBytes: 100 }],
    ['tags-missing', { requiredTags: ['source:*', 'year:*'], tags: ['source:x'] }],
  ]
  const chains = [true, false]
  test.each(rules.flatMap((rule) => chains.map((withTier) => [...rule, withTier] as const)))(
    'is handed out and not kept: %s',
    async (rule, namespace, withTier) => {
      const { cache, events } = open(namespace, { withTier })
      expect(await cache.getOrSet(key, () => large)).toBe(large)
      expect(await cache.getOrSetMany([key], () => new Map([[key, large]]))).toEqual(new Map([[key, large]]))
      expect(await cache.get(key)).toBeUndefined()
      expect(events.map((event) => [event.rule, event.outcome])).toEqual([
        [rule, 'not-stored'],
        [rule, 'not-stored'],
      ])
    },
  )

  test('is kept where rules only warn', async () => {
    const { cache, events } = open({ maxValueBytes: 100, governance: 'warn' })
    await cache.getOrSet(key, () => large)
    expect(await cache.get(key)).toBe(large)
    expect(events.map(({ outcome }) => outcome)).toEqual(['counted'])
  })

  test('is kept with the tags that the loader gives it', async () => {
    const { cache, events } = open({ requiredTags: ['source:*'] })
    await cache.getOrSet(key, ({ setTags }) => {
      setTags(['source:x'])
      return 1
    })
    expect(await cache.get(key)).toBe(1)
    expect(events).toEqual([])
  })
})

describe('reads', () => {
  test('are not judged', async () => {
    const { cache, events } = open({ keyFormat: 'other', maxKeyLength: 5, keyRules: [{ match: '*', tiers: ['map'] }] })
    await cache.get(key)
    await cache.getMany([key], { tiers: ['memory'] })
    await cache.has(key)
    cache.peek(key)
    await cache.delete(key)
    expect(events).toEqual([])
  })
})

describe('what is counted', () => {
  test('are operations, ttls of calls and entries without an end', async () => {
    const { cache, manager } = open({ ttl: '1m' })
    await cache.set('a', 1)
    await cache.set('b', 1, { ttl: '2m' })
    await cache.set('c', 1, { ttl: 'forever' })
    await cache.getOrSet('d', ({ setTtl: ask }) => {
      ask('forever')
      return 1
    })
    await cache.get('a')
    const report = manager.governanceReport()
    expect(report).toMatchObject({ operations: 4, ttlOverrides: 3, immortalEntries: 2, violations: {} })
    expect(report.namespaces['test']).toMatchObject({ mode: 'enforce', quota: { entries: 4 } })
  })

  test('is of fixed size, whatever the keys are', async () => {
    const { cache, manager } = open({ keyFormat: 'never' })
    for (let at = 0; at < 500; at++) await cache.set(`family${at}:x`, 1).catch(() => undefined)
    expect(manager.governanceReport().worstOffenders.length).toBeLessThanOrEqual(20)
  })
})
