import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../../src/clients/redis/adopt-client.ts'
import type { RedisPort } from '../../../../src/clients/redis/port.ts'
import { startRedisCluster, type RedisCluster } from '../../../../src/testing/servers/index.ts'
import { slotOf } from '../../../../src/tiers/redis/key-slot.ts'
import { endClient, OpenPorts, rawCluster, testedPackages } from '../packages.ts'
import { until } from '../until.ts'
import { hear, type Heard } from './heard.ts'

const open = new OpenPorts()
const started: Heard[] = []
const channels = Array.from({ length: 16 }, (_, lane) => `{tw:${lane}}:bus`)
let cluster: RedisCluster

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 60_000)
afterAll(() => cluster.stop())
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ subscriber }) => subscriber.close()))
  await open.close()
})

function listen(port: RedisPort, options: Parameters<typeof hear>[2] = {}): Heard {
  const heard = hear(port, channels, { kind: 'sharded', ...options })
  started.push(heard)
  return heard
}

function arrived(heard: Heard, text: string): number {
  return new Set(heard.messages.filter(([, body]) => body === text).map(([channel]) => channel)).size
}

async function publishAll(text: string): Promise<void> {
  for (const channel of channels) await (await cluster.primaryOf(channel)).command('SPUBLISH', channel, text)
}

async function allArrive(heard: Heard, text: string): Promise<void> {
  await until(async () => {
    await publishAll(text)
    return arrived(heard, text) === channels.length
  }, 20_000)
}

describe.each(testedPackages)('listening to a cluster with $title', (tested) => {
  async function connected(): Promise<RedisPort> {
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const port = open.create(tested, { cluster: { nodes } }).primary
    await port.connect()
    return port
  }

  it('hears every channel at the primary of its slot, and a message once', async () => {
    const heard = listen(await connected())
    await until(() => heard.listening.length === channels.length)
    await publishAll('one')
    await until(() => heard.messages.length === channels.length)
    await heard.subscriber.prove()
    expect(heard.failures).toEqual([])
  })

  it('hears classic messages of every node at one of them', async () => {
    const heard = listen(await connected(), { kind: 'classic' })
    await until(() => heard.listening.length === channels.length)
    for (const node of await cluster.primaries()) await node.command('PUBLISH', channels[0]!, `${node.port}`)
    await until(() => heard.messages.length === 3)
  })

  it('follows a slot that moves', async () => {
    const heard = listen(await connected())
    await until(() => heard.listening.length === channels.length)
    const [channel] = channels as [string]
    const from = await cluster.primaryOf(channel)
    const to = (await cluster.primaries()).find(({ port }) => port !== from.port)!
    heard.listening.length = 0
    await cluster.moveSlot(slotOf(channel), to)
    const movedAt = performance.now()
    await until(() => heard.listening.includes(channel))
    console.log(`${tested.title}: listens again ${Math.round(performance.now() - movedAt)} ms after the slot has moved`)
    await allArrive(heard, 'after')
    await cluster.moveSlot(slotOf(channel), from)
    await allArrive(heard, 'back')
    await heard.subscriber.prove()
  })

  it('tracks keys of all primaries, those that no channel lies at too', async () => {
    const heard = hear(await connected(), channels.slice(0, 1), { kind: 'sharded', tracking: ['raw:'] })
    started.push(heard)
    const isProven = () =>
      heard.subscriber.prove().then(
        () => true,
        () => false,
      )
    await until(isProven)
    for (let i = 0; i < 20; i++) await (await cluster.primaryOf(`raw:${i}`)).command('SET', `raw:${i}`, '1')
    await until(() => new Set(heard.touched.flat()).size === 20)
  })

  it('listens with what a handed-in client was made with', async () => {
    const client = rawCluster(tested, cluster.nodes[0]!.port)
    client.on('error', () => {})
    const port = open.add(adoptRedisClient(client))
    await port.connect()
    const heard = listen(port)
    await until(() => heard.listening.length === channels.length)
    await allArrive(heard, 'one')
    await heard.subscriber.close()
    await port.send({ args: ['SET', 'k', '1'], key: 'k' })
    endClient(client)
  })
})

it('follows a primary that dies, with every package', { timeout: 60_000 }, async () => {
  const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
  const all = await Promise.all(
    testedPackages.map(async (tested) => {
      const port = open.create(tested, { cluster: { nodes } }).primary
      await port.connect()
      return { title: tested.title, heard: listen(port) }
    }),
  )
  await Promise.all(all.map(({ heard }) => until(() => heard.listening.length >= channels.length)))
  const dead = await cluster.killPrimaryOf(channels[0]!)
  await cluster.whenHealthy()
  const healthyAt = performance.now()
  await Promise.all(
    all.map(async ({ heard, title }) => {
      await until(() => channels.every((channel) => heard.subscriber.isListeningTo(channel)), 20_000)
      console.log(`${title}: listens ${Math.round(performance.now() - healthyAt)} ms after the cluster was healthy`)
    }),
  )
  for (const { heard } of all) await allArrive(heard, `after ${dead.port}`)
  await dead.restart()
  await cluster.whenHealthy()
})
