import type { ConnectionOptions } from 'node:tls'

import type { RedisConnection } from '../connection.ts'
import { tlsConnectOptions } from '../tls-options.ts'

/** What of a connection's settings matters for its security. Has the length of the password and nothing else of it. */
export interface SecuritySubject {
  /** Where to look while there is no connection. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[]
  readonly username: string | undefined
  readonly passwordLength: number | undefined
  /** With the PEM texts of `ca`, `cert` and `key`; undefined without TLS. */
  readonly tls: ConnectionOptions | undefined
}

/** Of a connection made from options. Sentinels are not looked at; the primary they name is, once it is known. */
export function subjectOfConnection({ deployment, username, password, tls }: RedisConnection): SecuritySubject {
  const endpoints =
    deployment.kind === 'single'
      ? [{ host: deployment.host, port: deployment.port }]
      : deployment.kind === 'cluster'
        ? deployment.nodes
        : []
  return { endpoints, username, passwordLength: password?.length, tls: tls && tlsConnectOptions(tls) }
}

/** Of a client that was handed in, as far as its public options tell. */
export function subjectOfClient(client: object): SecuritySubject {
  const options = optionsOf(client)
  const socket = partOf(options, 'socket')
  const url = partsOfUrl(options['url'])
  const first = (name: string): string | undefined =>
    [options, socket, url].map((part) => textOf(part[name])).find(Boolean)
  return {
    endpoints: [{ host: first('host') ?? 'localhost', port: Number(first('port') ?? 6379) }],
    username: first('username'),
    passwordLength: first('password')?.length,
    tls: tlsOf(options['tls'], socket, url['protocol'] === 'rediss:'),
  }
}

type Options = Readonly<Record<string, unknown>>

/** A cluster of ioredis keeps those of its connections in `redisOptions`. */
function optionsOf(client: object): Options {
  const options = partOf(client as Options, 'options')
  return { ...options, ...partOf(options, 'redisOptions') }
}

/** ioredis has an object at `tls`; node-redis has `tls: true` among the options of its socket. */
function tlsOf(tls: unknown, socket: Options, isTlsUrl: boolean): ConnectionOptions | undefined {
  if (typeof tls === 'object' && tls !== null) return tls
  if (socket['tls'] !== true && tls !== true && !isTlsUrl) return undefined
  const names = ['ca', 'cert', 'key', 'passphrase', 'pfx', 'servername', 'minVersion', 'rejectUnauthorized']
  return Object.fromEntries(names.flatMap((name) => (socket[name] === undefined ? [] : [[name, socket[name]]])))
}

function partOf(options: Options, name: string): Options {
  const part = options[name]
  return typeof part === 'object' && part !== null ? (part as Options) : {}
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function partsOfUrl(text: unknown): Options {
  if (typeof text !== 'string' || !URL.canParse(text)) return {}
  const { hostname: host, port, username, password, protocol } = new URL(text)
  return { host, port, username, password: decodeURIComponent(password), protocol }
}
