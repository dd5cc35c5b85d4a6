import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, test } from 'vitest'
import { createCacheManager } from '../../../src/create-cache-manager.ts'
import { endpoints, nodeHandler } from '../../../src/observability/endpoints/index.ts'
import { prometheusMetrics } from '../../../src/observability/prometheus/index.ts'
import { startRedis } from '../../../src/testing/servers/index.ts'
import { testCache } from '../../../src/testing/test-cache.ts'
import { memory } from '../../../src/tiers/memory/index.ts'
import { redis } from '../../../src/tiers/redis/index.ts'

let stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop()
  stops = []
})

function service() {
  const made = testCache().memory().faulty('store').namespace('factors').build()
  stops.push(made.stop)
  return made
}

const ask = (path: string, init?: RequestInit): Request => new Request(`http://localhost${path}`, init)

describe('endpoints', () => {
  test('answer for a manager that is well', async () => {
    const handle = endpoints(service().manager)
    for (const path of ['/livez', '/readyz', '/healthz', '/healthz?deep']) {
      const response = await handle(ask(path))
      expect(response?.status, path).toBe(200)
      expect(response?.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(response?.headers.get('cache-control')).toBe('no-store')
    }
    const deep = (await (await handle(ask('/healthz?deep=1')))!.json()) as { tiers: { latencyMs?: number }[] }
    expect(deep.tiers[1]?.latencyMs).toBeTypeOf('number')
    const shallow = (await (await handle(ask('/healthz?deep=false')))!.json()) as typeof deep
    expect(shallow.tiers[1]).not.toHaveProperty('latencyMs')
  })

  test('say 503 once the manager is stopped', async () => {
    const { manager, runtime } = service()
    const handle = endpoints(manager)
    await runtime.until(manager.stop())
    for (const path of ['/livez', '/readyz', '/healthz']) expect((await handle(ask(path)))?.status, path).toBe(503)
  })

  test('leave other paths to others', async () => {
    const handle = endpoints(service().manager, { prefix: '/cache' })
    expect((await handle(ask('/cache/livez')))?.status).toBe(200)
    for (const path of ['/livez', '/cache', '/cachelivez', '/cache/', '/cache/metrics', '/cache/constructor'])
      expect(await handle(ask(path)), path).toBeUndefined()
  })

  test('answer HEAD without a body, and refuse what would change something', async () => {
    const handle = endpoints(service().manager)
    const head = await handle(ask('/healthz', { method: 'HEAD' }))
    expect([head?.status, await head?.text()]).toEqual([200, ''])
    const post = await handle(ask('/healthz', { method: 'POST' }))
    expect([post?.status, post?.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  test('give metrics, if there are any', async () => {
    const { manager } = service()
    const { register } = prometheusMetrics(manager, { register: new Registry() })
    const response = await endpoints(manager, { metrics: register })(ask('/metrics'))
    expect(response?.headers.get('content-type')).toBe(register.contentType)
    expect(await response?.text()).toContain('tierwise_up 1')
    const failing = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('secret')) }
    const failed = await endpoints(manager, { metrics: failing })(ask('/metrics'))
    expect([failed?.status, await failed?.text()]).toEqual([500, '{"error":"failed"}\n'])
  })

  test('want the token for what says much, and let probes pass', async () => {
    const handle = endpoints(service().manager, { token: 's3cret' })
    const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
    expect((await handle(ask('/healthz', withToken('s3cret'))))?.status).toBe(200)
    for (const init of [withToken('other'), withToken('s3cre'), {}])
      expect((await handle(ask('/healthz', init)))?.status).toBe(401)
    expect((await handle(ask('/livez')))?.status).toBe(200)
    expect((await handle(ask('/readyz')))?.status).toBe(200)
  })

  test.each([
    [{ token: '' }, '`endpoints.token`'],
    [{ prefix: 'cache/' }, '`endpoints.prefix`'],
    [{ metrics: 1 }, '`endpoints.metrics`'],
  ])('refuse %j', (options, message) => {
    expect(() => endpoints(service().manager, options as never)).toThrow(message)
  })
})

describe('in a server', () => {
  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  test('of node:http', async () => {
    const url = await listen(nodeHandler(endpoints(service().manager, { token: 't' })))
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    expect((await fetch(`${url}/healthz`, { headers: { authorization: 'Bearer t' } })).status).toBe(200)
    expect((await fetch(`${url}/healthz`)).status).toBe(401)
    expect((await fetch(`${url}/other`)).status).toBe(404)
    expect((await fetch(`${url}//livez`)).status).toBe(200)
  })

  test('as a middleware of Connect and Express', async () => {
    const handle = nodeHandler(endpoints(service().manager))
    const url = await listen((request, response) => handle(request, response, () => response.end('application')))
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${url}/orders`)).text()).toBe('application')
  })

  test('of Fastify', async () => {
    const app = fastify()
    stops.push(() => app.close())
    const handle = endpoints(service().manager)
    app.get('/livez', async (request) => (await handle(ask(request.url)))!)
    app.get('/healthz', async (request) => (await handle(ask(request.url)))!)
    expect((await app.inject('/livez')).json()).toEqual({ live: true, state: 'new' })
    expect((await app.inject('/healthz?deep')).statusCode).toBe(200)
  })
})

test('liveness does not fail because of a tier, readiness only because of one that is required', async () => {
  const server = await startRedis({ password: 'hunter2secret' })
  stops.push(() => server.stop())
  const guards = { tierTimeout: '300ms', breaker: { openFor: '500ms' } } as const
  const required = createCacheManager({
    tiers: [memory(), redis({ url: server.url })],
    requiredTiers: ['redis'],
    ...guards,
  })
  const optional = createCacheManager({ tiers: [memory(), redis({ url: server.url })], ...guards })
  stops.push(
    () => required.stop(),
    () => optional.stop(),
  )
  await Promise.all([required.start(), optional.start()])
  const statuses = async (manager: typeof required): Promise<unknown[]> => {
    const handle = endpoints(manager)
    const responses = await Promise.all(['/livez', '/readyz', '/healthz?deep'].map((path) => handle(ask(path))))
    for (const response of responses) expect(await response!.text()).not.toContain('hunter2secret')
    return responses.map((response) => response!.status)
  }
  expect(await statuses(required)).toEqual([200, 200, 200])

  await server.kill()
  for (const manager of [required, optional])
    for (let turn = 0; turn < 20; turn++) await manager.namespace('factors').get(`k${turn}`)
  expect(await statuses(required)).toEqual([200, 503, 503])
  expect(await statuses(optional)).toEqual([200, 200, 200])
}, 30_000)
