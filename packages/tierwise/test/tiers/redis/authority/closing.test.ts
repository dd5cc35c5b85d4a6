import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import { openedTier, portsTo } from '../opened-tier.ts'
import { change, removal } from './authority-session.ts'

const key = 'tw:1:a:1'
let server: RedisServer
beforeEach(async () => void (server = await startRedis({ dedicated: true })))
afterEach(() => server.stop())

describe('closing the tier', () => {
  it('lets end what the authority was asked', async () => {
    const { tier } = await openedTier({ ports: () => portsTo(server) })
    const changed = Promise.all([change(tier, removal(key)), change(tier, removal(key))])
    const later = Promise.resolve().then(() => change(tier, removal('tw:1:a:2')))
    await Promise.resolve()
    await tier.close()
    expect(await Promise.all([changed, later])).toHaveLength(2)
  })

  it('ends the search for lost changes, and leaves no timer', async () => {
    const runtime = fakeRuntime({ now: Date.now() })
    const { tier } = await openedTier({ ports: () => portsTo(server), runtime })
    await change(tier, removal(key))
    await server.kill()
    await expect(change(tier, removal(key))).rejects.toThrow()
    expect(runtime.pendingTimers.map(({ description }) => description).join('\n')).toContain('lost-writes')
    await tier.close()
    expect(runtime.pendingTimers).toEqual([])
  })
})
