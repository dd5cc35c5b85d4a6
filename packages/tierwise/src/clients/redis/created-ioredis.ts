import type { Runtime } from '../../contract/runtime.ts'
import { backoffDelay } from './back-off.ts'
import type { Deployment, RedisConnection, SentinelDeployment } from './connection.ts'
import { IoredisClusterLink } from './ioredis-cluster-link.ts'
import { IoredisLink, type Revival } from './ioredis-link.ts'
import type { RedisLink } from './link.ts'
import type { IoredisModule } from './load-package.ts'
import { tlsConnectOptions } from './tls-options.ts'

export interface CreatedLinkOptions {
  readonly connection: RedisConnection
  readonly role: 'primary' | 'replica'
  readonly runtime: Pick<Runtime, 'timers' | 'random'>
}

export const clientName = 'tierwise'
const keepAliveMs = 30_000

/** A link over a new client of ioredis or iovalkey, which has not begun to connect. */
export function createIoredisLink(module: IoredisModule, options: CreatedLinkOptions): RedisLink {
  const { deployment } = options.connection
  return deployment.kind === 'cluster'
    ? createClusterLink(module, options, deployment)
    : new IoredisLink(new module.Redis(redisOptions(options, deployment)), revival(options))
}

function revival({ connection, runtime }: CreatedLinkOptions): Revival {
  return { timers: runtime.timers, pauseMs: () => backoffDelay(connection.backoff, 3, runtime.random) }
}

function redisOptions(options: CreatedLinkOptions, deployment: Exclude<Deployment, { kind: 'cluster' }>): object {
  return {
    ...nodeOptions(options),
    ...(deployment.kind === 'sentinel'
      ? sentinelOptions(options, deployment)
      : { host: deployment.host, port: deployment.port }),
    lazyConnect: true,
    retryStrategy: retryStrategy(options),
  }
}

/** What every connection to a server has, in a cluster too. */
function nodeOptions({ connection }: CreatedLinkOptions): object {
  return {
    db: connection.db,
    ...(connection.username === undefined ? {} : { username: connection.username }),
    ...(connection.password === undefined ? {} : { password: connection.password }),
    ...(connection.tls === undefined ? {} : { tls: tlsConnectOptions(connection.tls) }),
    family: 0,
    connectTimeout: connection.connectTimeoutMs,
    connectionName: clientName,
    keepAlive: keepAliveMs,
    noDelay: true,
    // The heartbeat asks connections that are ready; this also ends one that falls silent while it is being made.
    ...(connection.heartbeat === undefined ? {} : { socketTimeout: connection.heartbeat.timeoutMs }),
    // Whether a command is tried again is decided above, where it is known what may be repeated.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  }
}

function sentinelOptions(options: CreatedLinkOptions, deployment: SentinelDeployment): object {
  return {
    sentinels: deployment.nodes,
    name: deployment.name,
    role: options.role === 'replica' ? 'slave' : 'master',
    ...(deployment.username === undefined ? {} : { sentinelUsername: deployment.username }),
    ...(deployment.password === undefined ? {} : { sentinelPassword: deployment.password }),
    ...(deployment.tls
      ? { enableTLSForSentinelMode: true, sentinelTLS: tlsConnectOptions(options.connection.tls ?? {}) }
      : {}),
    sentinelRetryStrategy: retryStrategy(options),
    failoverDetector: true,
    // A primary that was demoted while this connection stayed open; Sentinel knows the new one.
    reconnectOnError: (error: Error) => options.role === 'primary' && error.message.startsWith('READONLY'),
  }
}

function createClusterLink(
  module: IoredisModule,
  options: CreatedLinkOptions,
  deployment: Extract<Deployment, { kind: 'cluster' }>,
): RedisLink {
  const { connection } = options
  const cluster = new module.Cluster(deployment.nodes, {
    redisOptions: nodeOptions(options),
    lazyConnect: true,
    // Only while a node is being connected: a port sends nothing while the cluster is not ready.
    enableOfflineQueue: true,
    clusterRetryStrategy: retryStrategy(options),
    // Only MOVED, ASK and TRYAGAIN are followed: then the command has not been executed.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // While a slot moves, commands of several keys are refused until it has moved; the caller knows what to do instead.
    retryDelayOnTryAgain: 1,
    slotsRefreshTimeout: connection.connectTimeoutMs,
    // Without retries nothing else would notice that another node has taken over.
    slotsRefreshInterval: 1_000,
    scaleReads: options.role === 'replica' ? 'slave' : 'master',
    // Names of certificates are checked against what the cluster says, not against the address found for it.
    ...(connection.tls === undefined
      ? {}
      : { dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host) }),
  })
  cluster.on('+node', handleAskingFailure)
  return new IoredisClusterLink(cluster, { readsFromReplicas: options.role === 'replica' })
}

/** To follow ASK the package sends ASKING and ignores what becomes of it, so a lost connection would be an unhandled rejection. */
function handleAskingFailure(node: unknown): void {
  const asker = node as { asking?: () => Promise<unknown> }
  const asking = asker.asking?.bind(node)
  if (asking === undefined) return
  asker.asking = () => {
    const asked = asking()
    asked.catch(() => {})
    return asked
  }
}

function retryStrategy({ connection, runtime }: CreatedLinkOptions): (attempt: number) => number {
  return (attempt) => backoffDelay(connection.backoff, attempt, runtime.random)
}
