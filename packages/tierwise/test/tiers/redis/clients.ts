import { Redis as Ioredis5, Cluster as Ioredis5Cluster } from 'ioredis-5'
import type { createClient, createCluster } from 'redis'
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5'

import type { RedisClient } from '../../../src/clients/redis/client-shapes.ts'
import type { RedisOptions } from '../../../src/tiers/redis/index.ts'

export interface ServerPlace {
  readonly port: number
  readonly db?: number
}

/** A way to give the tier its connection. */
export interface ClientKind {
  readonly name: string
  single(place: ServerPlace): RedisOptions
  cluster(ports: readonly number[]): RedisOptions
}

const host = '127.0.0.1'
const handedIn = new Set<() => unknown>()

/** Ends the clients that were handed in, as the tiers leave them open. */
export async function endHandedInClients(): Promise<void> {
  for (const end of handedIn) await end()
  handedIn.clear()
}

function created(client: 'ioredis' | 'node-redis' | 'iovalkey'): ClientKind {
  return {
    name: `${client}, created`,
    // Pings go by the clock of the tests, which may jump by years while the server has no time to answer.
    single: ({ port, db = 0 }) => ({ client, host, port, db, heartbeat: false }),
    cluster: (ports) => ({ client, cluster: { nodes: ports.map((port) => ({ host, port })) }, heartbeat: false }),
  }
}

type IoredisClass = new (options: { host: string; port: number; db: number; lazyConnect: boolean }) => RedisClient & {
  disconnect(): void
}
type ClusterClass = new (
  nodes: { host: string; port: number }[],
  options: { lazyConnect: boolean },
) => RedisClient & { disconnect(): void }

function ioredisLike(name: string, Single: IoredisClass, Cluster: ClusterClass): ClientKind {
  const kept = (client: RedisClient & { disconnect(): void }): RedisOptions => {
    handedIn.add(() => client.disconnect())
    return { client }
  }
  return {
    name: `${name}, handed in`,
    single: ({ port, db = 0 }) => kept(new Single({ host, port, db, lazyConnect: true })),
    cluster: (ports) =>
      kept(
        new Cluster(
          ports.map((port) => ({ host, port })),
          { lazyConnect: true },
        ),
      ),
  }
}

function nodeRedisLike(name: string, make: typeof createClient, makeCluster: typeof createCluster): ClientKind {
  const kept = (client: RedisClient & { isOpen: boolean; destroy(): unknown }): RedisOptions => {
    handedIn.add(() => client.isOpen && client.destroy())
    return { client }
  }
  return {
    name: `${name}, handed in`,
    single: ({ port, db = 0 }) =>
      kept(make({ socket: { host, port }, database: db }).on('error', () => {}) as unknown as KeptClient),
    cluster: (ports) =>
      kept(
        makeCluster({ rootNodes: ports.map((port) => ({ socket: { host, port } })) }).on(
          'error',
          () => {},
        ) as unknown as KeptClient,
      ),
  }
}

type KeptClient = RedisClient & { isOpen: boolean; destroy(): unknown }

export const clientKinds: readonly ClientKind[] = [
  created('ioredis'),
  created('node-redis'),
  created('iovalkey'),
  ioredisLike('ioredis 5', Ioredis5 as unknown as IoredisClass, Ioredis5Cluster as unknown as ClusterClass),
  nodeRedisLike(
    'node-redis 5',
    createClient5 as unknown as typeof createClient,
    createCluster5 as unknown as typeof createCluster,
  ),
]
