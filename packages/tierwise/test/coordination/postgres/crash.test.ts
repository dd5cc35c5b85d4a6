import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import type { CoordinationStore, LimitRule } from '../../../src/contract/coordination.ts'
import { postgresCoordination, type PostgresCoordinationOptions } from '../../../src/coordination/postgres/index.ts'
import { startPostgres, type PostgresServer } from '../../../src/testing/servers/index.ts'
import { until } from '../../../src/testing/servers/until.ts'

const rule: LimitRule = { kind: 'sliding-window', limit: 3, periodMs: 600_000 }
const packages = ['pg', 'postgres'] as const

let server: PostgresServer
const stores: CoordinationStore[] = []
beforeAll(async () => void (server = await startPostgres({ dedicated: true, password: 'of the server' })))
afterAll(() => server.stop())
beforeEach(async () => {
  if (!server.isRunning) await server.restart()
})
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

function opened(options: PostgresCoordinationOptions): CoordinationStore {
  const store = postgresCoordination(options)
  stores.push(store)
  return store
}

async function whenBack(store: CoordinationStore): Promise<void> {
  const look = (): Promise<boolean> => store.read('probe').then(yes, no)
  await until(look, { what: 'reaching the server again' })
}
const yes = (): boolean => true
const no = (): boolean => false

describe.each(packages)('a server that dies, through %s', (name) => {
  it('has kept all that was answered when it comes back', async () => {
    const store = opened({ url: server.url, package: name, table: `kept_${name}` })
    await store.raise('watermark', 1_767_225_600_000)
    await store.write('claim', 'done', { onlyIf: 'absent' })
    await store.enter('seen', [{ member: 'x' }])
    await store.setFields('session', { user: 'a' }, 600_000)
    await store.take('limit', rule, { cost: 2 })
    const first = await store.acquire('lock', 'x', { ttlMs: 600_000 })
    await store.release('lock', 'x')
    const second = await store.acquire('lock', 'x', { ttlMs: 600_000 })
    await server.kill()
    await server.restart()
    await whenBack(store)
    expect(await store.raise('watermark', 1_767_225_599_999)).toMatchObject({ raised: false, value: 1_767_225_600_000 })
    expect(await store.write('claim', 'again', { onlyIf: 'absent' })).toMatchObject({ written: false })
    expect(await store.enter('seen', [{ member: 'x' }])).toEqual([false])
    expect(await store.fields('session')).toEqual({ user: 'a' })
    expect(await store.take('limit', rule, { cost: 2 })).toMatchObject({ allowed: false, remaining: 1 })
    expect(await store.acquire('lock', 'y', { ttlMs: 1000 })).toMatchObject({ kind: 'busy' })
    await store.release('lock', 'x')
    const third = await store.acquire('lock', 'y', { ttlMs: 1000 })
    const fences = [first, second, third].map((tenure) => (tenure.kind === 'granted' ? tenure.fence : Number.NaN))
    expect(fences).toEqual(fences.toSorted((a, b) => a - b))
    expect(new Set(fences).size).toBe(3)
  })

  it('rejects steps as something that may be tried again', async () => {
    const store = opened({ url: server.url, package: name })
    await store.write('a', '1', {})
    await server.kill()
    await expect(store.read('a')).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_READ',
      tier: 'postgres',
      operation: 'read',
      key: 'a',
      retryable: true,
      cause: expect.anything(),
    })
    for (const step of [store.take('a', rule, { cost: 1 }), store.publish('a', 'x'), store.subscribe('a', () => {})])
      await expect(step).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    await server.restart()
    await whenBack(store)
    expect(await store.read('a')).toMatchObject({ value: '1' })
  })

  it('opens by itself when it is there at last', async () => {
    await server.kill()
    const store = opened({ url: server.url, package: name })
    await expect(store.open()).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN', retryable: true })
    await expect(store.add('late', 1)).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    await server.restart()
    await whenBack(store)
    await store.remove('late')
    expect(await store.add('late', 1)).toMatchObject({ value: 1 })
  })

  it('tells every subscription of the gap, and goes on', async () => {
    const store = opened({ url: server.url, package: name })
    const heard: string[] = []
    const gaps: string[] = []
    for (const channel of ['a', 'b', 'b'])
      await store.subscribe(
        channel,
        (text) => void heard.push(text),
        () => void gaps.push(channel),
      )
    await server.kill()
    await server.restart()
    await until(() => gaps.length === 3, { what: 'telling of the gap' })
    expect(gaps.toSorted()).toEqual(['a', 'b', 'b'])
    await whenBack(store)
    await store.publish('b', 'after')
    await until(() => heard.length === 2, { what: 'telling what comes after' })
    expect(heard).toEqual(['after', 'after'])
  })

  it('does not hang when it is closed before it has opened, or meanwhile', async () => {
    await server.kill()
    const store = opened({ url: server.url, package: name })
    const outcomes = Promise.allSettled([store.open(), store.read('a'), store.subscribe('a', () => {})])
    await store.close()
    for (const outcome of await outcomes) expect(outcome.status).toBe('rejected')
    await opened({ url: server.url, package: name }).close()
  })

  it('is not asked with a wrong password, which no message repeats', async () => {
    const url = new URL(server.url)
    url.password = 'a_wrong_one'
    const failed = await opened({ url: url.href, package: name })
      .add('a', 1)
      .catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'ERR_CACHE_TIER_WRITE', retryable: true })
    expect(JSON.stringify([String(failed), failed])).not.toContain('a_wrong_one')
  })
})
