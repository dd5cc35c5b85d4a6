import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backoffDelay } from '../../../src/clients/redis/back-off.ts'
import { describePlace, resolveConnection, type RedisConnection } from '../../../src/clients/redis/connection.ts'
import { readConnectionOptions } from '../../../src/clients/redis/options.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

function resolve(options: unknown, environment: Record<string, string> = {}): RedisConnection {
  return resolveConnection(readConnectionOptions(options, 'redis'), { path: 'redis', environment })
}

function refusal(options: unknown, environment: Record<string, string> = {}): { code: string; message: string } {
  try {
    resolve(options, environment)
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('it was accepted')
}

const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n'

describe('where Redis is', () => {
  it('is port 6379 of this host when nothing says otherwise', () => {
    expect(resolve({})).toEqual({
      deployment: { kind: 'single', host: 'localhost', port: 6379 },
      db: 0,
      username: undefined,
      password: undefined,
      tls: undefined,
      connections: 1,
      connectTimeoutMs: 5_000,
      readFrom: 'primary',
      backoff: { initialMs: 50, maxMs: 2_000, jitter: 0.5 },
      heartbeat: { intervalMs: 5_000, timeoutMs: 5_000 },
    })
  })

  it.each([
    ['redis://', { host: 'localhost', port: 6379 }, {}],
    ['redis://cache', { host: 'cache', port: 6379 }, {}],
    ['redis://cache/', { host: 'cache', port: 6379 }, { db: 0 }],
    ['redis://cache:7000/3', { host: 'cache', port: 7000 }, { db: 3 }],
    ['redis://:only%3Apassword@cache', { host: 'cache', port: 6379 }, { password: 'only:password' }],
    ['redis://us%40er:p%2Fw@cache', { host: 'cache', port: 6379 }, { username: 'us@er', password: 'p/w' }],
    ['rediss://[::1]:7000', { host: '::1', port: 7000 }, { tls: {} }],
  ])('is read from the URL %s', (url, place, rest) => {
    expect(resolve({ url })).toMatchObject({ deployment: { kind: 'single', ...place }, ...rest })
  })

  it('is taken from REDIS_URL, or else from the variables of its parts', () => {
    const url = 'rediss://u:p@there:1/2'
    expect(resolve({}, { REDIS_URL: url, REDIS_HOST: 'not-asked' })).toMatchObject({
      deployment: { kind: 'single', host: 'there', port: 1 },
      db: 2,
      username: 'u',
      password: 'p',
      tls: {},
    })
    const parts = { REDIS_HOST: 'here', REDIS_PORT: '7', REDIS_DB: '3', REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p' }
    expect(resolve({}, parts)).toMatchObject({
      deployment: { kind: 'single', host: 'here', port: 7 },
      db: 3,
      username: 'u',
      password: 'p',
      tls: undefined,
    })
    expect(resolve({}, { REDIS_URL: '', REDIS_HOST: '', REDIS_PORT: '8' }).deployment).toMatchObject({
      host: 'localhost',
      port: 8,
    })
  })

  it('comes from the options before the environment, whose password is not sent to another host', () => {
    const environment = { REDIS_HOST: 'env', REDIS_PASSWORD: 'env-password', REDIS_DB: '5' }
    expect(resolve({ db: 1 }, environment)).toMatchObject({
      deployment: { host: 'env' },
      db: 1,
      password: 'env-password',
    })
    expect(resolve({ host: 'own' }, environment)).toMatchObject({
      deployment: { host: 'own' },
      db: 0,
      password: undefined,
    })
    expect(resolve({ url: 'redis://own' }, environment).password).toBe(undefined)
    expect(resolve({ cluster: { nodes: [{ host: 'a' }] } }, environment)).toMatchObject({
      deployment: { kind: 'cluster', nodes: [{ host: 'a', port: 6379 }] },
      password: undefined,
    })
  })

  it('is a cluster or what Sentinels name, by the option that is given', () => {
    const nodes = [{ host: 'a' }, { host: 'b', port: 1 }]
    expect(resolve({ sentinel: { name: 'main', nodes, password: 's' }, password: 'p' })).toMatchObject({
      deployment: {
        kind: 'sentinel',
        name: 'main',
        nodes: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 1 },
        ],
        password: 's',
        tls: false,
      },
      password: 'p',
    })
    expect(resolve({ cluster: { nodes }, readFrom: 'replica' }).readFrom).toBe('replica')
  })

  it('is described without credentials, the same for the same place', () => {
    expect(describePlace(resolve({ url: 'redis://u:p@cache:7/1' }))).toBe('cache:7')
    const nodes = [{ host: 'b' }, { host: 'a' }]
    const places = [nodes, nodes.toReversed()].map((order) => describePlace(resolve({ cluster: { nodes: order } })))
    expect(places).toEqual(['cluster a:6379,b:6379', 'cluster a:6379,b:6379'])
  })
})

describe('contradictions', () => {
  it.each([
    [{ url: 'redis://a', host: 'b' }, /in 2 ways/],
    [{ url: 'redis://a', cluster: { nodes: [{ host: 'b' }] } }, /`url`, `cluster`/],
    [{ port: 1, sentinel: { name: 'n', nodes: [{ host: 'b' }] } }, /`host`, `sentinel`/],
    [{ url: 'redis://a/1', db: 2 }, /`redis.db` is another than/],
    [{ url: 'redis://:p@a', password: 'q' }, /`redis.password` is another than/],
    [{ url: 'redis://a', tls: true }, /write rediss:/],
    [{ url: 'rediss://a', tls: false }, /asks for TLS/],
    [{ tls: { cert: pem } }, /`cert` and `key` together/],
    [{ cluster: { nodes: [{ host: 'a' }] }, db: 1 }, /only database 0/],
    [{ readFrom: 'replica' }, /`sentinel` or `cluster`/],
    [{ username: 'u' }, /without a password/],
    [{ sentinel: { name: 'n', nodes: [{ host: 'b' }], tls: true } }, /`redis.tls` is not given/],
    [{ backoff: { initial: '2s', max: '1s' } }, /less than `initial`/],
  ])('are refused: %j', (options, message) => {
    const { code, message: said } = refusal(options)
    expect(code).toBe('ERR_CACHE_CONFIG')
    expect(said).toMatch(message)
  })

  it('are none when the same is said twice', () => {
    expect(resolve({ url: 'rediss://u:p@a/1', db: 1, username: 'u', password: 'p', tls: true })).toMatchObject({
      db: 1,
    })
  })
})

describe('values that cannot be', () => {
  it.each([
    [{ hots: 'a' }, /Did you mean `host`/],
    [{ port: 70_000 }, /65535/],
    [{ port: 1.5 }, /whole number/],
    [{ connections: 51 }, /from 1 to 50/],
    [{ url: 'http://a' }, /another protocol/],
    [{ url: 'redis://a/x' }, /number of a database/],
    [{ url: 'redis://a?db=1' }, /option of its own/],
    [{ url: 'not a url' }, /not a URL/],
    [{ cluster: { nodes: [] } }, /at least one/],
    [{ cluster: {} }, /`redis.cluster.nodes`/],
    [{ cluster: { nodes: [{ port: 1 }] } }, /nodes\[0\].host/],
    [{ sentinel: { nodes: [{ host: 'a' }] } }, /`redis.sentinel.name`/],
    [{ client: 'memcached' }, /'ioredis', 'node-redis', 'iovalkey'/],
    [{ tls: { ca: '/nowhere/ca.pem' } }, /`redis.tls.ca` is neither/],
    [{ tls: { minVersion: 'TLSv1' } }, /'TLSv1.2', 'TLSv1.3'/],
    [{ backoff: { jitter: 2 } }, /from 0 to 1/],
  ])('are refused: %j', (options, message) => {
    const { code, message: said } = refusal(options)
    expect(code).toBe('ERR_CACHE_OPTION')
    expect(said).toMatch(message)
  })

  it.each(['REDIS_PORT', 'REDIS_DB'])('are refused in %s', (name) => {
    expect(refusal({}, { [name]: '12x' }).message).toContain(name)
  })

  it('are never shown when they may be secret', () => {
    const wrong = [
      refusal({ url: 'redis://user:hidden%ZZ@a' }),
      refusal({ url: 'redis//user:hidden@a' }),
      refusal({}, { REDIS_URL: 'http://user:hidden@a' }),
      refusal({ password: ['hidden'] }),
      refusal({ url: 'redis://:hidden@a', password: 'hidden2' }),
      refusal({ tls: { key: 'hidden' } }),
    ]
    for (const { message } of wrong) expect(message).not.toContain('hidden')
  })
})

describe('certificates', () => {
  it('are texts or files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tierwise-pem-'))
    try {
      writeFileSync(join(folder, 'ca.pem'), pem)
      expect(resolve({ tls: { ca: join(folder, 'ca.pem'), servername: 'cache' } }).tls).toEqual({
        ca: pem,
        servername: 'cache',
      })
      expect(resolve({ tls: { ca: pem } }).tls).toEqual({ ca: pem })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the wait between two attempts', () => {
  it('doubles up to the longest, less a random share', () => {
    const backoff = { initialMs: 50, maxMs: 2_000, jitter: 0.5 }
    const full = [1, 2, 3, 6, 7, 1_000].map((attempt) => backoffDelay(backoff, attempt, () => 0))
    expect(full).toEqual([50, 100, 200, 1_600, 2_000, 2_000])
    const random = seededRandom(7)
    const drawn = Array.from({ length: 100 }, () => backoffDelay(backoff, 4, random))
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(200)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(400)
    expect(new Set(drawn).size).toBeGreaterThan(20)
  })
})
