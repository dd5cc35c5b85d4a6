import {
  duration,
  numberIn,
  oneOf,
  optionError,
  orOff,
  positiveInteger,
  readOptions,
  shaped,
  text,
  type OptionReader,
  type OptionTable,
} from '../../../base/option-reader.ts'
import { systemRuntime } from '../../../base/runtime.ts'
import type { Duration } from '../../../contract/options.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { ConfigError } from '../../../errors.ts'
import type { RedisClient } from '../client-shapes.ts'
import { adoptRedisClient } from '../adopt-client.ts'
import { addressText, describePlace, resolveConnection } from '../connection.ts'
import { createRedisPorts } from '../create-ports.ts'
import { detectClient } from '../detect-client.ts'
import { connectionOptionTable, type ReadConnectionOptions, type RedisConnectionOptions } from '../options.ts'
import type { RedisPackage, RedisPorts } from '../port.ts'
import { subjectOfClient, subjectOfConnection, type SecuritySubject } from '../security/security-subject.ts'
import type { LimitSettings } from './command-limit.ts'
import type { RetrySettings } from './command-runner.ts'
import type { HealthLimits } from './health-rules.ts'

/** How often and how strictly a server is looked at. */
export interface RedisHealthOptions {
  /** How often the health loop looks; `false` for only when asked. @default '30s' */
  readonly interval?: Duration | false
  /** How long a server may take for everything that it is asked; then it counts as unreachable. @default '2s' */
  readonly timeout?: Duration
  /** A slower PING is a finding. @default '100ms' */
  readonly latency?: Duration
  /** More of `maxmemory` in use is a finding, unless the server evicts whatever it needs to. 0 to 1. @default 0.9 */
  readonly memory?: number
  /** A lower hit rate is a finding. 0 to 1. @default 0.5 */
  readonly hitRate?: number
  /** The hit rate is judged above this many look-ups between two checks. @default 1000 */
  readonly lookups?: number
  /** More of `maxclients` connected is a finding. 0 to 1. @default 0.9 */
  readonly clients?: number
  /** Replicas that are further behind are a finding. @default '10s' */
  readonly replicationLag?: Duration
}

/** Which commands are sent again: those that certainly have not run, and reads. */
export interface RedisRetryOptions {
  /** Attempts, the first one included; 1 for no retry. @default 3 */
  readonly attempts?: number
  /** Wait before the second attempt; each further wait is twice as long, less up to a half at random. @default '10ms' */
  readonly initial?: Duration
  /** Longest wait. @default '100ms' */
  readonly max?: Duration
}

/** How much one process may ask of a server. */
export interface RedisRateLimitOptions {
  /** Commands of this manager, also as a burst; a call with more commands than that is always refused. */
  readonly commands: number
  /** The time in which they may be used. @default '1s' */
  readonly per?: Duration
}

/**
 * How to reach Redis (see `RedisConnectionOptions`; all from the environment by default), or a client of your own, and
 * how to watch it.
 */
export interface RedisManagerOptions extends Omit<RedisConnectionOptions, 'client'> {
  /** A client that exists already and stays open, or the package to make the connection with. */
  readonly client?: RedisClient | RedisPackage
  /** How long a command may take, its retries included. @default '250ms' */
  readonly commandTimeout?: Duration
  /** Which failed commands are tried again. @default see RedisRetryOptions */
  readonly retry?: RedisRetryOptions
  /** Beyond it calls of this manager fail at once; commands of a tier are not counted. @default none */
  readonly rateLimit?: RedisRateLimitOptions
  /** When and by which limits health is judged. @default see RedisHealthOptions */
  readonly health?: RedisHealthOptions
  /** `connect()` fails on a connection that is less secure. @default none */
  readonly minimumSecurity?: 'medium' | 'high'
  /** Name in errors. @default 'redis' */
  readonly name?: string
  /** Where time comes from; for tests. @default that of the system */
  readonly runtime?: Runtime
}

/** The options with all defaults. */
export interface ManagerSettings {
  readonly name: string
  /** Server and database, without credentials. */
  readonly place: string
  readonly runtime: Runtime
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly retry: RetrySettings
  readonly limit: LimitSettings | undefined
  readonly health: {
    readonly intervalMs: number
    readonly windowMs: number
    readonly timeoutMs: number
    readonly limits: HealthLimits
  }
  readonly minimumSecurity: 'medium' | 'high' | undefined
  readonly securitySubject: SecuritySubject
  readonly hasReplica: boolean
  readonly openPorts: () => RedisPorts
}

interface OwnOptions {
  client: RedisClient | RedisPackage
  commandTimeout: number
  retry: Partial<{ attempts: number; initial: number; max: number }>
  rateLimit: LimitSettings
  health: Partial<Record<keyof RedisHealthOptions, number>>
  minimumSecurity: 'medium' | 'high'
  name: string
  runtime: Runtime
}

const share = numberIn({ min: 0, max: 1 })

const ownTable: { readonly [K in keyof OwnOptions]: OptionReader<OwnOptions[K]> } = {
  client: (raw, path) =>
    typeof raw === 'object' && raw !== null ? (raw as RedisClient) : connectionOptionTable.client(raw, path),
  commandTimeout: duration,
  retry: (raw, path) => readOptions(raw, path, { attempts: positiveInteger, initial: duration, max: duration }),
  rateLimit: (raw, path) => {
    const { commands, per = 1000 } = readOptions(raw, path, { commands: positiveInteger, per: duration })
    if (commands === undefined) throw optionError(`${path}.commands`, commands, 'a positive whole number')
    return { commands, perMs: per }
  },
  health: (raw, path) =>
    readOptions(raw, path, {
      interval: orOff(duration, Infinity),
      timeout: duration,
      latency: duration,
      memory: share,
      hitRate: share,
      lookups: positiveInteger,
      clients: share,
      replicationLag: duration,
    }),
  minimumSecurity: oneOf('medium', 'high'),
  name: text,
  runtime: shaped('a runtime', (raw): raw is Runtime => typeof raw === 'object' && raw !== null && 'clock' in raw),
}

const { client: _package, connectTimeout: _timeout, ...connectionTable } = connectionOptionTable
type ConnectionTable = typeof connectionOptionTable
type AllOptions = { [K in Exclude<keyof ConnectionTable, 'client'>]: ReturnType<ConnectionTable[K]> } & OwnOptions

const table: OptionTable<AllOptions> = { ...connectionOptionTable, ...ownTable }
const path = 'redisManager'
const defaultWindowMs = 30_000

/** @throws ConfigError ERR_CACHE_OPTION, ERR_CACHE_CONFIG */
export function readManagerOptions(raw: RedisManagerOptions): ManagerSettings {
  const read = readOptions<AllOptions>(raw, path, table)
  const { commandTimeout, retry, health = {}, minimumSecurity, name, runtime = systemRuntime(), client } = read
  return {
    name: name ?? 'redis',
    runtime,
    commandTimeoutMs: commandTimeout ?? 250,
    retry: { attempts: retry?.attempts ?? 3, initialMs: retry?.initial ?? 10, maxMs: retry?.max ?? 100 },
    limit: read.rateLimit,
    health: healthOf(health),
    minimumSecurity,
    ...(typeof client === 'object' ? withClient(client, read, runtime) : withOptions(raw, read, runtime)),
  }
}

type Connected = Pick<ManagerSettings, 'place' | 'connectTimeoutMs' | 'securitySubject' | 'hasReplica' | 'openPorts'>

function withClient(client: RedisClient, read: Partial<AllOptions>, runtime: Runtime): Connected {
  detectClient(client, `${path}.client`)
  const { connectTimeout: connectTimeoutMs = 5000 } = read
  const useless = Object.keys(read).find((option) => Object.hasOwn(connectionTable, option))
  if (useless !== undefined)
    throw new ConfigError(
      `\`${path}.${useless}\` has no effect on a client that was handed in. Leave one of them out.`,
      {
        code: 'ERR_CACHE_CONFIG',
      },
    )
  const securitySubject = subjectOfClient(client)
  return {
    place: `${securitySubject.endpoints.map(addressText).join(', ')}/${databaseOf(client)}`,
    connectTimeoutMs,
    securitySubject,
    hasReplica: false,
    openPorts: () => ({ primary: adoptRedisClient(client, { connectTimeoutMs, runtime }) }),
  }
}

/** ioredis and node-redis have different names for it. */
function databaseOf(client: RedisClient): number {
  const { options } = client as { readonly options?: { readonly db?: number; readonly database?: number } }
  return options?.db ?? options?.database ?? 0
}

/** The options are read anew for each connection, so that a renewed certificate is loaded from its file. */
function withOptions(raw: RedisManagerOptions, read: Partial<AllOptions>, runtime: Runtime): Connected {
  const connection = resolveConnection(read as ReadConnectionOptions, { path, environment: process.env })
  const options = Object.fromEntries(
    Object.entries(raw).filter(([name]) => Object.hasOwn(connectionOptionTable, name)),
  ) as RedisConnectionOptions
  return {
    place: `${describePlace(connection)}/${connection.db}`,
    connectTimeoutMs: connection.connectTimeoutMs,
    securitySubject: subjectOfConnection(connection),
    hasReplica: connection.readFrom === 'replica',
    openPorts: () => createRedisPorts(options, { runtime, path }),
  }
}

function healthOf(health: OwnOptions['health']): ManagerSettings['health'] {
  const intervalMs = health.interval ?? defaultWindowMs
  return {
    intervalMs,
    windowMs: Number.isFinite(intervalMs) ? intervalMs : defaultWindowMs,
    timeoutMs: health.timeout ?? 2000,
    limits: {
      latencyMs: health.latency ?? 100,
      memory: health.memory ?? 0.9,
      hitRate: health.hitRate ?? 0.5,
      lookups: health.lookups ?? 1000,
      clients: health.clients ?? 0.9,
      replicationLagMs: health.replicationLag ?? 10_000,
    },
  }
}
