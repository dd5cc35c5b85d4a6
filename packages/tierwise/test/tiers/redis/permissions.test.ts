import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Tier } from '../../../src/contract/tier.ts'
import { systemRuntime } from '../../../src/base/runtime.ts'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'
import { allOf, textRecord } from './opened-tier.ts'

/** The rules that the guide gives. */
function rulesOfTheGuide(): string {
  const guide = readFileSync(join(import.meta.dirname, '../../../../../docs/guide/redis-tier.md'), 'utf8')
  return (/^user cache ([^`]+)^```/m.exec(guide)?.[1] ?? '').replaceAll(/\s+/g, ' ').trim()
}

/** Every operation that the authority has. */
async function useAuthority({ authority }: Tier, key: string): Promise<void> {
  if (authority === undefined) throw new Error('an authority was expected')
  const bytes = Buffer.alloc(100)
  await authority.change([{ key, operation: 'delete', order: 1, holdMs: 10, fence: 1, isDoubtful: true }])
  await authority.change([{ key, operation: 'expire', order: 2, holdMs: 0 }])
  const [granted] = await authority.acquire([{ key, leaseMs: 1000 }])
  if (granted?.kind !== 'granted') throw new Error('a lease was expected')
  await authority.acquire([{ key, leaseMs: 1000 }])
  await authority.fill([{ key, lease: granted.lease, bytes, expiresAt: Infinity, sourceVersion: 1 }])
  await authority.release([{ key, lease: granted.lease }])
  await authority.affirm([{ key, version: 1 }])
  await authority.change([{ key, operation: 'set', order: 3, bytes, expiresAt: Date.now() + 1000 }])
}

let server: RedisServer
beforeAll(async () => void (server = await startRedis({ users: { cache: rulesOfTheGuide() } })))
afterAll(() => server.stop())

describe('the permissions that the guide gives', () => {
  it.each(['ioredis', 'node-redis', 'iovalkey'] as const)('are enough through %s', async (client) => {
    const access = { host: '127.0.0.1', port: server.port, username: 'cache', password: 'secret' }
    const tier = redis({ client, ...access }).create({
      name: 'redis',
      prefix: 'tw',
      report: () => {},
      ...systemRuntime(),
    })
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    expect(await tier.set([textRecord('tw:1:a:1', 1, { expiresAt: Date.now() + 60_000 })])).toEqual(['applied'])
    expect(await tier.get(['tw:1:a:1'], (bytes) => bytes.length)).toEqual([16])
    expect(await allOf(tier.scan('tw:1:', () => 1))).toEqual([1])
    expect((await tier.usage()).entries).toBe(1)
    expect(await tier.delete(['tw:1:a:1'], 2)).toEqual([true])
    await useAuthority(tier, 'tw:1:a:3')
    await tier.tags?.invalidate(['red'], 0)
    expect((await tier.tags?.load())?.marks.size).toBe(1)
    await tier.raw?.set([{ key: 'tw:plain', bytes: Buffer.from('x'), expiresAt: Date.now() + 60_000 }])
    expect((await tier.raw?.get(['tw:plain']))?.length).toBe(1)
    expect(await tier.raw?.delete(['tw:plain'])).toEqual([true])
    await tier.set([textRecord('tw:1:a:2', 3)])
    await tier.clear('tw:1:', 9)
    await tier.close()
    await server.command('FLUSHALL')
  })

  it('are told to be missing, not taken for a key of somebody else', async () => {
    await server.command('ACL', 'SETUSER', 'blind', ...rulesOfTheGuide().split(' '), '-getrange')
    const access = { host: '127.0.0.1', port: server.port, username: 'blind', password: 'secret' }
    const tier = redis({ client: 'ioredis', ...access }).create({
      name: 'redis',
      prefix: 'tw',
      report: () => {},
      ...systemRuntime(),
    })
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    await expect(tier.set([textRecord('tw:1:a:1', 1)])).rejects.toThrow(/can't run this command|NOPERM/)
    await tier.close()
  })

  it('are not more than needed for other keys', async () => {
    const access = { host: '127.0.0.1', port: server.port, username: 'cache', password: 'secret' }
    const tier = redis({ client: 'ioredis', ...access }).create({
      name: 'redis',
      prefix: 'other',
      report: () => {},
      ...systemRuntime(),
    })
    if (tier.sync) throw new Error('a byte tier was expected')
    await tier.open()
    await expect(tier.set([textRecord('other:1:a:1', 1)])).rejects.toThrow('NOPERM')
    await tier.close()
  })
})
