import type { Runtime } from '../../contract/runtime.ts'
import { notConnected, RedisFailure, redisFailure } from './client-failure.ts'
import type { RedisLink } from './link.ts'
import type { RedisArgument, RedisCommand, RedisNode, RedisPort, RedisReply } from './port.ts'

export interface ClientPortOptions {
  readonly runtime: Pick<Runtime, 'timers'>
  readonly connectTimeoutMs: number
  /** The client was created here and ends with the port. */
  readonly ownsClient: boolean
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: RedisFailure) => void
}

/** A port over one client of a package. */
export class ClientPort implements RedisPort {
  readonly package: RedisPort['package']
  readonly topology: RedisPort['topology']
  readonly #link: RedisLink
  readonly #options: ClientPortOptions
  readonly #listeners = new Set<() => void>()
  readonly #waiters = new Set<Waiter>()
  readonly #unwatch: () => void
  #lastFailure: RedisFailure | undefined
  #closing: Promise<void> | undefined

  constructor(link: RedisLink, options: ClientPortOptions) {
    this.package = link.package
    this.topology = link.topology
    this.#link = link
    this.#options = options
    this.#unwatch = link.watch({ ready: () => this.#onReady(), failed: (error) => this.#onFailure(error) })
  }

  get isReady(): boolean {
    return this.#closing === undefined && this.#link.isReady
  }

  async connect(): Promise<void> {
    if (this.#closing !== undefined) throw closedFailure(this.#link.address)
    if (this.#link.isReady) return
    const outcome = new Promise<void>((resolve, reject) => this.#wait({ resolve, reject }))
    this.#link.start()
    await outcome
  }

  async send(command: RedisCommand): Promise<RedisReply> {
    this.#mustBeReady()
    try {
      return (await this.#link.send(command)) as RedisReply
    } catch (error) {
      throw redisFailure(error)
    }
  }

  async primaries(): Promise<readonly RedisNode[]> {
    this.#mustBeReady()
    try {
      const nodes = await this.#link.primaries()
      return nodes.map((node) => ({
        address: node.address,
        send: (args) => this.#sendTo(node, args),
        listen: () => node.listen(),
      }))
    } catch (error) {
      throw redisFailure(error)
    }
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
    for (const waiter of this.#waiters) waiter.reject(closedFailure(this.#link.address))
    // A client that ends may still fail; without a listener that would end the process.
    if (this.#options.ownsClient) await this.#link.destroy()
    this.#unwatch()
  }

  async #sendTo(
    node: { send(args: readonly RedisArgument[]): Promise<unknown> },
    args: readonly RedisArgument[],
  ): Promise<RedisReply> {
    this.#mustBeReady()
    try {
      return (await node.send(args)) as RedisReply
    } catch (error) {
      throw redisFailure(error)
    }
  }

  #mustBeReady(): void {
    if (!this.isReady) throw notConnected(this.#link.address)
  }

  /** Settles with the next outcome: a connection, a failed attempt, or none of them in time. */
  #wait(waiter: Waiter): void {
    const { timers } = this.#options.runtime
    const ms = this.#options.connectTimeoutMs
    const end = (settle: () => void): void => {
      timer.cancel()
      this.#waiters.delete(own)
      settle()
    }
    const own: Waiter = {
      resolve: () => end(waiter.resolve),
      reject: (error) => end(() => waiter.reject(error)),
    }
    const timer = timers.after(ms, () => own.reject(this.#lastFailure ?? noAnswer(this.#link.address, ms)))
    this.#waiters.add(own)
  }

  #onReady(): void {
    this.#lastFailure = undefined
    for (const waiter of this.#waiters) waiter.resolve()
    for (const listener of this.#listeners) listener()
  }

  #onFailure(error: unknown): void {
    // The event that a client has ended carries no reason; the error before it does.
    const failure = error === undefined ? (this.#lastFailure ?? closedFailure(this.#link.address)) : redisFailure(error)
    this.#lastFailure = failure
    for (const waiter of this.#waiters) waiter.reject(failure)
  }
}

function closedFailure(address: string): RedisFailure {
  return new RedisFailure(`The connection to ${address} is closed.`, 'connection', undefined)
}

function noAnswer(address: string, ms: number): RedisFailure {
  return new RedisFailure(`No connection to ${address} within ${ms} ms.`, 'connection', 'ETIMEDOUT')
}
