import { backoffDelay } from './back-off.ts'
import type { RedisConnection, ServerAddress } from './connection.ts'
import { addressText } from './connection.ts'
import { clientName, type CreatedLinkOptions } from './created-ioredis.ts'
import type { RedisLink } from './link.ts'
import type { NodeRedisModule } from './load-package.ts'
import { NodeRedisClusterLink } from './node-redis-cluster-link.ts'
import { NodeRedisLink } from './node-redis-link.ts'
import { tlsConnectOptions } from './tls-options.ts'

const keepAliveMs = 30_000

/** A link over a new client of node-redis, which has not begun to connect. */
export function createNodeRedisLink(module: NodeRedisModule, options: CreatedLinkOptions): RedisLink {
  const { connection, role } = options
  const { deployment } = connection
  switch (deployment.kind) {
    case 'single':
      return new NodeRedisLink(module.createClient(clientOptions(options, deployment)), addressText(deployment))
    case 'cluster':
      return new NodeRedisClusterLink(
        module.createCluster({
          rootNodes: deployment.nodes.map((node) => ({ socket: socketOptions(options, node) })),
          defaults: clientOptions(options),
          useReplicas: role === 'replica',
          maxCommandRedirections: 5,
          topologyRefreshOnReconnectionAttemptStrategy: 500,
        }),
        { readsFromReplicas: role === 'replica' },
      )
    case 'sentinel':
      throw new Error('not yet')
  }
}

function clientOptions(options: CreatedLinkOptions, address?: ServerAddress): object {
  const { connection } = options
  return {
    socket: socketOptions(options, address),
    ...credentials(connection),
    ...(connection.db === 0 ? {} : { database: connection.db }),
    name: clientName,
    // Whether a command is tried again is decided above, where it is known what may be repeated.
    disableOfflineQueue: true,
  }
}

function credentials({ username, password }: RedisConnection): object {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
}

function socketOptions({ connection, random }: CreatedLinkOptions, address?: ServerAddress): object {
  return {
    ...address,
    ...(connection.tls === undefined ? {} : { tls: true, ...tlsConnectOptions(connection.tls) }),
    connectTimeout: connection.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    noDelay: true,
    reconnectStrategy: (retries: number) => backoffDelay(connection.backoff, retries + 1, random),
  }
}
