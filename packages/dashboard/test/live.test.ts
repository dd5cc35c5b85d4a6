import { createDashboard, type Dashboard } from '@tierwise/dashboard'
import { fakeRuntime, testCache } from 'tierwise/testing'
import type { CacheEventType, CacheManager } from 'tierwise'
import { describe, expect, it, onTestFinished } from 'vitest'

const token = 'a token for the tests'

interface Told {
  readonly event: string
  readonly data: any // oxlint-disable-line typescript/no-explicit-any -- what was sent, as it came
}

/** Reads server-sent events one by one. */
function readerOf(response: Response): { next(): Promise<Told>; leave(): Promise<void> } {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    next: async () => {
      while (!text.includes('\n\n')) {
        const { done, value } = await reader.read()
        if (done) throw new Error('the stream has ended')
        text += value
      }
      const [message = ''] = text.split('\n\n', 1)
      text = text.slice(message.length + 2)
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? []
      return { event, data: JSON.parse(data) }
    },
    leave: () => reader.cancel(),
  }
}

function stage() {
  const cache = testCache().memory().faulty('store').namespace('factors', { ttl: '1h' }).build()
  onTestFinished(cache.stop)
  const heard = new Map<CacheEventType, number>()
  let pictures = 0
  // The manager, with an eye on what is asked of it.
  const watched = new Proxy(cache.manager, {
    get: (target, name) => {
      if (name === 'on')
        return (type: CacheEventType, listener: never) => {
          heard.set(type, (heard.get(type) ?? 0) + 1)
          const stop = target.on(type, listener)
          return () => {
            heard.set(type, heard.get(type)! - 1)
            stop()
          }
        }
      if (name === 'governanceReport') pictures++
      const member = Reflect.get(target, name) as unknown
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  }) as CacheManager
  const runtime = fakeRuntime()
  const dashboard = createDashboard(watched, { token, runtime, askTiers: false })
  onTestFinished(() => dashboard.stop())
  const listening = (): string[] => [...heard].filter(([, times]) => times > 0).map(([type]) => type)
  return { ...cache, runtime, engine: cache.runtime, dashboard, listening, pictures: () => pictures }
}

function open({ fetch }: Dashboard): Promise<Response> {
  return fetch(new Request('http://localhost/api/stream', { headers: { authorization: `Bearer ${token}` } }))
}

describe('the stream', () => {
  it('costs nothing while nobody looks', async () => {
    const { dashboard, listening, runtime, pictures } = stage()
    await runtime.advance(60_000)
    expect([listening(), runtime.pendingTimers.length, pictures()]).toEqual([[], 0, 0])

    const readers = [readerOf(await open(dashboard)), readerOf(await open(dashboard))]
    for (const reader of readers) expect((await reader.next()).event).toBe('hello')
    expect(runtime.pendingTimers).toHaveLength(1)
    expect(listening()).toEqual(expect.arrayContaining(['breaker', 'lease', 'bus', 'invalidate', 'tier-error']))
    for (const costly of ['hit', 'miss', 'load', 'write', 'tier-operation']) expect(listening()).not.toContain(costly)

    await readers[0]!.leave()
    expect(runtime.pendingTimers).toHaveLength(1)
    await readers[1]!.leave()
    await expect.poll(() => [listening(), runtime.pendingTimers.length]).toEqual([[], 0])
  })

  it('takes one picture for all who look', async () => {
    const { dashboard, runtime, pictures } = stage()
    const readers = await Promise.all([1, 2, 3, 4].map(async () => readerOf(await open(dashboard))))
    for (const reader of readers) await reader.next()
    const before = pictures()
    const got = await Promise.all(readers.map((reader) => reader.next()))
    expect(new Set(got.map(({ data }) => JSON.stringify(data))).size).toBe(1)
    await runtime.advance(1000)
    await Promise.all(readers.map((reader) => reader.next()))
    expect(pictures() - before).toBeLessThanOrEqual(2)
  })

  it('tells rates between two pictures, and hands them to those who come later', async () => {
    const { dashboard, runtime, engine, cache } = stage()
    const reader = readerOf(await open(dashboard))
    await reader.next()
    expect((await reader.next()).data.point).toBeUndefined()
    for (let read = 0; read < 30; read++) await engine.until(cache.getOrSet('steel', () => 1.85))
    await engine.advance(2000)
    await runtime.advance(1000)
    const { data } = await reader.next()
    expect(data.point).toMatchObject({ gets: 15, hits: 14.5, misses: 0.5, loads: 0.5 })
    expect(data.point.tiers.memory).toMatchObject({ hits: 14.5, lookups: 15 })
    const later = readerOf(await open(dashboard))
    expect((await later.next()).data.history).toEqual([data.point])
  })

  it('sums up what says the same, and keeps rare things apart from frequent ones', async () => {
    const { dashboard, runtime, engine, cache, manager } = stage()
    const reader = readerOf(await open(dashboard))
    await reader.next()
    await reader.next()
    await engine.until(manager.start())
    await runtime.advance(1000)
    await reader.next()
    await engine.until(manager.clear())
    for (let key = 0; key < 500; key++) await engine.until(cache.invalidate(`key:${key}`))
    await runtime.advance(1000)
    const { feed } = (await reader.next()).data
    expect(feed.map(({ type, count }: { type: string; count: number }) => [type, count])).toEqual([
      ['invalidate', 1],
      ['invalidate', 500],
    ])
    expect(feed[1].text).toContain('key:0')
  })

  it('still knows what is rare after hours of what is frequent', async () => {
    const { dashboard, runtime, engine, cache, faults } = stage()
    const reader = readerOf(await open(dashboard))
    await reader.next()
    await reader.next()
    faults.store.fail('*')
    await engine.until(cache.delete('steel'))
    faults.store.clear()
    for (let turn = 0; turn < 150; turn++) {
      await engine.until(cache.invalidate(`key:${turn}`))
      await runtime.advance(1000)
      await reader.next()
    }
    const { feed } = (await readerOf(await open(dashboard)).next()).data
    expect(feed.filter(({ type }: { type: string }) => type === 'invalidate')).toHaveLength(100)
    expect(feed.map(({ type }: { type: string }) => type)).toContain('tier-error')
  })

  it('does not pile up for one who does not read', async () => {
    const { dashboard, runtime, engine, cache } = stage()
    const asleep = await open(dashboard)
    const awake = readerOf(await open(dashboard))
    await awake.next()
    await awake.next()
    for (let turn = 0; turn < 400; turn++) {
      for (let key = 0; key < 5; key++) await engine.until(cache.invalidate(`${'x'.repeat(300)}${turn}:${key}`))
      await runtime.advance(1000)
      expect((await awake.next()).event).toBe('picture')
    }
    let bytes = 0
    const rest = asleep.body!.getReader()
    // It was given up meanwhile, so what waits for it has an end.
    for (let part = await rest.read(); !part.done; part = await rest.read()) bytes += part.value.byteLength
    expect(bytes).toBeGreaterThan(1000)
    expect(bytes).toBeLessThan(400 * 1024)
  })

  it('ends for all when the dashboard stops, and lets only so many look', async () => {
    const { dashboard, listening, runtime } = stage()
    const streams = await Promise.all(Array.from({ length: 50 }, () => open(dashboard)))
    expect((await open(dashboard)).status).toBe(503)
    await dashboard.stop()
    await expect(streams[0]!.text()).resolves.toContain('event: hello')
    expect([listening(), runtime.pendingTimers.length]).toEqual([[], 0])
  })

  it('tells what went wrong when the cache cannot say how it is', async () => {
    const broken = new Proxy({} as CacheManager, {
      get: (_target, name) =>
        name === 'on'
          ? () => () => {}
          : () => {
              throw new Error('redis://user:secret@host is away')
            },
    })
    const dashboard = createDashboard(broken, { token, askTiers: false })
    onTestFinished(() => dashboard.stop())
    const reader = readerOf(await open(dashboard))
    await reader.next()
    expect(await reader.next()).toEqual({ event: 'trouble', data: { error: 'redis://***@host is away' } })
    await reader.leave()
  })

  it('stays small with a thousand namespaces', async () => {
    const { dashboard, engine, manager, runtime } = stage()
    for (let index = 0; index < 1000; index++) await engine.until(manager.namespace(`space-${index}`).get('a'))
    const reader = readerOf(await open(dashboard))
    await reader.next()
    const { data } = await reader.next()
    expect(data.namespaces).toHaveLength(60)
    expect(data.otherNamespaces).toBe(941)
    expect(JSON.stringify(data).length).toBeLessThan(200_000)
    await runtime.advance(0)
  })
})
