import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { readLanePage } from '../../../src/tiers/redis/bus/lane-page.ts'
import { singleLayout } from '../../../src/tiers/redis/key-layout.ts'
import { laneNames } from '../../../src/tiers/redis/lane.ts'
import { change, readLog, removal } from './authority/authority-session.ts'
import { openedTier, portsTo, type FleetTier } from './opened-tier.ts'

const names = laneNames('tw', singleLayout, 0)
let server: RedisServer
let admin: Redis
beforeAll(async () => {
  server = await startRedis({ dedicated: true })
  admin = new Redis({ port: server.port })
})
afterAll(async () => {
  admin.disconnect()
  await server.stop()
})
beforeEach(() => admin.flushall())

async function opened(): Promise<FleetTier> {
  const { tier } = await openedTier({ ports: () => portsTo(server) })
  onTestFinished(() => tier.close())
  return tier
}

describe('a lane whose head was evicted and whose log was not', () => {
  it('begins a new history with the next change', async () => {
    const tier = await opened()
    for (let changes = 0; changes < 3; changes++) await change(tier, removal('tw:1:a:1'))
    await admin.del(names.head)
    await change(tier, removal('tw:1:a:1'))
    expect((await readLog(admin)).map(({ sequence }) => sequence)).toEqual([1])
  })

  it('begins it when it is looked at', async () => {
    const tier = await opened()
    for (let changes = 0; changes < 3; changes++) await change(tier, removal('tw:1:a:1'))
    await admin.del(names.head)
    const { primary } = portsTo(server)
    await primary.connect()
    onTestFinished(() => primary.close())
    const page = await readLanePage(primary, names, { from: 1, newId: 'new' })
    expect(page).toEqual({ head: { sequence: 0, id: 'new' }, messages: [] })
    await change(tier, removal('tw:1:a:1'))
    expect((await readLog(admin)).map(({ sequence }) => sequence)).toEqual([1])
  })
})

describe('a table of tags that was lost', () => {
  it('begins above all that it has given before, and says that it knows of nothing older', async () => {
    const { tags } = await opened()
    const before = await tags.invalidate(['a:t'], 0)
    await admin.del('{tw:tags}')
    const after = await tags.invalidate(['a:u'], 0)
    expect(after).toBeGreaterThan(before)
    const { clock, floor } = await tags.load()
    expect(clock).toBe(after)
    expect(floor).toBe(after)
  })
})
