import { backoffDelay } from './back-off.ts'
import {
  addressText,
  describePlace,
  type RedisConnection,
  type SentinelDeployment,
  type ServerAddress,
} from './connection.ts'
import { clientName, type CreatedLinkOptions } from './created-ioredis.ts'
import { FollowedSentinelLink } from './followed-sentinel-link.ts'
import type { RedisLink } from './link.ts'
import type { NodeRedisModule } from './load-package.ts'
import { NodeRedisClusterLink } from './node-redis-cluster-link.ts'
import { NodeRedisLink } from './node-redis-link.ts'
import { findServer } from './sentinel-lookup.ts'
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
        { readsFromReplicas: role === 'replica', refresh: { everyMs: 250, timers: options.runtime.timers } },
      )
    case 'sentinel':
      return createSentinelLink(module, options, deployment)
  }
}

function createSentinelLink(
  module: NodeRedisModule,
  options: CreatedLinkOptions,
  deployment: SentinelDeployment,
): RedisLink {
  const { connection, role, runtime } = options
  const { connectTimeoutMs: timeoutMs, backoff } = connection
  const once = { reconnectStrategy: false }
  return new FollowedSentinelLink({
    role,
    place: describePlace(connection),
    backoff,
    connectTimeoutMs: timeoutMs,
    ...runtime,
    find: () =>
      findServer({
        deployment,
        role,
        timeoutMs,
        ...runtime,
        makeSentinel: (address) =>
          module.createClient({
            socket: { ...socketOptions(options, address, deployment.tls), ...once },
            ...credentials(deployment),
            name: clientName,
          }),
      }),
    makeClient: (address) =>
      module.createClient({
        ...clientOptions(options),
        socket: { ...socketOptions(options, address), ...once },
      }),
  })
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

function credentials({ username, password }: Pick<RedisConnection, 'username' | 'password'>): object {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
}

function socketOptions(
  { connection, runtime }: CreatedLinkOptions,
  address?: ServerAddress,
  withTls: boolean = connection.tls !== undefined,
): object {
  const { heartbeat } = connection
  return {
    ...address,
    ...(withTls ? { tls: true, ...tlsConnectOptions(connection.tls ?? {}) } : {}),
    connectTimeout: connection.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    noDelay: true,
    // The heartbeat asks connections that are ready; this also ends one that falls silent while it is being made.
    ...(heartbeat === undefined ? {} : { socketTimeout: heartbeat.intervalMs + heartbeat.timeoutMs }),
    reconnectStrategy: (retries: number) => backoffDelay(connection.backoff, retries + 1, runtime.random),
  }
}
