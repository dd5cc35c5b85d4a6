import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis, tcpProxy, type RedisServer } from '../../../../src/testing/index.ts'
import { singleLayout } from '../../../../src/tiers/redis/key-layout.ts'
import type { RedisBusOptions } from '../../../../src/tiers/redis/bus/options.ts'
import { OpenPorts, testedPackages } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { Emitter } from './emitter.ts'
import { HeardBus } from './opened-bus.ts'
import { splitPort } from './split-port.ts'

const open = new OpenPorts()
const heard: HeardBus[] = []
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ dedicated: true })
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
})
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
})

async function connected(port = server.port) {
  const made = open.create(testedPackages[0]!, { host: '127.0.0.1', port, heartbeat: false }).primary
  await made.connect()
  return made
}

async function hearing(instance: string, options: Partial<RedisBusOptions> & { at?: number } = {}): Promise<HeardBus> {
  const { at, ...rest } = options
  const one = new HeardBus(await connected(at), { instance, maxStalenessMs: 1000, intervalMs: 200, ...rest })
  heard.push(one)
  return one.started()
}

/** As if the server had kept the members for long. */
async function settled(): Promise<void> {
  await server.command('HSET', '{tw:tags}:members', '#since', '1')
}

const emitter = async (): Promise<Emitter> => new Emitter(await connected(), singleLayout)

describe('a barrier', () => {
  it('opens at once when every instance has applied the change', async () => {
    const names = ['a', 'b', 'c', 'd']
    const all = await Promise.all(names.map((name) => hearing(name, { intervalMs: 60_000 })))
    await settled()
    const by = await emitter()
    for (let round = 0; round < 5; round++) {
      const sequence = await by.emit('k', { source: 'a' })
      const startedAt = performance.now()
      const result = await all[0]!.bus.barrier([{ lane: 0, sequence }], 5000)
      const tookMs = performance.now() - startedAt
      expect(result.acknowledged.toSorted()).toEqual(names)
      expect(result.lapsed).toEqual([])
      for (const one of all.slice(1)) expect(one.keys).toHaveLength(round + 1)
      expect(tookMs).toBeLessThan(1000)
      console.log(`a barrier over ${names.length} instances took ${tookMs.toFixed(1)} ms`)
    }
  })

  it('waits for an instance that hears nothing until that one may not serve any more', async () => {
    await using proxy = await tcpProxy({ target: server })
    const one = await hearing('one')
    const frozen = await hearing('frozen', { at: proxy.port })
    await settled()
    proxy.silence({ direction: 'both' })
    await sleep(20)
    const sequence = await (await emitter()).emit('k', { source: 'one' })
    const { acknowledged, lapsed } = await one.bus.barrier([{ lane: 0, sequence }], 5000)
    const now = performance.timeOrigin + performance.now()
    expect(acknowledged).toEqual(['one'])
    expect(lapsed).toEqual(['frozen'])
    expect(frozen.keys).toEqual([])
    expect(now - frozen.confirmedAt[0]!).toBeGreaterThan(1000)
    proxy.cut()
    await proxy.pass()
    await until(() => frozen.keys.length === 1)
    expect((await one.bus.barrier([{ lane: 0, sequence }], 5000)).lapsed).toEqual([])
  })

  it('rejects when it cannot wait so long', async () => {
    await using proxy = await tcpProxy({ target: server })
    const one = await hearing('one')
    await hearing('frozen', { at: proxy.port })
    await settled()
    proxy.silence({ direction: 'both' })
    await sleep(20)
    const sequence = await (await emitter()).emit('k', { source: 'one' })
    const startedAt = performance.now()
    await expect(one.bus.barrier([{ lane: 0, sequence }], 300)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_TIMEOUT',
    })
    expect(performance.now() - startedAt).toBeLessThan(600)
  })

  it('does not wait for an instance that has stopped', async () => {
    const one = await hearing('one')
    const other = await hearing('other')
    await settled()
    await other.bus.stop()
    const sequence = await (await emitter()).emit('k', { source: 'one' })
    expect(await one.bus.barrier([{ lane: 0, sequence }], 500)).toEqual({ acknowledged: ['one'], lapsed: [] })
  })

  it('does not trust a list of members that the server may have lost a moment ago', async () => {
    await using proxy = await tcpProxy({ target: server })
    const one = await hearing('one')
    const frozen = await hearing('frozen', { at: proxy.port })
    await settled()
    proxy.silence({ direction: 'both' })
    await sleep(20)
    await server.command('FLUSHALL')
    await until(() => one.lostLanes.length === 2)
    const sequence = await (await emitter()).emit('k', { source: 'one' })
    await expect(one.bus.barrier([{ lane: 0, sequence }], 300)).rejects.toThrow()
    await one.bus.barrier([{ lane: 0, sequence }], 5000)
    expect(performance.timeOrigin + performance.now() - frozen.confirmedAt[0]!).toBeGreaterThan(1000)
  })

  it('does not wait for itself, which made the change', async () => {
    await using proxy = await tcpProxy({ target: server })
    const deaf = new HeardBus(splitPort(await connected(), await connected(proxy.port)), { intervalMs: 60_000 })
    heard.push(deaf)
    await deaf.started()
    await settled()
    proxy.silence({ direction: 'both' })
    await sleep(20)
    const sequence = await (await emitter()).emit('k', { source: 'me' })
    expect(await deaf.bus.barrier([{ lane: 0, sequence }], 500)).toEqual({ acknowledged: ['me'], lapsed: [] })
  })

  it('waits for an instance that says nothing of the lane', async () => {
    const one = await hearing('one')
    await settled()
    const now = Number((await server.command('TIME')).split('\n')[0]) * 1000
    await server.command('HSET', '{tw:tags}:members', 'strange', `${now} 60000`)
    await expect(one.bus.barrier([{ lane: 0, sequence: 0 }], 200)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_TIMEOUT',
    })
  })

  it('rejects while the server is away', async () => {
    await using proxy = await tcpProxy({ target: server })
    const one = await hearing('one', { at: proxy.port })
    proxy.silence({ direction: 'both' })
    const startedAt = performance.now()
    await expect(one.bus.barrier([{ lane: 0, sequence: 1 }], 300)).rejects.toMatchObject({
      code: 'ERR_CACHE_TIER_TIMEOUT',
    })
    await proxy.refuse()
    proxy.cut()
    await sleep(20)
    await expect(one.bus.barrier([{ lane: 0, sequence: 1 }], 200)).rejects.toMatchObject({
      cause: expect.objectContaining({ name: 'RedisFailure' }),
    })
    expect(performance.now() - startedAt).toBeLessThan(1500)
  })
})

describe('the members', () => {
  it('are confirmed nothing while they cannot write of themselves', async () => {
    const one = await hearing('one')
    await server.command('DEL', '{tw:tags}:members')
    await server.command('SET', '{tw:tags}:members', 'of another type')
    await sleep(250)
    const before = one.confirmedAt[0]!
    await sleep(1000)
    expect(one.confirmedAt[0]! - before).toBeLessThan(250)
    await server.command('DEL', '{tw:tags}:members')
    await one.proven()
  })

  it('that have long been silent are removed', async () => {
    await server.command('HSET', '{tw:tags}:members', 'dead', '1 1200 5', 'rubbish', 'x', '#since', '1')
    const { port } = server
    const now = Number((await server.command('TIME')).split('\n')[0]) * 1000
    await server.command('HSET', '{tw:tags}:members', 'recent', `${now} 6000 5`)
    await hearing('one', { at: port })
    const names = (await server.command('HKEYS', '{tw:tags}:members')).split('\n').toSorted()
    expect(names).toEqual(['#since', 'one', 'recent'])
  })
})
