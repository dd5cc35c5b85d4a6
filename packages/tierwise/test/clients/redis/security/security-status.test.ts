import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createRedisManager, type RedisManager } from '../../../../src/clients/redis/manager/index.ts'
import type { RedisManagerOptions } from '../../../../src/clients/redis/manager/options.ts'
import type { RedisSecurityStatus } from '../../../../src/clients/redis/security/index.ts'
import { startRedis, type RedisServer, type RedisServerOptions } from '../../../../src/testing/index.ts'

const dayMs = 86_400_000
const strong = 'sixteen letters or more'
const leastRights = '~* &* +@all -@admin -@dangerous +info'
const cacheUser = { username: 'cache', password: strong }

function users(rules: string, password = strong): Readonly<Record<string, string>> {
  return { default: 'off', cache: `on #${sha256(password)} ${rules}` }
}

describe('securityStatus', () => {
  const open: AsyncDisposable[] = []

  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  })

  async function start(options: RedisServerOptions): Promise<RedisServer> {
    const server = await startRedis({ dedicated: true, ...options })
    open.push(server)
    return server
  }

  function managerOf({ host, port, tls }: RedisServer, options: RedisManagerOptions = {}): RedisManager {
    const trust = tls && { ca: tls.ca, ...(typeof options.tls === 'object' ? options.tls : {}) }
    const manager = createRedisManager({
      host,
      port,
      health: { interval: false },
      ...options,
      ...(trust && { tls: trust }),
    })
    open.push(manager)
    return manager
  }

  async function statusOf(
    server: RedisServerOptions,
    client: RedisManagerOptions = {},
  ): Promise<
    RedisSecurityStatus & { readonly lost: Readonly<Record<string, number>>; readonly codes: readonly string[] }
  > {
    const manager = managerOf(await start(server), client)
    await manager.connect()
    const status = await manager.securityStatus()
    return { ...status, ...summary(status) }
  }

  it('gives 100 points to TLS, an ACL user with few rights, a long password and a certificate of a year', async () => {
    const status = await statusOf({ tls: true, users: users(leastRights) }, cacheUser)
    expect(status).toMatchObject({ score: 100, level: 'high', secure: true, findings: [], recommendations: [] })
    expect(status).toMatchObject({ user: 'cache', tlsVersion: 'TLSv1.3', maxScore: 100 })
    expect(status.certificates.map(({ holder }) => holder)).toEqual(['server', 'authority'])
  })

  it('has a table of points that adds up to 100', async () => {
    const { points } = await statusOf({})
    expect(points.reduce((sum, { possible }) => sum + possible, 0)).toBe(100)
  })

  it('takes points for each weakness by itself', async () => {
    const good = { tls: true, users: users(leastRights) }
    const cases: [string, RedisServerOptions, RedisManagerOptions, Record<string, number>, string[]][] = [
      [
        'the default user',
        { ...good, users: {}, password: strong },
        { password: strong },
        { user: 10, permissions: 10 },
        ['dangerous-permissions', 'default-user'],
      ],
      ['all rights', { ...good, users: users('~* +@all') }, cacheUser, { permissions: 10 }, ['dangerous-permissions']],
      [
        'one right too many',
        { ...good, users: users(`${leastRights} +flushall +acl|getuser`) },
        cacheUser,
        { permissions: 10 },
        ['dangerous-permissions'],
      ],
      [
        '15 letters',
        { ...good, users: users(leastRights, 'fifteen letters') },
        { username: 'cache', password: 'fifteen letters' },
        { secret: 5 },
        ['password-short'],
      ],
      [
        '11 letters',
        { ...good, users: users(leastRights, 'elf letters') },
        { username: 'cache', password: 'elf letters' },
        { secret: 10 },
        ['password-short'],
      ],
      [
        'no verification',
        good,
        { ...cacheUser, tls: { rejectUnauthorized: false } },
        { verification: 10 },
        ['verification-off'],
      ],
      [
        'a certificate of 80 days',
        { ...good, tls: { serverExpiresInMs: 80 * dayMs } },
        cacheUser,
        { certificate: 5 },
        ['certificate-expires'],
      ],
      [
        'a certificate of 20 days',
        { ...good, tls: { serverExpiresInMs: 20 * dayMs } },
        cacheUser,
        { certificate: 10 },
        ['certificate-expires'],
      ],
      [
        'a certificate of 5 days',
        { ...good, tls: { serverExpiresInMs: 5 * dayMs } },
        cacheUser,
        { certificate: 15 },
        ['certificate-expires'],
      ],
      [
        'no TLS',
        { ...good, tls: false },
        cacheUser,
        { encryption: 20, verification: 10, 'tls-version': 5, certificate: 15 },
        ['unencrypted'],
      ],
      [
        'an open default user',
        { ...good, users: { cache: users(leastRights)['cache'] ?? '' } },
        cacheUser,
        { authentication: 20, secret: 10 },
        ['no-authentication'],
      ],
    ]
    for (const [name, server, client, lost, codes] of cases) {
      const status = await statusOf(server, client)
      expect([name, status.lost, status.codes]).toEqual([name, lost, codes])
    }
  })

  it('says how far the end of a certificate is', async () => {
    const { findings } = await statusOf({ tls: { serverExpiresInMs: 20 * dayMs } })
    const found = findings.find(({ code }) => code === 'certificate-expires')
    expect(found).toMatchObject({ severity: 'warning', message: expect.stringContaining('expires in 19 days') })
  })

  it('dates the certificate of this client as well', async () => {
    const server = await start({ tls: { clientCertificates: 'required', clientExpiresInMs: 20 * dayMs } })
    const { certPath: cert = '', keyPath: key = '' } = server.tls ?? {}
    const manager = managerOf(server, { tls: { cert, key } })
    await manager.connect()
    const status = await manager.securityStatus()
    expect(status.certificates.map(({ holder }) => holder)).toEqual(['server', 'authority', 'client'])
    expect(summary(status).lost).toEqual({ user: 10, permissions: 10, certificate: 10 })
    expect(status).toMatchObject({ level: 'high', secure: true })
  })

  it('tells of an expired certificate, which lets nobody connect', async () => {
    const manager = managerOf(await start({ tls: { serverExpiresInMs: -dayMs }, password: strong }), {
      password: strong,
    })
    await expect(manager.connect()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    const status = await manager.securityStatus()
    expect(status.secure).toBe(false)
    expect(summary(status).codes).toEqual(['certificate-refused', 'certificate-expired', 'permissions-unknown'])
    expect(manager.securityEvents()).toMatchObject([
      { kind: 'certificate', code: 'CERT_HAS_EXPIRED', operation: 'connect' },
    ])
  })

  it('tells of a certificate for another name', async () => {
    const manager = managerOf(await start({ tls: { serverNames: ['elsewhere.example'] } }))
    await expect(manager.connect()).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(summary(await manager.securityStatus()).codes).toContain('certificate-refused')
    const right = managerOf(await start({ tls: { serverNames: ['elsewhere.example'] } }), {
      tls: { servername: 'elsewhere.example' },
    })
    await right.connect()
    expect(summary(await right.securityStatus()).codes).not.toContain('certificate-refused')
  })

  it('is not secure with a certificate that would be refused, though verification is off', async () => {
    const status = await statusOf(
      { tls: { serverExpiresInMs: -dayMs }, users: users(leastRights) },
      { ...cacheUser, tls: { rejectUnauthorized: false } },
    )
    expect(status).toMatchObject({ score: 75, secure: false, level: 'medium' })
    expect(status.codes).toEqual(['certificate-refused', 'certificate-expired', 'verification-off'])
  })

  it('refuses a server that has only TLS 1.1', async () => {
    const config = { 'tls-protocols': 'TLSv1.1', 'tls-ciphers': 'DEFAULT:@SECLEVEL=0' }
    const manager = managerOf(await start({ tls: true, config }))
    await expect(manager.connect()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    expect(summary(await manager.securityStatus()).codes).toContain('unreachable')
    expect(manager.securityEvents()[0]?.kind).toBe('tls')
  })

  it('is low without encryption and password, and says that it stays on this host', async () => {
    const status = await statusOf({})
    expect(status).toMatchObject({ level: 'low', score: 0, secure: false, user: 'default' })
    expect(status.codes).toEqual(['no-authentication', 'dangerous-permissions', 'default-user', 'unencrypted'])
  })

  it('is critical on a server that listens everywhere, protects nothing and asks nobody', async () => {
    const status = await statusOf({ config: { bind: '0.0.0.0', 'protected-mode': 'no' } })
    expect(status.findings[0]).toMatchObject({ code: 'exposed', severity: 'critical' })
    const guarded = await statusOf({ config: { bind: '0.0.0.0' }, password: strong }, { password: strong })
    expect(guarded.findings.find(({ code }) => code === 'exposed')?.severity).toBe('info')
  })

  it('does not believe a password that the server does not ask for', async () => {
    const manager = managerOf(await start({}), { password: strong })
    await manager.connect().catch(() => {})
    expect((await manager.securityStatus()).level).toBe('low')
  })

  it('knows a user who may not even ask who it is', async () => {
    const status = await statusOf({ tls: true, users: users('~* +@read +@write +@connection') }, cacheUser)
    expect(status).toMatchObject({ score: 100, user: 'cache' })
  })

  it('lets connect() refuse a connection that is not secure enough, and leaves nothing open', async () => {
    const server = await start({ password: strong })
    const strict = managerOf(server, { password: strong, minimumSecurity: 'high' })
    await expect(strict.connect()).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_OPEN',
      message: expect.stringContaining('is medium, less than high'),
    })
    expect(strict.isConnected).toBe(false)
    await managerOf(server, { password: strong, minimumSecurity: 'medium' }).connect()
  })
})

function summary({ points, findings }: RedisSecurityStatus): {
  readonly lost: Readonly<Record<string, number>>
  readonly codes: readonly string[]
} {
  const lost = points.filter(({ earned, possible }) => earned < possible)
  return {
    lost: Object.fromEntries(lost.map(({ criterion, earned, possible }) => [criterion, possible - earned])),
    codes: findings.map(({ code }) => code),
  }
}

/** Rules are words, so a password with spaces goes in as its digest. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
