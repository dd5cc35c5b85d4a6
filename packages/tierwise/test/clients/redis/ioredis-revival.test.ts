import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../../src/base/runtime.ts'
import type { IoredisClient } from '../../../src/clients/redis/client-shapes.ts'
import { IoredisLink } from '../../../src/clients/redis/ioredis-link.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { until } from './until.ts'

let server: RedisServer
beforeEach(async () => void (server = await startRedis()))
afterEach(() => server.stop())

describe('a link over a client of ioredis', () => {
  it('starts the client again that has given up, until the link is destroyed', async () => {
    const client = new Redis(server.url, { lazyConnect: true })
    const link = new IoredisLink(client as unknown as IoredisClient, {
      timers: systemRuntime().timers,
      pauseMs: () => 5,
    })
    let times = 0
    link.watch({ ready: () => times++, failed: () => {} })
    link.start()
    await until(() => times === 1)
    // What the package does by itself when it hears of a failover while it is being connected.
    client.disconnect()
    await until(() => times === 2)
    expect(link.isReady).toBe(true)
    await link.destroy()
    expect(client.status).toBe('end')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(client.status).toBe('end')
  })
})
