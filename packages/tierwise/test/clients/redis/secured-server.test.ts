import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { inspect } from 'node:util'
import type { RedisConnectionOptions } from '../../../src/clients/redis/options.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import { startRedis, type RedisServer } from '../../../src/testing/index.ts'
import { OpenPorts, testedPackages } from './packages.ts'

const open = new OpenPorts()
const password = 'server-secret-1'
const userPassword = 'user-secret-2'
let mutual: RedisServer
let plain: RedisServer

beforeAll(async () => {
  const users = { cache: `on >${userPassword} ~cache:* +@all -@admin` }
  mutual = await startRedis({ password, users, tls: { clientCertificates: 'required' } })
  plain = await startRedis({ password, users })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await open.close()
})
afterAll(async () => {
  await Promise.all([mutual.stop(), plain.stop()])
})

async function refusalOf(port: RedisPort): Promise<unknown> {
  return port.connect().then(
    () => Promise.reject(new Error('it connected')),
    (error: unknown) => error,
  )
}

describe.each(testedPackages)('a server with security through $title', (tested) => {
  const create = (options: RedisConnectionOptions): RedisPort =>
    open.create(tested, { connectTimeout: '2s', backoff: { initial: '200ms' }, ...options }).primary

  it('is reached over TLS with a certificate of its authority and one of the client', async () => {
    const { ca, cert, key, caPath, certPath, keyPath } = mutual.tls!
    for (const tls of [
      { ca, cert, key },
      { ca: caPath, cert: certPath, key: keyPath, minVersion: 'TLSv1.3' },
    ] as const) {
      const port = create({ host: mutual.host, port: mutual.port, password, tls })
      await port.connect()
      expect(String(await port.send({ args: ['PING'] }))).toBe('PONG')
    }
    const url = `rediss://cache:${userPassword}@localhost:${mutual.port}`
    const port = create({ url, tls: { ca, cert, key } })
    await port.connect()
    expect(String(await port.send({ args: ['ACL', 'WHOAMI'] }))).toBe('cache')
  })

  it('is refused when its certificate, its name or that of the client is not right', async () => {
    const { ca, cert, key } = mutual.tls!
    const place = { host: mutual.host, port: mutual.port, password }
    const unknownAuthority = await refusalOf(create({ ...place, tls: { cert, key } }))
    expect(String(unknownAuthority)).toMatch(/certificate/i)
    const otherName = await refusalOf(create({ ...place, tls: { ca, cert, key, servername: 'elsewhere.example' } }))
    expect(String(otherName)).toMatch(/elsewhere\.example|altnames|hostname/i)
    const anonymous = await refusalOf(create({ ...place, tls: { ca } }))
    expect(anonymous).toMatchObject({ kind: 'connection' })
    const lenient = create({ ...place, tls: { cert, key, rejectUnauthorized: false } })
    await lenient.connect()
    expect(lenient.isReady).toBe(true)
  })

  it('says why it lets nobody in, and no secret is in the reason or printed', async () => {
    const printed: unknown[] = []
    for (const method of ['log', 'warn', 'error', 'info'] as const)
      vi.spyOn(console, method).mockImplementation((...args) => void printed.push(...args))
    const place = { host: plain.host, port: plain.port }
    const none = await refusalOf(create(place))
    const wrong = await refusalOf(create({ ...place, password: 'guess-secret-3' }))
    const wrongUser = await refusalOf(create({ ...place, username: 'nobody', password: userPassword }))
    expect(String(none)).toMatch(/NOAUTH/)
    expect([wrong, wrongUser].map(String)).toEqual([
      expect.stringMatching(/WRONGPASS/),
      expect.stringMatching(/WRONGPASS/),
    ])

    const limited = create({ ...place, username: 'cache', password: userPassword })
    await limited.connect()
    const denied = await limited
      .send({ args: ['SET', 'other', 'value-secret-4'], key: 'other' })
      .catch((e: unknown) => e)
    const forbidden = await limited
      .send({ args: ['CONFIG', 'SET', 'requirepass', 'new-secret-5'] })
      .catch((e: unknown) => e)
    expect([denied, forbidden]).toEqual([
      expect.objectContaining({ code: 'NOPERM' }),
      expect.objectContaining({ code: 'NOPERM' }),
    ])

    const everything = inspect([none, wrong, wrongUser, denied, forbidden, printed], { depth: 10, showHidden: true })
    expect(everything).not.toMatch(/secret-\d/)
  })
})
