import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, it } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { redis, type RedisOptions } from '../../../src/tiers/redis/index.ts'

describe('redis()', () => {
  it('is named, is not compressed, and tells where it goes without credentials', () => {
    const definition = redis({ url: 'redis://user:geheim@cache.internal:7000/3' })
    expect(definition.name).toBe('redis')
    expect(definition.compression).toBeUndefined()
    expect(definition.identity).toBe('redis cache.internal:7000/3')
  })

  it('takes a name and compression', () => {
    expect(redis({ name: 'far', compression: { algorithm: 'gzip' } })).toMatchObject({
      name: 'far',
      compression: { algorithm: 'gzip' },
    })
    expect(redis({ compression: false }).compression).toBeUndefined()
  })

  it.each([
    [{ lane: 3 }, 'lanes'],
    [{ lanes: 0 }, 'redis.lanes'],
    [{ lanes: 1.5 }, 'redis.lanes'],
    [{ tombstoneTtl: 'soon' }, 'redis.tombstoneTtl'],
    [{ maxReplicaLag: -1 }, 'redis.maxReplicaLag'],
    [{ compression: 'gzip' }, 'redis.compression'],
    [{ client: 'jedis' }, 'redis.client'],
    [{ client: {} }, 'redis.client'],
    [{ name: '' }, 'redis.name'],
    [{ url: 'http://cache' }, 'redis.url'],
  ] as readonly [object, string][])('refuses %j and names the option', (options, named) => {
    expect(() => redis(options as RedisOptions)).toThrow(named)
  })

  it('refuses a client beside other ways to connect', () => {
    const client = new Redis({ lazyConnect: true })
    expect(() => redis({ client, host: 'cache.internal' })).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_CONFIG', message: expect.stringContaining('redis.host') as string }),
    )
    expect(redis({ client, connectTimeout: '1s' }).name).toBe('redis')
  })

  it('has the same identity for the same server and database, however it was given', () => {
    const places = [
      redis({ host: '10.0.0.1', port: 7000, db: 2 }),
      redis({ url: 'redis://:secret@10.0.0.1:7000/2' }),
      redis({ client: new Redis({ host: '10.0.0.1', port: 7000, db: 2, lazyConnect: true }) }),
      redis({ client: createClient({ url: 'redis://10.0.0.1:7000/2' }) }),
      redis({ client: createClient({ socket: { host: '10.0.0.1', port: 7000 }, database: 2 }) }),
    ]
    expect(new Set(places.map(({ identity }) => identity)).size).toBe(1)
    expect(redis({ host: '10.0.0.1', port: 7000, db: 3 }).identity).not.toBe(places[0]?.identity)
    expect(() => createCacheManager({ tiers: [redis({ host: 'a' }), redis({ host: 'a', name: 'other' })] })).toThrow(
      'the same store',
    )
  })
})
