import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificates, type Certificates } from './certificates.ts'
import { freePort, loopback } from './ports.ts'
import { redisBinary, type RedisBinary } from './redis-binary.ts'
import { runRedisCommand } from './redis-command.ts'
import type { RedisServer, RedisServerOptions, RedisTls } from './redis-server.ts'
import type { ServerFolder } from './server-folder.ts'
import { portWasTaken, ServerProcess } from './server-process.ts'

/** Where in a folder a server lives, and its port when that is not free to choose. */
export interface PlacedRedisOptions extends RedisServerOptions {
  readonly name: string
  readonly port?: number
  readonly sentinel?: boolean
  /** The folder is for this server alone and goes with it. */
  readonly ownsFolder?: boolean
}

const startAttempts = 5

/** Starts a server in a folder. */
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

export class LocalRedis implements RedisServer {
  readonly host: string = loopback
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
