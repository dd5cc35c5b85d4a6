import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as nodeRedis from 'redis'
import { describe, expect, it } from 'vitest'
import { createRedisPorts } from '../../../src/clients/redis/create-ports.ts'
import { detectClient } from '../../../src/clients/redis/detect-client.ts'
import {
  findPackage,
  installedNames,
  loadPackage,
  redisPackageVersions,
} from '../../../src/clients/redis/load-package.ts'
import { ConfigError } from '../../../src/errors.ts'
import { rawClient, rawCluster, testedPackages } from './packages.ts'

describe('the packages', () => {
  it('are peers in the versions that the constant says', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')
    const { peerDependencies, peerDependenciesMeta } = JSON.parse(text) as Record<string, Record<string, unknown>>
    for (const name of Object.values(installedNames)) {
      expect(redisPackageVersions[name]).toBe(peerDependencies?.[name])
      expect(peerDependenciesMeta?.[name]).toEqual({ optional: true })
    }
    expect(Object.keys(redisPackageVersions).toSorted()).toEqual(Object.values(installedNames).toSorted())
  })

  it('are looked for in a fixed order, and the message tells how to install the first', () => {
    expect(findPackage()).toBe('ioredis')
    expect(findPackage((name) => name !== 'ioredis')).toBe('node-redis')
    expect(findPackage((name) => name === 'iovalkey')).toBe('iovalkey')
    expect(() => findPackage(() => false)).toThrow(
      expect.objectContaining({
        code: 'ERR_CACHE_PEER_MISSING',
        message: expect.stringMatching(/npm install ioredis$/),
      }),
    )
  })

  it.each(['ioredis', 'node-redis', 'iovalkey'] as const)('load: %s', async (name) => {
    const loaded = await loadPackage(name)
    expect(loaded.package).toBe(name)
    expect('createClient' in loaded.module || 'Redis' in loaded.module).toBe(true)
  })

  it('that are missing are named when connecting, and asked for again by the next attempt', async () => {
    let attempts = 0
    const load = async (): Promise<never> => {
      attempts++
      throw new ConfigError('The package redis is not installed.', { code: 'ERR_CACHE_PEER_MISSING' })
    }
    const { primary } = createRedisPorts({ client: 'node-redis', port: 1 }, { environment: {}, load })
    await expect(primary.connect()).rejects.toMatchObject({ code: 'ERR_CACHE_PEER_MISSING' })
    await expect(primary.connect()).rejects.toMatchObject({ code: 'ERR_CACHE_PEER_MISSING' })
    expect(attempts).toBe(2)
    await primary.close()
  })
})

describe.each(testedPackages)('a client of $title', (tested) => {
  it('is told from those of the other packages', () => {
    const kind = tested.name === 'node-redis' ? 'node-redis' : 'ioredis'
    expect(detectClient(rawClient(tested, 1)).kind).toBe(kind)
    expect(detectClient(rawCluster(tested, 1)).kind).toBe(`${kind}-cluster`)
  })
})

describe('what was handed in as a client', () => {
  it('is a Sentinel client of node-redis too', () => {
    const sentinel = nodeRedis.createSentinel({ name: 'main', sentinelRootNodes: [{ host: 'localhost', port: 1 }] })
    expect(detectClient(sentinel).kind).toBe('node-redis-sentinel')
  })

  it.each([
    ['nothing', undefined],
    ['a text', 'redis://:secret@localhost'],
    ['a map', new Map()],
    ['a class', nodeRedis.RedisClient],
    ['the module', nodeRedis],
    ['options', { host: 'localhost' }],
    ['a client of another kind', { get: () => {}, set: () => {}, connect: () => {} }],
  ])('is refused when it is %s', (_, client) => {
    expect(() => detectClient(client, 'redis.client')).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION', message: expect.stringContaining('`redis.client`') }),
    )
    expect(() => detectClient(client)).not.toThrow(/secret/)
  })
})
