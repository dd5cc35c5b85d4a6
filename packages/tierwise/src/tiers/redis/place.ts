import type { RedisClient } from '../../clients/redis/client-shapes.ts'
import { describePlace, resolveConnection } from '../../clients/redis/connection.ts'
import { detectClient } from '../../clients/redis/detect-client.ts'
import { readConnectionOptions } from '../../clients/redis/options.ts'
import type { ResolvedRedisOptions } from './options.ts'

const numbers = new WeakMap<object, number>()
let handedIn = 0

/** Server and database without credentials: the same for two tiers that would share their records, as far as can be told. */
export function placeOf(source: ResolvedRedisOptions['source']): string {
  if ('client' in source) return placeOfClient(source.client)
  if ('manager' in source) return source.manager.place
  const surroundings = { path: 'redis', environment: process.env }
  const connection = resolveConnection(readConnectionOptions(source.connection, 'redis'), surroundings)
  return `${describePlace(connection)}/${connection.db}`
}

/** What the packages keep of their options, as far as it is looked at here. */
interface ClientOptions {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly db?: number
  readonly sentinels?: object | null
  readonly url?: string
  readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string }
  readonly database?: number
}

/** Clients of a single server know where they go; of the others, only the object itself is compared. */
function placeOfClient(client: RedisClient): string {
  const { kind } = detectClient(client)
  const { options = {} } = client as { readonly options?: ClientOptions }
  if (kind === 'ioredis' && !options.sentinels)
    return `${options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`}/${options.db ?? 0}`
  if (kind === 'node-redis') return placeOfNodeRedis(options)
  let number = numbers.get(client)
  if (number === undefined) numbers.set(client, (number = ++handedIn))
  return `the client number ${number} that was handed in`
}

function placeOfNodeRedis({ socket = {}, url: text = '', database }: ClientOptions): string {
  const url = new URL(URL.canParse(text) ? text : 'redis://localhost')
  const address = socket.path ?? `${socket.host ?? url.hostname}:${socket.port ?? (url.port || 6379)}`
  return `${address}/${database ?? (url.pathname.slice(1) || 0)}`
}
