import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { TierDefinition } from '../../src/contract/tier.ts'
import { seededRandom, startPostgres, startRedis, tcpProxy } from '../../src/testing/index.ts'
import type { PostgresServer, RedisServer, TcpProxy } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { postgres } from '../../src/tiers/postgres/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { FaultyNetwork } from './faulty-network.ts'
import { RealModel } from './real-model.ts'

/** How long each chain is worked on, and with which numbers; a run that fails names its seed. */
const forMs = Number(process.env['REAL_MODEL_MS'] ?? 3000)
const seed = Number(process.env['REAL_MODEL_SEED'] ?? Date.now() % 2 ** 31)

let server: RedisServer
let database: PostgresServer
beforeAll(async () => {
  ;[server, database] = await Promise.all([startRedis({ dedicated: true }), startPostgres()])
})
afterAll(() => Promise.all([server.stop(), database.stop()]))

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await server.command('FLUSHALL')
})

async function proxyTo(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const proxy = await tcpProxy({ target })
  cleanups.push(() => proxy.close())
  return proxy
}

function redisThrough({ host, port }: TcpProxy, client: 'ioredis' | 'node-redis'): TierDefinition {
  return redis({ client, host, port, backoff: { max: 100 }, heartbeat: { interval: 200, timeout: 200 } })
}

async function run(tiers: readonly TierDefinition[], proxies: readonly TcpProxy[]): Promise<void> {
  const random = seededRandom(seed)
  const model = new RealModel(tiers, random)
  cleanups.push(() => model.manager.stop())
  const network = new FaultyNetwork(proxies, server, random)
  await Promise.all([model.work(forMs), network.trouble(forMs)])
  console.log(`seed ${seed}: ${model.calls} calls; faults ${JSON.stringify(network.counts)}`)
  expect((await model.end()).slice(0, 5), `seed ${seed}`).toEqual([])
}

describe('random work with a faulty network answers nothing older than what was confirmed', () => {
  const timeout = forMs + 40_000

  test('over redis', { timeout }, async () => {
    const proxy = await proxyTo(server)
    await run([redisThrough(proxy, 'ioredis')], [proxy])
  })

  test('over memory and redis', { timeout }, async () => {
    const proxy = await proxyTo(server)
    await run([memory(), redisThrough(proxy, 'node-redis')], [proxy])
  })

  test('over memory, redis and postgres', { timeout }, async () => {
    const proxies = [await proxyTo(server), await proxyTo(database)] as const
    const url = new URL(database.url)
    url.port = String(proxies[1].port)
    await run([memory(), redisThrough(proxies[0], 'ioredis'), postgres({ url: String(url), package: 'pg' })], proxies)
  })
})
