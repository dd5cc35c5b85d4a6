import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { adoptRedisClient } from '../../../src/clients/redis/adopt-client.ts'
import type { RedisPort } from '../../../src/clients/redis/port.ts'
import { startRedisCluster, type RedisCluster } from '../../../src/testing/servers/index.ts'
import {
  endClient,
  isOpen,
  OpenPorts,
  rawCluster,
  testedPackages,
  type RawCluster,
  type TestedPackage,
} from './packages.ts'
import { until } from './until.ts'

let cluster: RedisCluster
const open = new OpenPorts()

beforeAll(async () => {
  cluster = await startRedisCluster()
}, 30_000)
afterEach(async () => {
  await open.close()
})
afterAll(async () => {
  await cluster.stop()
})

function nodes(): { host: string; port: number }[] {
  return cluster.nodes.slice(0, 2).map(({ host, port }) => ({ host, port }))
}

async function connected(tested: TestedPackage): Promise<RedisPort> {
  const { primary } = open.create(tested, { cluster: { nodes: nodes() } })
  await primary.connect()
  return primary
}

function set(port: RedisPort, key: string, value: string): Promise<unknown> {
  return port.send({ args: ['SET', key, value], key })
}

async function get(port: RedisPort, key: string): Promise<string> {
  return String(await port.send({ args: ['GET', key], key }))
}

async function addresses(port: RedisPort): Promise<string[]> {
  return (await port.primaries()).map((node) => node.address).toSorted()
}

async function owners(): Promise<string[]> {
  return (await cluster.primaries()).map(({ host, port }) => `${host}:${port}`).toSorted()
}

/** Connections to all nodes, without those over which nodes have moved keys and that of the program that asks. */
async function connectionsOfClients(): Promise<number> {
  const lists = await Promise.all(
    cluster.nodes.flatMap((node) => ['normal', 'pubsub'].map((type) => node.command('CLIENT', 'LIST', 'TYPE', type))),
  )
  const lines = lists.flatMap((list) => list.split('\n')).filter((line) => line.startsWith('id='))
  return lines.filter((line) => !/ cmd=(client\|list|restore-asking) /.test(line)).length
}

/** Listeners to nodes that neither the application nor the package has added. */
function nodeCounts(client: RawCluster): number[] {
  if (!('nodes' in client)) return []
  return client.nodes().map((node) => (node as never as NodeJS.EventEmitter).listenerCount('ready'))
}

/** Commands that the nodes which are replicas now have been asked to read a key with. */
async function readsOfReplicas(): Promise<number> {
  const primaries = await cluster.primaries()
  const replicas = cluster.nodes.filter((node) => !primaries.some(({ port }) => port === node.port))
  const counts = await Promise.all(
    replicas.map(async (node) => {
      const stats = await node.command('INFO', 'commandstats')
      return Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

describe.each(testedPackages)('a cluster through $title', (tested) => {
  it('sends each key to the node that owns its slot, and keys of one tag to one node', async () => {
    const port = await connected(tested)
    expect(port.topology).toBe('cluster')
    const keys = Array.from({ length: 30 }, (_, i) => `route:${tested.title}:${i}`)
    await Promise.all(keys.map((key) => set(port, key, key)))
    expect(await Promise.all(keys.map((key) => get(port, key)))).toEqual(keys)
    const tag = `{tag ${tested.title}}`
    await port.send({ args: ['MSET', `${tag}a`, '1', `${tag}b`, new Uint8Array([0, 255])], key: `${tag}a` })
    const reply = await port.send({ args: ['MGET', `${tag}a`, `${tag}b`, `${tag}c`], key: `${tag}a` })
    expect(reply).toEqual([Buffer.from('1'), Buffer.from([0, 255]), null])
    const script = "redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[2])"
    const ran = await port.send({ args: ['EVAL', script, '2', `${tag}c`, `${tag}a`, 'x'], key: `${tag}c` })
    expect(ran).toEqual(Buffer.from('1'))
  })

  it('answers a command without a key from one primary, and reaches each of them by itself', async () => {
    const port = await connected(tested)
    expect(await port.send({ args: ['DBSIZE'] })).toBeTypeOf('number')
    expect(await addresses(port)).toEqual(await owners())
    const sizes = await Promise.all((await port.primaries()).map((node) => node.send(['DBSIZE'])))
    expect(sizes.every((size) => typeof size === 'number')).toBe(true)
    const [first] = await port.primaries()
    const scanned = await first!.send(['SCAN', '0', 'COUNT', '5'])
    expect(scanned).toEqual([expect.any(Buffer), expect.any(Array)])
  })

  it('follows a slot that moves, in the middle of the move and after it', async () => {
    const port = await connected(tested)
    const tag = `{move ${tested.title}}`
    const keys = ['a', 'b', 'c', 'd'].map((name) => tag + name)
    await Promise.all(keys.map((key) => set(port, key, key)))
    const from = await cluster.primaryOf(tag)
    const to = (await cluster.primaries()).find((node) => node.port !== from.port)!
    const slot = await cluster.slotOf(tag)
    await cluster.moveSlot(slot, to, {
      during: async (migration) => {
        await migration.moveKeys(keys.slice(0, 2))
        expect(await Promise.all(keys.map((key) => get(port, key)))).toEqual(keys)
        await set(port, `${tag}new`, 'asked')
        expect(await get(port, `${tag}new`)).toBe('asked')
      },
    })
    expect(await Promise.all(keys.map((key) => get(port, key)))).toEqual(keys)
    await set(port, keys[0]!, 'moved')
    expect(await get(port, keys[0]!)).toBe('moved')
    expect((await cluster.primaryOf(tag)).port).toBe(to.port)
  })

  it('reads from replicas when asked to', async () => {
    const { primary, replica } = open.create(tested, { cluster: { nodes: nodes() }, readFrom: 'replica' })
    await Promise.all([primary.connect(), replica!.connect()])
    const key = `replica ${tested.title}`
    await set(primary, key, 'copied')
    await until(async () => (await get(replica!, key)) === 'copied')
    const before = await readsOfReplicas()
    // A replica may have to be connected first, and node-redis shares the reads between the primary and its replicas.
    await until(async () => {
      expect(await get(replica!, key)).toBe('copied')
      return (await readsOfReplicas()) - before >= 4
    })
  })

  it('leaves no connection behind when it is closed in any state', async () => {
    await until(async () => (await connectionsOfClients()) === 0)
    for (let round = 0; round < 6; round++) {
      const { primary } = open.create(tested, { cluster: { nodes: nodes() } })
      const connecting = primary.connect().catch(() => 'closed')
      if (round % 3 === 1) await new Promise((resolve) => setTimeout(resolve, round * 4))
      if (round % 3 === 2) {
        await connecting
        await Promise.all(['a', 'b', 'c', 'd'].map((key) => get(primary, key)))
      }
      await primary.close()
      await connecting
      await expect(get(primary, 'a')).rejects.toThrow(/closed|no connection/)
    }
    // node-redis lets go of a node that it was connecting to when it was destroyed only after some nine seconds.
    await until(async () => (await connectionsOfClients()) === 0, 25_000)
  }, 40_000)

  it('leaves a cluster client that was handed in open, with its own listeners', async () => {
    const client = rawCluster(tested, cluster.nodes[0]!.port)
    const events = ['error', 'end', 'ready', 'connect', 'node-error', '+node']
    const counts = (): number[] => events.map((event) => (client as never as NodeJS.EventEmitter).listenerCount(event))
    try {
      const before = counts()
      const port = adoptRedisClient(client)
      expect(port.isReady).toBe(false)
      await port.connect()
      expect(await set(port, 'adopted', '1')).toEqual(Buffer.from('OK'))
      expect(await addresses(port)).toEqual(await owners())
      await port.close()
      expect(counts()).toEqual(before)
      expect(nodeCounts(client).every((count) => count === 0)).toBe(true)
      expect(isOpen(client)).toBe(true)
    } finally {
      endClient(client)
    }
  })
})
