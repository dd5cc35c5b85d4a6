import { setImmediate, setTimeout } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { createRedisManager } from '../../../../src/clients/redis/manager/index.ts'
import type { RedisServer } from '../../../../src/testing/index.ts'
import { opened } from './opened.ts'

/** Every eleventh ends in the middle of connecting; a thousand others go the whole way. */
const cycles = 1100
const complete = 1000
const atOnce = 10
const packages = ['ioredis', 'node-redis', 'iovalkey'] as const

describe('starting and stopping', () => {
  const { server: start } = opened()

  it(`leaves no connection, timer and socket behind over ${complete} cycles and ${cycles - complete} that are cut short`, async () => {
    const server = await start()
    // The first cycle loads the packages, which keep what they need.
    for (const client of packages) await cycle(server, client, 0)
    await vi.waitFor(async () => expect(await openConnections(server)).toBe(0))
    const resources = countResources()
    const connectedBefore = await totalConnections(server)

    let next = 0
    const lanes = Array.from({ length: atOnce }, async () => {
      for (let index = next++; index < cycles; index = next++)
        await cycle(server, packages[index % packages.length] ?? 'ioredis', index)
    })
    await Promise.all(lanes)

    await vi.waitFor(async () => expect(await openConnections(server)).toBe(0), 5000)
    expect((await totalConnections(server)) - connectedBefore).toBeGreaterThanOrEqual(complete)
    expect(await leftOver(resources)).toEqual({})
  }, 60_000)

  it('leaves nothing behind when no attempt succeeds', async () => {
    const server = await start({ password: 'the right one' })
    await failToConnect(server)
    await vi.waitFor(async () => expect(await openConnections(server)).toBe(0))
    const resources = countResources()
    for (let round = 0; round < 20; round++) await failToConnect(server)
    await vi.waitFor(async () => expect(await openConnections(server)).toBe(0), 5000)
    expect(await leftOver(resources)).toEqual({})
  })
})

async function cycle({ host, port }: RedisServer, client: (typeof packages)[number], index: number): Promise<void> {
  const health = { interval: index % 5 === 0 ? '30s' : false } as const
  await using manager = createRedisManager({ host, port, client, health, commandTimeout: '10s', connectTimeout: '10s' })
  if (index % 11 === 10) {
    void manager.connect().catch(() => {})
    // Somewhere between the first packet and the last.
    for (let turn = 0; turn < index % 12; turn++) await setImmediate()
    return
  }
  await manager.connect()
  if (index % 3 === 0) await manager.increment('cycles')
}

async function failToConnect({ host, port }: RedisServer): Promise<void> {
  const attempts = packages.map((client) =>
    createRedisManager({ host, port, client, password: 'a wrong one', connectTimeout: '10s' }).connect(),
  )
  for (const outcome of await Promise.allSettled(attempts)) expect(outcome.status).toBe('rejected')
}

async function openConnections(server: RedisServer): Promise<number> {
  const list = await server.command('CLIENT', 'LIST')
  return list.split('\n').filter((line) => !line.includes('cmd=client|list')).length
}

async function totalConnections(server: RedisServer): Promise<number> {
  const stats = await server.command('INFO', 'stats')
  return Number(/total_connections_received:(\d+)/.exec(stats)?.[1])
}

/** What is there beyond what was before, after up to a few seconds of rest. `vi.waitFor` has timers of its own, which would count. */
async function leftOver(before: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  for (let round = 0; ; round++) {
    const more = Object.entries(countResources()).filter(([name, count]) => count > (before[name] ?? 0))
    if (more.length === 0 || round === 250) return Object.fromEntries(more)
    await setTimeout(20)
  }
}

/** What keeps the process busy, by kind; pipes and processes belong to the server and its command line client. */
function countResources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo())
    if (/TCP|TLS|Timeout|DNS|GetAddrInfo/.test(name)) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
