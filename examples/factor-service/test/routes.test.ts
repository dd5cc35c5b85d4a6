import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { describe, expect, test } from 'vitest'

import { createService } from '../src/routes.ts'
import { openStage } from './broker-stage.ts'
import type { Stage } from './broker-stage.ts'

const average = '/factors/electricity/FRA'

async function openService(
  ttl?: '1m',
): Promise<AsyncDisposable & { readonly app: FastifyInstance; readonly stage: Stage }> {
  const stage = await openStage(ttl === undefined ? {} : { ttl })
  const app = createService(stage.broker)
  return {
    app,
    stage,
    async [Symbol.asyncDispose]() {
      await app.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

function summary(response: LightMyRequestResponse): object {
  return { status: response.statusCode, ...response.json<object>() }
}

describe('the service', () => {
  test('gives a factor and says where it came from', async () => {
    await using service = await openService()
    await service.app.inject(average)
    const response = await service.app.inject('/factors/electricity/fra')
    expect(summary(response)).toMatchObject({
      status: 200,
      factor: { region: 'FRA', value: 44.18 },
      provenance: { source: 'ember', tier: 'memory', cacheHit: true },
    })
  })

  test('tells the marginal from the average factor', async () => {
    await using service = await openService()
    const response = await service.app.inject(`${average}?method=marginal&year=2021`)
    expect(summary(response)).toMatchObject({
      status: 200,
      factor: { method: 'marginal', source: 'unfccc', year: 2021 },
    })
  })

  test('calculates emissions', async () => {
    await using service = await openService()
    const response = await service.app.inject({
      method: 'POST',
      url: '/calculate',
      payload: { kWh: 1000, region: 'FRA' },
    })
    expect(summary(response)).toMatchObject({
      status: 200,
      kgCO2e: 44.18,
      provenance: { source: 'ember', datasetYear: 'latest' },
    })
  })

  test.each([
    ['an unknown region', 'GET', '/factors/electricity/ATLANTIS', undefined, 404],
    ['a year without data', 'GET', `${average}?year=1999`, undefined, 404],
    ['an unknown path', 'GET', '/factor', undefined, 404],
    ['an unknown activity', 'GET', '/factors/steel/FRA', undefined, 400],
    ['an unknown method', 'GET', `${average}?method=median`, undefined, 400],
    ['a ttl that is none', 'GET', `${average}?ttl=soon`, undefined, 400],
    ['a negative amount', 'POST', '/calculate', { kWh: -1, region: 'FRA' }, 400],
    ['a calculation without region', 'POST', '/calculate', { kWh: 1 }, 400],
    ['an invalidation of nothing', 'POST', '/invalidate', {}, 400],
  ] as const)('refuses %s', async (...[, method, url, payload, status]) => {
    await using service = await openService()
    const response = await service.app.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
    expect(summary(response)).toMatchObject({ status, error: expect.any(String), message: expect.any(String) })
  })

  test('answers 422 with the terms of the licence to a ttl that is too long', async () => {
    await using service = await openService()
    await service.app.inject(average)
    const response = await service.app.inject(`${average}?ttl=48h`)
    expect(summary(response)).toMatchObject({
      status: 422,
      error: 'LicenseViolationError',
      code: 'ERR_CACHE_LICENSE',
      licenseSource: 'factor-database',
      ttlHours: 48,
    })
  })

  test.each(['stalled', 'failing'] as const)('goes on answering while the source is %s', async (mode) => {
    await using service = await openService('1m')
    await service.app.inject(average)
    service.stage.source.switchTo(mode)
    service.stage.advance(120_000)
    expect(summary(await service.app.inject(average))).toMatchObject({
      status: 200,
      provenance: { stale: true, ageMs: 120_000 },
    })
  })

  test('answers 503 when the source is down and the factor was never read', async () => {
    await using service = await openService()
    service.stage.source.switchTo('failing')
    const response = await service.app.inject(average)
    expect(response.headers['retry-after']).toBe('5')
    expect(summary(response)).toMatchObject({ status: 503, error: 'LoaderError' })
  })

  test('forgets a factor on request', async () => {
    await using service = await openService()
    await service.app.inject(average)
    expect((await service.app.inject({ method: 'DELETE', url: average })).json()).toEqual({ invalidated: true })
    expect((await service.app.inject({ method: 'DELETE', url: average })).json()).toEqual({ invalidated: false })
  })

  test('forgets by source and by pattern', async () => {
    await using service = await openService()
    const invalidate = async (payload: object): Promise<unknown> =>
      (await service.app.inject({ method: 'POST', url: '/invalidate', payload })).json()
    await service.app.inject(average)
    expect(await invalidate({ source: 'ember' })).toEqual({ invalidated: 'ember' })
    expect(summary(await service.app.inject(average))).toMatchObject({ provenance: { tier: 'source' } })
    expect(await invalidate({ pattern: 'electricity:*' })).toEqual({ invalidated: 1 })
  })

  test('reports its counters, its latency and its health', async () => {
    await using service = await openService()
    await service.app.inject(average)
    expect(summary(await service.app.inject('/stats'))).toMatchObject({
      status: 200,
      loads: 1,
      latencyMs: { source: { count: 1 } },
    })
    expect(summary(await service.app.inject('/health'))).toMatchObject({
      status: 200,
      healthy: true,
      source: 'normal',
      tiers: [{ name: 'memory' }, { name: 'disk' }, { name: 'postgres' }],
    })
  })

  test('introduces itself', async () => {
    await using service = await openService()
    expect(summary(await service.app.inject('/'))).toMatchObject({ status: 200, endpoints: expect.any(Array) })
  })
})
