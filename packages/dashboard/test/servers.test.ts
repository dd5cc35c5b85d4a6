import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import { connect, type AddressInfo } from 'node:net'
import { createDashboard, toNodeHandler, type Dashboard } from '@tierwise/dashboard'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import type { CacheManager } from 'tierwise'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stageOf } from './stage.ts'

const token = 'a token for the tests'

interface ExpressApp extends RequestListener {
  use(...handlers: unknown[]): void
}
const require = createRequire(import.meta.url)
const express = require('express') as (() => ExpressApp) & { json(): unknown }

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Each mounts the dashboard at /cache in a server that has routes of its own. */
const servers: Record<string, (dashboard: Dashboard) => Promise<string>> = {
  'node:http': (dashboard) => {
    const handle = toNodeHandler(dashboard)
    return listen((request, response) => {
      if (request.url?.startsWith('/cache')) handle(request, response)
      else response.end('own')
    })
  },
  Express: (dashboard) => {
    const app = express()
    app.use('/cache', toNodeHandler(dashboard))
    app.use((_request: unknown, response: { send(text: string): void }) => response.send('own'))
    return listen(app)
  },
  'Express, after a parser of bodies': (dashboard) => {
    const app = express()
    app.use(express.json())
    app.use('/cache', toNodeHandler(dashboard))
    app.use((_request: unknown, response: { send(text: string): void }) => response.send('own'))
    return listen(app)
  },
  Fastify: async (dashboard) => {
    const app = fastify({ forceCloseConnections: true })
    const handle = toNodeHandler(dashboard)
    app.all('/cache/*', (request, reply) => {
      reply.hijack()
      handle(request.raw, reply.raw, request.body)
    })
    app.get('/', () => 'own')
    onTestFinished(() => app.close())
    return app.listen({ host: '127.0.0.1', port: 0 })
  },
  Hono: (dashboard) => {
    const app = new Hono()
    app.all('/cache/*', (context) => dashboard.fetch(context.req.raw))
    app.get('/', (context) => context.text('own'))
    return listen(toNodeHandler(app))
  },
}

function mounted(): { readonly manager: CacheManager; readonly dashboard: Dashboard } {
  const { manager } = stageOf()
  const dashboard = createDashboard(manager, { token, basePath: '/cache', allowWrites: true, interval: '100ms' })
  onTestFinished(() => dashboard.stop())
  return { manager, dashboard }
}

describe.each(Object.keys(servers))('in %s', (name) => {
  it('serves the page, signs in, streams and acts', async () => {
    const { manager, dashboard } = mounted()
    const origin = await servers[name]!(dashboard)
    expect(await (await fetch(`${origin}/`)).text()).toBe('own')
    const page = await fetch(`${origin}/cache/`)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>Cache</title>')])
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")

    const headers = { 'content-type': 'application/json', 'x-tierwise-dashboard': '1', origin }
    const send = (path: string, body: unknown, more = {}): Promise<Response> =>
      fetch(`${origin}/cache/api/${path}`, {
        method: 'POST',
        headers: { ...headers, ...more },
        body: JSON.stringify(body),
      })
    expect((await send('login', { token: 'wrong' })).status).toBe(401)
    const cookie = (await send('login', { token })).headers.get('set-cookie')!.split(';')[0]!

    await manager.namespace('factors').set('steel', 1)
    const done = await send('invalidate', { what: 'key', namespace: 'factors', key: 'steel' }, { cookie })
    expect([done.status, await done.json()]).toEqual([200, { done: expect.stringContaining('It was held') }])
    expect(await manager.namespace('factors').has('steel')).toBe(false)
    expect(
      (await send('invalidate', { what: 'key', namespace: 'factors', key: 'x'.repeat(40_000) }, { cookie })).status,
    ).toBe(413)

    const leaving = new AbortController()
    const stream = await fetch(`${origin}/cache/api/stream`, { headers: { cookie }, signal: leaving.signal })
    expect(stream.headers.get('content-type')).toBe('text/event-stream')
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while ((text.match(/event: picture/g) ?? []).length < 3) text += (await reader.read()).value
    leaving.abort()
  })
})

describe('a visitor who does not read', () => {
  it('makes the server wait', async () => {
    let taken = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (stream) => {
        taken += 65_536
        stream.enqueue(new Uint8Array(65_536))
      },
    })
    const origin = await listen(toNodeHandler({ fetch: () => new Response(body) }))
    const { hostname, port } = new URL(origin)
    const socket = connect(Number(port), hostname).pause()
    onTestFinished(() => void socket.destroy())
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    // What the buffers of the system take, and no more.
    let before = -1
    await expect
      .poll(() => [before === taken, (before = taken) > 0], { interval: 200, timeout: 5000 })
      .toEqual([true, true])
    expect(taken).toBeLessThan(64 * 1024 * 1024)
  })
})

describe('a visitor who leaves', () => {
  it('is noticed, and the work ends', async () => {
    const { manager, dashboard } = mounted()
    let pictures = 0
    const count = manager.governanceReport.bind(manager)
    Object.defineProperty(manager, 'governanceReport', { value: () => (pictures++, count()) })
    const origin = await listen(toNodeHandler(dashboard))
    const leaving = new AbortController()
    const headers = { authorization: `Bearer ${token}` }
    const stream = await fetch(`${origin}/cache/api/stream`, { headers, signal: leaving.signal })
    const reader = stream.body!.getReader()
    await reader.read()
    await expect.poll(() => pictures).toBeGreaterThan(1)
    leaving.abort()
    // One may be under way.
    await new Promise((resolve) => setTimeout(resolve, 250))
    const before = pictures
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(pictures).toBe(before)
  })
})
