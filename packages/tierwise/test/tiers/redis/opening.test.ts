import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../../src/base/runtime.ts'
import type { Tier } from '../../../src/contract/tier.ts'
import { TierError } from '../../../src/errors.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { redis, type RedisOptions } from '../../../src/tiers/redis/index.ts'
import { clientKinds, endHandedInClients } from './clients.ts'
import { textRecord } from './opened-tier.ts'

const secret = 'hunter2-and-a-half'
let server: RedisServer
beforeAll(async () => void (server = await startRedis({ password: secret })))
afterAll(async () => {
  await endHandedInClients()
  await server.stop()
})

function tierOf(options: RedisOptions): Tier {
  const tier = redis(options).create({ name: 'redis', prefix: 'tw', report: () => {}, ...systemRuntime() })
  if (tier.sync) throw new Error('a byte tier was expected')
  return tier
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.fail('it succeeds'),
    (error: unknown) => error,
  )
}

/** How many connections there are beside the one that asks. */
async function connections(to: RedisServer): Promise<number> {
  return (await to.command('CLIENT', 'LIST')).trim().split('\n').length - 1
}

describe.each(['ioredis', 'node-redis', 'iovalkey'] as const)('open through %s', (client) => {
  it('rejects with the address and what to do when nobody listens, and opens once somebody does', async () => {
    const other = await startRedis({ dedicated: true })
    await other.kill()
    const tier = tierOf({ client, host: '127.0.0.1', port: other.port })
    try {
      const error = await failureOf(tier.open())
      expect(error).toBeInstanceOf(TierError)
      expect(error).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', tier: 'redis', operation: 'open', retryable: true })
      expect((error as Error).message).toContain(`127.0.0.1:${other.port}`)
      expect((error as Error).message).toContain('Check that it runs')
      await other.restart()
      await tier.open()
      expect(await tier.set([textRecord('tw:1:a:1', 1)])).toEqual(['applied'])
    } finally {
      await tier.close()
      await other.stop()
    }
  })

  it('rejects for a wrong password, and shows neither the wrong one nor the right one', async () => {
    const wrong = 'a-wrong-password'
    for (const options of [
      { host: '127.0.0.1', port: server.port, password: wrong },
      { url: `redis://default:${wrong}@127.0.0.1:${server.port}/0` },
    ]) {
      const tier = tierOf({ client, ...options })
      const error = await failureOf(tier.open())
      expect(error).toBeInstanceOf(TierError)
      expect(inspect(error, { depth: 10 })).not.toMatch(/wrong-password|hunter2/)
      await tier.close()
    }
  })

  it('gives up after its time on a server that accepts and says nothing', async () => {
    const silent: Server = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const tier = tierOf({ client, host: '127.0.0.1', port, connectTimeout: 150 })
    try {
      expect(await failureOf(tier.open())).toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
    } finally {
      await tier.close()
      silent.close()
    }
  })

  it('leaves no connection behind, whether it failed or was closed, and can be opened again', async () => {
    const before = await connections(server)
    const tier = tierOf({ client, host: '127.0.0.1', port: server.port, password: secret })
    for (let round = 0; round < 3; round++) {
      await Promise.all([tier.open(), tier.open()])
      await tier.set([textRecord('tw:1:a:1', 1)])
      await Promise.all([tier.close(), tier.close()])
    }
    await failureOf(tierOf({ client, host: '127.0.0.1', port: server.port, password: 'wrong' }).open())
    await expect.poll(() => connections(server)).toBe(before)
  })

  it('does not go on trying once it has failed', async () => {
    let attempts = 0
    const closing = createServer((socket) => {
      attempts++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(closing, 'listening')
    const { port } = closing.address() as AddressInfo
    const tier = tierOf({ client, host: '127.0.0.1', port, backoff: { initial: 10, max: 20 } })
    await failureOf(tier.open())
    const before = attempts
    // Only time can show that nothing more comes; ten attempts would fit into this.
    await delay(200)
    expect(attempts).toBe(before)
    await tier.close()
    closing.close()
  })

  it('writes what is pending before it closes', async () => {
    const tier = tierOf({ client, host: '127.0.0.1', port: server.port, password: secret })
    await tier.open()
    const writes = [tier.set([textRecord('tw:1:a:last', 1)]), tier.delete(['tw:1:a:gone'], 1)]
    await tier.close()
    expect(await Promise.all(writes)).toEqual([['applied'], [false]])
    expect((await server.command('EXISTS', 'tw:1:a:last', 'tw:1:a:gone')).trim()).toBe('2')
  })
})

describe('a client that was handed in', () => {
  it('stays open when the tier is closed, with the listeners it had', async () => {
    const open = await startRedis({ dedicated: true })
    for (const kind of clientKinds.filter(({ name }) => name.includes('handed in'))) {
      const options = kind.single({ port: open.port })
      const client = options.client as unknown as { listenerCount(event: string): number; sendCommand?: unknown }
      const before = ['ready', 'error', 'close', 'end'].map((event) => client.listenerCount(event))
      const tier = tierOf(options)
      await tier.open()
      await tier.close()
      expect(['ready', 'error', 'close', 'end'].map((event) => client.listenerCount(event))).toEqual(before)
      const again = tierOf(options)
      await again.open()
      expect(await again.set([textRecord('tw:1:a:1', 1)])).toEqual(['applied'])
      await again.close()
    }
    await endHandedInClients()
    await open.stop()
  })
})
