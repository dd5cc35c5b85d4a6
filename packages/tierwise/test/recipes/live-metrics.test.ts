import { describe, expect, it } from 'vitest'

import { createCoordination, memoryCoordination, type CoordinationStore } from '../../src/coordination/index.ts'
import { liveMetrics, type LiveMetricsOptions, type MetricMessage } from '../../src/recipes/live-metrics.ts'
import { digestOfSeries, seriesText } from '../../src/recipes/live-metrics/series.ts'
import { fakeRuntime } from '../../src/testing/fake-runtime.ts'
import { checkTimers } from '../../src/testing/invariants.ts'
import { liveMetricsCases } from './integration/live-metrics-cases.ts'
import { embedded, type RecipeWorld } from './integration/worlds.ts'

liveMetricsCases(embedded)

const hourMs = 3_600_000

function metricsOf(world: RecipeWorld, options: LiveMetricsOptions = {}): ReturnType<typeof liveMetrics> {
  return liveMetrics(world.one, { now: () => world.now(), runtime: world.runtime, ...options })
}

describe('series', () => {
  it.each([
    ['1s', 1000, hourMs],
    ['5s', 5000, 24 * hourMs],
    ['1m', 60_000, 7 * 24 * hourMs],
    ['5m', 300_000, 30 * 24 * hourMs],
    ['1h', hourMs, 365 * 24 * hourMs],
  ] as const)('of %s are kept for their time, and not longer', async (interval, ms, keepMs) => {
    let now = Date.UTC(2026, 0, 1)
    await using coordination = createCoordination()
    await using metrics = liveMetrics(coordination, { now: () => now })
    const began = now
    metrics.record('orders', 1)
    await metrics.flush()
    const count = async (): Promise<number | undefined> =>
      (await metrics.snapshot({ from: began, to: began + ms, interval }))[0]?.points.length
    now = began + keepMs
    expect(await count()).toBe(1)
    now = began + keepMs + ms
    expect(await count()).toBeUndefined()
  })

  it('end in the store by themselves', async () => {
    const runtime = fakeRuntime()
    const store = memoryCoordination({ runtime })
    const coordination = createCoordination({ store, runtime })
    const metrics = liveMetrics(coordination, { runtime, now: () => runtime.clock.now() })
    metrics.record('orders', 1)
    await metrics.stop()
    const block = Math.floor(runtime.clock.now() / 60_000)
    const key = `hash:metrics.series:1s:${block}:${digestOfSeries(seriesText('orders', {}))}`
    expect(await store.fields(key)).toBeDefined()
    await runtime.advance(hourMs + 60_000)
    expect(await store.fields(key)).toBeUndefined()
    await coordination.stop()
    await store.close()
    checkTimers(runtime)
  })

  it('are read in the finest interval that is kept and has at most 1000 points', async () => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    metrics.record('orders', 1)
    await metrics.flush()
    const intervalOf = async (agoMs: number): Promise<string | undefined> =>
      (await metrics.snapshot({ from: world.now() - agoMs }))[0]?.interval
    const found = await Promise.all(
      [1000, 2000 * 1000, 2 * hourMs, 10 * hourMs, 48 * hourMs, 400 * hourMs].map(intervalOf),
    )
    expect(found).toEqual(['1s', '5s', '1m', '1m', '5m', '1h'])
  })

  it('refuse a range of too many points, and times that are none', async () => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    await expect(metrics.snapshot({ from: 0, interval: '1s' })).rejects.toThrow(RangeError)
    await expect(metrics.snapshot({ from: Number.NaN })).rejects.toThrow(RangeError)
    await expect(metrics.snapshot({ from: 0, interval: '2s' as never })).rejects.toThrow(RangeError)
  })

  it('are not written over by a process whose clock went back', async () => {
    let now = Date.UTC(2026, 0, 1)
    await using coordination = createCoordination()
    await using metrics = liveMetrics(coordination, { now: () => now })
    metrics.record('orders', 1)
    now += 5000
    await metrics.flush()
    now -= 5000
    metrics.record('orders', 2)
    await metrics.flush()
    const [series] = await metrics.snapshot({ from: now - 1000, interval: '1s' })
    expect(series?.points).toMatchObject([{ count: 2, sum: 3, last: 2 }])
  })

  it('have points in the order of time, and none where nothing was recorded', async () => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    const began = world.now()
    for (const ms of [0, 70_000, 5000]) {
      await world.advance(ms)
      metrics.record('orders', 1)
    }
    await metrics.flush()
    const [series] = await metrics.snapshot({ from: began, interval: '1s' })
    expect(series?.points.map(({ at }) => at - began)).toEqual([0, 70_000, 75_000])
  })
})

describe('recording', () => {
  it('does not let a flush that is slow write over one that came after it', async () => {
    await using world = await embedded.create()
    const metrics = metricsOf(world)
    const { setFields } = world.switched.store
    const waiting: (() => void)[] = []
    world.switched.store.setFields = async (...args) => {
      if (waiting.length < 5) await new Promise<void>((resolve) => waiting.push(resolve))
      return setFields(...args)
    }
    metrics.record('orders', 1)
    const slow = metrics.flush()
    await world.advance(1)
    metrics.record('orders', 2)
    const fast = metrics.flush()
    await world.advance(1)
    for (const resume of waiting) resume()
    expect(await Promise.all([slow, fast])).toEqual([true, true])
    const [series] = await metrics.snapshot({ from: world.now() - 1000, interval: '1h' })
    expect(series?.points).toMatchObject([{ count: 2, sum: 3 }])
    await metrics.stop()
  })

  it.each([Number.NaN, Infinity])('refuses a value of %s', async (value) => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    expect(() => metrics.record('orders', value)).toThrow(RangeError)
  })

  it.each([
    ['', {}],
    ['x'.repeat(201), {}],
    ['orders', { region: 5 }],
    ['orders', Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, 'x']))],
  ])('refuses %s, %j', async (metric, labels) => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    expect(() => metrics.record(metric, 1, labels as never)).toThrow(expect.objectContaining({ code: 'ERR_CACHE_KEY' }))
  })

  it('flushes by itself, has no timer when there is nothing to flush, and drops what comes after the end', async () => {
    await using world = await embedded.create()
    const metrics = metricsOf(world)
    metrics.record('orders', 1)
    await world.advance(1000)
    expect(world.switched.asked).toContain('setFields')
    expect(metrics.stats().pending).toBe(0)
    await Promise.all([metrics.stop(), metrics.stop()])
    metrics.record('orders', 1)
    expect(metrics.stats().dropped).toBe(1)
    await expect(metrics.subscribe({}, () => {})).rejects.toMatchObject({ code: 'ERR_CACHE_STOPPED' })
  })
})

/** A store whose messages can be lost, as when a connection is made again. */
function lossyStore(inner: CoordinationStore): { store: CoordinationStore; isLosing: boolean; gap: () => void } {
  const lossy = { store: inner, isLosing: false, gap: (): void => {} }
  const subscribe: CoordinationStore['subscribe'] = (channel, onMessage, onGap) => {
    lossy.gap = onGap ?? lossy.gap
    return inner.subscribe(channel, (text) => void (lossy.isLosing || onMessage(text)))
  }
  lossy.store = new Proxy(inner, {
    get: (target, name) => {
      const member: unknown = name === 'subscribe' ? subscribe : Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
  return lossy
}

describe('subscriptions', () => {
  it.each([true, false])('read the series again when messages may have been missed: %s', async (isTold) => {
    const runtime = fakeRuntime()
    const now = (): number => runtime.clock.now()
    const inner = memoryCoordination({ runtime })
    const lossy = lossyStore(inner)
    const coordination = createCoordination({ store: lossy.store, runtime })
    const metrics = liveMetrics(coordination, { runtime, now })
    const told: MetricMessage[] = []
    await metrics.subscribe({}, (message) => told.push(message))
    const counts = (): number[] => {
      const last = new Map(told.flatMap((message) => (message.type === 'point' ? [[message.at, message.count]] : [])))
      return [...last].sort(([one], [other]) => one - other).map(([, count]) => count)
    }
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i <= second; i++) metrics.record('orders', 1)
      lossy.isLosing = second >= 10 && second < 15
      // Connected again.
      if (second === 15 && isTold) lossy.gap()
      await runtime.advance(1000)
    }
    await runtime.advance(5000)
    const all = Array.from({ length: 20 }, (_, second) => second + 1)
    if (isTold) expect(counts()).toEqual(all)
    // Nothing else could have told them.
    else expect(counts().length).toBeLessThan(20)
    const texts = told.map((message) => JSON.stringify(message))
    expect(new Set(texts).size, 'nothing twice').toBe(texts.length)
    await metrics.stop()
    await coordination.stop()
    checkTimers(runtime)
  })

  it('tell nothing again when a message comes again', async () => {
    const runtime = fakeRuntime()
    const now = (): number => runtime.clock.now()
    const store = memoryCoordination({ runtime })
    const coordination = createCoordination({ store, runtime })
    const writing = createCoordination({ store, runtime })
    const metrics = liveMetrics(coordination, { runtime, now })
    const writer = liveMetrics(writing, { runtime, now })
    const told: MetricMessage[] = []
    await metrics.subscribe({}, (message) => told.push(message))
    await runtime.advance(10_000)
    const { publish } = store
    let published = 0
    store.publish = async (channel, text) => {
      await publish(channel, text)
      published++
      throw new Error('It came, but nobody knows.')
    }
    writer.record('orders', 1)
    await runtime.advance(6000)
    expect(published).toBeGreaterThan(1)
    store.publish = publish
    await runtime.advance(20_000)
    expect(writer.stats().pending).toBe(0)
    expect(told.filter(({ type }) => type === 'point')).toHaveLength(1)
    await Promise.all([metrics.stop(), writer.stop()])
    await Promise.all([coordination.stop(), writing.stop()])
    await store.close()
    checkTimers(runtime)
  })

  it('read what was recorded shortly before messages were missed', async () => {
    const runtime = fakeRuntime()
    const now = (): number => runtime.clock.now()
    const lossy = lossyStore(memoryCoordination({ runtime }))
    const coordination = createCoordination({ store: lossy.store, runtime })
    const metrics = liveMetrics(coordination, { runtime, now })
    const other = liveMetrics(coordination, { runtime, now })
    const told: MetricMessage[] = []
    await metrics.subscribe({ metrics: 'quiet' }, (message) => told.push(message))
    await runtime.advance(20_200)
    metrics.record('loud', 1)
    await runtime.advance(300)
    other.record('quiet', 1)
    await runtime.advance(800)
    // The message of the loud one has come, that of the quiet one is still to come.
    lossy.isLosing = true
    await runtime.advance(500)
    lossy.isLosing = false
    lossy.gap()
    await runtime.advance(10_000)
    const points = told.filter(({ type }) => type === 'point')
    expect(points).toMatchObject([{ metric: 'quiet', count: 1 }])
    await Promise.all([metrics.stop(), other.stop()])
    await coordination.stop()
    checkTimers(runtime)
  })

  it.each(['5s', '1m', '5m', '1h'] as const)('tell points of %s', async (interval) => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    const told: MetricMessage[] = []
    await metrics.subscribe({ interval, metrics: 'orders' }, (message) => told.push(message))
    const ms = { '5s': 5000, '1m': 60_000, '5m': 300_000, '1h': hourMs }[interval]
    for (let i = 0; i < 10; i++) {
      metrics.record('orders', i)
      await world.advance(ms / 4)
    }
    await world.advance(ms + 5000)
    const points = told.flatMap((message) => (message.type === 'point' ? [message] : []))
    expect(points.map(({ count, sum }) => [count, sum])).toEqual([
      [4, 6],
      [4, 22],
      [2, 17],
    ])
    expect(points.every((point) => point.interval === interval)).toBe(true)
  })

  it.each([4000, 20_000])('tell a point again when more of it comes %i ms late', async (ms) => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world)
    const late = liveMetrics(world.other, { now: () => world.now() - ms, runtime: world.runtime })
    const told: MetricMessage[] = []
    await world.advance(10_000)
    await metrics.subscribe({}, (message) => told.push(message))
    await world.advance(10_000)
    metrics.record('orders', 1)
    await world.advance(ms)
    late.record('orders', 2)
    await world.advance(5000)
    const points = told.flatMap((message) => (message.type === 'point' ? [[message.count, message.sum]] : []))
    expect(points).toEqual([
      [1, 1],
      [2, 3],
    ])
    await late.stop()
  })

  it('are told so many points a minute, and how many were left out with each heartbeat', async () => {
    await using world = await embedded.create()
    await using metrics = metricsOf(world, { messagesPerMinute: 100 })
    const told: MetricMessage[] = []
    const subscription = await metrics.subscribe({}, (message) => told.push(message))
    const recordAll = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        for (let i = 0; i < 30; i++) metrics.record('orders', 1, { n: String(i) })
        await world.advance(1000)
      }
    }
    await recordAll(8)
    expect(told.filter(({ type }) => type === 'point')).toHaveLength(100)
    await world.advance(22_000)
    expect(subscription.dropped).toBe(140)
    expect(told.at(-1)).toEqual({ type: 'heartbeat', at: expect.any(Number), dropped: 140 })
    await world.advance(60_000)
    await recordAll(1)
    await world.advance(5000)
    expect(told.filter(({ type }) => type === 'point')).toHaveLength(130)
    expect(told.filter(({ type }) => type === 'heartbeat').length).toBeGreaterThanOrEqual(3)
  })

  it('go on when the listener throws, and when the series cannot be read for a while', async () => {
    await using world = await embedded.create()
    const metrics = metricsOf(world)
    const writer = liveMetrics(world.other, { now: () => world.now(), runtime: world.runtime })
    let told = 0
    await metrics.subscribe({}, () => {
      told++
      throw new Error('theirs')
    })
    writer.record('orders', 1)
    writer.record('stock', 1)
    world.switched.mood = 'fails'
    await world.advance(10_000)
    expect(told).toBe(0)
    world.switched.mood = 'answers'
    await world.advance(10_000)
    expect(told).toBe(2)
    await metrics.stop()
    await writer.stop()
  })

  it('are refused when the store cannot be asked', async () => {
    await using world = await embedded.create()
    const metrics = metricsOf(world)
    world.switched.mood = 'fails'
    await expect(metrics.subscribe({}, () => {})).rejects.toMatchObject({ code: 'ERR_CACHE_UNAVAILABLE' })
    await metrics.stop()
  })
})

describe('event streams', () => {
  it('leave out points for a client that reads slowly, and say how many', async () => {
    await using world = await embedded.create()
    const metrics = metricsOf(world)
    const reader = metrics.eventStream({ maxWaiting: 3 }).getReader()
    await world.advance(1)
    for (let second = 0; second < 10; second++) {
      metrics.record('orders', second)
      await world.advance(1000)
    }
    await world.advance(10_000)
    const decoder = new TextDecoder()
    const texts: string[] = []
    for (let i = 0; i < 3; i++) texts.push(decoder.decode((await reader.read()).value))
    expect(texts.map((text) => text.split('\n')[0])).toEqual(['event: point', 'event: point', 'event: point'])
    await world.advance(15_000)
    expect(decoder.decode((await reader.read()).value)).toBe(': heartbeat, 7 left out\n\n')
    await reader.cancel()
    await metrics.stop()
  })
})

describe('options of liveMetrics', () => {
  it.each([
    { flushEvery: 0 },
    { maxSeries: 0 },
    { messagesPerMinute: 1.5 },
    { heartbeat: 'often' },
    { interval: '1s' },
  ])('refuses %j', async (options) => {
    await using coordination = createCoordination()
    expect(() => liveMetrics(coordination, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_CACHE_OPTION' }),
    )
  })
})
