import { startRedisIn, type LocalRedis } from './local-redis.ts'
import type { RedisBinary } from './redis-binary.ts'
import type { RedisServer } from './redis-server.ts'
import { ServerFolder } from './server-folder.ts'
import { until } from './until.ts'

export interface RedisSentinelOptions {
  /** Default: 2. */
  readonly replicas?: number
  /** Default: 3. */
  readonly sentinels?: number
  /** Password of the primary and its replicas. */
  readonly password?: string
  /** Password of the Sentinels themselves. */
  readonly sentinelPassword?: string
  /** Silence after which a Sentinel takes a server for down. Default: 500 ms. */
  readonly downAfterMs?: number
  /** Directives of redis.conf for the primary and its replicas. */
  readonly config?: Readonly<Record<string, string>>
  readonly binary?: RedisBinary
}

/** A primary with replicas, and the Sentinels that watch them. */
export interface RedisSentinel {
  /** Name by which the Sentinels know the primary. */
  readonly masterName: string
  readonly sentinels: readonly RedisServer[]
  /** The primary and its replicas; the first was the primary at the start. */
  readonly nodes: readonly RedisServer[]
  /** The one that the Sentinels which run name as the primary now. */
  primary(): Promise<RedisServer>
  /** Kills the primary and resolves to it. A failover takes about two seconds. */
  killPrimary(): Promise<RedisServer>
  /** Resolves to the new primary once every Sentinel that runs names it and it takes writes. */
  primaryAfter(previous: RedisServer): Promise<RedisServer>
  /** Makes the Sentinels fail over while the primary is fine, and resolves to the new primary. */
  failOver(): Promise<RedisServer>
  /** Ends all servers and removes their files. Can be called again. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const masterName = 'tierwise'

/** Intervals of a Sentinel that are seconds by default. Servers before Redis 7 do not know them and are slower. */
const quickIntervals: Readonly<Record<string, string>> = {
  'INFO-PERIOD': '200',
  'PING-PERIOD': '100',
  'PUBLISH-PERIOD': '200',
  'ASK-PERIOD': '100',
  'TILT-PERIOD': '2000',
}

/** Sentinels of a busy machine may fail to agree again and again; after so long one is told to go ahead alone. */
const disagreedMs = 10_000

/** Starts a primary with replicas and Sentinels and resolves when all of them know each other. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const folder = await ServerFolder.create({ kind: 'sentinel' })
  const group = new SentinelGroup(folder, options)
  try {
    await group.start()
    return group
  } catch (error) {
    await group.stop()
    throw error
  }
}

class SentinelGroup implements RedisSentinel {
  readonly masterName = masterName
  readonly nodes: LocalRedis[] = []
  readonly sentinels: LocalRedis[] = []
  readonly #folder: ServerFolder
  readonly #options: RedisSentinelOptions

  constructor(folder: ServerFolder, options: RedisSentinelOptions) {
    this.#folder = folder
    this.#options = options
  }

  async start(): Promise<void> {
    const { replicas = 2, sentinels = 3 } = this.#options
    const primary = await this.#startNode('node-0', {})
    this.nodes.push(primary)
    const followers = times(replicas, (index) =>
      this.#startNode(`node-${index + 1}`, { replicaof: `${primary.host} ${primary.port}` }),
    )
    this.nodes.push(...(await allStarted(followers)))
    const watchers = times(sentinels, (index) => this.#startSentinel(`sentinel-${index}`, primary))
    this.sentinels.push(...(await allStarted(watchers)))
    for (const sentinel of this.sentinels) await this.#hurry(sentinel)
    await until(() => this.#isComplete(), { what: 'the meeting of all Sentinels and servers', everyMs: 50 })
  }

  async primary(): Promise<RedisServer> {
    const names = await Promise.all(this.#running().map((sentinel) => this.#namedBy(sentinel)))
    const [first] = names
    if (first === undefined) throw new Error('No Sentinel runs')
    return first
  }

  async killPrimary(): Promise<RedisServer> {
    const primary = await this.primary()
    await primary.kill()
    return primary
  }

  async primaryAfter(previous: RedisServer): Promise<RedisServer> {
    let next = previous
    let helpAt = performance.now() + disagreedMs
    await until(
      async () => {
        if (performance.now() > helpAt) {
          helpAt += disagreedMs
          await this.#acceptsFailOver()
        }
        const names = await Promise.all(this.#running().map((sentinel) => this.#namedBy(sentinel)))
        next = names[0] ?? previous
        return next !== previous && names.every((name) => name === next) && (await isPrimary(next))
      },
      { what: 'the failover', timeoutMs: 60_000, everyMs: 50 },
    )
    return next
  }

  async failOver(): Promise<RedisServer> {
    const previous = await this.primary()
    await until(() => this.#acceptsFailOver(), { what: 'a Sentinel agreeing to fail over', everyMs: 100 })
    return this.primaryAfter(previous)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((server) => server.stop()))
    await this.#folder.remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #running(): readonly LocalRedis[] {
    return this.sentinels.filter((sentinel) => sentinel.isRunning)
  }

  async #namedBy(sentinel: RedisServer): Promise<RedisServer> {
    const answer = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)
    const port = Number(answer.split('\n')[1])
    const node = this.nodes.find((candidate) => candidate.port === port)
    if (!node) throw new Error(`A Sentinel names port ${port} as the primary, which is none of the servers`)
    return node
  }

  #startNode(name: string, config: Readonly<Record<string, string>>): Promise<LocalRedis> {
    const { password, binary } = this.#options
    return startRedisIn(this.#folder, {
      name,
      ...(password === undefined ? {} : { password }),
      ...(binary ? { binary } : {}),
      config: { ...replicationConfig(password), ...config, ...this.#options.config },
    })
  }

  #startSentinel(name: string, primary: RedisServer): Promise<LocalRedis> {
    const { password, sentinelPassword, binary, sentinels = 3, downAfterMs = 500 } = this.#options
    const quorum = Math.floor(sentinels / 2) + 1
    return startRedisIn(this.#folder, {
      name,
      sentinel: true,
      ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
      ...(binary ? { binary } : {}),
      config: {
        ...(sentinelPassword === undefined ? {} : { 'sentinel sentinel-pass': JSON.stringify(sentinelPassword) }),
        'sentinel monitor': `${masterName} ${primary.host} ${primary.port} ${quorum}`,
        'sentinel down-after-milliseconds': `${masterName} ${downAfterMs}`,
        'sentinel failover-timeout': `${masterName} 3000`,
        'sentinel parallel-syncs': `${masterName} 2`,
        ...(password === undefined ? {} : { 'sentinel auth-pass': `${masterName} ${JSON.stringify(password)}` }),
      },
    })
  }

  async #hurry(sentinel: RedisServer): Promise<void> {
    const pairs = Object.entries(quickIntervals).flat()
    await sentinel.command('SENTINEL', 'DEBUG', ...pairs).catch(() => {})
  }

  /** Right after a failover a Sentinel answers INPROG, or NOGOODSLAVE while a replica is not yet in sync. */
  async #acceptsFailOver(): Promise<boolean> {
    const answer = await this.#running()[0]?.command('SENTINEL', 'FAILOVER', masterName).catch(String)
    if (answer === 'OK' || answer === undefined) return true
    if (/INPROG|NOGOODSLAVE/.test(answer)) return false
    throw new Error(answer)
  }

  async #isComplete(): Promise<boolean> {
    for (const sentinel of this.sentinels) {
      const state = pairsOf(await sentinel.command('SENTINEL', 'MASTER', masterName))
      const others = Number(state.get('num-other-sentinels')) === this.sentinels.length - 1
      if (!others || Number(state.get('num-slaves')) !== this.nodes.length - 1) return false
      if (state.get('flags') !== 'master') return false
    }
    for (const replica of this.nodes.slice(1)) if (!(await isInSync(replica))) return false
    return true
  }
}

/** What a server needs to follow another one quickly, and to be followed. */
export function replicationConfig(password: string | undefined): Readonly<Record<string, string>> {
  const quick = { 'repl-diskless-sync': 'yes', 'repl-diskless-sync-delay': '0' }
  return password === undefined ? quick : { ...quick, masterauth: JSON.stringify(password) }
}

export async function isInSync(replica: RedisServer): Promise<boolean> {
  return (await replica.command('INFO', 'replication')).includes('master_link_status:up')
}

async function isPrimary(server: RedisServer): Promise<boolean> {
  if (!server.isRunning) return false
  return (await server.command('INFO', 'replication')).includes('role:master')
}

/** Waits for all of them, so that those that did start are known when one did not. */
export async function allStarted(starts: readonly Promise<LocalRedis>[]): Promise<readonly LocalRedis[]> {
  const settled = await Promise.allSettled(starts)
  const started = settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const failure = settled.find((outcome) => outcome.status === 'rejected')
  if (!failure) return started
  await Promise.all(started.map((server) => server.stop()))
  throw failure.reason
}

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

function pairsOf(lines: string): ReadonlyMap<string, string> {
  const items = lines.split('\n')
  const pairs = new Map<string, string>()
  for (let index = 0; index + 1 < items.length; index += 2)
    pairs.set(items[index] as string, items[index + 1] as string)
  return pairs
}
