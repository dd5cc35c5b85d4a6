import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TracedOperation } from '../../../src/core/tracing.ts'
import { readMetrics } from '../../../src/observability/metrics/list.ts'
import { openTelemetryMetrics, openTelemetryTraces } from '../../../src/observability/opentelemetry/index.ts'
import { testCache } from '../../../src/testing/test-cache.ts'

let stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
  stops = []
})

function service() {
  const made = testCache().memory().faulty('redis').namespace('factors').build()
  stops.push(made.stop)
  return made
}

describe('openTelemetryMetrics', () => {
  function collected(manager: Parameters<typeof openTelemetryMetrics>[0], attributes = {}) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    stops.push(() => provider.shutdown())
    const exported = openTelemetryMetrics(manager, { meter: provider.getMeter('test'), attributes })
    const collect = async () => {
      exporter.reset()
      await provider.forceFlush()
      return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    }
    return { collect, exported }
  }

  test('observes what analytics() counts, from one count', async () => {
    const { manager, cache } = service()
    const analytics = vi.spyOn(manager, 'analytics')
    const { collect } = collected(manager, { manager: 'orders' })
    await cache.set('steel', 1)
    await cache.get('steel')
    await cache.get('copper')
    const all = await collect()
    expect(analytics).toHaveBeenCalledTimes(1)
    const gets = all.find(({ descriptor }) => descriptor.name === 'tierwise.gets')!
    expect(gets.dataPointType).toBe(DataPointType.SUM)
    expect(gets.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([
      [{ manager: 'orders', namespace: 'factors', outcome: 'hit' }, 1],
      [{ manager: 'orders', namespace: 'factors', outcome: 'stale' }, 0],
      [{ manager: 'orders', namespace: 'factors', outcome: 'miss' }, 1],
    ])
    await cache.get('steel')
    const again = (await collect()).find(({ descriptor }) => descriptor.name === 'tierwise.gets')!
    expect(again.dataPoints[0]!.value).toBe(2)
  })

  test('has durations as histograms, in seconds', async () => {
    const { manager, cache, faults, runtime } = service()
    const { collect } = collected(manager)
    await cache.get('opens the tier')
    faults.redis.delay('get', 40)
    await runtime.until(cache.getOrSet('steel', () => 1))
    const all = await collect()
    const loads = all.find(({ descriptor }) => descriptor.name === 'tierwise.load_duration')!
    expect(loads.descriptor.unit).toBe('s')
    expect(loads.dataPoints).toMatchObject([
      { attributes: { namespace: 'factors', outcome: 'stored' }, value: { count: 1, sum: expect.closeTo(0.04, 2) } },
    ])
  })

  test('gives names of which an exporter makes those of Prometheus', async () => {
    const { manager, cache } = service()
    const { collect } = collected(manager)
    await cache.set('steel', 1)
    await cache.get('steel')
    const units: Record<string, string> = { s: '_seconds', By: '_bytes', '': '' }
    const names = (await collect()).map(({ descriptor, dataPointType }) => {
      const isCounter = dataPointType === DataPointType.SUM
      return `${descriptor.name.replace('.', '_')}${units[descriptor.unit]}${isCounter ? '_total' : ''}`
    })
    const expected = readMetrics.map(({ name }) => `tierwise_${name}`)
    for (const name of names.filter((each) => !each.includes('_duration'))) expect(expected).toContain(name)
    expect(names.length).toBeGreaterThan(30)
  })

  test('ends', async () => {
    const { manager, cache } = service()
    const { collect, exported } = collected(manager)
    exported.stop()
    exported.stop()
    const analytics = vi.spyOn(manager, 'analytics')
    await cache.get('steel')
    await collect()
    expect(analytics).not.toHaveBeenCalled()
  })
})

describe('openTelemetryTraces', () => {
  const exporter = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  beforeAll(() => provider.register())
  afterAll(() => provider.shutdown())
  beforeEach(() => exporter.reset())

  const traced = (options = {}): void => void stops.push(openTelemetryTraces(options).stop)
  const spans = () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      id: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
      attributes: span.attributes,
      kind: span.kind,
      status: span.status,
      events: span.events,
    }))

  test('makes a span of a load, with what the loader does inside of it', async () => {
    const { cache } = service()
    traced()
    await trace.getTracer('test').startActiveSpan('request', async (request) => {
      await cache.getOrSet('steel', async () => {
        await Promise.resolve()
        return trace.getTracer('test').startActiveSpan('query', async (query) => {
          await Promise.resolve()
          query.end()
          return 1
        })
      })
      request.end()
    })
    const [load, query, request] = ['tierwise load factors', 'query', 'request'].map((name) =>
      spans().find((span) => span.name === name),
    )
    expect(query!.parent).toBe(load!.id)
    expect(load!.parent).toBe(request!.id)
    expect(load!.kind).toBe(SpanKind.INTERNAL)
    expect(load!.attributes).toEqual({ 'tierwise.namespace': 'factors', 'tierwise.keys.count': 1 })
    expect(load!.status.code).toBe(SpanStatusCode.UNSET)
  })

  test('makes a span of each operation of a tier', async () => {
    const { cache } = service()
    traced()
    await trace.getTracer('test').startActiveSpan('request', async (request) => {
      await cache.get('steel')
      request.end()
    })
    const [get] = spans().filter(({ name }) => name === 'tierwise get redis')
    expect(get!.kind).toBe(SpanKind.CLIENT)
    expect(get!.attributes).toEqual({
      'tierwise.tier': 'redis',
      'tierwise.operation': 'get',
      'db.system.name': 'redis',
    })
    expect(get!.parent).toBe(spans().find(({ name }) => name === 'request')!.id)
  })

  test('says what a tier is only where that is known', async () => {
    const made = testCache().faulty('store').build()
    stops.push(made.stop)
    traced({ systems: { other: 'couchdb' } })
    await made.cache.get('k')
    const [get] = spans().filter(({ name }) => name === 'tierwise get store')
    expect(get!.attributes).not.toHaveProperty('db.system.name')
    expect(get!.kind).toBe(SpanKind.INTERNAL)
  })

  test('records failures without what they say', async () => {
    const { cache, faults } = service()
    traced()
    const secret = new TypeError('steel costs 1.85 and the password is hunter2')
    await cache.getOrSet('steel', () => Promise.reject(secret)).catch(() => {})
    faults.redis.fail('get')
    await cache.get('copper')
    const load = spans().find(({ name }) => name === 'tierwise load factors')!
    expect(load.status).toEqual({ code: SpanStatusCode.ERROR })
    expect(load.attributes['error.type']).toBe('TypeError')
    expect(load.events).toEqual([])
    const failed = spans().filter(
      ({ name, status }) => name.includes('get redis') && status.code === SpanStatusCode.ERROR,
    )
    expect(failed.length).toBeGreaterThan(0)
    expect(JSON.stringify(spans())).not.toMatch(/hunter2|steel|copper/)
  })

  test('has keys where they are asked for, ten at most', async () => {
    const { cache } = service()
    traced({ keys: true })
    await cache.getOrSet('steel', () => 1)
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`)
    await cache.getOrSetMany(keys, async (missing) => new Map(missing.map((key) => [key, 1])))
    const [one, many] = spans().filter(({ name }) => name === 'tierwise load factors')
    expect(one!.attributes['tierwise.keys']).toEqual(['steel'])
    expect(many!.attributes['tierwise.keys.count']).toBe(12)
    expect(many!.attributes['tierwise.keys']).toHaveLength(10)
  })

  test('ends every span, also of a loader that throws at once, and stops', async () => {
    const { cache } = service()
    const started: string[] = []
    const tracer = provider.getTracer('counted')
    const counting = {
      ...tracer,
      startSpan: (...args: Parameters<typeof tracer.startSpan>) => {
        started.push(args[0])
        return tracer.startSpan(...args)
      },
    }
    const { stop } = openTelemetryTraces({ tracer: counting as typeof tracer })
    await cache
      .getOrSet('steel', () => {
        throw new Error('at once')
      })
      .catch(() => {})
    await cache.getOrSet('zinc', () => 1)
    expect(spans().length).toBe(started.length)
    stop()
    const before = started.length
    await cache.getOrSet('copper', () => 1)
    expect(started.length).toBe(before)
  })

  test('ends the span of an operation that throws before it has a promise', () => {
    traced()
    const channel = tracingChannel<unknown, TracedOperation>('tierwise:tier')
    const fail = (): Promise<never> => {
      throw new RangeError('at once')
    }
    expect(() => channel.tracePromise(fail, { tier: 'redis', operation: 'get' })).toThrow('at once')
    expect(spans().map(({ attributes }) => attributes['error.type'])).toEqual(['RangeError'])
  })

  test('leaves other stores of the caller alone', async () => {
    const { cache } = service()
    traced()
    const storage = new AsyncLocalStorage<string>()
    const seen = await storage.run('mine', () => cache.getOrSet('steel', async () => storage.getStore() ?? 'none'))
    expect(seen).toBe('mine')
    expect(context.active()).toBeDefined()
  })
})

test('wrong options are refused', () => {
  const { manager } = service()
  expect(() => openTelemetryMetrics(manager, { maxNamespaces: -1 })).toThrow('`openTelemetryMetrics.maxNamespaces`')
  expect(() => openTelemetryMetrics(manager, { attributes: { tier: 'x' } })).toThrow(
    '`openTelemetryMetrics.attributes`',
  )
  expect(() => openTelemetryTraces({ key: true } as never)).toThrow('Did you mean `keys`?')
  expect(() => openTelemetryTraces({ systems: { a: 1 } } as never)).toThrow('`openTelemetryTraces.systems`')
})
