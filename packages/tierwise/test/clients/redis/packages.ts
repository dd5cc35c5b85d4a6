import * as ioredis from 'ioredis'
import * as ioredis5 from 'ioredis-5'
import * as iovalkey from 'iovalkey'
import * as nodeRedis from 'redis'
import * as nodeRedis5 from 'redis-5'
import type {
  IoredisClient,
  IoredisCluster,
  NodeRedisClient,
  NodeRedisCluster,
} from '../../../src/clients/redis/client-shapes.ts'
import { createRedisPorts, type PortSurroundings } from '../../../src/clients/redis/create-ports.ts'
import type { IoredisModule, LoadedPackage, NodeRedisModule } from '../../../src/clients/redis/load-package.ts'
import type { RedisConnectionOptions } from '../../../src/clients/redis/options.ts'
import type { RedisPackage, RedisPort, RedisPorts } from '../../../src/clients/redis/port.ts'

/** One version of one package. */
export interface TestedPackage {
  readonly title: string
  readonly name: RedisPackage
  readonly loaded: LoadedPackage
}

function ioredisLike(title: string, name: 'ioredis' | 'iovalkey', module: unknown): TestedPackage {
  return { title, name, loaded: { package: name, module: module as IoredisModule } }
}

function nodeRedisLike(title: string, module: unknown): TestedPackage {
  return { title, name: 'node-redis', loaded: { package: 'node-redis', module: module as NodeRedisModule } }
}

export const testedPackages: readonly TestedPackage[] = [
  ioredisLike('ioredis 6', 'ioredis', ioredis),
  ioredisLike('ioredis 5', 'ioredis', ioredis5),
  ioredisLike('iovalkey', 'iovalkey', iovalkey),
  nodeRedisLike('node-redis 6', nodeRedis),
  nodeRedisLike('node-redis 5', nodeRedis5),
]

function portsOf(
  tested: TestedPackage,
  options: RedisConnectionOptions,
  surroundings: PortSurroundings = {},
): RedisPorts {
  return createRedisPorts(
    { client: tested.name, ...options },
    { environment: {}, load: async () => tested.loaded, ...surroundings },
  )
}

/** Ports that are closed at the end of a test, also when it fails. */
export class OpenPorts {
  readonly #open: RedisPort[] = []

  create(tested: TestedPackage, options: RedisConnectionOptions, surroundings: PortSurroundings = {}): RedisPorts {
    const ports = portsOf(tested, options, surroundings)
    this.add(ports.primary)
    if (ports.replica !== undefined) this.add(ports.replica)
    return ports
  }

  add(port: RedisPort): RedisPort {
    this.#open.push(port)
    return port
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((port) => port.close()))
  }
}

export type RawClient = IoredisClient | NodeRedisClient
export type RawCluster = IoredisCluster | NodeRedisCluster

/** A client as an application makes it, which has not begun to connect. */
export function rawClient({ loaded }: TestedPackage, port: number, extra: object = {}): RawClient {
  if (loaded.package === 'node-redis')
    return loaded.module.createClient({ socket: { host: '127.0.0.1', port }, ...extra })
  return new loaded.module.Redis({ host: '127.0.0.1', port, lazyConnect: true, ...extra })
}

export function rawCluster({ loaded }: TestedPackage, port: number): RawCluster {
  const address = { host: '127.0.0.1', port }
  if (loaded.package === 'node-redis') return loaded.module.createCluster({ rootNodes: [{ socket: address }] })
  return new loaded.module.Cluster([address], { lazyConnect: true })
}

/** Ends a client as its owner would. */
export function endClient(client: RawClient | RawCluster): void {
  if ('callBuffer' in client) client.disconnect()
  else if (client.isOpen) client.destroy()
}

export function isOpen(client: RawClient | RawCluster): boolean {
  return 'callBuffer' in client ? client.status === 'ready' : client.isOpen
}
