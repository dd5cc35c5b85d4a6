import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Cache, CacheManager } from '../../../../src/contract/cache.ts'
import { readOwed, readPlace, writeOwed, writePlace } from '../../../../src/core/journal/journal-note.ts'
import { createCacheManager } from '../../../../src/create-cache-manager.ts'
import { startRedis, type RedisServer } from '../../../../src/testing/index.ts'
import { recordBytes as diskBytes, StoredRecord } from '../../../../src/tiers/disk/record.ts'
import { memory } from '../../../../src/tiers/memory/index.ts'
import { readMessage, type ChangeMessage } from '../../../../src/tiers/redis/bus/message.ts'
import { readPosition, writePosition } from '../../../../src/tiers/redis/bus/position-text.ts'
import { redis } from '../../../../src/tiers/redis/index.ts'
import { recordBytes, tombstoneBytes } from '../../../../src/tiers/redis/record.ts'
import { portsTo, openedTier } from '../opened-tier.ts'
import { redisV1, restore } from './fixture.ts'

const bytesOf = (name: string): Buffer => Buffer.from(redisV1[name]!.string!, 'hex')
/** As `tiers/disk/record.ts` has it. */
const diskV1 = '80693b3e010000000400b6ab645d18430000e8a51af378420000003717f3784203000000000000006672616d65'
const log = redisV1['{tw:0}:log']!.stream!

describe('a database of format 1', () => {
  let server: RedisServer
  let admin: Redis
  let manager: CacheManager
  let cache: Cache<unknown>

  beforeAll(async () => {
    server = await startRedis()
    admin = new Redis({ host: server.host, port: server.port })
  })
  afterAll(async () => {
    admin.disconnect()
    await server.stop()
  })
  beforeEach(async () => {
    await admin.flushall()
    await restore(admin, redisV1)
    manager = createCacheManager({
      tiers: [memory(), redis({ host: server.host, port: server.port })],
      namespaces: { factors: { ttl: 'forever' }, cleared: { ttl: 'forever' } },
    })
    await manager.start()
    cache = manager.namespace('factors')
  })
  afterEach(() => manager.stop())

  it('gives what was set and what was loaded, with its tags and the version that the server gave', async () => {
    expect(await cache.get('changed')).toEqual({ name: 'steel', at: new Date(0) })
    expect(await cache.get('loaded')).toBe('by a load')
    expect(await cache.getEntry('changed')).toMatchObject({
      tags: ['metals'],
      version: bytesOf('tw:1:factors:changed').readDoubleBE(4),
    })
    await manager.invalidateTags(['metals'])
    expect(await cache.get('changed')).toBe(undefined)
  })

  it('gives nothing that was deleted, cleared, or whose tag was invalidated', async () => {
    for (const key of ['deleted', 'tagged', 'fenced', 'held']) expect(await cache.get(key), key).toBe(undefined)
    expect(await manager.namespace('cleared').get('k')).toBe(undefined)
  })

  it('lets what was expired stand in, and nothing else', async () => {
    expect(await cache.get('expired')).toBe(undefined)
    const failing = (): never => {
      throw new Error('the source is down')
    }
    expect(await cache.getOrSet('expired', failing, { grace: '1h' })).toBe('stale')
  })

  it('is followed by larger versions', async () => {
    const { hi } = redisV1['{tw:0}:lane']!.hash!
    await cache.set('deleted', 'again')
    expect((await cache.getEntry('deleted'))!.version).toBeGreaterThan(Number(hi))
  })

  it('tells who loads a key, who holds one, and which source version counts', async () => {
    const { tier } = await openedTier({ ports: () => portsTo({ port: server.port }) })
    const wanted = { leaseMs: 1000, newerThan: undefined, isForced: false, coldMs: 0 }
    const answers = await tier.authority.acquire(
      ['loading', 'held', 'fenced'].map((key) => ({ key: `tw:1:factors:${key}`, ...wanted })),
    )
    expect(answers).toMatchObject([{ kind: 'busy' }, { kind: 'held' }, { kind: 'granted', fence: 4711 }])
    await tier.close()
  })

  it('has a log that leads from each change to the next', () => {
    const messages = log.map(([, hex]) => readMessage(Buffer.from(hex, 'hex')) as ChangeMessage)
    const [first, ...rest] = messages
    expect(first).toMatchObject({ kind: 'changes', sequence: 1 })
    for (const [at, message] of rest.entries())
      expect(message).toMatchObject({ sequence: at + 2, before: messages[at]!.id })
    expect(messages.at(-1)!.id).toBe(redisV1['{tw:0}:lane']!.hash!['id'])
    const told = messages.flatMap(({ changes }) =>
      changes.map((change) =>
        change.kind === 'key' ? `${change.operation} ${change.key}` : `tags ${change.names.join()}`,
      ),
    )
    expect(told).toEqual([
      'set tw:1:factors:changed',
      'set tw:1:factors:deleted',
      'delete tw:1:factors:deleted',
      'set tw:1:factors:expired',
      'expire tw:1:factors:expired',
      'set tw:1:factors:tagged',
      'set tw:1:cleared:k',
      'tags factors:gone',
      'tags cleared',
      'delete tw:1:factors:fenced',
      'delete tw:1:factors:held',
    ])
  })
})

describe('bytes of format 1', () => {
  it('of records and tombstones are written as they were', () => {
    const changed = bytesOf('tw:1:factors:changed')
    expect(recordBytes(changed.readDoubleBE(4), Infinity, changed.subarray(20))).toEqual(changed)
    const deleted = bytesOf('tw:1:factors:deleted')
    expect(tombstoneBytes(deleted.readDoubleBE(4))).toEqual(deleted)
  })

  it('of a disk are read and written as they were', () => {
    const head = {
      version: 1_714_521_600_000_001,
      expiresAt: 1_714_525_200_000,
      writtenAt: 1_714_521_600_000,
      generation: 3,
    }
    expect(diskBytes(head, Buffer.from('frame')).toString('hex')).toBe(diskV1)
    expect(StoredRecord.read(Buffer.from(diskV1, 'hex'))).toMatchObject(head)
  })

  it('of notes are read and written as they were', () => {
    const owed = {
      keys: [
        { key: 'tw:1:a:k', prefix: 'tw:1:a:', version: Infinity },
        { key: 'tw:1:a:ключ', prefix: 'tw:1:a:', version: 5 },
      ],
      clears: [{ prefix: 'tw:1:b:', version: 7 }],
    }
    const owedText =
      '{"format":1,"keys":[["tw:1:a:k","tw:1:a:",null],["tw:1:a:ключ","tw:1:a:",5]],"clears":[["tw:1:b:",7]]}'
    expect(Buffer.from(writeOwed(owed)).toString()).toBe(owedText)
    expect(readOwed(Buffer.from(owedText))).toEqual(owed)
    const place = { position: '{"0":[12,"id"]}', floors: [8] }
    const placeText = '{"format":1,"position":"{\\"0\\":[12,\\"id\\"]}","floors":[8]}'
    expect(Buffer.from(writePlace(place)).toString()).toBe(placeText)
    expect(readPlace(Buffer.from(placeText), 1)).toEqual(place)
    expect(writePosition([{ sequence: 12, id: 'id' }])).toBe(place.position)
    expect(readPosition(place.position)).toEqual(new Map([[0, { sequence: 12, id: 'id' }]]))
  })

  it('of notes in a later format say nothing', () => {
    expect(readOwed(Buffer.from('{"format":2,"keys":[],"clears":[]}'))).toBe(undefined)
    expect(readPlace(Buffer.from('{"format":2,"position":"{}","floors":[8]}'), 1)).toBe(undefined)
    const later = Buffer.from(diskV1, 'hex')
    later[4] = 2
    expect(StoredRecord.read(later)).toBe(undefined)
  })
})
