import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { fakeRuntime } from '../../../src/testing/fake-runtime.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { createdTier, openedTier, portsTo } from './opened-tier.ts'

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())

describe('clockOffsetMs', () => {
  it('is unknown before the tier is open, and close to nothing on the same host', async () => {
    const { tier } = createdTier({ ports: () => portsTo({ port: server.port }) })
    expect(tier.clockOffsetMs).toBeUndefined()
    await tier.open()
    expect(Math.abs(tier.clockOffsetMs ?? Infinity)).toBeLessThan(50)
    await tier.close()
  })

  it('tells how far this process is behind', async () => {
    const runtime = fakeRuntime({ now: Date.now() - 5000 })
    const { tier } = await openedTier({ ports: () => portsTo({ port: server.port }), runtime })
    expect(tier.clockOffsetMs).toBeGreaterThan(4900)
    expect(tier.clockOffsetMs).toBeLessThan(6000)
    await tier.close()
  })

  it('is measured again with every connection', async () => {
    const runtime = fakeRuntime({ now: Date.now() })
    const { tier } = await openedTier({ ports: () => portsTo({ port: server.port }), runtime })
    const before = tier.clockOffsetMs ?? 0
    await runtime.advance(60_000)
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
    await vi.waitFor(() => expect(tier.clockOffsetMs).toBeLessThan(before - 50_000), { timeout: 5000 })
    await tier.close()
  })
})
