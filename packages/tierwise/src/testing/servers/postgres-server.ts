import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, loopback } from './ports.ts'
import { postgresPrograms, postgresUser, type PostgresPrograms } from './postgres-programs.ts'
import { discardTemplate, makeDataFolder } from './postgres-template.ts'
import { childrenOf, isAlive } from './process-children.ts'
import { runProgram, type SystemUser } from './program.ts'
import { quotedName, runSql } from './psql.ts'
import { borrowPostgresDatabase } from './running-postgres.ts'
import { ServerFolder } from './server-folder.ts'
import { portWasTaken, ServerProcess, ServerStartError } from './server-process.ts'
import { until } from './until.ts'

export interface PostgresServerOptions {
  /** Settings of postgresql.conf: `{ max_connections: '10' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** Password of the superuser, asked for at the port by SCRAM. Default: everybody is trusted. */
  readonly password?: string
  /** A server of its own also when `TIERWISE_TEST_POSTGRES_URL` names one; the options above have the same effect. */
  readonly dedicated?: boolean
}

/** A real PostgreSQL that a test has for itself. Nothing is synced to disk: it survives a kill, but not a power cut. */
export interface PostgresServer {
  readonly host: string
  readonly port: number
  /** Folder of the unix socket; undefined for a server that somebody else runs. */
  readonly socketFolder: string | undefined
  /** A superuser, unless somebody else runs the server. */
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly url: string
  /** Undefined while the server is down, and for a server that somebody else runs. */
  readonly pid: number | undefined
  readonly isRunning: boolean
  /** Creates an empty database and resolves to its URL. */
  createDatabase(name: string): Promise<string>
  /**
   * Runs SQL with `psql`, as the superuser, and resolves to the rows: a line each, columns separated by `|`. Rejects
   * with the server's message when a statement fails.
   */
  query(sql: string, database?: string): Promise<string>
  /** Ends the server and removes its files. Can be called again. */
  stop(): Promise<void>
  /** Ends all processes and keeps the port and the files. Default: `SIGKILL`, which loses unlogged tables. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts the server again at the same port with its data, after an orderly shutdown if it runs. */
  restart(): Promise<void>
  /** Stops all processes where they are: connections stay open and nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** What the server has logged since its first start. */
  log(): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a PostgreSQL on a free loopback port, which ends with `stop()` and at the latest with this process.
 *
 * With `TIERWISE_TEST_POSTGRES_URL` in the environment and no option that asks for more, it creates a database on that
 * server instead, which `stop()` drops; such a server cannot be killed, restarted or paused.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const running = process.env['TIERWISE_TEST_POSTGRES_URL']
  if (running !== undefined && running !== '' && Object.keys(options).length === 0) {
    return borrowPostgresDatabase(running)
  }
  const place = { programs: await postgresPrograms(), user: await postgresUser() }
  try {
    return await startOnFreePort(options, place)
  } catch (error) {
    if (!(error instanceof ServerStartError && lacksFiles.test(error.log))) throw error
    await discardTemplate(place)
    return startOnFreePort(options, place)
  }
}

const lacksFiles = /could not (open|read|access|stat)|not a valid data directory/

interface Place {
  readonly programs: PostgresPrograms
  readonly user: SystemUser | undefined
}

const startAttempts = 5

async function startOnFreePort(options: PostgresServerOptions, place: Place): Promise<PostgresServer> {
  const folder = await ServerFolder.create({ kind: 'postgres', signal: 'QUIT', owner: place.user })
  try {
    const path = await folder.makeFolder('postgres')
    await makeDataFolder(join(path, 'data'), place)
    if (options.password !== undefined) await askForPassword(path)
    return await startIn(folder, path, { ...options, ...place })
  } catch (error) {
    await folder.remove()
    throw error
  }
}

async function startIn(
  folder: ServerFolder,
  path: string,
  options: PostgresServerOptions & Place,
): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt++) {
    const server = new LocalPostgres({ ...options, folder, path, port: await freePort() })
    try {
      await server.start()
      await server.setPassword()
      return server
    } catch (error) {
      await server.kill()
      if (!portWasTaken(error) || attempt === startAttempts) throw error
    }
  }
}

async function askForPassword(path: string): Promise<void> {
  const rules = 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n'
  await writeFile(join(path, 'data/pg_hba.conf'), rules)
}

interface LocalPostgresSettings extends PostgresServerOptions, Place {
  readonly folder: ServerFolder
  readonly path: string
  readonly port: number
}

class LocalPostgres implements PostgresServer {
  readonly host = loopback
  readonly port: number
  readonly socketFolder: string
  readonly user = 'postgres'
  readonly password: string | undefined
  readonly database = 'postgres'
  readonly #settings: LocalPostgresSettings
  readonly #process: ServerProcess
  #paused: readonly number[] = []

  constructor(settings: LocalPostgresSettings) {
    const { port, path, password, programs, user } = settings
    this.#settings = settings
    this.port = port
    this.socketFolder = path
    this.password = password
    const parameters = Object.entries(configOf(settings)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    this.#process = new ServerProcess({
      name: 'postgres',
      file: programs.postgres,
      args: ['-D', join(path, 'data'), ...parameters],
      folder: path,
      user,
      ready: /database system is ready to accept connections/,
    })
  }

  get url(): string {
    return this.#urlOf(this.database)
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  start(): Promise<void> {
    return this.#process.start()
  }

  async setPassword(): Promise<void> {
    if (this.password === undefined) return
    await this.query(`alter role postgres password '${this.password.replaceAll("'", "''")}'`)
  }

  async createDatabase(name: string): Promise<string> {
    await this.query(`create database ${quotedName(name)}`)
    return this.#urlOf(name)
  }

  query(sql: string, database: string = this.database): Promise<string> {
    const target = ['-h', this.socketFolder, '-p', String(this.port), '-U', this.user, '-d', database]
    return runSql(this.#settings.programs.psql, { target, sql })
  }

  async stop(): Promise<void> {
    await this.kill('SIGQUIT')
    await removeSharedMemory(join(this.#settings.path, 'data'))
    await this.#settings.folder.remove()
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    if (signal === 'SIGKILL') return this.#killAll()
    await this.resume()
    await this.#process.end(signal)
  }

  async restart(): Promise<void> {
    await this.kill('SIGINT')
    await this.start()
  }

  async pause(): Promise<void> {
    const pid = this.#runningPid()
    // The one that starts the others comes first, so that none is missed.
    this.#process.signal('SIGSTOP')
    this.#paused = await childrenOf(pid)
    for (const child of this.#paused) sendSignal(child, 'SIGSTOP')
  }

  async resume(): Promise<void> {
    for (const child of this.#paused) sendSignal(child, 'SIGCONT')
    this.#paused = []
    if (this.isRunning) this.#process.signal('SIGCONT')
  }

  log(): Promise<string> {
    return this.#process.log()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** The processes that serve connections outlive their parent by a moment and hold its memory, so they are killed too. */
  async #killAll(): Promise<void> {
    await this.pause()
    const children = this.#paused
    this.#paused = []
    await this.#process.end('SIGKILL')
    for (const child of children) sendSignal(child, 'SIGKILL')
    await until(() => !children.some(isAlive), { what: 'the end of all processes of PostgreSQL' })
  }

  #runningPid(): number {
    const { pid } = this
    if (pid === undefined) throw new Error('postgres is not running')
    return pid
  }

  #urlOf(database: string): string {
    const secret = this.password === undefined ? '' : `:${encodeURIComponent(this.password)}`
    return `postgres://${this.user}${secret}@${this.host}:${this.port}/${encodeURIComponent(database)}`
  }
}

/** Fast rather than durable, and small, because many servers run side by side. */
function configOf({ config, port, path }: LocalPostgresSettings): Readonly<Record<string, string>> {
  return {
    port: String(port),
    listen_addresses: loopback,
    unix_socket_directories: path,
    // In the data folder, where a server that was killed leaves nothing behind.
    dynamic_shared_memory_type: 'mmap',
    shared_buffers: '16MB',
    fsync: 'off',
    full_page_writes: 'off',
    timezone: 'UTC',
    ...config,
  }
}

/** A server that was killed leaves a few bytes of System V memory, of which a system has only some thousand pieces. */
async function removeSharedMemory(dataFolder: string): Promise<void> {
  const lines = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = lines.split('\n')[6]?.trim().split(/\s+/)[1]
  // It may be gone already, and systems without the program have no such memory to lose.
  if (id !== undefined) await runProgram('ipcrm', ['-m', id]).catch(() => {})
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended.
  }
}
