import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'

import {
  liveMetrics,
  type LiveMetrics,
  type LiveMetricsOptions,
  type MetricInterval,
  type MetricMessage,
} from '../../../src/recipes/live-metrics.ts'
import { embedded, type RecipeWorld, type RecipeWorlds } from './worlds.ts'

const intervals: readonly MetricInterval[] = ['1s', '5s', '1m', '5m', '1h']

/** Two processes that record at the same time of day, unless they say. */
function sides(world: RecipeWorld, options: LiveMetricsOptions = {}): [LiveMetrics, LiveMetrics] {
  const { runtime, one, other } = world
  const all = { flushEvery: 100, now: () => world.now(), runtime, ...options } as const
  return [liveMetrics(one, all), liveMetrics(other, all)]
}

const stopAll = async (metrics: readonly LiveMetrics[]): Promise<void> =>
  void (await Promise.all(metrics.map((each) => each.stop())))

/** Points that were told, the last one of each series and time. */
function lastTold(messages: readonly MetricMessage[]): { metric: string; at: number; count: number; sum: number }[] {
  const last = new Map<string, { metric: string; at: number; count: number; sum: number }>()
  for (const message of messages) {
    if (message.type !== 'point') continue
    const { metric, labels, at, count, sum } = message
    last.set(JSON.stringify([metric, labels, at]), { metric, at, count, sum })
  }
  return [...last.values()]
}

const total = (points: readonly { readonly count: number }[]): number =>
  points.reduce((sum, { count }) => sum + count, 0)

export function liveMetricsCases(worlds: RecipeWorlds): void {
  describe(`liveMetrics ${worlds.name}`, () => {
    it('adds up what several processes record, in every interval', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { now: () => 1_800_000_000_500 })
      for (const value of [3, -1, 10]) one.record('orders', value)
      expect(await one.flush()).toBe(true)
      for (const value of [4, 2]) other.record('orders', value)
      one.record('orders', 7)
      await Promise.all([one.flush(), other.flush()])
      for (const interval of intervals) {
        const [series] = await other.snapshot({ from: 1_800_000_000_000, interval })
        expect(series).toMatchObject({ metric: 'orders', labels: {}, interval })
        const point = { at: 1_800_000_000_000, count: 6, sum: 25, min: -1, max: 10, avg: 25 / 6 }
        expect(series?.points).toEqual([{ ...point, last: expect.any(Number) }])
      }
      await stopAll([one, other])
    })

    it('loses nothing and counts nothing twice of what is recorded while it is flushed', async () => {
      await using world = await worlds.create()
      const all = sides(world, { now: () => 1_800_000_000_500 })
      const flushes: Promise<boolean>[] = []
      for (let i = 1; i <= 300; i++) {
        all[i % 2 === 0 ? 0 : 1].record('orders', i)
        if (i % 10 === 0) flushes.push(all[i % 4 === 0 ? 0 : 1].flush())
        if (i % 50 === 0) await flushes.at(-1)
      }
      await Promise.all(flushes)
      await stopAll(all)
      const [series] = await sides(world, { now: () => 1_800_000_000_900 })[0].snapshot({ from: 1_800_000_000_000 })
      expect(series?.points).toMatchObject([{ count: 300, sum: 45_150, min: 1, max: 300 }])
    })

    it('knows series by their names and labels, whatever the order of the labels', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { now: () => 1_800_000_000_500 })
      one.record('orders', 1, { region: 'eu', kind: 'web' })
      one.record('orders', 2, { kind: 'web', region: 'eu' })
      one.record('orders', 4, { region: 'us' })
      one.record('stock.level', 8)
      await one.flush()
      const from = 1_800_000_000_000
      const sums = async (filter: object): Promise<unknown> =>
        (await other.snapshot({ from, ...filter })).map(({ points }) => points[0]?.sum).sort()
      expect(await sums({})).toEqual([3, 4, 8])
      expect(await sums({ metrics: 'orders' })).toEqual([3, 4])
      expect(await sums({ metrics: 'sto*' })).toEqual([8])
      expect(await sums({ metrics: ['o?ders', 'none'], labels: { region: 'eu' } })).toEqual([3])
      await stopAll([one, other])
    })

    it('keeps what a store that cannot be asked did not take, and brings it once when it is back', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { now: () => 1_800_000_000_500 })
      one.record('orders', 1)
      await one.flush()
      world.switched.mood = 'fails'
      one.record('orders', 2)
      expect(await one.flush()).toBe(false)
      one.record('orders', 3)
      expect(one.stats()).toEqual({ series: 1, pending: 5, dropped: 0, lost: 0 })
      world.switched.mood = 'answers'
      await world.advance(2000)
      expect(await one.flush()).toBe(true)
      expect(one.stats().pending).toBe(0)
      const [series] = await other.snapshot({ from: 1_800_000_000_000 })
      expect(series?.points).toMatchObject([{ count: 3, sum: 6 }])
      await stopAll([one, other])
    })

    it('takes no more series than it may, and counts what it drops', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world, { now: () => 1_800_000_000_500, maxSeries: 2 })
      one.record('a', 1)
      one.record('b', 1)
      one.record('c', 1)
      await one.flush()
      other.record('d', 1)
      other.record('d', 1)
      other.record('a', 1)
      await other.flush()
      expect([one.stats().dropped, other.stats().dropped]).toEqual([1, 2])
      const found = await one.snapshot({ from: 1_800_000_000_000 })
      expect(found.map(({ metric, points }) => [metric, points[0]?.count])).toEqual([
        ['a', 2],
        ['b', 1],
      ])
      await stopAll([one, other])
    })

    it('tells each interval as it ends, with what all processes recorded', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const messages: MetricMessage[] = []
      await one.subscribe({ metrics: 'orders*' }, (message) => messages.push(message))
      for (let i = 0; i < 20; i++) {
        one.record('orders', 1)
        other.record('orders', 2)
        other.record('stock', 4)
        await world.advance(100)
      }
      await world.eventually(() => total(lastTold(messages)) === 40)
      const told = lastTold(messages)
      expect([...new Set(told.map(({ metric }) => metric))]).toEqual(['orders'])
      expect(told.length).toBeGreaterThanOrEqual(2)
      expect(told.reduce((sum, point) => sum + point.sum, 0)).toBe(60)
      await stopAll([one, other])
      const before = messages.length
      await world.advance(100)
      expect(messages.length).toBe(before)
    })

    it('tells what was recorded in an interval before it was subscribed to, and those since a time', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      one.record('orders', 1)
      await one.flush()
      await world.advance(1500)
      one.record('orders', 2)
      await one.flush()
      const messages: MetricMessage[] = []
      const since: MetricMessage[] = []
      await other.subscribe({}, (message) => messages.push(message))
      await other.subscribe({ since: world.now() - 5000 }, (message) => since.push(message))
      await world.eventually(() => lastTold(messages).length === 1 && lastTold(since).length === 2)
      expect(lastTold(messages)).toMatchObject([{ count: 1, sum: 2 }])
      expect(lastTold(since)).toMatchObject([{ sum: 1 }, { sum: 2 }])
      await stopAll([one, other])
    })

    it('is watched over HTTP as server-sent events, until the client goes or the metrics are stopped', async () => {
      await using world = await worlds.create()
      const [one, other] = sides(world)
      const handle = (request: Request): Response => {
        const { searchParams } = new URL(request.url)
        const since = Number(request.headers.get('last-event-id') ?? NaN)
        const options = { metrics: searchParams.get('metrics') ?? '*', ...(since > 0 ? { since } : {}) }
        return new Response(one.eventStream(options), { headers: { 'Content-Type': 'text/event-stream' } })
      }
      const server = createServer((request, response) => {
        const headers = new Headers(request.headers as Record<string, string>)
        const answer = handle(new Request(`http://localhost${request.url ?? '/'}`, { headers }))
        response.writeHead(answer.status, Object.fromEntries(answer.headers))
        Readable.fromWeb(answer.body as never).pipe(response)
        response.flushHeaders()
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events?metrics=orders`
      other.record('orders', 5, { region: 'eu' })
      other.record('stock', 6)
      await other.flush()
      const response = await fetch(url, { headers: { 'Last-Event-ID': String(world.now() - 5000) } })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      if (worlds === embedded) await world.advance(3000)
      const { value = '' } = await reader.read()
      const [event, id, data] = value.split('\n')
      expect(event).toBe('event: point')
      const point = JSON.parse(data?.replace('data: ', '') ?? '') as { at: number }
      expect(point).toMatchObject({ metric: 'orders', labels: { region: 'eu' }, interval: '1s', sum: 5, last: 5 })
      expect(id).toBe(`id: ${point.at}`)
      await stopAll([one, other])
      expect((await reader.read()).done).toBe(true)
      server.closeAllConnections()
      server.close()
    })
  })
}
