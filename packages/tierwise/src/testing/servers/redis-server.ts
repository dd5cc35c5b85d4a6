import type { CertificateOptions } from './certificates.ts'
import { startRedisIn } from './local-redis.ts'
import type { RedisBinary } from './redis-binary.ts'
import { borrowRedisDatabase } from './running-redis.ts'
import { ServerFolder } from './server-folder.ts'

export interface RedisTlsOptions extends CertificateOptions {
  /** Whether the server asks clients for a certificate of its authority. Default: `optional`. */
  readonly clientCertificates?: 'required' | 'optional'
}

export interface RedisServerOptions {
  /** Password of the default user. */
  readonly password?: string
  /** ACL rules by user name, for example `{ cache: 'on >secret ~cache:* +@all' }`. */
  readonly users?: Readonly<Record<string, string>>
  /** The port speaks TLS only, with certificates of a throw-away authority. */
  readonly tls?: boolean | RedisTlsOptions
  /** Directives of redis.conf, written as there: `{ 'maxmemory-policy': 'noeviction', maxmemory: '10mb' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Default: the first of `availableRedisBinaries()`. */
  readonly binary?: RedisBinary
  /** A server of its own also when `TIERWISE_TEST_REDIS_URL` names one; the options above have the same effect. */
  readonly dedicated?: boolean
}

/** What a client needs to reach a server over TLS. `cert` and `key` are those of the client. */
export interface RedisTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
  readonly caPath: string
  readonly certPath: string
  readonly keyPath: string
  /** Certificate that the server shows. */
  readonly serverCert: string
}

/** A real Redis that a test has for itself. */
export interface RedisServer {
  readonly host: string
  readonly port: number
  /** With the password of the default user, and the number of the database when it is not 0. */
  readonly url: string
  readonly password: string | undefined
  readonly tls: RedisTls | undefined
  /** Undefined while the server is down, and for a server that somebody else runs. */
  readonly pid: number | undefined
  readonly isRunning: boolean
  /** Ends the server and removes its files. Can be called again. */
  stop(): Promise<void>
  /** Ends the process and keeps the port and the files. Default: `SIGKILL`. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts the server again at the same port, after it was ended if it runs. Nothing is persisted by default. */
  restart(): Promise<void>
  /** Stops the process where it is: connections stay open and nothing is answered. */
  pause(): void
  resume(): void
  /**
   * Runs one command as the default user through the command line client and resolves to what that prints: an array
   * has a line for each element. Rejects when the server answers with an error.
   */
  command(...args: readonly string[]): Promise<string>
  /** What the server has logged since its first start. */
  log(): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a Redis on a free loopback port, which ends with `stop()` and at the latest with this process.
 *
 * With `TIERWISE_TEST_REDIS_URL` in the environment and no option that asks for more, it takes an unused database of
 * that server instead, which `stop()` empties; such a server cannot be killed, restarted or paused.
 */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const running = process.env['TIERWISE_TEST_REDIS_URL']
  if (running !== undefined && running !== '' && Object.keys(options).length === 0) return borrowRedisDatabase(running)
  const folder = await ServerFolder.create({ kind: 'redis' })
  try {
    return await startRedisIn(folder, { ...options, name: 'redis', ownsFolder: true })
  } catch (error) {
    await folder.remove()
    throw error
  }
}
