import type { Runtime } from '../../contract/runtime.ts'
import { notConnected, RedisFailure } from './client-failure.ts'
import { ClientPort } from './client-port.ts'
import type { RedisLink } from './link.ts'
import type { RedisCommand, RedisNode, RedisPackage, RedisPort, RedisReply } from './port.ts'
import type { Heartbeat } from './connection.ts'
import { startHeartbeat } from './heartbeat.ts'

export interface CreatedPortOptions {
  readonly package: RedisPackage
  readonly topology: RedisPort['topology']
  /** For messages. */
  readonly place: string
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly heartbeat: Heartbeat | undefined
  readonly runtime: Pick<Runtime, 'timers'>
  /** Loads the package; what it resolves to makes one client a call. */
  readonly load: () => Promise<() => RedisLink>
}

/** A port over clients of its own, one or several. They are made by the first `connect`, because a package has to be loaded first. */
export class CreatedPort implements RedisPort {
  readonly package: RedisPackage
  readonly topology: RedisPort['topology']
  readonly #options: CreatedPortOptions
  readonly #listeners = new Set<() => void>()
  readonly #stopHeartbeats: (() => void)[] = []
  #ports: readonly ClientPort[] = []
  #making: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #turn = 0

  constructor(options: CreatedPortOptions) {
    this.package = options.package
    this.topology = options.topology
    this.#options = options
  }

  get isReady(): boolean {
    return this.#ports.some((port) => port.isReady)
  }

  async connect(): Promise<void> {
    this.#making ??= this.#makePorts().catch((error: unknown) => {
      this.#making = undefined
      throw error
    })
    await this.#making
    if (this.#closing !== undefined) throw this.#closedFailure()
    const outcomes = await Promise.allSettled(this.#ports.map((port) => port.connect()))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined && !this.isReady) throw failed.reason
  }

  async send(command: RedisCommand): Promise<RedisReply> {
    return this.#portFor(command.key).send(command)
  }

  async primaries(): Promise<readonly RedisNode[]> {
    return this.#portFor(undefined).primaries()
  }

  onConnect(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#listeners.clear()
    // A package that is being loaded right now would otherwise leave clients behind.
    await this.#making?.catch(() => {})
    for (const stop of this.#stopHeartbeats) stop()
    await Promise.all(this.#ports.map((port) => port.close()))
  }

  async #makePorts(): Promise<void> {
    const { connections, connectTimeoutMs, runtime, heartbeat } = this.#options
    const makeLink = await this.#options.load()
    if (this.#closing !== undefined) throw this.#closedFailure()
    this.#ports = Array.from({ length: connections }, () => {
      const link = makeLink()
      const port = new ClientPort(link, { runtime, connectTimeoutMs, ownsClient: true })
      port.onConnect(() => this.#onConnect())
      if (heartbeat !== undefined)
        this.#stopHeartbeats.push(startHeartbeat(link, { ...heartbeat, timers: runtime.timers }))
      return port
    })
  }

  #onConnect(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Commands of one key stay on one connection, so that they arrive in the order in which they were sent. */
  #portFor(key: string | undefined): ClientPort {
    const ports = this.#ports
    if (ports.length === 1 && ports[0] !== undefined) return ports[0]
    const start = key === undefined ? this.#turn++ : hashOf(key)
    for (let i = 0; i < ports.length; i++) {
      const port = ports[(start + i) % ports.length]
      if (port?.isReady) return port
    }
    throw this.#closing === undefined ? notConnected(this.#options.place) : this.#closedFailure()
  }

  #closedFailure(): RedisFailure {
    return new RedisFailure(`The connection to ${this.#options.place} was closed here.`, 'connection', undefined)
  }
}

/** FNV-1a over the code units. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
