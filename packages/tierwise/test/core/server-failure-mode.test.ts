import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createCacheManager } from '../../src/create-cache-manager.ts'
import { startRedis, tcpProxy } from '../../src/testing/index.ts'
import type { RedisServer, TcpProxy } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'

let server: RedisServer
let proxy: TcpProxy
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  proxy = await tcpProxy({ target: server })
})
afterAll(async () => {
  await proxy.close()
  await server.stop()
})

test('a list of revoked tokens is never read as empty while its server is away', { timeout: 40_000 }, async () => {
  const manager = createCacheManager({
    tiers: [memory(), redis({ host: proxy.host, port: proxy.port, backoff: { max: 100 } })],
    namespaces: { revoked: { tiers: ['redis'], failure: 'closed', ttl: '1h' } },
    breaker: { openFor: 300 },
  })
  await manager.start()
  const revoked = manager.namespace<boolean>('revoked')
  await revoked.set('token:1', true)
  const unavailable = { code: 'ERR_CACHE_UNAVAILABLE', namespace: 'revoked' }

  await proxy.refuse()
  proxy.cut()
  // With the breakers closed at first, and open later.
  for (let call = 0; call < 20; call++) {
    await expect(revoked.get('token:1')).rejects.toMatchObject(unavailable)
    await expect(revoked.has('token:2')).rejects.toMatchObject(unavailable)
    await expect(revoked.set('token:3', true)).rejects.toMatchObject(unavailable)
  }

  await proxy.pass()
  // Real time has to pass until the client has connected again and a probe was answered.
  const endsAt = performance.now() + 20_000
  let answer: unknown
  do {
    await sleep(50)
    answer = await revoked.get('token:1').catch((error: unknown) => error)
  } while (answer instanceof Error && performance.now() < endsAt)
  expect(answer).toBe(true)
  await manager.stop()
})
