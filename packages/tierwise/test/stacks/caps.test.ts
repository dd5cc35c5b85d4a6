import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { CacheManager } from '../../src/contract/cache.ts'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import { seededRandom, startPostgres, startRedis } from '../../src/testing/index.ts'
import type { PostgresServer, RedisServer } from '../../src/testing/index.ts'
import { disk } from '../../src/tiers/disk/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { postgres } from '../../src/tiers/postgres/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'

const capMs = 1500
/** What Redis remembers of a deletion: a version, and no value. */
const tombstoneBytes = 20
/** What a reply may be under way, on a busy machine. */
const slackMs = 300
const forMs = 8000
const seed = Number(process.env['CAP_SEED'] ?? Date.now() % 2 ** 31)
const tiers = ['memory', 'redis', 'disk', 'postgres'] as const
const keys = Array.from({ length: 30 }, (_, at) => `key${at}`)

let server: RedisServer
let database: PostgresServer
const folder = mkdtempSync(join(tmpdir(), 'tierwise-caps-'))
beforeAll(async () => {
  ;[server, database] = await Promise.all([startRedis({ dedicated: true }), startPostgres()])
})
afterAll(async () => {
  await Promise.all([server.stop(), database.stop()])
  rmSync(folder, { recursive: true, force: true })
})

function open(): CacheManager {
  return createCacheManager({
    tiers: [
      memory({ maxEntries: 20 }),
      redis({ host: server.host, port: server.port }),
      disk({ path: folder }),
      postgres({ url: database.url, package: 'pg' }),
    ],
    namespaces: {
      factors: { maxTtl: capMs, grace: '1h', refreshAhead: 0.5, license: 'ecoinvent', aliases: ['broker'] },
    },
    tierTimeout: '2s',
  })
}

interface Born {
  readonly at: number
}

test(
  'a value under a licence is gone from real servers when its time is over, whatever was done to it',
  { timeout: 60_000 },
  async () => {
    const random = seededRandom(seed)
    let manager = open()
    const tooOld: string[] = []
    const look = (how: string, value: unknown): void => {
      const age = Date.now() - ((value as Born | undefined)?.at ?? Date.now())
      if (age > capMs + slackMs) tooOld.push(`${how} after ${age} ms`)
    }
    const born = (): Born => ({ at: Date.now() })
    let restarts = 0
    const endsAt = Date.now() + forMs
    while (Date.now() < endsAt) {
      const cache = manager.namespace<Born>(random.pick(['factors', 'broker']))
      const key = random.pick(keys)
      // Values are seldom replaced, or none would live long enough.
      const verb =
        random.int(4) > 0
          ? random.pick(['touch', 'confirm', 'get', 'many'])
          : random.pick(['set', 'below', 'behind', 'load', 'restart'])
      if (verb === 'set') await cache.set(key, born())
      else if (verb === 'below') await cache.set(key, born(), { tiers: [random.pick(tiers)] })
      else if (verb === 'behind') await cache.set(key, born(), { writeMode: 'behind' })
      else if (verb === 'load') look('a load', await cache.getOrSet(key, born))
      else if (verb === 'touch') await cache.touch(key, capMs)
      else if (verb === 'get') look('get', await cache.get(key))
      else if (verb === 'many') for (const value of (await cache.getMany(keys)).values()) look('getMany', value)
      else if (verb === 'confirm')
        look(
          'a confirmed value',
          await cache.getOrSet(key, ({ previous, notModified }) => (previous === undefined ? born() : notModified()), {
            forceFresh: true,
          }),
        )
      else if (restarts++ < 5) {
        await manager.stop()
        manager = open()
      }
      for (const tier of tiers)
        look(`${tier} alone`, await manager.namespace('factors').get(random.pick(keys), { tiers: [tier] }))
      await sleep(random.int(20))
    }
    // Nothing asks any more, and Redis ends its keys by itself.
    await sleep(capMs + slackMs)
    const names = (await server.command('KEYS', 'tw:*factors:*')).split('\n').filter((name) => name !== '')
    const bytes = await Promise.all(names.map(async (name) => Number(await server.command('STRLEN', name))))
    const left = names.filter((_, at) => bytes[at]! > tombstoneBytes)
    for (const tier of tiers)
      for (const key of keys)
        if ((await manager.namespace('factors').getEntry(key, { tiers: [tier] })) !== undefined)
          tooOld.push(`${tier} keeps ${key}`)
    await manager.stop()
    expect({ tooOld: tooOld.slice(0, 5), left }, `seed ${seed}`).toEqual({ tooOld: [], left: [] })
  },
)
