import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { afterEach, describe, expect, test } from 'vitest'

import { tierwise } from '../../src/adapters/fastify/index.ts'
import type { TierwisePluginOptions } from '../../src/adapters/fastify/index.ts'
import { createCacheManager } from '../../src/index.ts'
import type { CacheManager } from '../../src/index.ts'
import { faultPlan, faultTier, mapTier } from '../../src/testing/index.ts'
import { memory } from '../../src/tiers/memory/index.ts'

const apps: FastifyInstance[] = []
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()))
})

function appWith(options: TierwisePluginOptions): FastifyInstance {
  const app = Fastify()
  apps.push(app)
  void app.register(tierwise, options)
  return app
}

const stateOf = async (manager: CacheManager): Promise<string> => (await manager.health()).state

describe('the Fastify plugin', () => {
  test('decorates the application and its requests, and those of plugins around it', async () => {
    const app = appWith({ options: { tiers: [memory()] } })
    void app.register(async (inner) => {
      inner.get('/inner/:key', async (request) => {
        const { key } = request.params as { key: string }
        return { value: await request.cache<string>('factors').getOrSet(key, () => `loaded ${key}`) }
      })
    })
    app.get('/outer', () => app.cache.namespace('factors').get('steel'))
    expect((await app.inject('/inner/steel')).json()).toEqual({ value: 'loaded steel' })
    expect((await app.inject('/outer')).body).toBe('loaded steel')
  })

  test('starts the manager before the application is ready, and stops it with the application', async () => {
    const manager = createCacheManager({ tiers: [memory(), mapTier()] })
    const app = appWith({ manager })
    expect(await stateOf(manager)).toBe('new')
    await app.ready()
    expect(app.cache).toBe(manager)
    expect(await stateOf(manager)).toBe('started')
    await app.close()
    expect(await stateOf(manager)).toBe('stopped')
  })

  test('says of itself what fastify-plugin would say', () => {
    const said = (plugin: object): unknown =>
      Object.getOwnPropertySymbols(plugin).map((symbol) => [symbol, (plugin as Record<symbol, unknown>)[symbol]])
    const other = fastifyPlugin(async () => undefined, { name: 'tierwise', fastify: '5.x' })
    expect(said(tierwise)).toEqual(said(other))
  })

  test('fails when a tier cannot be opened', async () => {
    const faults = faultPlan()
    faults.fail('open')
    const app = appWith({ options: { tiers: [memory(), faultTier(mapTier(), faults)] } })
    await expect(app.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_CACHE_TIER_OPEN' })
  })

  test('keeps the cache for requests that are under way when it is closed', async () => {
    const app = appWith({ options: { tiers: [memory(), mapTier()] } })
    const closing: { done?: Promise<void> } = {}
    app.get('/', async (request, reply) => {
      // A connection that is kept alive would hold the server.
      void reply.header('connection', 'close')
      closing.done = app.close()
      // Longer than it takes to close whatever does not wait for this request.
      await new Promise((resolve) => setTimeout(resolve, 100))
      await request.cache('factors').set('key', 'set while closing')
      return { value: await request.cache('factors').get('key'), state: await stateOf(app.cache) }
    })
    const origin = await app.listen({ port: 0 })
    const response = await fetch(origin)
    expect(await response.json()).toEqual({ value: 'set while closing', state: 'started' })
    await closing.done
    expect(await stateOf(app.cache)).toBe('stopped')
  })

  test('reads a configuration file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tierwise-fastify-'))
    try {
      const file = join(folder, 'tierwise.config.yaml')
      writeFileSync(file, 'tiers:\n  memory: {}\nnamespaces:\n  factors:\n    ttl: 1h\n')
      const app = appWith({ config: file })
      await app.ready()
      await app.cache.namespace('factors').set('key', 1)
      expect(await app.cache.namespace('factors').ttl('key')).toBeGreaterThan(3_500_000)
      const other = appWith({ config: { file: 'tierwise.config.yaml', cwd: folder, env: {} } })
      await other.ready()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test.each([[{}], [{ manager: createCacheManager({ tiers: [memory()] }), config: 'x' }]])(
    'needs exactly one source of a manager',
    async (options) => {
      await expect(appWith(options).ready()).rejects.toMatchObject({ code: 'ERR_CACHE_OPTION' })
    },
  )

  test('refuses wrong options when it is registered', async () => {
    await expect(appWith({ options: { tiers: [] } }).ready()).rejects.toMatchObject({ name: 'ConfigError' })
  })
})

describe('the health route', () => {
  test('tells how the tiers are', async () => {
    const faults = faultPlan()
    const app = appWith({
      options: { tiers: [memory(), faultTier(mapTier(), faults)], breaker: { failures: 1 }, retries: 0 },
      health: '/health',
    })
    const well = await app.inject('/health')
    expect(well.statusCode).toBe(200)
    expect(well.headers['cache-control']).toBe('no-store')
    expect(well.json()).toMatchObject({ healthy: true, state: 'started', tiers: [{ name: 'memory' }, { name: 'map' }] })
    faults.fail('get')
    await app.cache.namespace('factors').get('key')
    const unwell = await app.inject('/health')
    expect([unwell.statusCode, unwell.json().healthy]).toEqual([503, false])
    faults.clear()
  })

  test('is not there unless it is asked for', async () => {
    const app = appWith({ options: { tiers: [memory()] } })
    expect((await app.inject('/health')).statusCode).toBe(404)
  })
})

describe('tenants of requests', () => {
  const withTenants = (): FastifyInstance => {
    const app = appWith({
      options: { tiers: [memory()], namespaces: { reports: { tenant: 'required' } } },
      tenantOf: ({ headers }) => headers['x-tenant'] as string | undefined,
    })
    app.put('/:key', async (request) => {
      await request.cache('reports').set((request.params as { key: string }).key, request.headers['x-tenant'])
    })
    app.get('/:key', async (request, reply) => {
      const value = await request.cache<string>('reports').get((request.params as { key: string }).key)
      return value ?? reply.code(404).send()
    })
    app.get('/plain', (request) => request.cache('plain').get('key'))
    return app
  }

  test('have their own entries', async () => {
    const app = withTenants()
    const [acme, bell] = [{ 'x-tenant': 'acme' }, { 'x-tenant': 'bell' }]
    await app.inject({ method: 'PUT', url: '/q3', headers: acme })
    expect((await app.inject({ url: '/q3', headers: acme })).body).toBe('acme')
    expect((await app.inject({ url: '/q3', headers: bell })).statusCode).toBe(404)
    expect((await app.inject({ url: '/acme:q3', headers: bell })).statusCode).toBe(404)
  })

  test('that are missing or wrong are an error, and reach nothing', async () => {
    const app = withTenants()
    await app.inject({ method: 'PUT', url: '/q3', headers: { 'x-tenant': 'acme' } })
    for (const headers of [{}, { 'x-tenant': '' }, { 'x-tenant': 'acme:q3' }, { 'x-tenant': '*' }]) {
      const { statusCode, body } = await app.inject({ url: '/q3', headers })
      expect([statusCode, body.includes('"acme"')], JSON.stringify(headers)).toEqual([500, false])
    }
    expect((await app.inject('/q3')).json().code).toBe('ERR_CACHE_POLICY')
    const plain = await app.inject({ url: '/plain', headers: { 'x-tenant': 'acme' } })
    expect(plain.json()).toMatchObject({ statusCode: 500, code: 'ERR_CACHE_OPTION' })
  })
})
