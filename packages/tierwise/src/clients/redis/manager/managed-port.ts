import { notConnected } from '../client-failure.ts'
import type { RedisCommand, RedisNode, RedisPackage, RedisPort, RedisReply } from '../port.ts'

/** What a manager puts around a port. */
export interface ManagedPortParts {
  /** Makes the connection side anew, for the first time and after `release`. */
  readonly open: () => RedisPort
  /** Hears every failure of a command or of a connection attempt. */
  readonly onFailure: (operation: string, error: unknown) => void
}

/**
 * The port that a manager hands out. It stays the same over `disconnect()` and `connect()`, so a tier that holds it goes
 * on with the next connection; `close` by a tier does nothing, since the connection belongs to the manager.
 */
export class ManagedPort implements RedisPort {
  readonly #parts: ManagedPortParts
  readonly #listeners = new Set<() => void>()
  #port: RedisPort | undefined

  constructor(parts: ManagedPortParts) {
    this.#parts = parts
  }

  get package(): RedisPackage {
    return this.#opened().package
  }

  get topology(): RedisPort['topology'] {
    return this.#opened().topology
  }

  get isReady(): boolean {
    return this.#port?.isReady ?? false
  }

  async connect(): Promise<void> {
    try {
      await this.#opened().connect()
    } catch (error) {
      this.#parts.onFailure('connect', error)
      throw error
    }
  }

  send(command: RedisCommand): Promise<RedisReply> {
    if (this.#port === undefined) return Promise.reject(notConnected('Redis'))
    const reply = this.#port.send(command)
    // Beside the reply, so that nobody who waits for it waits for this.
    reply.catch((error: unknown) => this.#parts.onFailure(String(command.args[0]), error))
    return reply
  }

  primaries(): Promise<readonly RedisNode[]> {
    return this.#port === undefined ? Promise.reject(notConnected('Redis')) : this.#port.primaries()
  }

  onConnect(listener: () => void): () => void {
    const entry = (): void => listener()
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  async close(): Promise<void> {}

  /** Forgets the connection, which somebody else closes. */
  release(): void {
    this.#port = undefined
  }

  #opened(): RedisPort {
    if (this.#port !== undefined) return this.#port
    const port = this.#parts.open()
    port.onConnect(() => {
      for (const listener of this.#listeners) listener()
    })
    this.#port = port
    return port
  }
}
