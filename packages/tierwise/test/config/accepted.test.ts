import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ConfigFileError, createCacheManagerFromConfig, loadConfig } from '../../src/config/index.ts'
import { createCacheManager, getCacheManager, initializeCacheManager, shutdownCacheManager } from '../../src/index.ts'
import { folderWith } from './config-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'tierwise-accepted-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const duration = fc.oneof(
  fc.integer({ min: 1, max: 1e9 }),
  fc
    .tuple(fc.integer({ min: 1, max: 90 }), fc.constantFrom('ms', 's', 'm', 'h', 'd'))
    .map(([n, unit]) => `${n}${unit}`),
)
const orOff = fc.oneof(duration, fc.constant(false))
const size = fc
  .tuple(fc.integer({ min: 1, max: 64 }), fc.constantFrom('kb', 'mb', 'gb'))
  .map(([n, unit]) => `${n}${unit}`)
const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })
const name = fc.constantFrom('a', 'b', 'c', 'd.e', 'f-g', 'h_1')
const tierList = fc.subarray(['memory', 'disk'], { minLength: 1 })
const word = fc.constantFrom('x', 'y:*', 'z[ab]', '*')

/** A few of these options: with all of them at once hardly any set would be free of contradictions. */
function few(
  options: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  most: number,
): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .subarray(Object.keys(options), { maxLength: most })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((each) => [each, options[each] as fc.Arbitrary<unknown>]))),
    )
}

const life = {
  ttl: fc.oneof(duration, fc.constant('forever')),
  grace: orOff,
  graceBackoff: duration,
  softTimeout: orOff,
  hardTimeout: orOff,
  refreshAhead: fc.oneof(share, fc.constant(false)),
  earlyRefresh: fc.oneof(share, fc.constant(false)),
  jitter: share,
  negativeTtl: orOff,
  writeMode: fc.constantFrom('through', 'behind', 'around'),
}
const coherence = {
  coherence: fc.constantFrom('off', 'eventual', 'bounded'),
  maxStaleness: fc.oneof(duration, fc.integer({ min: 1, max: 5000 })),
  lease: duration,
  mutateTimeout: duration,
  sourceLag: orOff,
}
const rules = {
  tiers: tierList,
  maxTtl: duration,
  minTtl: duration,
  ttlBounds: fc.constantFrom('clamp', 'reject'),
  license: fc.constant('ecoinvent'),
  requiredTags: fc.array(word, { maxLength: 2 }),
  keyFormat: fc.constantFrom('[a-z]+', '\\d+', '('),
  maxKeyLength: fc.integer({ min: 1, max: 5000 }),
  maxValueBytes: size,
}
const dataClass = { ...rules, ttl: life.ttl, grace: life.grace, jitter: life.jitter }
const keyRule = fc
  .tuple(few({ ...dataClass, dataClass: name }, 2), word)
  .map(([options, match]) => ({ ...options, match }))
const namespace = few(
  {
    ...life,
    ...coherence,
    ...rules,
    dataClass: name,
    keyRules: fc.array(keyRule, { maxLength: 2 }),
    governance: fc.constantFrom('off', 'warn', 'enforce'),
    tenant: fc.constantFrom('none', 'required'),
    failure: fc.constantFrom('open', 'closed'),
    adaptiveTtl: fc.oneof(fc.constant(false), fc.record({ min: duration, max: duration })),
    aliases: fc.subarray(['n1', 'n2', 'a']),
    version: fc.oneof(fc.integer(), fc.constantFrom('v1', '2.0')),
    isolation: fc.constantFrom('share', 'freeze', 'clone'),
    maxBytes: size,
    maxEntries: fc.integer({ min: 1, max: 1000 }),
    reservedBytes: size,
    tags: fc.array(word, { maxLength: 2 }),
    raw: fc.record({ keyPrefix: fc.constantFrom('', 'p:'), values: fc.constantFrom('json', 'text') }),
  },
  5,
)
const guard = {
  tierTimeout: duration,
  connectTimeout: duration,
  retries: fc.integer({ min: 0, max: 5 }),
  maxInFlight: fc.integer({ min: 1, max: 1000 }),
  breaker: fc.record(
    { failures: fc.integer({ min: 1, max: 9 }), failureRate: share, openFor: duration },
    { requiredKeys: [] },
  ),
}
const config = fc.record(
  {
    tiers: fc.record(
      { memory: fc.record({ maxBytes: size, maxEntries: fc.integer({ min: 1, max: 99 }) }, { requiredKeys: [] }) },
      { requiredKeys: ['memory'] },
    ),
    withDisk: fc.boolean(),
    prefix: name,
    defaults: fc.record({ ...life, ...coherence, isolation: fc.constantFrom('share', 'freeze') }, { requiredKeys: [] }),
    governance: fc.record(
      {
        mode: fc.constantFrom('off', 'warn', 'enforce'),
        dataClasses: fc.dictionary(name, few(dataClass, 3), { maxKeys: 2 }),
      },
      { requiredKeys: [] },
    ),
    namespaces: fc.dictionary(name, namespace, { maxKeys: 3 }),
    strictNamespaces: fc.boolean(),
    guards: fc.dictionary(fc.constantFrom('memory', 'disk'), fc.record(guard, { requiredKeys: [] })),
    codec: fc.constantFrom('msgpack', 'json'),
    maxRefreshes: fc.integer({ min: 1, max: 99 }),
    ...guard,
  },
  { requiredKeys: ['tiers', 'withDisk'] },
)

describe('what the schema takes', () => {
  test('is never refused by createCacheManager', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
    let taken = 0
    await fc.assert(
      fc.asyncProperty(config, async ({ withDisk, tiers, ...rest }) => {
        const all = withDisk ? { ...tiers, disk: { path: folder } } : tiers
        const cwd = folderWith({ 'tierwise.config.yaml': stringify({ ...rest, tiers: all }) })
        const loaded = await loadConfig({ cwd, env: {} }).catch((error: unknown) => {
          if (error instanceof ConfigFileError) return undefined
          throw error
        })
        if (loaded === undefined) return
        taken++
        createCacheManager(await loaded.createOptions())
      }),
      { seed, numRuns: 400 },
    )
    expect(taken, `seed ${seed}`).toBeGreaterThan(50)
  })
})

describe('the options of a configuration', () => {
  test('carry keys for encryption, and nothing that only the file knows', async () => {
    const secret = Buffer.alloc(32, 7).toString('base64')
    const text = `tiers: { memory: , disk: { path: ${folder}/keys } }
encryption: { keys: [{ id: 3, secret: '${secret}' }] }
warming: { onStart: true }
monitoring: { interval: 5s }
invalidation: { on: { a: { tags: [b] } } }
application: { a: 1 }
namespaces: { a: { ttl: 1m } }
`
    const loaded = await loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text }), env: {} })
    const options = await loaded.createOptions()
    expect(Object.keys(options).toSorted()).toEqual(['encryption', 'namespaces', 'tiers'])
    expect(options.encryption).toEqual({ keys: [{ id: 3, secret: new Uint8Array(32).fill(7) }] })
    expect(options.tiers.map(({ name: tier }) => tier)).toEqual(['memory', 'disk'])
    expect((await loaded.createOptions()).tiers[0]).not.toBe(options.tiers[0])
    expect(loaded.config.monitoring).toEqual({ interval: '5s' })
  })

  test('name the tier that refuses its own', async () => {
    const text = 'tiers:\n  memory:\n  postgres: { url: "postgres://db/a", dataDir: b }\n'
    const loaded = await loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text }), env: {} })
    await expect(loaded.createOptions()).rejects.toMatchObject({
      name: 'ConfigFileError',
      message:
        'tierwise.config.yaml:3:3  tiers.postgres  is refused: `postgres` names several connections: url, dataDir. Give one.',
    })
  })
})

describe('the default manager', () => {
  test('is made of a configuration file by its name', async () => {
    const cwd = folderWith({ 'a.yaml': 'tiers: { memory: }\nstrictNamespaces: true\nnamespaces: { a: { ttl: 1m } }\n' })
    const manager = await initializeCacheManager(join(cwd, 'a.yaml'))
    expect(getCacheManager()).toBe(manager)
    expect(() => manager.namespace('b')).toThrow('b')
    await expect(initializeCacheManager(join(cwd, 'b.yaml'))).rejects.toThrow('b.yaml  does not exist.')
    await manager.namespace('a').set('still', 1)
    expect(getCacheManager()).toBe(manager)
    await shutdownCacheManager()
  })

  test('is made of the file that is found without a name', async () => {
    const cwd = folderWith({ 'tierwise.config.yaml': 'preset: memory\nnamespaces: { a: { ttl: 1m } }\n' })
    const manager = await createCacheManagerFromConfig({ cwd, env: {} })
    await manager.namespace('a').set('k', 1)
    expect(await manager.namespace('a').get('k')).toBe(1)
    await manager.stop()
  })
})
