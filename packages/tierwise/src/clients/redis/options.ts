import { readFileSync } from 'node:fs'
import {
  oneOf,
  duration,
  boolean,
  numberIn,
  readOptions,
  text,
  optionError,
  type OptionReader,
} from '../../base/option-reader.ts'
import type { Duration } from '../../contract/options.ts'
import { ConfigError } from '../../errors.ts'
import type { RedisPackage } from './port.ts'

export interface RedisAddress {
  /** Name or address. */
  readonly host: string
  /** Port. @default 6379; of a Sentinel 26379 */
  readonly port?: number
}

/** Certificates and keys are PEM texts or paths of PEM files. */
export interface RedisTlsOptions {
  /** Authority of the server's certificate. @default those that Node knows */
  readonly ca?: string
  /** Certificate of this client, for servers that ask for one. */
  readonly cert?: string
  /** Private key of `cert`. */
  readonly key?: string
  /** Name that the server's certificate must have. @default the host */
  readonly servername?: string
  /** The oldest version of TLS that is spoken. @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** Whether a server without a valid certificate is refused. @default true */
  readonly rejectUnauthorized?: boolean
}

export interface RedisSentinelOptions {
  /** Name of the primary, as the Sentinels know it. */
  readonly name: string
  /** Addresses of Sentinels; one that answers is enough. */
  readonly nodes: readonly RedisAddress[]
  /** Of the Sentinels themselves; `username` and `password` beside are those of the servers. */
  readonly username?: string
  /** Of the Sentinels themselves. */
  readonly password?: string
  /** Whether the Sentinels are reached over TLS, with the options in `tls`. @default false */
  readonly tls?: boolean
}

export interface RedisClusterOptions {
  /** Some nodes of the cluster, from which the others are found. */
  readonly nodes: readonly RedisAddress[]
}

export interface RedisBackoffOptions {
  /** Wait before the second attempt; each further wait is twice as long. @default '50ms' */
  readonly initial?: Duration
  /** Longest wait. @default '2s' */
  readonly max?: Duration
  /** Share of each wait that is random, from 0 to 1, so that many processes do not return together. @default 0.5 */
  readonly jitter?: number
}

export interface RedisHeartbeatOptions {
  /** How often every connection is asked for an answer. @default '5s' */
  readonly interval?: Duration
  /** A connection that does not answer in this time is made again. @default '5s' */
  readonly timeout?: Duration
}

/**
 * How to reach Redis. One of `url`, `host`, `sentinel` and `cluster`; without any of them `REDIS_URL`, or else
 * `REDIS_HOST`, `REDIS_PORT`, `REDIS_DB`, `REDIS_USERNAME` and `REDIS_PASSWORD` of the environment, or else port 6379 of this host.
 * What is given here wins over the environment.
 */
export interface RedisConnectionOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS; parts may be left out, special characters are percent-encoded. */
  readonly url?: string
  /** Name or address of the server. @default 'localhost' */
  readonly host?: string
  /** Port of the server. @default 6379 */
  readonly port?: number
  /** Number of the database. A cluster has only 0. @default 0 */
  readonly db?: number
  /** User of an access control list. @default the user `default` */
  readonly username?: string
  /** Password of the user. */
  readonly password?: string
  /** Whether, and how, to speak TLS. @default false, true with a `rediss://` URL */
  readonly tls?: boolean | RedisTlsOptions
  /** Finds the primary through Sentinels. */
  readonly sentinel?: RedisSentinelOptions
  /** Finds the nodes of a cluster. */
  readonly cluster?: RedisClusterOptions
  /** Package to make the connection with. @default the first that is installed of ioredis, redis (node-redis) and iovalkey */
  readonly client?: RedisPackage
  /** Connections, at most 50. Many commands share one; more help only when one processor core of the server or network is not enough. @default 1 */
  readonly connections?: number
  /** How long to wait for a connection. @default '5s' */
  readonly connectTimeout?: Duration
  /** `replica` adds connections to read replicas; needs `sentinel` or `cluster`. @default 'primary' */
  readonly readFrom?: 'primary' | 'replica'
  /** Waits between attempts to connect again; there is no last attempt. */
  readonly backoff?: RedisBackoffOptions
  /** How a connection that has died silently is noticed. `false`: not at all. */
  readonly heartbeat?: RedisHeartbeatOptions | false
}

type Raw<T> = { readonly [K in keyof T]?: NonNullable<T[K]> | undefined }

/** An option that is never shown, not even when it is wrong. */
const secret: OptionReader<string> = (raw, path) => {
  if (typeof raw !== 'string' || raw === '')
    throw new ConfigError(`\`${path}\` must be a text that is not empty.`, { code: 'ERR_CACHE_OPTION' })
  return raw
}

const wholeNumber =
  (min: number, max: number): OptionReader<number> =>
  (raw, path) => {
    if (!Number.isInteger(raw)) throw optionError(path, raw, `a whole number from ${min} to ${max}`)
    return numberIn({ min, max })(raw, path)
  }

const port = wholeNumber(1, 65_535)

const pem: OptionReader<string> = (raw, path) => {
  const value = secret(raw, path)
  if (value.includes('-----BEGIN')) return value
  try {
    return readFileSync(value, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'no reason given'
    throw new ConfigError(`\`${path}\` is neither a PEM text nor the path of a file that can be read (${code}).`, {
      code: 'ERR_CACHE_OPTION',
    })
  }
}

const tls: OptionReader<boolean | RedisTlsOptions> = (raw, path) => {
  if (typeof raw === 'boolean') return raw
  return readOptions<Required<RedisTlsOptions>>(raw, path, {
    ca: pem,
    cert: pem,
    key: pem,
    servername: text,
    minVersion: oneOf('TLSv1.2', 'TLSv1.3'),
    rejectUnauthorized: boolean,
  })
}

const nodes: OptionReader<readonly RedisAddress[]> = (raw, path) => {
  if (!Array.isArray(raw) || raw.length === 0) throw optionError(path, raw, 'a list of addresses, with at least one')
  return raw.map((item: unknown, index) => {
    const at = `${path}[${index}]`
    const { host, ...rest } = readOptions<Required<RedisAddress>>(item, at, { host: text, port })
    if (host === undefined) throw optionError(`${at}.host`, undefined, 'the name or address of a host')
    return { host, ...rest }
  })
}

const sentinel: OptionReader<RedisSentinelOptions> = (raw, path) => {
  const read = readOptions<Required<RedisSentinelOptions>>(raw, path, {
    name: text,
    nodes,
    username: text,
    password: secret,
    tls: boolean,
  })
  const { name, nodes: found, ...rest } = read
  if (name === undefined) throw optionError(`${path}.name`, undefined, 'the name of the primary')
  if (found === undefined) throw optionError(`${path}.nodes`, undefined, 'a list of addresses, with at least one')
  return { name, nodes: found, ...rest }
}

const cluster: OptionReader<RedisClusterOptions> = (raw, path) => {
  const read = readOptions<Required<RedisClusterOptions>>(raw, path, { nodes })
  if (read.nodes === undefined) throw optionError(`${path}.nodes`, undefined, 'a list of addresses, with at least one')
  return { nodes: read.nodes }
}

/** The options with every value checked and durations in milliseconds; what they mean together is up to `resolveConnection`. */
export type ReadConnectionOptions = Raw<
  Omit<RedisConnectionOptions, 'connectTimeout' | 'backoff' | 'heartbeat'> & {
    connectTimeout: number
    backoff: Partial<{ initial: number; max: number; jitter: number }>
    heartbeat: Partial<{ interval: number; timeout: number }> | false
  }
>

type Table = Required<{ [K in keyof ReadConnectionOptions]: NonNullable<ReadConnectionOptions[K]> }>

/** One reader an option, for tiers that have more options of their own beside these. */
export const connectionOptionTable: { readonly [K in keyof Table]: OptionReader<Table[K]> } = {
  url: secret,
  host: text,
  port,
  db: wholeNumber(0, 65_535),
  username: text,
  password: secret,
  tls,
  sentinel,
  cluster,
  client: oneOf('ioredis', 'node-redis', 'iovalkey'),
  connections: wholeNumber(1, 50),
  connectTimeout: duration,
  readFrom: oneOf('primary', 'replica'),
  backoff: (raw, path) =>
    readOptions(raw, path, { initial: duration, max: duration, jitter: numberIn({ min: 0, max: 1 }) }),
  heartbeat: (raw, path) => (raw === false ? false : readOptions(raw, path, { interval: duration, timeout: duration })),
}

export function readConnectionOptions(raw: unknown, path: string): ReadConnectionOptions {
  return readOptions<Table>(raw, path, connectionOptionTable)
}
