import { isNamePart } from '../../base/key.ts'
import { boolean, optionError, readOptions, shaped, text, type OptionReader } from '../../base/option-reader.ts'
import { adoptRedisClient } from '../../clients/redis/adopt-client.ts'
import type { RedisClient } from '../../clients/redis/client-shapes.ts'
import { createRedisPorts } from '../../clients/redis/create-ports.ts'
import { detectClient } from '../../clients/redis/detect-client.ts'
import { RedisManager } from '../../clients/redis/manager/redis-manager.ts'
import { connectionOptionTable, type RedisConnectionOptions } from '../../clients/redis/options.ts'
import type { RedisPackage, RedisPort } from '../../clients/redis/port.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { ConfigError } from '../../errors.ts'

/**
 * How to reach Redis, and how to keep state there. The connection is one that is handed in as `client` or `manager`, or is
 * made from the options of a connection, or from the environment (`REDIS_URL`, or `REDIS_HOST` and its companions).
 */
export interface RedisCoordinationOptions extends Omit<RedisConnectionOptions, 'client' | 'readFrom'> {
  /**
   * A client of ioredis (5 or 6), node-redis (5 or 6) or iovalkey, which stays yours: it is never closed here. Or the name of
   * the package to make a connection with. @default a connection made with the first package that is installed
   */
  readonly client?: RedisPackage | RedisClient
  /** A manager whose connection is used; it stays open. Give no other way to connect beside it. @default none */
  readonly manager?: RedisManager
  /** What keys and channels start with: `<prefix>:c:`. Letters, digits, `_`, `-` and `.`; all processes use the same. @default 'tw' */
  readonly prefix?: string
  /** Name in messages and metrics. @default 'redis' */
  readonly name?: string
  /**
   * Whether the server keeps its state over a restart and a failover, with an append-only file that is synced at each write
   * and replicas that are waited for. It is what you say: nothing is asked of the server. @default false
   */
  readonly durable?: boolean
}

/** The options with every value checked. */
export interface ResolvedRedisCoordination {
  readonly name: string
  readonly prefix: string
  readonly durable: boolean
  /** Not connected yet. To be closed with the store; one over what was handed in leaves that open. */
  readonly port: RedisPort
}

const path = 'redisCoordination'

const client: OptionReader<RedisPackage | RedisClient> = (raw, at) =>
  typeof raw === 'object' && raw !== null ? detectClient(raw, at).client : connectionOptionTable.client(raw, at)

const manager = shaped('what createRedisManager() returns', (raw): raw is RedisManager => raw instanceof RedisManager)

const prefix: OptionReader<string> = (raw, at) => {
  if (typeof raw !== 'string' || !isNamePart(raw))
    throw optionError(at, raw, 'a text of letters, digits, `_`, `-` and `.`, at most 128')
  return raw
}

const ownTable = { name: text, prefix, durable: boolean }
const { readFrom: _, ...connectionTable } = connectionOptionTable

/**
 * @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG when a client or a manager was handed in beside
 * other ways to connect, ERR_CACHE_PEER_MISSING when no client package is installed
 */
export function readRedisCoordinationOptions(
  options: RedisCoordinationOptions,
  runtime: Runtime,
): ResolvedRedisCoordination {
  const read = readOptions(options, path, { ...connectionTable, ...ownTable, client, manager })
  const { name = 'redis', prefix: start = 'tw', durable = false, connectTimeout: connectTimeoutMs = 5000 } = read
  return { name, prefix: start, durable, port: portOf(options, { runtime, connectTimeoutMs }) }
}

interface Surroundings {
  readonly runtime: Runtime
  readonly connectTimeoutMs: number
}

function portOf(options: RedisCoordinationOptions, { runtime, connectTimeoutMs }: Surroundings): RedisPort {
  const { client: given, manager: handedIn } = options
  const connection = Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(ownTable, name)))
  if (handedIn !== undefined) {
    checkAlone(connection, 'manager')
    return handedIn.ports.primary
  }
  if (typeof given === 'object') {
    checkAlone(connection, 'client')
    return adoptRedisClient(given, { runtime, connectTimeoutMs, path: `${path}.client` })
  }
  return createRedisPorts(connection as RedisConnectionOptions, { runtime, path }).primary
}

function checkAlone(connection: Readonly<Record<string, unknown>>, own: 'client' | 'manager'): void {
  const other = Object.keys(connection).find((name) => name !== own && name !== 'connectTimeout')
  if (other === undefined) return
  throw new ConfigError(
    `\`${path}.${other}\` says how to connect, but \`${path}.${own}\` is a ${own} that is made already. Give one of them.`,
    { code: 'ERR_CACHE_CONFIG' },
  )
}
