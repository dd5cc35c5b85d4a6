import { systemRuntime } from '../../base/runtime.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { describePlace, resolveConnection, type Environment, type RedisConnection } from './connection.ts'
import { createIoredisLink } from './created-ioredis.ts'
import { createNodeRedisLink } from './created-node-redis.ts'
import { CreatedPort } from './created-port.ts'
import type { RedisLink } from './link.ts'
import { findPackage, loadPackage, type LoadPackage } from './load-package.ts'
import { readConnectionOptions, type RedisConnectionOptions } from './options.ts'
import type { RedisPackage, RedisPort, RedisPorts } from './port.ts'

export interface PortSurroundings {
  readonly runtime?: Pick<Runtime, 'timers' | 'random'>
  /** @default process.env */
  readonly environment?: Environment
  /** Name of the group of options, for messages. @default 'redis' */
  readonly path?: string
  readonly load?: LoadPackage
}

/**
 * Ports over clients that are made here, and end with the ports. Nothing is connected before `connect`.
 *
 * @throws ConfigError ERR_CACHE_OPTION and ERR_CACHE_CONFIG for wrong options, ERR_CACHE_PEER_MISSING when no package is installed
 */
export function createRedisPorts(
  options: RedisConnectionOptions = {},
  surroundings: PortSurroundings = {},
): RedisPorts {
  const { path = 'redis', environment = process.env } = surroundings
  const read = readConnectionOptions(options, path)
  const connection = resolveConnection(read, { path, environment })
  const name = read.client ?? findPackage()
  const primary = createPort(connection, { ...surroundings, name, role: 'primary' })
  if (connection.readFrom === 'primary') return { primary }
  return { primary, replica: createPort(connection, { ...surroundings, name, role: 'replica' }) }
}

interface PortKind extends PortSurroundings {
  readonly name: RedisPackage
  readonly role: 'primary' | 'replica'
}

function createPort(connection: RedisConnection, kind: PortKind): RedisPort {
  const { name, role, load = loadPackage, runtime = systemRuntime() } = kind
  return new CreatedPort({
    package: name,
    topology: connection.deployment.kind === 'cluster' ? 'cluster' : 'single',
    place: describePlace(connection),
    connections: connection.connections,
    connectTimeoutMs: connection.connectTimeoutMs,
    heartbeat: connection.heartbeat,
    runtime,
    load: async () => {
      const loaded = await load(name)
      const options = { connection, role, runtime }
      return (): RedisLink =>
        loaded.package === 'node-redis'
          ? createNodeRedisLink(loaded.module, options)
          : createIoredisLink(loaded.module, options)
    },
  })
}
