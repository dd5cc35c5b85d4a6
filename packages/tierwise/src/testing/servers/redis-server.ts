import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificates, type CertificateOptions, type Certificates } from './certificates.ts'
import { freePort, loopback } from './ports.ts'
import { runProgram } from './program.ts'
import { redisBinary, type RedisBinary } from './redis-binary.ts'
import { borrowRedisDatabase } from './running-redis.ts'
import { ServerFolder } from './server-folder.ts'
import { portWasTaken, ServerProcess } from './server-process.ts'

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

/** @internal Where in a folder a server lives, and its port when that is not free to choose. */
export interface PlacedRedisOptions extends RedisServerOptions {
  readonly name: string
  readonly port?: number
  readonly sentinel?: boolean
  /** The folder is for this server alone and goes with it. */
  readonly ownsFolder?: boolean
}

const startAttempts = 5

/** @internal Starts a server in a folder. */
export async function startRedisIn(folder: ServerFolder, options: PlacedRedisOptions): Promise<LocalRedis> {
  const binary = options.binary ?? redisBinary()
  const path = await folder.makeFolder(options.name)
  const certificates = options.tls ? await makeCertificates(path, options.tls === true ? {} : options.tls) : undefined
  for (let attempt = 1; ; attempt++) {
    const server = new LocalRedis({
      ...options,
      binary,
      port: options.port ?? (await freePort()),
      folder,
      path,
      certificates,
    })
    try {
      await server.writeConfig()
      await server.start()
      return server
    } catch (error) {
      // Somebody else may have taken the port since it was looked at.
      if (!portWasTaken(error) || options.port !== undefined || attempt === startAttempts) throw error
    }
  }
}

interface LocalRedisSettings extends PlacedRedisOptions {
  readonly binary: RedisBinary
  readonly port: number
  readonly folder: ServerFolder
  readonly path: string
  readonly certificates: Certificates | undefined
}

/** @internal */
export class LocalRedis implements RedisServer {
  readonly host = loopback
  readonly port: number
  readonly url: string
  readonly password: string | undefined
  readonly tls: RedisTls | undefined
  readonly #settings: LocalRedisSettings
  readonly #process: ServerProcess

  constructor(settings: LocalRedisSettings) {
    const { port, password, certificates, path, binary, sentinel = false, name } = settings
    this.#settings = settings
    this.port = port
    this.password = password
    this.tls = certificates ? clientSide(certificates) : undefined
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    this.url = `${certificates ? 'rediss' : 'redis'}://${user}${loopback}:${port}`
    this.#process = new ServerProcess({
      name: `${binary.kind} (${name})`,
      file: binary.server,
      args: sentinel ? ['redis.conf', '--sentinel'] : ['redis.conf'],
      folder: path,
      ready: sentinel ? /Sentinel ID is/ : /Ready to accept connections/,
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  /** Before the first start only: a Sentinel and the servers it watches write what they learn into the file. */
  async writeConfig(): Promise<void> {
    await writeFile(join(this.#settings.path, 'redis.conf'), configText(this.#settings), { mode: 0o600 })
  }

  async start(): Promise<void> {
    await this.#process.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    if (this.#settings.ownsFolder) await this.#settings.folder.remove()
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process.end(signal)
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  pause(): void {
    this.#process.signal('SIGSTOP')
  }

  resume(): void {
    this.#process.signal('SIGCONT')
  }

  async command(...args: readonly string[]): Promise<string> {
    const { binary, certificates } = this.#settings
    const target = ['-h', this.host, '-p', String(this.port), ...(certificates ? clientTlsArguments(certificates) : [])]
    return runRedisCommand(binary.cli, { target, password: this.password, args })
  }

  log(): Promise<string> {
    return this.#process.log()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** @internal */
export interface RedisCommand {
  readonly target: readonly string[]
  readonly password: string | undefined
  readonly args: readonly string[]
}

/** @internal The password travels in the environment: arguments can be seen by everybody on the machine. */
export async function runRedisCommand(cli: string, { target, password, args }: RedisCommand): Promise<string> {
  const env: Record<string, string> = password === undefined ? {} : { REDISCLI_AUTH: password }
  const printed = await runProgram(cli, ['-e', '--no-auth-warning', ...target, ...args], { env })
  return printed.replace(/\n$/, '')
}

/** The server is ours whatever its certificate says: one that has expired is administered too. */
function clientTlsArguments({ client }: Certificates): readonly string[] {
  return ['--tls', '--insecure', '--cert', client.certPath, '--key', client.keyPath]
}

function clientSide({ ca, caPath, client, server }: Certificates): RedisTls {
  return { ca, caPath, ...client, serverCert: server.cert }
}

function configText(settings: LocalRedisSettings): string {
  const { users = {}, config = {} } = settings
  const directives = { ...placeDirectives(settings), ...tlsDirectives(settings), ...config }
  const lines = Object.entries(directives).map(([name, value]) => `${name} ${value}`)
  const userLines = Object.entries(users).map(([name, rules]) => `user ${name} ${rules}`)
  return [...lines, ...userLines, ''].join('\n')
}

function placeDirectives({ port, path, password, sentinel }: LocalRedisSettings): Record<string, string> {
  const common = { port: String(port), bind: loopback, dir: quoted(path), ...secretDirective(password) }
  return sentinel ? common : { ...common, save: '""', appendonly: 'no' }
}

function secretDirective(password: string | undefined): Record<string, string> {
  return password === undefined ? {} : { requirepass: quoted(password) }
}

function tlsDirectives({ certificates, port, tls }: LocalRedisSettings): Record<string, string> {
  if (!certificates) return {}
  const required = typeof tls === 'object' && tls.clientCertificates === 'required'
  return {
    port: '0',
    'tls-port': String(port),
    'tls-ca-cert-file': quoted(certificates.caPath),
    'tls-cert-file': quoted(certificates.server.certPath),
    'tls-key-file': quoted(certificates.server.keyPath),
    'tls-auth-clients': required ? 'yes' : 'optional',
  }
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
