import { systemRuntime } from '../../base/runtime.ts'
import type { Runtime, Timers } from '../../contract/runtime.ts'
import { ClientPort } from './client-port.ts'
import type { RedisClient } from './client-shapes.ts'
import { detectClient, type DetectedClient } from './detect-client.ts'
import { IoredisClusterLink } from './ioredis-cluster-link.ts'
import { IoredisLink } from './ioredis-link.ts'
import type { RedisLink } from './link.ts'
import { NodeRedisClusterLink } from './node-redis-cluster-link.ts'
import { NodeRedisLink } from './node-redis-link.ts'
import { NodeRedisSentinelLink } from './node-redis-sentinel-link.ts'
import type { RedisPort } from './port.ts'

/** How often a cluster client with a primary that is down asks who has taken over. */
const refreshMs = 1000

export interface AdoptOptions {
  /** How long `connect` waits, in milliseconds. @default 5000 */
  readonly connectTimeoutMs?: number
  readonly runtime?: Pick<Runtime, 'timers'>
  /** Name of the option that the client was given as, for messages. @default 'client' */
  readonly path?: string
}

/**
 * A port over a client that somebody else made. `connect` connects it if that has not begun (`lazyConnect` of ioredis,
 * node-redis before `connect()`); `close` leaves it open, with the listeners and options it had.
 *
 * @throws ConfigError ERR_CACHE_OPTION when it is not a client of a supported package
 */
export function adoptRedisClient(client: RedisClient, options: AdoptOptions = {}): RedisPort {
  const runtime = options.runtime ?? systemRuntime()
  return new ClientPort(linkTo(detectClient(client, options.path), runtime.timers), {
    runtime,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    ownsClient: false,
  })
}

function linkTo(found: DetectedClient, timers: Timers): RedisLink {
  switch (found.kind) {
    case 'ioredis':
      return new IoredisLink(found.client)
    case 'ioredis-cluster':
      return new IoredisClusterLink(found.client, { readsFromReplicas: false })
    case 'node-redis':
      return new NodeRedisLink(found.client)
    case 'node-redis-cluster':
      return new NodeRedisClusterLink(found.client, {
        readsFromReplicas: false,
        refresh: { everyMs: refreshMs, timers },
      })
    case 'node-redis-sentinel':
      return new NodeRedisSentinelLink(found.client)
  }
}
