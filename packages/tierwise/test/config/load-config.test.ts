import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/errors.ts'
import { createCacheManagerFromConfig, findConfig, loadConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'

const memory = 'tiers: { memory: }\n'

describe('a configuration in YAML', () => {
  const yaml = `prefix: shop
tiers:
  memory:
    maxBytes: 10mb
  disk:
    path: .cache
defaults:
  ttl: 1m
namespaces:
  prices: { ttl: 10s, maxTtl: 30s }
profiles:
  development: { tiers: { disk: false } }
  production: { defaults: { ttl: 1h } }
`

  test('becomes a manager that stores and answers', async () => {
    const cwd = folderWith({ 'tierwise.config.yaml': yaml })
    const manager = await createCacheManagerFromConfig({ cwd, profile: 'development', env: {} })
    const prices = manager.namespace<number>('prices')
    await prices.set('gold', 2400)
    expect(await prices.get('gold')).toBe(2400)
    expect(await prices.ttl('gold')).toBeLessThanOrEqual(10_000)
    await prices.set('silver', 29, { ttl: '1h' })
    expect(await prices.ttl('silver')).toBeLessThanOrEqual(30_000)
    await manager.stop()
  })

  test('is resolved for its profile', async () => {
    const cwd = folderWith({ 'tierwise.config.yaml': yaml })
    const loaded = await loadConfig({ cwd, profile: 'production', env: {} })
    expect(loaded).toMatchObject({
      file: join(cwd, 'tierwise.config.yaml'),
      profile: 'production',
      profiles: ['development', 'production'],
      notices: [],
    })
    expect(loaded.config).toEqual({
      prefix: 'shop',
      tiers: { memory: { type: 'memory', maxBytes: '10mb' }, disk: { type: 'disk', path: '.cache' } },
      chain: ['memory', 'disk'],
      defaults: { ttl: '1h' },
      namespaces: { prices: { ttl: '10s', maxTtl: '30s' } },
    })
  })

  test('may repeat itself through anchors and merge keys', async () => {
    const text = `tiers: { memory: }
application:
  usual: &usual { ttl: 1m, tags: [all] }
  other: &other { ttl: 9m, jitter: 0.2, tags: [other], maxTtl: 1d }
namespaces:
  a: *usual
  b: { <<: *usual, ttl: 2m }
  c: { jitter: 0.1, <<: [*usual, *other] }
`
    const { config } = await loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text }), env: {} })
    expect(config.namespaces).toEqual({
      a: { ttl: '1m', tags: ['all'] },
      b: { ttl: '2m', tags: ['all'] },
      c: { ttl: '1m', tags: ['all'], jitter: 0.1, maxTtl: '1d' },
    })
  })

  test('may have a byte order mark and lines of Windows', async () => {
    const cwd = folderWith({ 'tierwise.config.yml': '\uFEFFtiers:\r\n  memory:\r\nprefix: shop\r\n' })
    expect((await loadConfig({ cwd, env: {} })).config.prefix).toBe('shop')
  })

  test('does not reach a prototype', async () => {
    const json = '{ "tiers": { "memory": {} }, "application": { "constructor": { "prototype": { "polluted": 1 } } } }'
    await loadConfig({ cwd: folderWith({ 'tierwise.config.json': json }), env: {} })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

describe('the file', () => {
  const load = (cwd: string, source: object = {}): Promise<unknown> => loadConfig({ cwd, env: {}, ...source })

  test('is found in the folder and in its config', async () => {
    const here = folderWith({ 'tierwise.config.json': '{}' })
    expect(await findConfig(here)).toBe(join(here, 'tierwise.config.json'))
    const below = folderWith({ 'config/tierwise.config.mts': '' })
    expect(await findConfig(below)).toBe(join(below, 'config/tierwise.config.mts'))
    expect(await findConfig(folderWith({ 'tierwise.config.toml': '' }))).toBeUndefined()
  })

  test('is refused when there are two', async () => {
    const cwd = folderWith({ 'tierwise.config.json': '{}', 'config/tierwise.config.yaml': '' })
    await expect(load(cwd)).rejects.toThrow(
      new ConfigError(
        `There is more than one configuration: ${join(cwd, 'tierwise.config.json')}, ${join(cwd, 'config/tierwise.config.yaml')}. Keep one of them, or name the one that is meant.`,
        { code: 'ERR_CACHE_CONFIG' },
      ),
    )
    await expect(load(cwd, { file: 'tierwise.config.json' })).rejects.toThrow(
      'tierwise.config.json  tiers  has no tier',
    )
  })

  test('is missed when there is none', async () => {
    const cwd = folderWith({})
    await expect(load(cwd)).rejects.toThrow(
      `There is no configuration in ${cwd} or its folder config. Write a tierwise.config.yaml (or ts, mts, js, mjs, json, yaml, yml), or name the file.`,
    )
  })

  test.each([
    { file: 'absent.yaml', says: 'absent.yaml  does not exist.' },
    { file: 'folder.yaml', says: 'folder.yaml  is a folder; name the file.' },
    { file: 'cache.ini', says: 'cache.ini  is none of .ts, .mts, .js, .mjs, .json, .yaml and .yml.' },
  ])('is refused when it is $file', async ({ file, says }) => {
    const cwd = folderWith({ 'cache.ini': '' })
    mkdirSync(join(cwd, 'folder.yaml'))
    await expect(load(cwd, { file })).rejects.toMatchObject({ message: says, code: 'ERR_CACHE_CONFIG' })
  })

  test('is that of TIERWISE_CONFIG unless one is given', async () => {
    const cwd = folderWith({
      'tierwise.config.yaml': `${memory}prefix: found`,
      'named.yaml': `${memory}prefix: named`,
      'given.yaml': `${memory}prefix: given`,
    })
    const env = { TIERWISE_CONFIG: 'named.yaml' }
    expect((await loadConfig({ cwd, env: {} })).config.prefix).toBe('found')
    expect((await loadConfig({ cwd, env })).config.prefix).toBe('named')
    expect((await loadConfig({ cwd, env, file: 'given.yaml' })).config.prefix).toBe('given')
  })

  test('is named as it was reached, whole where it is elsewhere', async () => {
    const cwd = folderWith({ 'a/b.yaml': '' })
    await expect(load(cwd, { file: 'a/b.yaml' })).rejects.toThrow(/^a\/b\.yaml {2}is empty/)
    await expect(load(join(cwd, 'c'), { file: '../a/b.yaml' })).rejects.toThrow(`${join(cwd, 'a/b.yaml')}  is empty`)
  })
})

describe('what is not wrong and still worth knowing', () => {
  test('is a namespace that lives for ever without a cap', async () => {
    const text = `${memory}governance:
  dataClasses: { capped: { maxTtl: 1d }, endless: { ttl: forever } }
namespaces:
  a: { ttl: forever }
  b: { dataClass: endless }
  c: { dataClass: endless, maxTtl: 1h, ttl: 1h }
  d: { dataClass: capped }
`
    const { notices } = await loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text }), env: {} })
    expect(notices.map((notice) => notice.text)).toEqual([
      'tierwise.config.yaml:5:3  namespaces.a  keeps entries for ever: its ttl is `forever`, and it has no `maxTtl`.',
      'tierwise.config.yaml:6:3  namespaces.b  keeps entries for ever: its ttl is `forever`, and it has no `maxTtl`.',
    ])
  })

  test('is a list of tiers that the chain shortens', async () => {
    const text = `tiers: { memory: , disk: { path: a } }
namespaces: { a: { tiers: [memory, disk] } }
profiles: { testing: { tiers: { disk: false } } }
`
    const cwd = folderWith({ 'tierwise.config.yaml': text })
    const { notices, config } = await loadConfig({ cwd, profile: 'testing', env: {} })
    expect(config.namespaces).toEqual({ a: { tiers: ['memory'] } })
    expect(notices.map((notice) => notice.text)).toEqual([
      'tierwise.config.yaml:2:20  namespaces.a.tiers  goes without disk: not in the chain (memory).',
    ])
  })
})
