import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/index.ts'
import type { ResolvedConfig } from '../../src/config/index.ts'
import { folderWith } from './config-files.ts'

async function resolve(text: string, profile?: string, env: Record<string, string> = {}): Promise<ResolvedConfig> {
  const cwd = folderWith({ 'tierwise.config.yaml': text })
  return (await loadConfig({ cwd, env, ...(profile === undefined ? {} : { profile }) })).config
}

describe('the profile that holds', () => {
  const text = `tiers: { memory: }
prefix: base
profiles:
  given: { prefix: given }
  named: { prefix: named }
  usual: { prefix: usual }
`
  test.each([
    { profile: 'given', env: { TIERWISE_PROFILE: 'named', NODE_ENV: 'usual' }, prefix: 'given' },
    { env: { TIERWISE_PROFILE: 'named', NODE_ENV: 'usual' }, prefix: 'named' },
    { env: { TIERWISE_PROFILE: '', NODE_ENV: 'usual' }, prefix: 'usual' },
    { env: { NODE_ENV: 'test' }, prefix: 'base' },
    { env: {}, prefix: 'base' },
  ])('is $prefix with $env', async ({ profile, env, prefix }) => {
    expect((await resolve(text, profile, env as Record<string, string>)).prefix).toBe(prefix)
  })
})

describe('a profile', () => {
  test('is laid over the one it extends, and that over the file', async () => {
    const text = `tiers: { memory: { maxBytes: 1mb, maxEntries: 10 } }
defaults: { ttl: 1m, grace: 1h, jitter: 0.1 }
profiles:
  production: { extends: shared, tiers: { memory: { maxBytes: 3mb } } }
  shared: { defaults: { grace: 2h }, tiers: { memory: { maxBytes: 2mb } } }
`
    expect(await resolve(text, 'production')).toMatchObject({
      tiers: { memory: { maxBytes: '3mb', maxEntries: 10 } },
      defaults: { ttl: '1m', grace: '2h', jitter: 0.1 },
    })
  })

  test('replaces lists, and takes tiers and namespaces out', async () => {
    const text = `tiers: { memory: , disk: { path: a } }
namespaces: { a: { tags: [x, y] }, b: { ttl: 1m } }
profiles:
  testing: { tiers: { disk: false }, namespaces: { a: { tags: [z] }, b: false } }
  again: { extends: testing, tiers: { disk: { path: b } } }
`
    expect(await resolve(text, 'testing')).toMatchObject({ chain: ['memory'], namespaces: { a: { tags: ['z'] } } })
    expect((await resolve(text, 'testing')).namespaces).not.toHaveProperty('b')
    expect(await resolve(text, 'again')).toMatchObject({ chain: ['memory', 'disk'], tiers: { disk: { path: 'b' } } })
  })

  test('says nothing by an empty entry', async () => {
    const text = `tiers: { memory: { maxBytes: 1mb } }
namespaces: { a: { ttl: 1m } }
profiles: { testing: { tiers: { memory: }, namespaces: { a: } }, production: }
`
    const config = { tiers: { memory: { maxBytes: '1mb' } }, namespaces: { a: { ttl: '1m' } } }
    expect(await resolve(text, 'testing')).toMatchObject(config)
    expect(await resolve(text, 'production')).toMatchObject(config)
  })

  test('replaces the place of a store, and the type of a tier', async () => {
    const text = `tiers:
  redis: { host: localhost, port: 6380, lanes: 8 }
  far: { type: disk, path: a }
profiles:
  production:
    tiers:
      redis: { cluster: { nodes: [{ host: c1 }] } }
      far: { type: postgres, url: 'postgres://db/a' }
  staging: { tiers: { redis: { port: 6381 } } }
`
    expect((await resolve(text, 'production')).tiers).toEqual({
      redis: { type: 'redis', lanes: 8, cluster: { nodes: [{ host: 'c1' }] } },
      far: { type: 'postgres', url: 'postgres://db/a' },
    })
    expect((await resolve(text, 'staging')).tiers['redis']).toMatchObject({ host: 'localhost', port: 6381 })
  })

  test('that others extend is judged as a part of them only', async () => {
    const text = `tiers: { memory: }
profiles:
  shared: { tiers: { redis: { sentinel: { nodes: [{ host: s1 }] } } } }
  staging: { extends: shared, tiers: { redis: { sentinel: { name: staging } } } }
`
    expect((await resolve(text)).chain).toEqual(['memory'])
    expect((await resolve(text, 'staging')).chain).toEqual(['memory', 'redis'])
    await expect(resolve(text, 'shared')).rejects.toThrow('profiles.shared.tiers.redis.sentinel.name  is missing')
  })

  test('that does not hold needs none of its variables', async () => {
    const text = `tiers: { memory: }
profiles:
  production: { tiers: { redis: { url: '\${REDIS}', port: '\${PORT}' } }, maxRefreshes: '\${MANY}' }
`
    expect((await resolve(text)).chain).toEqual(['memory'])
  })
})

describe('the chain', () => {
  test('is in the order of the file, or in the one that it says', async () => {
    const tiers = 'tiers: { memory: , near: { type: disk, path: a }, far: { type: disk, path: b } }\n'
    expect((await resolve(tiers)).chain).toEqual(['memory', 'near', 'far'])
    const chosen = await resolve(`${tiers}chain: [far, near]\n`)
    expect(chosen.chain).toEqual(['far', 'near'])
    expect(Object.keys(chosen.tiers)).toEqual(['near', 'far'])
  })

  test('needs no variables of tiers that it leaves out', async () => {
    const text = 'tiers: { memory: , redis: { password: "${REDIS_PASSWORD}" } }\nchain: [memory]\n'
    expect((await resolve(text)).tiers).toEqual({ memory: { type: 'memory' } })
  })
})

describe('a preset', () => {
  test('is what the rest is laid on', async () => {
    const text = `preset: three-layer
tiers: { redis: { host: cache }, disk: { path: /var/cache } }
defaults: { ttl: 1m }
`
    expect(await resolve(text)).toEqual({
      preset: 'three-layer',
      chain: ['memory', 'redis', 'disk'],
      tiers: {
        memory: { type: 'memory', maxBytes: '100mb' },
        redis: { type: 'redis', host: 'cache' },
        disk: { type: 'disk', path: '/var/cache' },
      },
      defaults: { ttl: '1m', grace: '1h', softTimeout: '200ms', hardTimeout: '5s' },
    })
  })

  test('can be another in a profile, without some of its tiers', async () => {
    const text =
      'preset: memory\nprofiles: { production: { preset: full, tiers: { postgres: false, redisCluster: { cluster: { nodes: [{ host: c }] } } } } }\n'
    expect((await resolve(text)).chain).toEqual(['memory'])
    const production = await resolve(text, 'production')
    expect(production.chain).toEqual(['memory', 'redis', 'redisCluster', 'disk'])
    expect(production.tiers['redis']).toEqual({ type: 'redis', scope: 'host' })
  })
})
