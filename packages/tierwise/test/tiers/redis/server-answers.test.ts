import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import type { FleetTier } from './opened-tier.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { numbered, openedTier, readTexts, textRecord, portsTo } from './opened-tier.ts'

const key = 'tw:1:a:1'
let server: RedisServer
let tier: FleetTier
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  tier = (await openedTier({ ports: () => portsTo({ port: server.port }) })).tier
})
afterEach(() => tier.close())

describe('scripts', () => {
  it('are sent in full once, and by digest from then on', async () => {
    await server.command('SCRIPT', 'FLUSH')
    await resetCounts(server)
    for (let version = 1; version <= 5; version++) await tier.set([textRecord(key, version)])
    const counts = await commandCounts(server)
    expect(counts['eval']).toBe(1)
    expect(counts['evalsha']).toBe(5)
  })

  it('survive a server that forgets them between two calls', async () => {
    await tier.set([textRecord(key, 1)])
    await server.command('SCRIPT', 'FLUSH')
    expect(await tier.set([textRecord(key, 2, { text: 'second' })])).toEqual(['applied'])
    await server.command('SCRIPT', 'FLUSH')
    expect(await tier.delete([key], 3)).toEqual([true])
    expect(await tier.set([textRecord(key, 2)])).toEqual(['superseded'])
  })

  it('survive being forgotten under many parallel writes, in order', async () => {
    const keys = numbered('tw:1:a:', 30)
    for (let round = 1; round <= 5; round++) {
      const writes = keys.map((each) => tier.set([textRecord(each, round, { text: `round ${round}` })]))
      await server.command('SCRIPT', 'FLUSH')
      expect(new Set((await Promise.all(writes)).flat())).toEqual(new Set(['applied']))
    }
    expect(new Set(await readTexts(tier, keys))).toEqual(new Set(['round 5']))
  })
})

describe('the script of the authority', () => {
  it('survives being forgotten, and runs once all the same', async () => {
    for (let order = 1; order <= 5; order++) {
      await server.command('SCRIPT', 'FLUSH')
      const answers = await tier.authority.change([{ key, operation: 'delete', order }])
      expect(answers).toMatchObject([{ position: { lane: 0, sequence: order } }])
    }
  })
})

describe('expiry', () => {
  it('is told to the server, so that records and tombstones go by themselves', async () => {
    await tier.set([textRecord(key, 1, { expiresAt: Date.now() + 60_000 }), textRecord('tw:1:a:2', 1)])
    await tier.delete(['tw:1:a:3'], 5)
    const lives = await Promise.all([key, 'tw:1:a:2', 'tw:1:a:3'].map((each) => server.command('PTTL', each)))
    const [record = 0, endless, tombstone = 0] = lives.map(Number)
    expect(record).toBeGreaterThan(55_000)
    expect(record).toBeLessThanOrEqual(60_000)
    expect(endless).toBe(-1)
    expect(tombstone).toBeGreaterThan(295_000)
    expect(tombstone).toBeLessThanOrEqual(300_000)
  })

  it('ends a record on the server at its time', async () => {
    await tier.set([textRecord(key, 1, { expiresAt: Date.now() + 30 })])
    await expect.poll(() => server.command('EXISTS', key), { timeout: 2000, interval: 10 }).toBe('0')
  })

  it('leaves the version of a record that was over before it was written', async () => {
    expect(await tier.set([textRecord(key, 9, { expiresAt: 1 })])).toEqual(['applied'])
    expect(await tier.set([textRecord(key, 8)])).toEqual(['superseded'])
    expect(await readTexts(tier, [key])).toEqual([undefined])
  })
})

describe('a server that refuses', () => {
  afterEach(async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    await server.command('REPLICAOF', 'NO', 'ONE')
  })

  it('rejects a write when its memory is full, and still takes deletions, clears and tag invalidations', async () => {
    await tier.set([textRecord(key, 1), textRecord('tw:1:a:2', 1)])
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    await expect(tier.set([textRecord('tw:1:a:3', 2)])).rejects.toThrow('OOM')
    expect(await tier.delete([key], 2)).toEqual([true])
    expect(await tier.delete(['tw:1:a:never'], 2)).toEqual([false])
    const { clock } = await tier.tags.load()
    expect(await tier.tags.invalidate(['red'], 0)).toBeGreaterThanOrEqual(clock)
    await tier.clear('tw:1:a:', 2)
    expect(await readTexts(tier, [key, 'tw:1:a:2'])).toEqual([undefined, undefined])
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await tier.set([textRecord(key, 1)])).toEqual(['superseded'])
  })

  it('fails only the callers of the records that found no memory', async () => {
    await tier.set([textRecord(key, 1)])
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    const [write, deletion] = await Promise.allSettled([tier.set([textRecord('tw:1:a:2', 2)]), tier.delete([key], 2)])
    expect(write.status).toBe('rejected')
    expect(deletion).toEqual({ status: 'fulfilled', value: [true] })
  })

  it('rejects writes on a read-only replica with the error of the server, and answers reads', async () => {
    await tier.set([textRecord(key, 1)])
    await server.command('CONFIG', 'SET', 'replica-serve-stale-data', 'yes')
    await server.command('REPLICAOF', '127.0.0.1', '1')
    await expect(tier.set([textRecord(key, 2)])).rejects.toThrow(/^READONLY/)
    await expect(tier.delete([key], 2)).rejects.toThrow(/^READONLY/)
    await expect(tier.clear('tw:', 2)).rejects.toThrow(/READONLY/)
    expect(await readTexts(tier, [key])).toEqual([`text of ${key}`])
  })

  it('rejects writes while the server cannot save, with its error', async () => {
    await tier.set([textRecord(key, 1)])
    const [, folder = ''] = (await server.command('CONFIG', 'GET', 'dir')).trim().split('\n')
    // Saving ends with a rename, and a file cannot take the place of a folder.
    await mkdir(join(folder, 'dump.rdb'))
    await server.command('CONFIG', 'SET', 'save', '3600 1')
    try {
      await server.command('BGSAVE')
      await expect.poll(() => server.command('INFO', 'persistence')).toContain('rdb_last_bgsave_status:err')
      await expect(tier.set([textRecord(key, 2)])).rejects.toThrow(/^MISCONF/)
      expect(await readTexts(tier, [key])).toEqual([`text of ${key}`])
    } finally {
      await rmdir(join(folder, 'dump.rdb'))
      await server.command('CONFIG', 'SET', 'save', '')
    }
  })
})
