import fastify from 'fastify'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { LicenseViolationError, LoaderError, TimeoutError } from 'tierwise'
import type { Lifetime } from 'tierwise'

import { UnknownFactorError } from './factor-broker.ts'
import type { FactorBroker, Resolution } from './factor-broker.ts'
import type { Activity, FactorRequest, Method } from './factor-key.ts'
import type { SourceName } from './factor-source.ts'
import { Latency } from './latency.ts'
import { placeOf } from './provenance.ts'

const region = { type: 'string', minLength: 2, maxLength: 40 }
const method = { enum: ['average', 'marginal'] }
const year = { type: 'integer', minimum: 1990, maximum: 2100 }

const factorSchema = {
  params: { type: 'object', properties: { activity: { enum: ['electricity'] }, region } },
  querystring: { type: 'object', properties: { method, year, ttl: { type: 'string', pattern: '^\\d+(ms|s|m|h|d)$' } } },
}

const calculateSchema = {
  body: {
    type: 'object',
    required: ['kWh', 'region'],
    properties: { kWh: { type: 'number', minimum: 0 }, region, method, year },
  },
}

const invalidateSchema = {
  body: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    properties: { source: { enum: ['ember', 'unfccc'] }, pattern: { type: 'string', minLength: 1 } },
  },
}

interface FactorRoute {
  Params: { readonly activity: Activity; readonly region: string }
  Querystring: { readonly method?: Method; readonly year?: number; readonly ttl?: Lifetime }
}

interface CalculateRoute {
  Body: Omit<FactorRequest, 'activity'> & { readonly kWh: number }
}

interface InvalidateRoute {
  Body: { readonly source?: SourceName; readonly pattern?: string }
}

const endpoints = [
  'GET /factors/electricity/:region?method=average|marginal&year=2021&ttl=1h',
  'DELETE /factors/electricity/:region?method=',
  'POST /calculate {"kWh": 1200, "region": "FRA"}',
  'POST /invalidate {"source": "ember"} or {"pattern": "electricity:FRA:*"}',
  'GET /stats',
  'GET /health',
]

/** The broker over HTTP. `latency` collects how long the broker took. */
export function createService(broker: FactorBroker, latency: Latency = new Latency()): FastifyInstance {
  const app = fastify({ forceCloseConnections: true })

  const resolve = async (request: FactorRequest, ttl?: Lifetime): Promise<Resolution> => {
    const startedAt = performance.now()
    const resolution = await broker.resolve(request, { ttl })
    latency.record(placeOf(resolution.provenance), performance.now() - startedAt)
    return resolution
  }

  app.get('/', () => ({ service: 'Emission factors of electricity', endpoints }))

  app.get<FactorRoute>('/factors/:activity/:region', { schema: factorSchema }, ({ params, query }) => {
    const { ttl, ...which } = query
    return resolve({ ...params, ...which }, ttl)
  })

  app.delete<FactorRoute>('/factors/:activity/:region', { schema: factorSchema }, async ({ params, query }) => {
    return { invalidated: await broker.invalidate({ ...params, ...query }) }
  })

  app.post<CalculateRoute>('/calculate', { schema: calculateSchema }, async ({ body }) => {
    const { kWh, ...which } = body
    const { factor, provenance } = await resolve({ activity: 'electricity', ...which })
    return { kWh, kgCO2e: (kWh * factor.value) / 1000, factor, provenance }
  })

  app.post<InvalidateRoute>('/invalidate', { schema: invalidateSchema }, async ({ body }) => {
    if (body.pattern !== undefined) return { invalidated: await broker.invalidatePattern(body.pattern) }
    if (body.source !== undefined) await broker.invalidateSource(body.source)
    return { invalidated: body.source }
  })

  app.get('/stats', async () => ({ ...(await broker.stats()), latencyMs: latency.summary() }))

  app.get('/health', async (_request, reply) => {
    const health = await broker.health()
    return reply.code(health.healthy ? 200 : 503).send(health)
  })

  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({ error: 'NotFound', message: `There is no ${request.method} ${request.url}`, endpoints })
  })
  app.setErrorHandler<FastifyError>((error, _request, reply) => answerError(error, reply))
  return app
}

function answerError(error: FastifyError, reply: FastifyReply): FastifyReply {
  const { name, code, message } = error
  const body = { error: name, code, message }
  if (error instanceof UnknownFactorError) return reply.code(404).send(body)
  if (error instanceof LicenseViolationError) {
    const { violationType, licenseSource, requestedTtlMs, maxAllowedTtlMs, ttlHours } = error
    return reply.code(422).send({ ...body, violationType, licenseSource, requestedTtlMs, maxAllowedTtlMs, ttlHours })
  }
  if (error instanceof LoaderError || error instanceof TimeoutError) {
    return reply
      .code(503)
      .header('retry-after', '5')
      .send({ ...body, message: 'The source of the factors is out of reach' })
  }
  const status = error.statusCode ?? 500
  return reply.code(status).send(status < 500 ? body : { error: 'InternalError', message: 'Something went wrong here' })
}
