import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import type { LoadedConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'

function load(text: string, env: Record<string, string>): Promise<LoadedConfig> {
  return loadConfig({ cwd: folderWith({ 'tierwise.config.yaml': text }), env })
}

const all = 'tiers: { memory: , redis: { host: cache }, disk: { path: a } }\n'

describe('CACHE_BACKEND', () => {
  test.each([
    { backend: 'memory', text: all, chain: ['memory'] },
    { backend: 'redis', text: all, chain: ['redis'] },
    { backend: 'hybrid', text: all, chain: ['memory', 'redis'] },
    { backend: 'hybrid', text: 'tiers: { disk: { path: a } }\n', chain: ['memory', 'redis'] },
    { backend: 'memory', text: 'tiers: { near: { type: memory } }\n', chain: ['near'] },
    { backend: 'redis', text: 'preset: memory\n', chain: ['redis'] },
    { backend: 'memory', text: 'prefix: shop\nprofiles: { other: { prefix: a } }\n', chain: ['memory'] },
  ])('$backend makes $chain of $text', async ({ backend, text, chain }) => {
    const { config } = await load(text, { CACHE_BACKEND: backend })
    expect(config.chain).toEqual(chain)
    expect(Object.keys(config.tiers)).toEqual(chain)
  })

  test('is a notice when it changes the chain', async () => {
    const { notices } = await load(all, { CACHE_BACKEND: 'memory' })
    expect(notices.map(({ text }) => text)).toEqual([
      'tierwise.config.yaml  chain  is memory instead of memory, redis, disk, because of CACHE_BACKEND.',
    ])
    expect((await load('preset: generic\n', { CACHE_BACKEND: 'hybrid' })).notices).toEqual([])
  })

  test('takes the need for variables away with a tier', async () => {
    const { config } = await load('tiers: { memory: , redis: { password: "${NONE}" } }\n', { CACHE_BACKEND: 'memory' })
    expect(config.chain).toEqual(['memory'])
  })
})

describe('variables of the cache', () => {
  test('win over the file, and say so', async () => {
    const text = `tiers: { memory: { maxBytes: 1mb }, disk: { path: a } }
defaults: { ttl: 1m }
warming: { onStart: false }
`
    const { config, notices } = await load(text, {
      CACHE_WARM_ON_STARTUP: 'True',
      CACHE_DEFAULT_TTL: '1h',
      CACHE_MEMORY_SIZE: '5mb',
      CACHE_COMPRESSION_THRESHOLD: '2048',
    })
    expect(config).toMatchObject({
      tiers: { memory: { maxBytes: '5mb' }, disk: { compression: { threshold: 2048 } } },
      defaults: { ttl: '1h' },
      warming: { onStart: true },
    })
    expect(notices.map((notice) => notice.text)).toEqual([
      'tierwise.config.yaml:1:30  tiers.memory.maxBytes  does not hold, because of CACHE_MEMORY_SIZE.',
      'tierwise.config.yaml:2:18  defaults.ttl  does not hold, because of CACHE_DEFAULT_TTL.',
      'tierwise.config.yaml:3:21  warming.onStart  does not hold, because of CACHE_WARM_ON_STARTUP.',
    ])
  })

  test('are not there when they are empty', async () => {
    const env = { CACHE_BACKEND: '', CACHE_WARM_ON_STARTUP: '', CACHE_DEFAULT_TTL: ' ', REDIS_HOST: '' }
    const { config, notices } = await load(all, env)
    expect([config.chain, notices]).toEqual([['memory', 'redis', 'disk'], []])
  })
})

describe('variables of Redis', () => {
  test.each([
    {
      what: 'a host and its companions',
      env: { REDIS_HOST: 'redis-staging', REDIS_PORT: '6380', REDIS_DB: '2', REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p' },
      tier: { host: 'redis-staging', port: 6380, db: 2, username: 'u', password: 'p' },
    },
    { what: 'a URL before a host', env: { REDIS_URL: 'redis://a', REDIS_HOST: 'b' }, tier: { url: 'redis://a' } },
    {
      what: 'a cluster',
      env: { REDIS_HOST: 'redis-cluster', REDIS_CLUSTER: 'True' },
      tier: { cluster: { nodes: [{ host: 'redis-cluster' }] } },
    },
    {
      what: 'several nodes of a cluster',
      env: { REDIS_HOST: 'a:7000, b', REDIS_PORT: '7001', REDIS_CLUSTER: '1', REDIS_AUTH: 'p' },
      tier: {
        cluster: {
          nodes: [
            { host: 'a', port: 7000 },
            { host: 'b', port: 7001 },
          ],
        },
        password: 'p',
      },
    },
    { what: 'TLS', env: { REDIS_HOST: 'a', REDIS_USE_TLS: 'true' }, tier: { host: 'a', tls: true } },
    { what: 'nothing', env: {}, tier: {} },
  ])('place a tier that the file does not place: $what', async ({ env, tier }) => {
    const { config } = await load('tiers: { redis: }\n', env as Record<string, string>)
    expect(config.tiers['redis']).toEqual({ type: 'redis', ...tier })
  })

  test('say nothing of a tier that the file places', async () => {
    const env = { REDIS_HOST: 'other', REDIS_PASSWORD: 'p', REDIS_CLUSTER: 'true' }
    expect((await load('tiers: { redis: { host: cache } }\n', env)).config.tiers['redis']).toEqual({
      type: 'redis',
      host: 'cache',
    })
  })

  test('fill in what the file leaves open beside them', async () => {
    const { config } = await load('tiers: { redis: { password: own } }\n', { REDIS_HOST: 'a', REDIS_PASSWORD: 'p' })
    expect(config.tiers['redis']).toEqual({ type: 'redis', host: 'a', password: 'own' })
  })
})

test('DATABASE_URL places a PostgreSQL tier that the file does not place', async () => {
  const env = { DATABASE_URL: 'postgres://db/app' }
  const { config } = await load('tiers: { postgres: , other: { type: postgres, dataDir: a } }\n', env)
  expect(config.tiers).toEqual({
    postgres: { type: 'postgres', url: 'postgres://db/app' },
    other: { type: 'postgres', dataDir: 'a' },
  })
})
