import {
  duration,
  numberIn,
  oneOf,
  optionError,
  readOptions,
  shaped,
  text,
  texts,
  type OptionReader,
} from '../../base/option-reader.ts'
import type { RedisClient } from '../../clients/redis/client-shapes.ts'
import { detectClient } from '../../clients/redis/detect-client.ts'
import { RedisManager } from '../../clients/redis/manager/redis-manager.ts'
import { connectionOptionTable, type RedisConnectionOptions } from '../../clients/redis/options.ts'
import type { RedisPackage } from '../../clients/redis/port.ts'
import type { Duration } from '../../contract/options.ts'
import type { CompressionOptions } from '../../contract/tier.ts'
import { ConfigError } from '../../errors.ts'

/**
 * How to reach Redis, and how to keep entries there. The connection is one that is handed in as `client`, or is made from
 * the options of a connection, or from the environment (`REDIS_URL`, or `REDIS_HOST` and its companions).
 */
export interface RedisOptions extends Omit<RedisConnectionOptions, 'client'> {
  /**
   * A client of ioredis (5 or 6), node-redis (5 or 6) or iovalkey, which stays yours: it is never closed here. Or the name of the package to
   * make a connection with. @default a connection made with the first package that is installed
   */
  readonly client?: RedisPackage | RedisClient
  /** A manager whose connection is used; it stays open when the tier closes. Give no other way to connect beside it. @default none */
  readonly manager?: RedisManager
  /** Name in the chain, in events and in statistics. @default 'redis' */
  readonly name?: string
  /** @default false */
  readonly compression?: CompressionOptions | false
  /**
   * Who shares it: all instances of the application, or only those of one host, as with a Redis on every host in front of
   * one that is common to all. The latter gives no versions and tells nobody of changes; it hears of them from the common
   * one as memory does. @default 'fleet'
   */
  readonly scope?: 'fleet' | 'host'
  /** Groups into which the keys of a cluster are divided; all processes that share it use the same number. @default 64 */
  readonly lanes?: number
  /** How long a deletion is remembered, and so for how long a load may take that must not bring the value back. @default '5m' */
  readonly tombstoneTtl?: Duration
  /**
   * Hear of what other code changes with commands of its own: `true` for all keys of this manager, or what the names of
   * such keys start with, the keys of raw namespaces for example. Costs the server a message for each change of such a
   * key, those of this library included. @default false
   */
  readonly tracking?: boolean | readonly string[]
  /** With `readFrom: 'replica'`: replicas that may be further behind are not read. @default '5s' */
  readonly maxReplicaLag?: Duration
}

/** The options with every value checked. */
export interface ResolvedRedisOptions {
  readonly name: string
  readonly compression: CompressionOptions | undefined
  readonly scope: 'fleet' | 'host'
  readonly lanes: number
  readonly tombstoneTtlMs: number
  readonly maxReplicaLagMs: number
  /** What the names of keys start with that other code changes; `true` for all of the manager. */
  readonly tracking: boolean | readonly string[]
  readonly connectTimeoutMs: number
  /** A client or a manager that was handed in, or how to make a connection. */
  readonly source:
    | { readonly client: RedisClient }
    | { readonly manager: RedisManager }
    | { readonly connection: RedisConnectionOptions }
}

const mostLanes = 4096

const wholeLanes: OptionReader<number> = (raw, path) => {
  const lanes = numberIn({ min: 1, max: mostLanes })(raw, path)
  if (!Number.isInteger(lanes)) throw optionError(path, raw, `a whole number from 1 to ${mostLanes}`)
  return lanes
}

const compression: OptionReader<CompressionOptions | false> = (raw, path) => {
  if (raw !== false && (typeof raw !== 'object' || raw === null))
    throw optionError(path, raw, 'an object of compression options, or false')
  return raw
}

const tracking: OptionReader<boolean | readonly string[]> = (raw, path) =>
  typeof raw === 'boolean' ? raw : texts(raw, path)

const client: OptionReader<RedisPackage | RedisClient> = (raw, path) =>
  typeof raw === 'object' && raw !== null ? detectClient(raw, path).client : connectionOptionTable.client(raw, path)

const manager = shaped('what createRedisManager() returns', (raw): raw is RedisManager => raw instanceof RedisManager)

const tierOptionTable = {
  name: text,
  compression,
  scope: oneOf('fleet', 'host'),
  lanes: wholeLanes,
  tombstoneTtl: duration,
  maxReplicaLag: duration,
  tracking,
}

/** @throws ConfigError ERR_CACHE_OPTION for a wrong option, ERR_CACHE_CONFIG when a client was handed in beside other ways to connect */
export function readRedisOptions(options: RedisOptions): ResolvedRedisOptions {
  const read = readOptions(options, 'redis', { ...connectionOptionTable, ...tierOptionTable, client, manager })
  return {
    name: read.name ?? 'redis',
    compression: read.compression === false ? undefined : read.compression,
    scope: read.scope ?? 'fleet',
    lanes: read.lanes ?? 64,
    tombstoneTtlMs: read.tombstoneTtl ?? 300_000,
    maxReplicaLagMs: read.maxReplicaLag ?? 5000,
    tracking: read.tracking ?? false,
    connectTimeoutMs: read.connectTimeout ?? 5000,
    source: sourceOf(options, read.client),
  }
}

function sourceOf(
  options: RedisOptions,
  found: RedisPackage | RedisClient | undefined,
): ResolvedRedisOptions['source'] {
  const names = Object.keys(options).filter((name) => !Object.hasOwn(tierOptionTable, name))
  if (options.manager !== undefined) return { manager: withoutOthers(options.manager, names, 'manager') }
  if (typeof found !== 'object') {
    const connection = Object.fromEntries(names.map((name) => [name, options[name as keyof RedisOptions]]))
    return { connection: connection as RedisConnectionOptions }
  }
  return { client: withoutOthers(found, names, 'client') }
}

/** What was handed in, when nothing else says how to connect. */
function withoutOthers<T>(found: T, names: readonly string[], own: 'client' | 'manager'): T {
  const other = names.find((name) => name !== own && name !== 'connectTimeout')
  if (other === undefined) return found
  throw new ConfigError(
    `\`redis.${other}\` says how to connect, but \`redis.${own}\` is a ${own} that is made already. Give one of them.`,
    { code: 'ERR_CACHE_CONFIG' },
  )
}
