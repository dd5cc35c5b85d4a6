import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { CacheManagerOptions } from 'tierwise'
import { tierwise } from 'tierwise/fastify'
import { memory } from 'tierwise/memory'
import { redis } from 'tierwise/redis'

/** Where reports come from: a database, usually. */
export interface ReportSource {
  load(
    customer: string,
    id: string,
  ): Promise<{ readonly customer: string; readonly id: string; readonly total: number }>
}

/** Memory alone, or with a Redis behind it that all instances share. */
export function cacheOptions(redisUrl: string | undefined): CacheManagerOptions {
  return {
    tiers: redisUrl === undefined ? [memory()] : [memory(), redis({ url: redisUrl })],
    defaults: { ttl: '5m', grace: '1h' },
    namespaces: { reports: { tenant: 'required' } },
  }
}

/** Reports of customers over HTTP. `customers` are their names by the keys that they show. */
export function createApp(
  source: ReportSource,
  { customers, cache }: { readonly customers: ReadonlyMap<string, string>; readonly cache: CacheManagerOptions },
): FastifyInstance {
  const app = Fastify()
  app.decorateRequest('customer', '')
  void app.register(tierwise, { options: cache, health: '/health', tenantOf: ({ customer }) => customer })

  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/health') return
    const customer = customers.get(String(request.headers['x-api-key']))
    if (customer === undefined) return reply.code(401).send({ error: 'an x-api-key of a customer is needed' })
    request.customer = customer
  })

  app.get<{ Params: { id: string } }>('/reports/:id', (request) => {
    const { customer, params } = request
    return request.cache('reports').getOrSet(params.id, ({ key }) => source.load(customer, key))
  })
  app.delete('/reports', async (request, reply) => {
    await request.cache('reports').clear()
    return reply.code(204).send()
  })
  return app
}

declare module 'fastify' {
  interface FastifyRequest {
    customer: string
  }
}
