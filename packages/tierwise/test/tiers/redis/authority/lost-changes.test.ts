import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../../src/clients/redis/create-ports.ts'
import type { RedisCommand, RedisPort } from '../../../../src/clients/redis/port.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/servers/index.ts'
import type { FleetTier } from '../opened-tier.ts'
import { fakeRuntime } from '../../../../src/testing/index.ts'
import { RedisFailure } from '../../../../src/clients/redis/client-failure.ts'
import { LostWrites } from '../../../../src/tiers/redis/lost-writes.ts'
import { doubted } from '../../../../src/tiers/redis/open-parts.ts'
import { recordBytes } from '../../../../src/tiers/redis/record.ts'
import { openedTier } from '../opened-tier.ts'
import { acquire, change, fill, find, frameOf, readLog, removal, replacement } from './authority-session.ts'

const key = 'tw:1:a:1'
const other = 'tw:1:a:2'
let server: RedisServer
let tier: FleetTier
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

/** What a port does, as fields of their own. */
function portOf(port: RedisPort): RedisPort {
  return {
    package: port.package,
    topology: port.topology,
    isReady: true,
    connect: () => port.connect(),
    send: (command) => port.send(command),
    primaries: () => port.primaries(),
    onConnect: (listener) => port.onConnect(listener),
    close: () => port.close(),
  }
}

/** Somebody changes the key who is gone by the time the server comes back. */
async function changedByAnother(): Promise<void> {
  const ports = { client: 'ioredis', host: '127.0.0.1', port: server.port, heartbeat: false } as const
  const { tier: another } = await openedTier({ ports: () => createRedisPorts(ports) })
  await change(another, removal(key))
  await another.close()
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

  it('are not answered by older records as long as they cannot be made again', async () => {
    await change(tier, replacement(key))
    // Where a lease should be: what the authority is asked about the key fails once the server is back.
    await server.command('SET', `~${key}`, 'not a hash')
    await server.command('SAVE')
    await server.command('DEL', `~${key}`)
    await change(tier, removal(key))
    await rollBack()
    await expect.poll(() => find(tier, other).catch(() => 'no connection'), { timeout: 10_000 }).toBeUndefined()
    expect(await server.command('STRLEN', key)).not.toBe('20')
    expect(await find(tier, key)).toBeUndefined()
    await server.command('DEL', `~${key}`)
    expect(await announced(2)).toEqual([`S ${key}`, `D ${key}`])
  })

  it('end the loads again that they had ended', async () => {
    const lease = await acquire(tier, key)
    await server.command('SAVE')
    await change(tier, removal(key))
    await rollBack()
    expect(await announced(1)).toEqual([`D ${key}`])
    expect(await fill(tier, { key, lease })).toBe('lease')
  })

  it('do not let a load through that another process had ended, though the server still knows the lease', async () => {
    const lease = await acquire(tier, key)
    await server.command('SAVE')
    await changedByAnother()
    await rollBack()
    await expect.poll(() => find(tier, other).catch(() => 'no connection'), { timeout: 10_000 }).toBeUndefined()
    expect(await server.command('HGET', `~${key}`, 'lease')).toContain(lease.split('.')[1])
    expect(await fill(tier, { key, lease })).toBe('lease')
    const next = await acquire(tier, key)
    const batch = [lease, next].map((each) => ({ key, lease: each, bytes: frameOf(key, 'x'), expiresAt: Infinity }))
    expect(await tier.authority.fill(batch)).toEqual([{ refused: 'lease' }, { version: expect.any(Number) }])
  })

  it('do not let a load through that itself connects to the server that took over', async () => {
    let connects = (): void => {}
    const { primary } = createRedisPorts({ client: 'ioredis', host: '127.0.0.1', port: server.port, heartbeat: false })
    const listeners = new Set<() => void>()
    const port = {
      ...portOf(primary),
      onConnect: (listener: () => void) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      send: (command: RedisCommand) => {
        connects()
        return primary.send(command)
      },
    }
    const { tier: another } = await openedTier({ ports: () => ({ primary: port }) })
    const lease = await acquire(another, key)
    connects = () => listeners.forEach((listener) => listener())
    expect(await fill(another, { key, lease })).toBe('lease')
    expect(await find(another, key)).toBeUndefined()
    expect(await announced(1)).toEqual([`D ${key}`])
    connects = () => {}
    expect(await fill(another, { key, lease: await acquire(another, key) })).toBeGreaterThan(0)
    await another.close()
  })

  it('of others do not bring older records back to a process that has heard of them, and are made again', async () => {
    const heard: unknown[] = []
    await change(tier, replacement(key))
    await server.command('SAVE')
    tier.bus.start({
      changed: (_lane, changes) => void heard.push(...changes),
      lost: () => {},
      confirmed: () => void heard.push('confirmed'),
      arrived: () => {},
      touched: () => {},
    })
    await expect.poll(() => heard).toContain('confirmed')
    await changedByAnother()
    await expect.poll(() => heard).toContainEqual(expect.objectContaining({ operation: 'delete', key }))
    // Only what is noted by the tier itself is made again from here on.
    await tier.bus.stop()
    await rollBack()
    await expect.poll(() => find(tier, key).catch(() => 'no connection'), { timeout: 10_000 }).toBeUndefined()
    expect(await announced(2)).toEqual([`S ${key}`, `D ${key}`])
  })

  it('are not looked for where only a load was lost', async () => {
    const stale = await change(tier, replacement(key))
    await server.command('SAVE')
    await fill(tier, { key, lease: await acquire(tier, key, { newerThan: stale }) })
    await rollBack()
    await expect.poll(() => find(tier, key).catch(() => undefined), { timeout: 10_000 }).toMatchObject({ value: 'set' })
  })
})

describe('a command', () => {
  const record = recordBytes(4, Infinity, Buffer.from('x'))
  const noted = (): LostWrites => {
    const lost = new LostWrites({ runtime: fakeRuntime(), removeOlder: () => new Promise(() => {}) })
    lost.note(key, 5)
    return lost
  }

  it('without an answer puts in doubt what was confirmed, and one that was refused does not', () => {
    for (const [kind, isBelieved] of [
      ['connection', false],
      ['reply', true],
    ] as const) {
      const parts = { lost: noted(), lostChanges: noted() }
      const failure = new RedisFailure('failed', kind, undefined)
      expect(doubted(parts, failure)).toBe(failure)
      expect([parts.lost.believes(key, record), parts.lostChanges.believes(key, record)]).toEqual([
        isBelieved,
        isBelieved,
      ])
    }
  })
})
