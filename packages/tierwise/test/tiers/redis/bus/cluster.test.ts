import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import { startRedisCluster, type RedisCluster } from '../../../../src/testing/servers/index.ts'
import type { RedisBusOptions } from '../../../../src/tiers/redis/bus/options.ts'
import { clusterLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { slotOf } from '../../../../src/tiers/redis/key-slot.ts'
import { OpenPorts, testedPackages, type TestedPackage } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { Emitter } from './emitter.ts'
import { HeardBus } from './opened-bus.ts'

const lanes = 8
const layout = clusterLayout('tw', lanes)
const open = new OpenPorts()
const heard: HeardBus[] = []
let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster.stop())
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
})

async function connected(tested: TestedPackage): Promise<RedisPort> {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
  const port = open.create(tested, { cluster: { nodes } }).primary
  await port.connect()
  return port
}

async function hearing(tested: TestedPackage, options: Partial<RedisBusOptions> = {}) {
  const port = await connected(tested)
  const one = new HeardBus(port, { layout, publish: 'SPUBLISH', ...options })
  heard.push(one)
  await one.started()
  return { one, by: new Emitter(port, layout, one.bus.tagLane === lanes ? (options.publish ?? 'SPUBLISH') : 'PUBLISH') }
}

const keys = (name: string): string[] => Array.from({ length: 40 }, (_, i) => `tw:n:${name}${i}`)

function inOrderByLane(one: HeardBus, expected: readonly string[]): void {
  for (let lane = 0; lane < lanes; lane++) {
    const told = one.changes.flatMap(([at, change]) => (at === lane && change.kind === 'key' ? [change.key] : []))
    expect(told).toEqual(expected.filter((key) => layout.laneOf(key) === lane))
  }
}

describe.each(testedPackages)('a bus on a cluster with $title', (tested) => {
  it('tells the changes of each lane in order, and tags in a lane of their own', async () => {
    const { one, by } = await hearing(tested)
    expect(one.lostLanes.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    const all = keys('a')
    // One after the other: a node that does not know the script yet, or a redirection, would change the order.
    for (const key of all) await by.emit(key)
    await by.emit('', { lane: one.bus.tagLane, changes: [['T', ['red'], 7]] })
    await until(() => one.changes.length === all.length + 1)
    inOrderByLane(one, all)
    expect(one.changes.filter(([, { kind }]) => kind === 'tags')).toEqual([
      [lanes, { kind: 'tags', names: ['red'], clock: 7 }],
    ])
    await one.proven()
    expect(one.lostLanes).toHaveLength(lanes + 1)
  })

  it('does so with classic messages, as on a server before version 7', async () => {
    const { one, by } = await hearing(tested, { publish: 'PUBLISH' })
    const all = keys('b')
    await Promise.all(all.map((key) => by.emit(key)))
    await until(() => one.changes.length === all.length)
    expect(one.keys.toSorted()).toEqual(all.toSorted())
  })

  it('loses nothing while slots move', async () => {
    const { one, by } = await hearing(tested)
    const name = '{tw:0}'
    const from = await cluster.primaryOf(name)
    const to = (await cluster.primaries()).find(({ port }) => port !== from.port)!
    const all = keys('c')
    const emitted: string[] = []
    let isMoving = true
    const moving = cluster.moveSlot(slotOf(name), to).then(() => (isMoving = false))
    for (let i = 0; isMoving || i < all.length; i++) {
      const key = `${all[i % all.length]}:${i}`
      // In the middle of the move head and log of a lane may be at two nodes, and nothing can be emitted.
      await until(() =>
        by.emit(key).then(
          () => true,
          () => false,
        ),
      )
      emitted.push(key)
    }
    await moving
    await until(() => one.keys.length >= emitted.length)
    inOrderByLane(one, emitted)
    expect(one.lostLanes).toHaveLength(lanes + 1)
    await cluster.moveSlot(slotOf(name), from)
    await one.proven()
    expect(one.lostLanes).toHaveLength(lanes + 1)
  })

  it('opens a barrier over several instances', async () => {
    const { one, by } = await hearing(tested, { instance: 'one' })
    const { one: other } = await hearing(tested, { instance: 'other' })
    const tags = await cluster.primaryOf('{tw:tags}')
    await tags.command('HSET', '{tw:tags}:members', '#since', '1')
    const positions = await Promise.all(
      keys('d').map(async (key) => ({ lane: layout.laneOf(key), sequence: await by.emit(key, { source: 'one' }) })),
    )
    const startedAt = performance.now()
    const { acknowledged, lapsed } = await one.bus.barrier(positions, 3000)
    expect(performance.now() - startedAt).toBeLessThan(1500)
    expect(acknowledged.toSorted()).toEqual(['one', 'other'])
    expect(lapsed).toEqual([])
    expect(other.keys.toSorted()).toEqual(keys('d').toSorted())
  })
})

it('follows a primary that dies, with every package', { timeout: 90_000 }, async () => {
  const all = await Promise.all(
    testedPackages.map(async (tested) => ({
      title: tested.title,
      ...(await hearing(tested, { instance: tested.title })),
    })),
  )
  const { by } = all[0]!
  for (const key of keys('e')) await by.emit(key)
  await Promise.all(all.map(({ one }) => until(() => one.keys.length === 40)))
  const dead = await cluster.killPrimaryOf('{tw:0}')
  await cluster.whenHealthy()
  await until(() =>
    by.emit('tw:n:alive').then(
      () => true,
      () => false,
    ),
  )
  await Promise.all(
    all.map(async ({ one, title }) => {
      const startedAt = performance.now()
      await one.proven(20_000)
      console.log(`${title}: every lane is proven ${Math.round(performance.now() - startedAt)} ms after a first write`)
    }),
  )
  const before = all.map(({ one }) => one.keys.length)
  await Promise.all(keys('f').map((key) => by.emit(key)))
  await Promise.all(all.map(({ one }, i) => until(() => one.keys.length >= before[i]! + 40)))
  await dead.restart()
  await cluster.whenHealthy()
})
