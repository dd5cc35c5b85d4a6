import { describe, expect, test } from 'vitest'

import type {
  CacheManagerOptions,
  LoadOptions,
  NamespaceOptions,
  ReadOptions,
  WriteOptions,
} from '../../src/contract/options.ts'
import { ConfigError, createCacheManager } from '../../src/index.ts'
import { mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

const secret = new Uint8Array(32)

type Wrong = readonly [given: unknown, message: string]

const duration = "a positive number of milliseconds or a text like '500ms', '30s', '5m', '2h', '1d'"
const lifetime = "a positive number of milliseconds, a text like '30s' or '5m', or 'forever'"
const size = "a positive number of bytes or a text like '512kb', '64mb', '1gb'"
const must = (path: string, shown: string, allowed: string): string => `\`${path}\` is ${shown}; it must be ${allowed}.`
const meant = (path: string, nearest: string): string => `\`${path}\` is not an option. Did you mean \`${nearest}\`?`

const wrongManagers: readonly Wrong[] = [
  [undefined, must('options', 'undefined', 'an object of options')],
  [null, must('options', 'null', 'an object of options')],
  ['memory', must('options', "'memory'", 'an object of options')],
  [{}, must('options.tiers', 'undefined', 'a list with at least one tier, for example [memory()]')],
  [{ tiers: [] }, must('options.tiers', 'a list', 'a list with at least one tier, for example [memory()]')],
  [
    { tiers: ['memory'] },
    must('options.tiers[0]', "'memory'", 'a tier, made by memory(), disk() or your own definition'),
  ],
  [
    { tiers: [memory(), undefined] },
    must('options.tiers[1]', 'undefined', 'a tier, made by memory(), disk() or your own definition'),
  ],
  [{ tier: [memory()] }, meant('options.tier', 'tiers')],
  [{ tiers: [memory()], namespace: {} }, meant('options.namespace', 'namespaces')],
  [{ tiers: [memory()], strictNamespace: true }, meant('options.strictNamespace', 'strictNamespaces')],
  [{ tiers: [memory()], completelyDifferent: 1 }, '`options.completelyDifferent` is not an option. Known: '],
  [{ tiers: [memory()], strictNamespaces: 'yes' }, must('options.strictNamespaces', "'yes'", 'true or false')],
  [
    { tiers: [memory()], prefix: 'a:b' },
    must('options.prefix', "'a:b'", 'a text of letters, digits, `_`, `-` and `.`'),
  ],
  [{ tiers: [memory()], prefix: '' }, must('options.prefix', "''", 'a text of letters, digits, `_`, `-` and `.`')],
  [{ tiers: [memory()], codec: 'yaml' }, must('options.codec', "'yaml'", "'msgpack', 'json' or a codec of your own")],
  [{ tiers: [memory()], tierTimeout: 0 }, must('options.tierTimeout', '0', duration)],
  [{ tiers: [memory()], tierTimeout: false }, must('options.tierTimeout', 'false', duration)],
  [{ tiers: [memory()], maxRefreshes: 0 }, must('options.maxRefreshes', '0', 'a positive whole number')],
  [{ tiers: [memory()], maxPendingWrites: 1.5 }, must('options.maxPendingWrites', '1.5', 'a positive whole number')],
  [{ tiers: [memory()], breaker: { failures: -1 } }, must('options.breaker.failures', '-1', 'a positive whole number')],
  [{ tiers: [memory()], breaker: { openfor: '5s' } }, meant('options.breaker.openfor', 'openFor')],
  [{ tiers: [memory()], breaker: { openFor: '5 s' } }, must('options.breaker.openFor', "'5 s'", duration)],
  [{ tiers: [memory()], breaker: 5 }, must('options.breaker', '5', 'an object of options')],
  [
    { tiers: [memory()], breaker: { failureRate: 0 } },
    must('options.breaker.failureRate', '0', 'above 0 and at most 1'),
  ],
  [{ tiers: [memory()], breaker: { probes: 0 } }, must('options.breaker.probes', '0', 'a positive whole number')],
  [{ tiers: [memory()], retries: -1 }, must('options.retries', '-1', 'a positive whole number')],
  [{ tiers: [memory()], maxInFlight: 0 }, must('options.maxInFlight', '0', 'a positive whole number')],
  [{ tiers: [memory()], connectTimeout: 0 }, must('options.connectTimeout', '0', duration)],
  [{ tiers: [memory()], guards: [] }, must('options.guards', 'a list', 'an object of guards by the names of tiers')],
  [{ tiers: [memory()], guards: { memroy: {} } }, meant('options.guards.memroy', 'memory')],
  [{ tiers: [memory()], guards: { memory: { retrie: 1 } } }, meant('options.guards.memory.retrie', 'retries')],
  [{ tiers: [memory()], runtime: 'fake' }, must('options.runtime', "'fake'", 'an object or a list')],
  [{ tiers: [memory()], defaults: [] }, must('defaults', 'a list', 'an object of options')],
  [{ tiers: [memory()], defaults: { tll: '5m' } }, meant('defaults.tll', 'ttl')],
  [{ tiers: [memory()], defaults: { ttl: '5 minutes' } }, must('defaults.ttl', "'5 minutes'", lifetime)],
  [
    { tiers: [memory()], defaults: { isolation: 'copy' } },
    must('defaults.isolation', "'copy'", "one of 'share', 'freeze', 'clone'"),
  ],
  [
    { tiers: [memory(), memory()] },
    '`options.tiers[1]` (memory) and `options.tiers[0]` (memory) are the same name. Two tiers must differ in both.',
  ],
  [
    {
      tiers: [
        { ...mapTier(), identity: 'x' },
        { ...mapTier({ name: 'b' }), identity: 'x' },
      ],
    },
    '`options.tiers[1]` (b) and `options.tiers[0]` (map) are the same store.',
  ],
  [
    { tiers: [mapTier(), memory()] },
    '`options.tiers[1]` (memory) keeps values in this process; only the first tier can.',
  ],
  [
    { tiers: [memory()], namespaces: { 'a b': {} } },
    '`a b` is not a namespace name: use letters, digits, `_`, `-` and `.`, at most 128.',
  ],
  [
    { tiers: [memory()], namespaces: { a: { aliases: ['b'] }, b: {} } },
    '`namespaces.b`: the name `b` is taken by `a`.',
  ],
  [{ tiers: [memory()], namespaces: { a: 1 } }, must('namespaces.a', '1', 'an object of options')],
]

const wrongNamespaces: readonly Wrong[] = [
  [{ ttl: 0 }, must('namespaces.n.ttl', '0', lifetime)],
  [{ ttl: -1 }, must('namespaces.n.ttl', '-1', lifetime)],
  [{ ttl: NaN }, must('namespaces.n.ttl', 'NaN', lifetime)],
  [{ ttl: Infinity }, must('namespaces.n.ttl', 'Infinity', lifetime)],
  [{ ttl: 'for ever' }, must('namespaces.n.ttl', "'for ever'", lifetime)],
  [{ ttl: null }, must('namespaces.n.ttl', 'null', lifetime)],
  [{ ttl: { secret: 'password' } }, must('namespaces.n.ttl', 'a value of type object', lifetime)],
  [{ ttl: 'x'.repeat(41) }, must('namespaces.n.ttl', 'a long text', lifetime)],
  [{ grace: 'forever' }, must('namespaces.n.grace', "'forever'", duration)],
  [{ grace: true }, must('namespaces.n.grace', 'true', duration)],
  [{ graceBackoff: false }, must('namespaces.n.graceBackoff', 'false', duration)],
  [{ softTimeout: '1w' }, must('namespaces.n.softTimeout', "'1w'", duration)],
  [{ hardTimeout: -5 }, must('namespaces.n.hardTimeout', '-5', duration)],
  [{ refreshAhead: 1 }, must('namespaces.n.refreshAhead', '1', 'a number between 0 and 1, both excluded')],
  [{ refreshAhead: 0 }, must('namespaces.n.refreshAhead', '0', 'a number between 0 and 1, both excluded')],
  [{ earlyRefresh: 10 }, must('namespaces.n.earlyRefresh', '10', 'a number between 0 and 10, both excluded')],
  [{ jitter: 1.1 }, must('namespaces.n.jitter', '1.1', 'a number from 0 to 1')],
  [{ jitter: NaN }, must('namespaces.n.jitter', 'NaN', 'a number from 0 to 1')],
  [{ negativeTtl: '0s' }, must('namespaces.n.negativeTtl', "'0s'", duration)],
  [{ writeMode: 'back' }, must('namespaces.n.writeMode', "'back'", "one of 'through', 'behind', 'around'")],
  [{ tiers: [] }, must('namespaces.n.tiers', 'a list', 'a list with at least one tier')],
  [{ tiers: 'memory' }, must('namespaces.n.tiers', "'memory'", 'a list of texts')],
  [{ tiers: ['memroy'] }, meant('namespaces.n.tiers[0]: memroy', 'memory')],
  [{ tiers: ['memory', ''] }, must('namespaces.n.tiers[1]', "''", 'a text that is not empty')],
  [{ aliases: ['a:b'] }, '`a:b` is not a namespace name'],
  [{ maxTtl: 'forever' }, must('namespaces.n.maxTtl', "'forever'", duration)],
  [
    { license: 'ecoinvent' },
    '`namespaces.n.license` needs `namespaces.n.maxTtl`: how long the licence allows a value to be kept.',
  ],
  [{ licence: 'ecoinvent' }, meant('namespaces.n.licence', 'license')],
  [
    { version: 'a:b' },
    must('namespaces.n.version', "'a:b'", 'a number or a text of letters, digits, `_`, `-` and `.`'),
  ],
  [{ version: NaN }, must('namespaces.n.version', 'NaN', 'a number or a text of letters, digits, `_`, `-` and `.`')],
  [{ version: null }, must('namespaces.n.version', 'null', 'a number or a text of letters, digits, `_`, `-` and `.`')],
  [
    { schema: { parse: () => 1 } },
    must('namespaces.n.schema', 'a value of type object', 'a Standard Schema (zod, valibot, arktype)'),
  ],
  [{ isolation: true }, must('namespaces.n.isolation', 'true', "one of 'share', 'freeze', 'clone'")],
  [{ maxBytes: '10 mb' }, must('namespaces.n.maxBytes', "'10 mb'", size)],
  [{ maxBytes: '1tb' }, must('namespaces.n.maxBytes', "'1tb'", size)],
  [{ maxEntries: '5' }, must('namespaces.n.maxEntries', "'5'", 'a positive whole number')],
  [{ reservedBytes: 0 }, must('namespaces.n.reservedBytes', '0', size)],
  [{ tags: [1] }, must('namespaces.n.tags[0]', '1', 'a text that is not empty')],
  [{ softTimeOut: 1 }, meant('namespaces.n.softTimeOut', 'softTimeout')],
  [[], must('namespaces.n', 'a list', 'an object of options')],
]

function refusal(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

function expectRefusal(error: unknown, message: string): void {
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).code).toMatch(/^ERR_CACHE_(OPTION|CONFIG)$/)
  expect((error as ConfigError).message.slice(0, message.length)).toBe(message)
}

describe('wrong options of a manager', () => {
  test.each(wrongManagers.map(([given, message], index) => ({ name: `${index}: ${message}`, given, message })))(
    'are refused at construction, $name',
    ({ given, message }) => {
      expectRefusal(
        refusal(() => createCacheManager(given as CacheManagerOptions)),
        message,
      )
    },
  )
})

describe('wrong options of a namespace', () => {
  test.each(wrongNamespaces.map(([given, message], index) => ({ name: `${index}: ${message}`, given, message })))(
    'are refused at construction, $name',
    ({ given, message }) => {
      expectRefusal(
        refusal(() =>
          createCacheManager({ tiers: [memory(), mapTier()], namespaces: { n: given as NamespaceOptions } }),
        ),
        message,
      )
    },
  )

  test('are refused when a licence is shorter than the ttl', () => {
    const error = refusal(() =>
      createCacheManager({ tiers: [memory()], namespaces: { n: { license: 'x', maxTtl: '1h', ttl: '2h' } } }),
    )
    expect(error).toMatchObject({
      code: 'ERR_CACHE_LICENSE',
      licenseSource: 'x',
      requestedTtlMs: 7_200_000,
      maxAllowedTtlMs: 3_600_000,
      ttlHours: 2,
    })
  })

  test('are not seen where a default is longer than the licence: it is cut', async () => {
    const manager = createCacheManager({
      tiers: [memory()],
      defaults: { ttl: '2h' },
      namespaces: { n: { license: 'x', maxTtl: '1h' } },
    })
    await manager.namespace('n').set('key', 1)
    expect(await manager.namespace('n').ttl('key')).toBeLessThanOrEqual(3_600_000)
    await manager.stop()
  })
})

describe('wrong options of a call', () => {
  const manager = createCacheManager({
    tiers: [memory(), mapTier()],
    namespaces: { n: {}, local: { tiers: ['memory'] } },
    strictNamespaces: true,
  })
  const cache = manager.namespace('n')

  const read = (options: unknown): Promise<unknown> => cache.get('absent', options as ReadOptions)
  const write = (options: unknown): Promise<unknown> => cache.set('key', 1, options as WriteOptions)
  const load = (options: unknown): Promise<unknown> => cache.getOrSet('absent', () => 1, options as LoadOptions)

  const calls: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['get with an unknown tier', () => read({ tiers: ['maps'] }), meant('options.tiers[0]: maps', 'map')],
    [
      'get with a token that is none',
      () => read({ after: 'not a token' }),
      must('options.after', "'not a token'", 'the `token` of a write'),
    ],
    [
      'get with a signal that is none',
      () => read({ signal: {} }),
      must('options.signal', 'a value of type object', 'an AbortSignal'),
    ],
    ['get with a ttl', () => read({ ttl: 5 }), '`options.ttl` is not an option.'],
    ['get with null', () => read(null), must('options', 'null', 'an object of options')],
    ['set with a wrong ttl', () => write({ ttl: '1 h' }), must('options.ttl', "'1 h'", lifetime)],
    ['set with a timeout', () => write({ softTimeout: 5 }), '`options.softTimeout` is not an option.'],
    ['set with empty tags', () => write({ tags: [''] }), must('options.tags[0]', "''", 'a text that is not empty')],
    ['set with no tier', () => write({ tiers: [] }), must('options.tiers', 'a list', 'a list with at least one tier')],
    ['getOrSet with a wrong flag', () => load({ forceFresh: 1 }), must('options.forceFresh', '1', 'true or false')],
    ['getOrSet with a misspelt option', () => load({ hardTimout: 5 }), meant('options.hardTimout', 'hardTimeout')],
    ['touch with a wrong ttl', () => cache.touch('key', 0), must('ttl', '0', lifetime)],
    [
      'a namespace with a tier it does not use',
      () => manager.namespace('local').set('key', 1, { tiers: ['map'] }),
      '`options.tiers[0]: map` is not an option.',
    ],
    [
      'a namespace that is not listed',
      async () => manager.namespace('m'),
      '`namespaces.m` is not an option. Did you mean `n`?',
    ],
    ['a namespace without a name', async () => manager.namespace(''), '`` is not a namespace name'],
  ]

  test.each(calls)('are refused: %s', async (_name, call, message) => {
    expectRefusal(await call().catch((error: unknown) => error), message)
  })

  test('are refused by each call, although the same object was seen before', async () => {
    const options = Object.freeze({ ttl: -1 })
    for (let at = 0; at < 2; at++) await expect(cache.set('key', 1, options)).rejects.toBeInstanceOf(ConfigError)
  })

  test('are not kept when the object changes between two calls', async () => {
    const options = { ttl: 1000 }
    await cache.set('key', 1, options)
    options.ttl = 5000
    await cache.set('key', 1, options)
    expect(await cache.ttl('key')).toBeGreaterThan(4000)
  })

  test('that are undefined count as not given', async () => {
    await cache.set('key', 1, { ttl: undefined } as unknown as WriteOptions)
    expect(await cache.ttl('key')).toBeGreaterThan(299_000)
  })
})

describe('a wrong key', () => {
  const cache = createCacheManager({ tiers: [memory()] }).namespace('n')
  const wrong: readonly (readonly [unknown, string])[] = [
    ['', 'A key must not be empty.'],
    [undefined, 'A key must be a string, not a value of type undefined.'],
    [null, 'A key must be a string, not null.'],
    [5, 'A key must be a string, not a value of type number.'],
    ['x'.repeat(4097), 'A key must not be longer than 4096 characters, this one has 4097.'],
    ['\udc00', 'A key must be well-formed Unicode, this one contains half of a surrogate pair.'],
  ]

  test.each(wrong)('is refused by every verb that takes one: %j', async (key, message) => {
    const text = key as string
    const verbs = [
      cache.get(text),
      cache.getOrSet(text, () => 1),
      cache.getEntry(text),
      cache.set(text, 1),
      cache.setMany([[text, 1]]),
      cache.delete(text),
      cache.deleteMany([text]),
      cache.has(text),
      cache.ttl(text),
      cache.touch(text),
      cache.expire(text),
      cache.getMany([text]),
      cache.getOrSetMany([text], () => new Map()),
      cache.mutate([text], async () => 1),
    ]
    for (const verb of verbs)
      await expect(verb).rejects.toMatchObject({ name: 'KeyError', code: 'ERR_CACHE_KEY', message })
    expect(cache.peek(text)).toBeUndefined()
  })
})

describe('encryption options', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['no key', { keys: [] }],
    ['a secret that is too short', { keys: [{ id: 1, secret: new Uint8Array(16) }] }],
    ['an id out of range', { keys: [{ id: 256, secret }] }],
    [
      'two keys of one id',
      {
        keys: [
          { id: 1, secret },
          { id: 1, secret },
        ],
      },
    ],
  ]

  test.each([...wrong, ['another shape', { key: secret }] as const])(
    'are refused with %s at construction',
    (_name, encryption) => {
      const options = { tiers: [mapTier()], encryption } as unknown as CacheManagerOptions
      expect(() => createCacheManager(options)).toThrow(ConfigError)
      expect(() => createCacheManager(options)).toThrow(/^`options\.encryption/)
    },
  )
})
