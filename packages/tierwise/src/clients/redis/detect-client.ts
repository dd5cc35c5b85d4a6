import { ConfigError } from '../../errors.ts'
import type {
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
} from './client-shapes.ts'

/** Which kind of client was handed in. */
export type DetectedClient =
  | { readonly kind: 'ioredis'; readonly client: IoredisClient }
  | { readonly kind: 'ioredis-cluster'; readonly client: IoredisCluster }
  | { readonly kind: 'node-redis'; readonly client: NodeRedisClient }
  | { readonly kind: 'node-redis-cluster'; readonly client: NodeRedisCluster }
  | { readonly kind: 'node-redis-sentinel'; readonly client: NodeRedisSentinel }

/** @throws ConfigError ERR_CACHE_OPTION when `client` is of none of the supported packages */
export function detectClient(client: unknown, path = 'client'): DetectedClient {
  if (typeof client !== 'object' || client === null) throw unknownClient(path)
  if (has(client, 'callBuffer', 'connect', 'disconnect') && 'status' in client)
    return has(client, 'nodes')
      ? { kind: 'ioredis-cluster', client: client as unknown as IoredisCluster }
      : { kind: 'ioredis', client: client as IoredisClient }
  if (has(client, 'sendCommand', 'connect', 'destroy') && 'isOpen' in client) return detectNodeRedis(client)
  throw unknownClient(path)
}

function detectNodeRedis(client: object): DetectedClient {
  if (has(client, 'nodeClient')) return { kind: 'node-redis-cluster', client: client as NodeRedisCluster }
  if (has(client, 'getMasterNode')) return { kind: 'node-redis-sentinel', client: client as NodeRedisSentinel }
  return { kind: 'node-redis', client: client as NodeRedisClient }
}

function has(client: object, ...methods: readonly string[]): boolean {
  return methods.every((name) => typeof (client as Record<string, unknown>)[name] === 'function')
}

function unknownClient(path: string): ConfigError {
  return new ConfigError(
    `\`${path}\` is not a client that can be used; it must be a Redis or Cluster of ioredis (5 or 6) or of iovalkey, or ` +
      'what createClient, createCluster or createSentinel of node-redis (5 or 6) returns.',
    { code: 'ERR_CACHE_OPTION' },
  )
}
