import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, type RedisServer } from '../../../src/testing/servers/index.ts'
import type { RedisArgument, RedisPorts } from '../../../src/clients/redis/port.ts'
import type { RedisTier } from '../../../src/tiers/redis/redis-tier.ts'
import { commandCounts, resetCounts } from './command-counts.ts'
import { numbered, openedTier, readTexts, textRecord, portsTo } from './opened-tier.ts'

let server: RedisServer
let tier: RedisTier
beforeAll(async () => void (server = await startRedis({ dedicated: true })))
afterAll(() => server.stop())
beforeEach(async () => {
  await server.command('FLUSHALL')
  tier = (await openedTier({ ports: () => portsTo({ port: server.port }) })).tier
})
afterEach(() => tier.close())

describe('batching', () => {
  it('sends the reads of one tick, whoever makes them, as one MGET', async () => {
    const keys = numbered('tw:1:a:', 60)
    await tier.set(keys.map((key) => textRecord(key, 1)))
    await resetCounts(server)
    const texts = await Promise.all(keys.map((key) => readTexts(tier, [key, 'tw:1:b:none'])))
    expect(texts).toEqual(keys.map((key) => [`text of ${key}`, undefined]))
    expect((await commandCounts(server))['mget']).toBe(1)
  })

  it('takes in callers that are some awaits behind', async () => {
    await resetCounts(server)
    const late = async (awaits: number): Promise<unknown> => {
      for (let count = 0; count < awaits; count++) await Promise.resolve()
      return readTexts(tier, [`tw:1:a:${awaits}`])
    }
    await Promise.all([late(0), late(1), late(5), late(20)])
    expect((await commandCounts(server))['mget']).toBe(1)
  })

  it('sends a lone read before the event loop turns', async () => {
    const { ports, sent } = watchedPorts()
    const { tier: other } = await openedTier({ ports: () => ports })
    // What the turn of the event loop finds is asked for first, so that nothing can be sent in that turn before it.
    const turned = new Promise<number>((resolve) => setImmediate(() => resolve(mgetsIn(sent).length)))
    const read = readTexts(other, ['tw:1:a:1'])
    const atTurn = await turned
    await read
    await other.close()
    expect(atTurn).toBe(1)
  })

  it('asks for a key once, however many callers want it', async () => {
    await tier.set([textRecord('tw:1:a:hot', 1)])
    const { ports, sent } = watchedPorts()
    const { tier: other } = await openedTier({ ports: () => ports })
    const texts = await Promise.all(numbered('', 200).map(() => readTexts(other, ['tw:1:a:hot', 'tw:1:a:hot'])))
    await other.close()
    expect(mgetsIn(sent)).toEqual([['MGET', 'tw:1:a:hot']])
    expect(new Set(texts.flat())).toEqual(new Set(['text of tw:1:a:hot']))
  })

  it('sends the writes and deletions of one tick as one script', async () => {
    const keys = numbered('tw:1:a:', 30)
    await tier.set([textRecord('tw:1:a:warm', 1)])
    await resetCounts(server)
    await Promise.all([...keys.map((key) => tier.set([textRecord(key, 2)])), tier.delete(['tw:1:a:warm'], 2)])
    const counts = await commandCounts(server)
    expect(counts['evalsha']).toBe(1)
    expect(counts['set']).toBe(31)
    expect(await readTexts(tier, ['tw:1:a:warm', 'tw:1:a:7'])).toEqual([undefined, 'text of tw:1:a:7'])
  })

  it('splits large batches, so that no command holds the server for long', async () => {
    const keys = numbered('tw:1:a:', 2000)
    await tier.set([textRecord('tw:1:a:warm', 1)])
    await resetCounts(server)
    await tier.set(keys.map((key) => textRecord(key, 2)))
    await readTexts(tier, keys)
    const counts = await commandCounts(server)
    expect(counts['evalsha']).toBe(Math.ceil(2000 / 32))
    expect(counts['mget']).toBe(Math.ceil(2000 / 128))
  })

  it('splits writes by their bytes', async () => {
    await tier.set([textRecord('tw:1:a:warm', 1)])
    await resetCounts(server)
    const large = 'x'.repeat(600_000)
    await tier.set(numbered('tw:1:a:', 4).map((key) => textRecord(key, 2, { text: large })))
    expect((await commandCounts(server))['evalsha']).toBe(4)
  })
})

/** A connection and the commands it was given. */
function watchedPorts(): { ports: RedisPorts; sent: (readonly RedisArgument[])[] } {
  const sent: (readonly RedisArgument[])[] = []
  const ports = portsTo({ port: server.port })
  const send = ports.primary.send.bind(ports.primary)
  ports.primary.send = (command) => {
    sent.push(command.args)
    return send(command)
  }
  return { ports, sent }
}

function mgetsIn(sent: readonly (readonly RedisArgument[])[]): readonly (readonly RedisArgument[])[] {
  return sent.filter(([name]) => name === 'MGET')
}
