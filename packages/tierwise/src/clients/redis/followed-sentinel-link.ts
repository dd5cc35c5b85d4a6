import { withDeadline } from '../../base/deadline.ts'
import type { Random, Timer, Timers } from '../../contract/runtime.ts'
import { backoffDelay } from './back-off.ts'
import { notConnected } from './client-failure.ts'
import type { NodeRedisClient } from './client-shapes.ts'
import { addressText, type Backoff, type ServerAddress } from './connection.ts'
import type { LinkNode, LinkWatcher, RedisLink } from './link.ts'
import { callNodeRedis, listenerOfNodeRedis } from './node-redis-link.ts'
import type { RedisArgument, RedisCommand } from './port.ts'

export interface FollowedSentinelOptions {
  readonly role: 'primary' | 'replica'
  readonly place: string
  readonly backoff: Backoff
  readonly connectTimeoutMs: number
  readonly timers: Timers
  readonly random: Random
  readonly find: () => Promise<ServerAddress>
  /** A client that gives up after the first failure. */
  readonly makeClient: (address: ServerAddress) => NodeRedisClient
}

/**
 * The server that Sentinel names, through plain clients of node-redis.
 *
 * The package's own sentinel client sends one command after the other, and sends a command again that may have been
 * executed already when the connection was lost. Here one client carries all commands; when it fails, or the server
 * turns out to be a replica, Sentinel is asked again and another client takes its place.
 */
export class FollowedSentinelLink implements RedisLink {
  readonly package = 'node-redis'
  readonly topology = 'single'
  readonly #options: FollowedSentinelOptions
  readonly #watchers = new Set<LinkWatcher>()
  #state: 'idle' | 'looking' | 'connected' | 'ended' = 'idle'
  #client: NodeRedisClient | undefined
  #address: string | undefined
  #retry: Timer | undefined
  #attempt = 0

  constructor(options: FollowedSentinelOptions) {
    this.#options = options
  }

  get address(): string {
    return this.#address ?? this.#options.place
  }

  get isReady(): boolean {
    return this.#state === 'connected' && this.#client?.isReady === true
  }

  start(): void {
    if (this.#state === 'idle') this.#look()
  }

  send(command: RedisCommand): Promise<unknown> {
    return this.#sendTo(this.#client, command.args)
  }

  async primaries(): Promise<readonly LinkNode[]> {
    return this.connections()
  }

  connections(): readonly LinkNode[] {
    const client = this.#client
    if (client === undefined) return []
    return [
      {
        address: this.address,
        send: (args) => this.#sendTo(client, args),
        listen: async () => listenerOfNodeRedis(client),
        renew: () => this.#lose(client, new Error(`${this.address} does not answer`)),
      },
    ]
  }

  watch(watcher: LinkWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  async destroy(): Promise<void> {
    this.#state = 'ended'
    this.#retry?.cancel()
    this.#drop()
  }

  async #sendTo(client: NodeRedisClient | undefined, args: readonly RedisArgument[]): Promise<unknown> {
    if (client === undefined) throw notConnected(this.address)
    try {
      return await callNodeRedis(client, args)
    } catch (error) {
      const wasDemoted = this.#options.role === 'primary' && (error as Error).message.startsWith('READONLY')
      if (wasDemoted) this.#lose(client, error)
      throw error
    }
  }

  #look(): void {
    this.#state = 'looking'
    this.#connect().catch((error: unknown) => {
      this.#drop()
      if (this.#state !== 'looking') return
      const { backoff, random, timers } = this.#options
      this.#retry = timers.after(backoffDelay(backoff, ++this.#attempt, random), () => this.#look())
      for (const watcher of this.#watchers) watcher.failed(error)
    })
  }

  async #connect(): Promise<void> {
    const address = await this.#options.find()
    if (this.#state !== 'looking') return
    const client = this.#options.makeClient(address)
    this.#client = client
    this.#address = addressText(address)
    client.on('error', (error: unknown) => this.#lose(client, error))
    const { connectTimeoutMs, timers } = this.#options
    const late = { timers, error: () => new Error(`${this.address} does not answer`) }
    // Version 5 waits for ever when the server dies between accepting the connection and answering the first commands.
    await withDeadline(
      client.connect().then(() => this.#checkRole(client)),
      connectTimeoutMs,
      late,
    )
    if (this.#state !== 'looking' || this.#client !== client) return
    this.#state = 'connected'
    this.#attempt = 0
    for (const watcher of this.#watchers) watcher.ready()
  }

  /** Right after a failover a Sentinel may still name the old primary. */
  async #checkRole(client: NodeRedisClient): Promise<void> {
    if (this.#options.role === 'replica') return
    const reply = await callNodeRedis(client, ['ROLE'])
    const role = Array.isArray(reply) ? String(reply[0]) : 'unknown'
    if (role !== 'master') throw new Error(`Sentinel names ${this.address} as the primary, but its role is ${role}`)
  }

  #lose(client: NodeRedisClient, error: unknown): void {
    if (this.#state !== 'connected' || this.#client !== client) return
    this.#drop()
    for (const watcher of this.#watchers) watcher.failed(error)
    this.#look()
  }

  #drop(): void {
    const client = this.#client
    this.#client = undefined
    if (client?.isOpen === true) client.destroy()
  }
}
