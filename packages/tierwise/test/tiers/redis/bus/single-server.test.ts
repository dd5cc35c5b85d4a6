import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startRedis, tcpProxy, type RedisServer } from '../../../../src/testing/index.ts'
import type { RedisBusOptions } from '../../../../src/tiers/redis/bus/options.ts'
import { singleLayout } from '../../../../src/tiers/redis/key-layout.ts'
import { OpenPorts, testedPackages } from '../../../clients/redis/packages.ts'
import { until } from '../../../clients/redis/until.ts'
import { Emitter } from './emitter.ts'
import { HeardBus } from './opened-bus.ts'
import { splitPort } from './split-port.ts'

const open = new OpenPorts()
const heard: HeardBus[] = []
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ dedicated: true, config: { 'client-output-buffer-limit': 'pubsub 64kb 64kb 1' } })
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))
afterEach(async () => {
  await Promise.all(heard.splice(0).map(({ bus }) => bus.stop()))
  await open.close()
})

const [ioredis6] = testedPackages

async function connected(tested = ioredis6!, at: { port: number } = server) {
  const port = open.create(tested, { host: '127.0.0.1', port: at.port, heartbeat: false }).primary
  await port.connect()
  return port
}

async function emitter(): Promise<Emitter> {
  return new Emitter(await connected(), singleLayout)
}

/** A bus that was started and is proven once. */
async function hearing(options: Partial<RedisBusOptions> & { at?: { port: number }; resume?: string } = {}) {
  const { at, resume, ...rest } = options
  const one = new HeardBus(await connected(ioredis6, at), rest)
  heard.push(one)
  await one.started(resume)
  return one
}

const killSubscribers = () => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')

describe.each(testedPackages)('a bus on one server with $title', (tested) => {
  it('tells changes in order, of others only, and proves soon that nothing is missing', async () => {
    const one = new HeardBus(await connected(tested))
    heard.push(one)
    const startedAt = performance.now()
    await one.started()
    expect(performance.now() - startedAt).toBeLessThan(900)
    expect(one.lostLanes).toEqual([0])
    const by = await emitter()
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
    // The server learns the script, so that nothing is sent twice and out of order.
    await by.emit('first', { source: 'me' })
    await Promise.all(keys.map((key, i) => by.emit(key, { source: i % 4 === 3 ? 'me' : 'somebody' })))
    await one.proven()
    expect(one.keys).toEqual(keys.filter((_, i) => i % 4 !== 3))
    expect(one.lostLanes).toEqual([0])
    expect(one.failures).toEqual([])
  })

  it('goes on without a loss when its connections are killed', async () => {
    const one = new HeardBus(await connected(tested))
    heard.push(one)
    await one.started()
    const by = await emitter()
    let count = 0
    for (const kind of ['pubsub', 'normal', 'pubsub', 'normal']) {
      await by.emit(`k${count++}`).catch(() => {})
      await server.command('CLIENT', 'KILL', 'TYPE', kind)
      const silent = await emitter()
      for (let i = 0; i < 5; i++) await silent.emit(`k${count++}`)
      await one.proven()
    }
    expect(new Set(one.keys).size).toBe(one.keys.length)
    expect(one.keys.length).toBeGreaterThanOrEqual(20)
    expect(one.lostLanes).toEqual([0])
  })
})

describe('a bus on one server', () => {
  it('tells every kind of change with its version, and what is no change', async () => {
    const one = await hearing()
    const by = await emitter()
    const version = 1_767_225_600_000_123
    await by.emit('', {
      changes: [
        ['S', 'tw:a:ключ', version],
        ['D', 'x'.repeat(300), 0],
        ['X', 'k', 5_000_000_000],
        ['T', ['red', '*'], version + 1],
      ],
    })
    await server.command('EVAL', "redis.call('PUBLISH', '{tw:0}:bus', cmsgpack.pack({ 1, 0, 'awaited' }))", '0')
    await until(() => one.arrivedKeys.length === 1)
    expect(one.changes).toEqual([
      [0, { kind: 'key', operation: 'set', key: 'tw:a:ключ', version }],
      [0, { kind: 'key', operation: 'delete', key: 'x'.repeat(300), version: 0 }],
      [0, { kind: 'key', operation: 'expire', key: 'k', version: 5_000_000_000 }],
      [0, { kind: 'tags', names: ['red', '*'], clock: version + 1 }],
    ])
    expect(one.arrivedKeys).toEqual(['awaited'])
  })

  it('finds a change that was told to nobody when the next one comes', async () => {
    const one = await hearing({ intervalMs: 3_600_000 })
    const by = await emitter()
    await by.emit('a')
    await by.emit('b', { isSilent: true })
    await by.emit('c', { isSilent: true })
    await by.emit('d')
    await until(() => one.keys.length === 4)
    expect(one.keys).toEqual(['a', 'b', 'c', 'd'])
    expect(one.lostLanes).toEqual([0])
  })

  it('finds what it missed as soon as it listens again', async () => {
    const one = await hearing({ intervalMs: 3_600_000 })
    const by = await emitter()
    await by.emit('a')
    await until(() => one.keys.length === 1)
    await killSubscribers()
    await by.emit('b', { isSilent: true })
    await until(() => one.keys.length === 2)
    expect(one.lostLanes).toEqual([0])
  })

  it('finds a change that was told to nobody when nothing comes after it', async () => {
    const one = await hearing()
    const by = await emitter()
    const emittedAt = performance.now()
    await by.emit('tail', { isSilent: true })
    await until(() => one.keys.length === 1)
    expect(performance.now() - emittedAt).toBeLessThan(1600)
    expect(one.lostLanes).toEqual([0])
  })

  it('makes its connection anew when it stays silent although it is open', async () => {
    const one = await hearing({ intervalMs: 300 })
    const by = await emitter()
    for (let i = 0; i < 3; i++) {
      await by.emit(`k${i}`, { isSilent: true })
      await until(() => one.keys.length === i + 1)
    }
    expect(one.failures.map(String)).toEqual([expect.stringContaining('published messages did not arrive')])
    await by.emit('after')
    await until(() => one.keys.length === 4)
    // One that stays away now and then, between others that come, is no reason.
    for (let i = 0; i < 3; i++) {
      const { length } = one.keys
      await by.emit('unheard', { isSilent: true })
      await until(() => one.keys.length === length + 1)
      await by.emit('heard')
      await until(() => one.keys.length === length + 2)
    }
    expect(one.failures).toHaveLength(1)
  })

  it('confirms nothing while it cannot reach the server, and loses nothing', async () => {
    await using proxy = await tcpProxy({ target: server })
    const one = await hearing({ at: proxy })
    const by = await emitter()
    proxy.silence({ connections: 'all' })
    await sleep(100)
    const silentAt = performance.timeOrigin + performance.now()
    const before = one.confirmedAt[0]!
    await by.emit('a')
    await sleep(2500)
    expect(one.confirmedAt[0]! - before).toBeLessThan(1000)
    expect(one.confirmedAt[0]!).toBeLessThan(silentAt)
    expect(one.keys).toEqual([])
    await proxy.pass()
    proxy.cut()
    await until(() => one.keys.length === 1)
    await one.proven()
    expect(one.lostLanes).toEqual([0])
  })

  it('hears a half-open subscription by the log', async () => {
    await using proxy = await tcpProxy({ target: server })
    const data = open.create(ioredis6!, { host: '127.0.0.1', port: server.port, heartbeat: false }).primary
    await data.connect()
    const listening = open.create(ioredis6!, { host: '127.0.0.1', port: proxy.port, heartbeat: false }).primary
    await listening.connect()
    // Commands go straight, only what is published takes the silent way.
    const one = new HeardBus(splitPort(data, listening))
    heard.push(one)
    await one.started()
    proxy.silence({ connections: 'all' })
    const by = await emitter()
    const emittedAt = performance.now()
    await by.emit('a')
    await until(() => one.keys.length === 1)
    expect(performance.now() - emittedAt).toBeLessThan(1600)
    expect(one.lostLanes).toEqual([0])
  })

  it('survives that the server drops its connection because it reads too slowly', { timeout: 30_000 }, async () => {
    await using proxy = await tcpProxy({ target: server })
    const data = await connected()
    const listening = await connected(ioredis6, proxy)
    const one = new HeardBus(splitPort(data, listening))
    heard.push(one)
    await one.started()
    const by = await emitter()
    proxy.stopReading({ direction: 'to-client', connections: 'existing' })
    const killed = async () =>
      /evicted_clients|client_output_buffer_limit_disconnections:([1-9])/.test(await server.command('INFO', 'stats'))
    const padding = 'x'.repeat(20_000)
    let count = 0
    while (!(await isDropped())) for (let i = 0; i < 20; i++) await by.emit(`${count++}:${padding}`)
    async function isDropped() {
      if (await killed()) return true
      return !(await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).includes('sub=1')
    }
    await by.emit('last')
    await until(() => one.keys.at(-1) === 'last', 20_000)
    await one.proven(20_000)
    const numbers = one.keys.slice(0, -1).map((key) => Number.parseInt(key))
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i))
  })

  it('reads what it missed from the log as long as the log reaches back, and knows when it does not', async () => {
    const one = await hearing()
    const by = await emitter()
    await by.emit('a')
    await until(() => one.keys.length === 1)
    const position = one.bus.position()
    await one.bus.stop()
    expect(one.bus.position()).toBe(position)
    for (let i = 0; i < 500; i++) await by.emit(`k${i}`)

    const again = await hearing({ instance: 'again', resume: position })
    expect(again.lostLanes).toEqual([])
    expect(again.keys).toEqual(Array.from({ length: 500 }, (_, i) => `k${i}`))

    await server.command('XTRIM', '{tw:0}:log', 'MAXLEN', '100')
    const late = await hearing({ instance: 'late', resume: position })
    expect(late.lostLanes).toEqual([0])
    expect(late.keys).toEqual([])
  })

  it.each(['', '{', 'null', '7', '[]', '{"0":7}', '{"0":[1]}', '{"0":["1","a"]}', '{"0":[-1,""]}', '{"7":[1,"a"]}'])(
    'begins anew when the position is %j',
    async (resume) => {
      const one = await hearing({ resume })
      expect(one.lostLanes).toEqual([0])
    },
  )

  it('knows when the server has restarted without its memory', async () => {
    const one = await hearing()
    let by = await emitter()
    await by.emit('a')
    await by.emit('b')
    await until(() => one.keys.length === 2)
    await server.restart()
    await one.proven(15_000)
    expect(one.lostLanes).toEqual([0, 0])
    expect(one.repairs.map((change) => change.kind === 'key' && change.key)).toEqual(['a', 'b'])
    by = await emitter()
    await by.emit('c')
    await until(() => one.keys.length === 3)
    expect(one.lostLanes).toEqual([0, 0])
  })

  it('knows when the memory was lost and others have written since', async () => {
    const one = await hearing()
    const by = await emitter()
    for (const key of ['a', 'b']) await by.emit(key)
    await until(() => one.keys.length === 2)
    await server.command('FLUSHALL')
    for (const key of ['c', 'd', 'e']) await by.emit(key)
    await one.proven()
    expect(one.lostLanes).toEqual([0, 0])
  })

  it('knows when an older snapshot was restored, also when the numbers have grown past it', async () => {
    const one = await hearing({ intervalMs: 100 })
    const by = await emitter()
    for (const key of ['a', 'b']) await by.emit(key)
    const names = ['{tw:0}:lane', '{tw:0}:log']
    const dumps = await Promise.all(
      names.map((name) =>
        server.command(
          'EVAL',
          "return redis.call('DUMP', KEYS[1]):gsub('.', function(c) return string.format('%02x', c:byte()) end)",
          '1',
          name,
        ),
      ),
    )
    for (const key of ['c', 'd']) await by.emit(key)
    await until(() => one.keys.length === 4)
    await one.proven()
    const restore =
      "for i = 1, 2 do redis.call('RESTORE', KEYS[i], 0, (ARGV[i]:gsub('..', function(h) return string.char(tonumber(h, 16)) end)), 'REPLACE') end"
    await server.command('EVAL', restore, '2', ...names, ...dumps)
    for (const key of ['e', 'f', 'g']) await by.emit(key, { isSilent: true })
    await until(() => one.lostLanes.length === 2)
    expect(one.repairs.map((change) => change.kind === 'key' && change.key)).toEqual(['a', 'b', 'c', 'd'])
    await by.emit('h')
    await until(() => one.keys.at(-1) === 'h')
    expect(one.lostLanes).toHaveLength(2)
  })

  it('looks into the log when somebody publishes rubbish, and goes on', async () => {
    const one = await hearing()
    const by = await emitter()
    for (const rubbish of ['', 'x', 'ÿÿÿÿ', '[1,2]', '{"a":1}']) await server.command('PUBLISH', '{tw:0}:bus', rubbish)
    await by.emit('a')
    await until(() => one.keys.length === 1)
    expect(one.lostLanes).toEqual([0])
    await one.proven()
  })

  it('finds by rubbish what was told to nobody', async () => {
    const one = await hearing({ intervalMs: 3_600_000 })
    await (await emitter()).emit('a', { isSilent: true })
    await server.command('PUBLISH', '{tw:0}:bus', 'rubbish')
    await until(() => one.keys.length === 1)
  })

  it('works with a full memory that nothing may be evicted from', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const one = await hearing()
      expect(one.failures).toEqual([])
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  it('leaves nothing behind', async () => {
    const port = await connected()
    const connections = async () => (await server.command('CLIENT', 'LIST')).split('\n').length
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = await connections()
    const timersBefore = timers()
    for (let round = 0; round < 20; round++) {
      const one = new HeardBus(port, { tracking: round % 2 === 0 ? ['raw:'] : [] })
      one.bus.start(one)
      one.bus.start(one)
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([one.bus.stop(), one.bus.stop()])
      const told = [one.changes.length, one.lostLanes.length, one.confirmedAt.length]
      await sleep(5)
      expect([one.changes.length, one.lostLanes.length, one.confirmedAt.length]).toEqual(told)
    }
    await until(async () => (await connections()) === before)
    await until(() => timers() <= timersBefore)
    expect(await server.command('HKEYS', '{tw:tags}:members')).toBe('#since')
  })

  it('starts before the server does', async () => {
    const other = await startRedis({ dedicated: true })
    try {
      const port = await connected(ioredis6, other)
      await other.kill()
      const one = new HeardBus(port)
      heard.push(one)
      one.bus.start(one)
      await sleep(300)
      expect(one.confirmedAt).toEqual([])
      await other.restart()
      await one.proven(15_000)
    } finally {
      await other.stop()
    }
  })
})
