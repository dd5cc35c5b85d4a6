/** What the options and the environment mean together. */
import { ConfigError } from '../../errors.ts'
import type { RedisAddress, ReadConnectionOptions, RedisTlsOptions } from './options.ts'
import { parseRedisUrl, type ParsedRedisUrl } from './redis-url.ts'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

export interface SentinelDeployment {
  readonly kind: 'sentinel'
  readonly name: string
  readonly nodes: readonly ServerAddress[]
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: boolean
}

export type Deployment =
  | ({ readonly kind: 'single' } & ServerAddress)
  | { readonly kind: 'cluster'; readonly nodes: readonly ServerAddress[] }
  | SentinelDeployment

export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  readonly jitter: number
}

export interface Heartbeat {
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** Everything that a connection is made from; nothing is optional any more. */
export interface RedisConnection {
  readonly deployment: Deployment
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: RedisTlsOptions | undefined
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly readFrom: 'primary' | 'replica'
  readonly backoff: Backoff
  readonly heartbeat: Heartbeat | undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** @throws ConfigError ERR_CACHE_CONFIG when options contradict each other, ERR_CACHE_OPTION for a wrong URL or variable */
export function resolveConnection(
  options: ReadConnectionOptions,
  surroundings: { readonly path: string; readonly environment: Environment },
): RedisConnection {
  const { path, environment } = surroundings
  refuseContradictions(options, path)
  const found = isPlaceGiven(options) ? fromUrl(options.url, `${path}.url`) : fromEnvironment(environment)
  refuseDifferences(options, found, path)
  const deployment = resolveDeployment(options, found)
  const connection: RedisConnection = {
    deployment,
    db: options.db ?? found.db ?? 0,
    username: options.username ?? found.username,
    password: options.password ?? found.password,
    tls: resolveTls(options, found, path),
    connections: options.connections ?? 1,
    connectTimeoutMs: options.connectTimeout ?? 5_000,
    readFrom: options.readFrom ?? 'primary',
    backoff: resolveBackoff(options, path),
    heartbeat: resolveHeartbeat(options),
  }
  refuseImpossible(connection, path)
  return connection
}

/** Without credentials; the same for two connections to the same place. */
export function describePlace(connection: RedisConnection): string {
  const { deployment } = connection
  if (deployment.kind === 'single') return addressText(deployment)
  const nodes = deployment.nodes.map(addressText).toSorted().join(',')
  return deployment.kind === 'cluster' ? `cluster ${nodes}` : `${deployment.name} of sentinels ${nodes}`
}

export function addressText({ host, port }: ServerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

type Found = Partial<ParsedRedisUrl>

function isPlaceGiven(options: ReadConnectionOptions): boolean {
  const { url, host, port, sentinel, cluster } = options
  return [url, host, port, sentinel, cluster].some((part) => part !== undefined)
}

function fromUrl(url: string | undefined, path: string): Found {
  return url === undefined ? {} : parseRedisUrl(url, path)
}

function fromEnvironment(environment: Environment): Found {
  const url = variable(environment, 'REDIS_URL')
  if (url !== undefined) return parseRedisUrl(url, 'REDIS_URL')
  return {
    host: variable(environment, 'REDIS_HOST'),
    port: numberVariable(environment, 'REDIS_PORT', { min: 1, max: 65_535 }),
    db: numberVariable(environment, 'REDIS_DB', { min: 0, max: 65_535 }),
    username: variable(environment, 'REDIS_USERNAME'),
    password: variable(environment, 'REDIS_PASSWORD'),
  } as Found
}

/** An empty variable is how many shells and composition files say that there is none. */
function variable(environment: Environment, name: string): string | undefined {
  return environment[name] === '' ? undefined : environment[name]
}

function numberVariable(
  environment: Environment,
  name: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  const raw = variable(environment, name)
  if (raw === undefined) return undefined
  const value = /^\d{1,5}$/.test(raw.trim()) ? Number(raw) : -1
  if (value < range.min || value > range.max)
    throw new ConfigError(`The variable ${name} must be a whole number from ${range.min} to ${range.max}.`, {
      code: 'ERR_CACHE_OPTION',
    })
  return value
}

function resolveDeployment({ host, port, sentinel, cluster }: ReadConnectionOptions, found: Found): Deployment {
  if (cluster !== undefined) return { kind: 'cluster', nodes: withPorts(cluster.nodes, 6379) }
  if (sentinel !== undefined)
    return {
      kind: 'sentinel',
      name: sentinel.name,
      nodes: withPorts(sentinel.nodes, 26_379),
      username: sentinel.username,
      password: sentinel.password,
      tls: sentinel.tls ?? false,
    }
  return { kind: 'single', host: host ?? found.host ?? 'localhost', port: port ?? found.port ?? 6379 }
}

function withPorts(nodes: readonly RedisAddress[], port: number): readonly ServerAddress[] {
  return nodes.map((node) => ({ host: node.host, port: node.port ?? port }))
}

function resolveTls({ tls }: ReadConnectionOptions, found: Found, path: string): RedisTlsOptions | undefined {
  if (tls === false && found.tls === true)
    throw contradiction(`\`${path}.tls\` is false, but the URL begins with rediss:, which asks for TLS.`)
  if (tls !== undefined && tls !== false && found.tls === false)
    throw contradiction(`\`${path}.tls\` asks for TLS, but the URL begins with redis:; write rediss: instead.`)
  if (tls === undefined) return found.tls === true ? {} : undefined
  if (typeof tls === 'boolean') return tls ? {} : undefined
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw contradiction(`\`${path}.tls\` needs \`cert\` and \`key\` together.`)
  return tls
}

function resolveBackoff({ backoff = {} }: ReadConnectionOptions, path: string): Backoff {
  const initialMs = backoff.initial ?? 50
  const maxMs = backoff.max ?? Math.max(2_000, initialMs)
  if (maxMs < initialMs) throw contradiction(`\`${path}.backoff.max\` is less than \`initial\`.`)
  return { initialMs, maxMs, jitter: backoff.jitter ?? 0.5 }
}

function resolveHeartbeat({ heartbeat = {} }: ReadConnectionOptions): Heartbeat | undefined {
  if (heartbeat === false) return undefined
  return { intervalMs: heartbeat.interval ?? 5_000, timeoutMs: heartbeat.timeout ?? 5_000 }
}

function refuseContradictions({ url, host, port, sentinel, cluster }: ReadConnectionOptions, path: string): void {
  const ways = { url, host: host ?? port, sentinel, cluster }
  const given = Object.entries(ways).flatMap(([name, value]) => (value === undefined ? [] : [`\`${name}\``]))
  if (given.length > 1)
    throw contradiction(
      `\`${path}\` says in ${given.length} ways where Redis is: ${given.join(', ')}. Give one of them.`,
    )
}

function refuseDifferences(options: ReadConnectionOptions, found: Found, path: string): void {
  if (options.url === undefined) return
  for (const name of ['db', 'username', 'password'] as const)
    if (options[name] !== undefined && found[name] !== undefined && options[name] !== found[name])
      throw contradiction(`\`${path}.${name}\` is another than in \`${path}.url\`. Give it once.`)
}

function refuseImpossible(connection: RedisConnection, path: string): void {
  const { deployment, db, username, password, readFrom, tls } = connection
  if (deployment.kind === 'cluster' && db !== 0)
    throw contradiction(`\`${path}.db\` is ${db}; a cluster has only database 0.`)
  if (deployment.kind === 'single' && readFrom === 'replica')
    throw contradiction(
      `\`${path}.readFrom\` is 'replica'; replicas can be found only with \`sentinel\` or \`cluster\`.`,
    )
  if (username !== undefined && password === undefined)
    throw contradiction(`\`${path}.username\` is given without a password.`)
  if (deployment.kind === 'sentinel' && deployment.tls && tls === undefined)
    throw contradiction(`\`${path}.sentinel.tls\` is true, but \`${path}.tls\` is not given.`)
}

function contradiction(message: string): ConfigError {
  return new ConfigError(message, { code: 'ERR_CACHE_CONFIG' })
}
