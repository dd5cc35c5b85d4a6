import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../../../src/base/runtime.ts'
import { probeServer, type ServerProbe } from '../../../../src/clients/redis/security/server-probe.ts'
import { startRedis, tcpProxy, type RedisServer, type RedisServerOptions } from '../../../../src/testing/index.ts'

const password = 'a password of a test'
const dayMs = 86_400_000
/** A host without a network has its loopback address only; the tests then expect what is so there. */
const outside =
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
const isOutside = outside !== '127.0.0.1'

describe('probeServer', () => {
  const open: AsyncDisposable[] = []

  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()))
  })

  async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = await startRedis({ dedicated: true, ...options })
    open.push(server)
    return server
  }

  function probe(server: RedisServer, tls: object = {}): Promise<ServerProbe> {
    const trust = server.tls && { ca: server.tls.ca, ...tls }
    return probeServer({ host: server.host, port: server.port, tls: trust }, systemRuntime(), 5000)
  }

  it('sees that a server without a password serves strangers, and only of this host', async () => {
    const seen = await probe(await start())
    expect(seen).toMatchObject({ failure: undefined, servesStrangers: true, isLoopback: true, tlsVersion: undefined })
  })

  it('sees that a password turns strangers away', async () => {
    expect(await probe(await start({ password }))).toMatchObject({ servesStrangers: false, demandsCertificate: false })
  })

  it('sees that a server with ACL users still serves strangers as the default user', async () => {
    const users = { cache: `on >${'x'.repeat(20)} ~* +@all` }
    expect((await probe(await start({ users }))).servesStrangers).toBe(true)
    expect((await probe(await start({ users: { ...users, default: 'off' } }))).servesStrangers).toBe(false)
  })

  it('counts a default user without rights as one that serves strangers', async () => {
    const server = await start({ users: { default: 'on nopass ~* -@all +get' } })
    expect((await probe(server)).servesStrangers).toBe(true)
  })

  it('dates the certificates of a TLS server', async () => {
    const server = await start({ tls: true, password })
    const seen = await probe(server)
    expect(seen).toMatchObject({ servesStrangers: false, distrust: undefined, tlsVersion: 'TLSv1.3' })
    expect(seen.certificates[0]).toMatchObject({ holder: 'server', subject: 'CN=tierwise test server', daysLeft: 364 })
  })

  it('looks at a certificate that is not acceptable all the same, and says why', async () => {
    const expired = await start({ tls: { serverExpiresInMs: -2 * dayMs } })
    const seen = await probe(expired)
    expect(seen).toMatchObject({ distrust: 'CERT_HAS_EXPIRED', servesStrangers: true })
    expect(seen.certificates[0]?.daysLeft).toBeLessThan(0)

    const named = await start({ tls: { serverNames: ['elsewhere.example'] } })
    expect((await probe(named)).distrust).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect((await probe(named, { servername: 'elsewhere.example' })).distrust).toBeUndefined()
    expect((await probe(named, { servername: 'elsewhere.example', ca: [] })).distrust).toMatch(/UNABLE|SELF_SIGNED/)
  })

  it('sees that a client without a certificate is turned away, and shows its own to see more', async () => {
    for (const protocols of ['TLSv1.3', 'TLSv1.2']) {
      const config = { 'tls-protocols': protocols }
      const server = await start({ tls: { clientCertificates: 'required' }, config })
      const bare = await probe(server)
      expect(bare, protocols).toMatchObject({ servesStrangers: false, demandsCertificate: true })
      const { cert, key } = server.tls ?? {}
      const seen = await probe(server, { cert, key })
      expect(seen, protocols).toMatchObject({ failure: undefined, servesStrangers: false, demandsCertificate: true })
      expect(seen.certificates[0]?.daysLeft).toBe(364)
    }
  })

  it('fails against a server that has only TLS 1.1', async () => {
    const config = { 'tls-protocols': 'TLSv1.1', 'tls-ciphers': 'DEFAULT:@SECLEVEL=0' }
    const seen = await probe(await start({ tls: true, config }), { minVersion: 'TLSv1.2' })
    expect(seen.failure).toMatch(/PROTOCOL/)
    expect(seen.servesStrangers).toBeUndefined()
  })

  it('sees that a server is reached over the network', async () => {
    const server = await start({ config: { bind: '0.0.0.0', 'protected-mode': 'no' } })
    const target = { host: outside, port: server.port, tls: undefined }
    expect(await probeServer(target, systemRuntime(), 5000)).toMatchObject({
      isLoopback: !isOutside,
      servesStrangers: true,
    })
  })

  it('takes the refusal of the protected mode for what it is', async () => {
    const server = await start({ config: { bind: '0.0.0.0' } })
    const target = { host: outside, port: server.port, tls: undefined }
    expect(await probeServer(target, systemRuntime(), 5000)).toMatchObject({ servesStrangers: !isOutside })
  })

  it('gives up on a server that is not there, and on one that never answers', async () => {
    const server = await start()
    const proxy = await tcpProxy({ target: server })
    proxy.silence()
    const silent = { host: proxy.host, port: proxy.port, tls: undefined }
    expect((await probeServer(silent, systemRuntime(), 100)).failure).toBe('ETIMEDOUT')
    await proxy.close()
    expect((await probeServer(silent, systemRuntime(), 1000)).failure).toBe('ECONNREFUSED')
  })
})
