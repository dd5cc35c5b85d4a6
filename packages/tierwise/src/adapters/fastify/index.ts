import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { PolicyViolationError } from '../../index.ts'
import type { Cache, CacheManager } from '../../index.ts'
import { managerFrom } from '../manager-source.ts'
import type { ManagerSource } from '../manager-source.ts'

export type { ManagerSource } from '../manager-source.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The manager of the application. */
    readonly cache: CacheManager
  }
  interface FastifyRequest {
    /**
     * The namespace; with `tenantOf`, the part of it that belongs to the tenant of the request.
     *
     * @throws PolicyViolationError ERR_CACHE_POLICY `tenant-missing` when the request has no tenant
     * @throws ConfigError ERR_CACHE_OPTION when what `tenantOf` gives is not the name of a tenant, or the namespace has none
     */
    cache<V = unknown>(namespace: string): Cache<V>
  }
}

/** What the plugin takes. */
export interface TierwisePluginOptions extends ManagerSource {
  /** Path of a route that tells the health of the tiers: status 200, or 503 when one of them is not well. @default none */
  readonly health?: string
  /** The tenant of a request, from what was authenticated; undefined for none. @default requests have no tenants */
  readonly tenantOf?: (request: FastifyRequest) => string | undefined
}

/**
 * A Fastify plugin: `app.cache` and `request.cache(namespace)`. The tiers are opened before the application is ready, which
 * fails when one cannot be opened; they are closed after the last request has been answered.
 */
export const tierwise: (app: FastifyInstance, options: TierwisePluginOptions) => Promise<void> = Object.assign(
  async (app: FastifyInstance, options: TierwisePluginOptions): Promise<void> => {
    const manager = await managerFrom(options, 'The Fastify plugin')
    const { tenantOf, health } = options
    app.decorate('cache', manager)
    app.decorateRequest('cache', function <V>(this: FastifyRequest, namespace: string): Cache<V> {
      const cache = manager.namespace<V>(namespace)
      return tenantOf === undefined ? cache : cache.forTenant(nameOf(tenantOf(this), namespace))
    })
    app.addHook('onReady', () => manager.start())
    // Fastify closes its server before, and waits for the requests that it still has.
    app.addHook('onClose', () => manager.stop())
    if (health !== undefined) app.get(health, (_request, reply) => tellHealth(manager, reply))
  },
  // As `fastify-plugin` says it: what is decorated here is seen by the whole application.
  {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'tierwise',
    [Symbol.for('plugin-meta')]: { name: 'tierwise', fastify: '5.x' },
  },
)

function nameOf(tenant: string | undefined, namespace: string): string {
  if (tenant !== undefined) return tenant
  throw new PolicyViolationError(
    `A request asks for the namespace \`${namespace}\`, and \`tenantOf\` finds no tenant for it.`,
    'tenant-missing',
    { operation: 'cache', namespace },
  )
}

async function tellHealth(manager: CacheManager, reply: FastifyReply): Promise<FastifyReply> {
  const health = await manager.health()
  return reply
    .code(health.healthy ? 200 : 503)
    .header('cache-control', 'no-store')
    .send(health)
}
