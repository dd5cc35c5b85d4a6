import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../../src/clients/redis/create-ports.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import type { RedisTier } from '../../../../src/tiers/redis/redis-tier.ts'
import { openedTier } from '../opened-tier.ts'
import { acquire, change, fill, find, readLog, removal, replacement } from './authority-session.ts'

const key = 'tw:1:a:1'
const other = 'tw:1:a:2'
let server: RedisServer
let tier: RedisTier
beforeEach(async () => {
  server = await startRedis({ dedicated: true })
  const ports = {
    client: 'ioredis',
    host: '127.0.0.1',
    port: server.port,
    heartbeat: false,
    backoff: { max: 100 },
  } as const
  tier = (await openedTier({ ports: () => createRedisPorts(ports) })).tier
})
afterEach(async () => {
  await tier.close()
  await server.stop()
})

/** The server ends, and comes back with what it had saved. */
async function rollBack(): Promise<void> {
  await server.kill()
  await server.restart()
}

/** What the server has announced since it came back, once it has announced that much. */
async function announced(count: number): Promise<unknown[]> {
  const admin = new Redis({ port: server.port })
  const operations = async (): Promise<unknown[]> =>
    (await readLog(admin)).flatMap(({ changes }) => changes.map(([operation, name]) => `${operation} ${String(name)}`))
  await expect.poll(operations, { timeout: 10_000 }).toHaveLength(count)
  const result = await operations()
  admin.disconnect()
  return result
}

describe('changes that the server confirmed and then lost', () => {
  it('do not bring older records back to the process that made them, and are made again', async () => {
    await change(tier, replacement(key))
    await change(tier, replacement(other))
    await server.command('SAVE')
    await change(tier, removal(key))
    await rollBack()
    await expect.poll(() => find(tier, key).catch(() => 'no connection'), { timeout: 10_000 }).toBeUndefined()
    expect(await announced(3)).toEqual([`S ${key}`, `S ${other}`, `D ${key}`])
    expect((await find(tier, other))?.value, 'what was not lost stays').toBe('set')
  })

  it('end the loads again that they had ended', async () => {
    const lease = await acquire(tier, key)
    await server.command('SAVE')
    await change(tier, removal(key))
    await rollBack()
    expect(await announced(1)).toEqual([`D ${key}`])
    expect(await fill(tier, { key, lease })).toBe('lease')
  })

  it('are not looked for where only a load was lost', async () => {
    const stale = await change(tier, replacement(key))
    await server.command('SAVE')
    await fill(tier, { key, lease: await acquire(tier, key, { newerThan: stale }) })
    await rollBack()
    await expect.poll(() => find(tier, key).catch(() => undefined), { timeout: 10_000 }).toMatchObject({ value: 'set' })
  })
})
