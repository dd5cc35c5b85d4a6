import { afterEach, describe, expect, it } from 'vitest'
import { createCacheManager } from '../../src/create-cache-manager.ts'
import type { CacheManager } from '../../src/contract/cache.ts'
import { startRedis, type RedisServer } from '../../src/testing/servers/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'
import { redis } from '../../src/tiers/redis/index.ts'
import { until } from '../../src/testing/servers/until.ts'

const open: { stop(): Promise<unknown> }[] = []

afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.stop()
})

function track<T extends { stop(): Promise<unknown> }>(part: T): T {
  open.push(part)
  return part
}

async function startManagers(server: RedisServer, count: number): Promise<readonly CacheManager[]> {
  const managers: CacheManager[] = []
  for (let number = 0; number < count; number++) {
    const manager = track(createCacheManager({ tiers: [memory(), redis({ url: server.url })] }))
    await manager.start()
    managers.push(manager)
  }
  for (const manager of managers)
    await until(async () => (await manager.health()).healthy, { what: 'the first proof of the bus' })
  return managers
}

describe('two managers over one Redis', { timeout: 30_000 }, () => {
  it('see what the other changes, within milliseconds', async () => {
    const server = track(await startRedis())
    const [a, b] = await startManagers(server, 2)
    const [own, other] = [a!.namespace<number>('n'), b!.namespace<number>('n')]
    await own.set('k', 1)
    expect(await other.get('k')).toBe(1)
    expect(other.peek('k')).toBe(1)
    await own.set('k', 2)
    await until(() => other.peek('k') === undefined, { what: 'the news of the change', timeoutMs: 500 })
    expect(await other.get('k')).toBe(2)
    const { acknowledged } = await own.invalidate('k', { barrier: true })
    expect(acknowledged).toHaveLength(2)
    expect([own.peek('k'), other.peek('k')]).toEqual([undefined, undefined])
  })

  it('load a cold key once, however many ask', async () => {
    const server = track(await startRedis())
    const managers = await startManagers(server, 4)
    let loads = 0
    const load = async (): Promise<number> => {
      loads++
      await new Promise((resolve) => setImmediate(resolve))
      return 7
    }
    const asked = managers.flatMap((manager) =>
      Array.from({ length: 100 }, () => manager.namespace<number>('n').getOrSet('cold', load)),
    )
    expect(new Set(await Promise.all(asked))).toEqual(new Set([7]))
    expect(loads).toBe(1)
  })
})
