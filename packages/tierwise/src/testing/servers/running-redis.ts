import { randomUUID } from 'node:crypto'
import { ConfigError } from '../../errors.ts'
import { redisClientProgram } from './redis-binary.ts'
import { runRedisCommand } from './redis-command.ts'
import type { RedisServer, RedisTls } from './redis-server.ts'
import { until } from './until.ts'

/**
 * Takes a database of a server that somebody else runs. Database 0 has a key for each one that is taken, which expires
 * in case its owner never gives it back, and a set of those that tests have used before. A database that holds keys
 * and is not in the set belongs to somebody: it is never taken.
 */
export async function borrowRedisDatabase(url: string): Promise<RedisServer> {
  const owner = new BorrowedRedis(new URL(url), 0)
  const count = await databaseCount(owner)
  let taken: BorrowedRedis | undefined
  await until(async () => (taken = await takeOne(owner, count)) !== undefined, {
    what: `a database of TIERWISE_TEST_REDIS_URL (1 to ${count - 1}) becoming free`,
    timeoutMs: 60_000,
    everyMs: 200,
  })
  return taken as BorrowedRedis
}

const leaseMs = 30 * 60_000
const usedBefore = 'tierwise:test:databases'

async function databaseCount(server: RedisServer): Promise<number> {
  const answer = await server.command('CONFIG', 'GET', 'databases').catch(() => '')
  return Number(answer.split('\n')[1] ?? 16)
}

async function takeOne(server: BorrowedRedis, count: number): Promise<BorrowedRedis | undefined> {
  for (let database = 1; database < count; database++) {
    const taken = await server.take(database)
    if (taken) return taken
  }
  return undefined
}

class BorrowedRedis implements RedisServer {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly password: string | undefined
  readonly tls: RedisTls | undefined = undefined
  readonly pid: number | undefined = undefined
  readonly isRunning = true
  readonly #url: URL
  readonly #database: number
  readonly #token: string = randomUUID()
  #isTaken = false

  constructor(url: URL, database: number) {
    this.#url = url
    this.#database = database
    this.host = url.hostname
    this.port = Number(url.port || 6379)
    this.password = url.password === '' ? undefined : decodeURIComponent(url.password)
    const own = new URL(url)
    own.pathname = `/${database}`
    this.url = own.href
  }

  async take(database: number): Promise<BorrowedRedis | undefined> {
    const candidate = new BorrowedRedis(this.#url, database)
    return (await candidate.#take()) ? candidate : undefined
  }

  command(...args: readonly string[]): Promise<string> {
    return this.#run(this.#database, args)
  }

  async stop(): Promise<void> {
    if (!this.#isTaken) return
    this.#isTaken = false
    await this.command('FLUSHDB')
    await this.#giveBack()
  }

  async kill(): Promise<void> {
    throw notOurs('killed')
  }

  async restart(): Promise<void> {
    throw notOurs('restarted')
  }

  pause(): void {
    throw notOurs('paused')
  }

  resume(): void {
    throw notOurs('resumed')
  }

  async log(): Promise<string> {
    throw notOurs('asked for its log')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  get #lease(): string {
    return `tierwise:test:database:${this.#database}`
  }

  async #take(): Promise<boolean> {
    if ((await this.#run(0, ['SET', this.#lease, this.#token, 'NX', 'PX', String(leaseMs)])) !== 'OK') return false
    const isFree = (await this.command('DBSIZE')) === '0' || (await this.#wasUsedBefore())
    if (!isFree) {
      await this.#giveBack()
      return false
    }
    await this.#run(0, ['SADD', usedBefore, String(this.#database)])
    await this.command('FLUSHDB')
    this.#isTaken = true
    return true
  }

  async #wasUsedBefore(): Promise<boolean> {
    return (await this.#run(0, ['SISMEMBER', usedBefore, String(this.#database)])) === '1'
  }

  async #giveBack(): Promise<void> {
    if ((await this.#run(0, ['GET', this.#lease])) === this.#token) await this.#run(0, ['DEL', this.#lease])
  }

  #run(database: number, args: readonly string[]): Promise<string> {
    const user = this.#url.username === '' ? [] : ['--user', decodeURIComponent(this.#url.username)]
    const tls = this.#url.protocol === 'rediss:' ? ['--tls'] : []
    const target = ['-h', this.host, '-p', String(this.port), '-n', String(database), ...user, ...tls]
    return runRedisCommand(redisClientProgram(), { target, password: this.password, args })
  }
}

function notOurs(what: string): ConfigError {
  return new ConfigError(
    `The server of TIERWISE_TEST_REDIS_URL cannot be ${what}; ask for one of your own: startRedis({ dedicated: true })`,
    { code: 'ERR_CACHE_CONFIG' },
  )
}
