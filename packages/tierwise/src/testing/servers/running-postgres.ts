import { randomBytes } from 'node:crypto'
import { ConfigError } from '../../errors.ts'
import { psqlProgram } from './postgres-programs.ts'
import type { PostgresServer } from './postgres-server.ts'
import { quotedName, runSql } from './psql.ts'

/** Creates a database on a server that somebody else runs. */
export async function borrowPostgresDatabase(url: string): Promise<PostgresServer> {
  const psql = await psqlProgram()
  const database = `tierwise_test_${randomBytes(6).toString('hex')}`
  const server = new BorrowedPostgres(new URL(url), psql, database)
  await server.open()
  return server
}

class BorrowedPostgres implements PostgresServer {
  readonly host: string
  readonly port: number
  readonly socketFolder: string | undefined = undefined
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly pid: number | undefined = undefined
  readonly isRunning = true
  readonly #url: URL
  readonly #psql: string
  readonly #created = new Set<string>()

  constructor(url: URL, psql: string, database: string) {
    this.#url = url
    this.#psql = psql
    this.host = url.hostname
    this.port = Number(url.port || 5432)
    this.user = decodeURIComponent(url.username)
    this.password = url.password === '' ? undefined : decodeURIComponent(url.password)
    this.database = database
  }

  get url(): string {
    return this.#urlOf(this.database)
  }

  async open(): Promise<void> {
    await this.#create(this.database)
  }

  async createDatabase(name: string): Promise<string> {
    const full = `${this.database}_${name}`
    await this.#create(full)
    return this.#urlOf(full)
  }

  query(sql: string, database: string = this.database): Promise<string> {
    return this.#run(sql, database === this.database ? database : `${this.database}_${database}`)
  }

  async stop(): Promise<void> {
    for (const database of this.#created) await this.#run(`drop database ${quotedName(database)} with (force)`)
    this.#created.clear()
  }

  async kill(): Promise<void> {
    throw notOurs('killed')
  }

  async restart(): Promise<void> {
    throw notOurs('restarted')
  }

  async pause(): Promise<void> {
    throw notOurs('paused')
  }

  async resume(): Promise<void> {
    throw notOurs('resumed')
  }

  async log(): Promise<string> {
    throw notOurs('asked for its log')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #create(database: string): Promise<void> {
    await this.#run(`create database ${quotedName(database)}`)
    this.#created.add(database)
  }

  /** Without a database: in the one that the URL names, from which others are created and dropped. */
  #run(sql: string, database?: string): Promise<string> {
    const url = new URL(this.#url)
    url.password = ''
    if (database !== undefined) url.pathname = `/${encodeURIComponent(database)}`
    const env: Record<string, string> = this.password === undefined ? {} : { PGPASSWORD: this.password }
    return runSql(this.#psql, { target: [url.href], sql, env })
  }

  #urlOf(database: string): string {
    const url = new URL(this.#url)
    url.pathname = `/${encodeURIComponent(database)}`
    return url.href
  }
}

function notOurs(what: string): ConfigError {
  return new ConfigError(
    `The server of TIERWISE_TEST_POSTGRES_URL cannot be ${what}; ask for one of your own: startPostgres({ dedicated: true })`,
    { code: 'ERR_CACHE_CONFIG' },
  )
}
